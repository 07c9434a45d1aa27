"""What goes over the wire of drafts and transcripts."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from app.api.schemas import Body, Instant, Json, Line, Out, Text, Title
from app.domain.actions.model import ControlType
from app.domain.drafting.evidence import EvidenceSort, SourceState
from app.domain.drafting.model import DraftState, Verb
from app.domain.drafting.proposal import SentenceVerdict, Writing
from app.domain.drafting.transcripts import TranscriptFormat
from app.domain.postmortems.content import SectionName, TimelineKind

Part = Annotated[str, StringConstraints(max_length=200, pattern=r"^(timeline|section|factor|item):.+$")]


class TranscriptCreate(Body):
    """A chat that no integration reads."""

    name: Title = Field(description="Such as the channel's name.")
    content: str = Field(
        min_length=1,
        description="A Slack export (JSON), lines of JSON with `ts`, `user` and `text`, or text whose messages begin"
        " with a time. Secrets and personal data are replaced before anything is stored.",
    )
    starts_on: date | None = Field(default=None, description="The first day, where lines have clock times alone.")
    time_zone: Line | None = Field(
        default=None, description="Of times without one, such as Europe/Berlin; else the organisation's."
    )


class TranscriptOut(Out):
    """An uploaded transcript; what it says is in the drafts made after it."""

    id: UUID
    postmortem_id: UUID
    created_at: datetime
    uploaded_by: str
    name: str
    format: TranscriptFormat
    starts_at: datetime
    ends_at: datetime
    messages: int
    left_out: int = Field(description="Messages that were more than may be kept: the latest ones.")


class SourceOut(Out):
    """A source, and how asking it went."""

    model_config = Json
    name: str
    state: SourceState
    found: int
    message: str | None = Field(description="Why it failed or gave less, and what to do.")


class EntryOut(Out):
    """A proposed line of the timeline."""

    model_config = Json
    id: str
    occurred_at: datetime
    kind: TimelineKind
    text: str
    source_ids: list[str] = Field(description="The evidence it rests on.")
    reason: str


class ContradictionOut(Out):
    """Two things that cannot both be so."""

    model_config = Json
    code: str
    message: str
    source_ids: list[str]


class SentenceOut(Out):
    """One statement and the evidence it rests on."""

    model_config = Json
    text: str
    source_ids: list[str]
    verdict: SentenceVerdict
    reasons: list[str]


class ProposedSectionOut(Out):
    """A section, sentence by sentence."""

    model_config = Json
    name: SectionName
    sentences: list[SentenceOut]


class ProposedFactorOut(Out):
    """A contributing factor."""

    model_config = Json
    code: str
    why: SentenceOut


class ProposedItemOut(Out):
    """An action item; accepted it becomes a candidate."""

    model_config = Json
    title: str
    control_type: ControlType
    why: SentenceOut
    systemic: bool
    owner: str | None


class ProvenanceOut(Out):
    """Which model wrote it, and at what cost."""

    model_config = Json
    model: str | None
    prompt_hash: str | None
    input_tokens: int
    output_tokens: int
    cost_usd: float
    from_cache: bool


class AnalysisOut(Out):
    """What a model wrote, or why it wrote nothing; the timeline does not depend on it."""

    model_config = Json
    writing: Writing
    reason: str | None
    sections: list[ProposedSectionOut]
    factors: list[ProposedFactorOut]
    items: list[ProposedItemOut]
    timeline: list[SentenceOut]
    warnings: list[str]
    provenance: ProvenanceOut


class DecisionOut(Out):
    """What a person decided about a part."""

    model_config = Json
    part: str
    verb: Verb = Field(description="Accept, edit or reject.")
    by_id: UUID
    at: datetime
    text: str | None
    occurred_at: datetime | None
    kind: TimelineKind | None


class DraftBrief(Out):
    """A draft, without what is in it."""

    id: UUID
    version: int
    postmortem_id: UUID
    created_at: datetime
    updated_at: datetime
    requested_by: str
    state: DraftState
    error: str | None = Field(description="Why it failed.")
    evidence_count: int = Field(description="Pieces of evidence that it may cite.")


class DraftOut(DraftBrief):
    """A proposal with its sources. Nothing of it is in the postmortem until a person accepts it."""

    sources: list[SourceOut]
    redactions: dict[str, int] = Field(description="How many different values were replaced, by kind.")
    timeline: list[EntryOut]
    contradictions: list[ContradictionOut]
    analysis: AnalysisOut | None = Field(description="None while it is being made.")
    decisions: list[DecisionOut]


class EvidenceItemOut(Out):
    """Something a source said, redacted."""

    model_config = Json
    id: str
    occurred_at: datetime
    source: str
    sort: EvidenceSort
    text: str
    author: str | None
    url: str | None
    kind: TimelineKind | None


class DroppedOut(Out):
    """Something that was left out, and why: chatter, membership, empty, outside, bounded."""

    model_config = Json
    id: str
    occurred_at: datetime
    reason: str


class EvidenceBundleOut(Out):
    """Everything a draft may cite, and what was left out."""

    id: UUID
    evidence: list[EvidenceItemOut]
    dropped: list[DroppedOut]


class DifferenceOut(Out):
    """A part: what was proposed and what people made of it."""

    part: str
    proposed: str
    verb: Verb | None = Field(description="None while nobody decided.")
    accepted: str | None
    changes: list[str] = Field(description="Lines of a unified difference; empty if nothing was changed.")


class DifferencesOut(Out):
    """The proposal against what was decided."""

    items: list[DifferenceOut]


class DecisionBody(Body):
    """A decision about one part."""

    part: Part = Field(description="`timeline:3`, `section:summary`, `factor:<code>` or `item:0`.")
    verb: Verb = Field(description="Accept, edit or reject.")
    text: Text | None = Field(default=None, description="What it says instead, where it is edited.")
    occurred_at: Instant | None = Field(default=None, description="When it was instead; for a line of the timeline.")
    kind: TimelineKind | None = Field(default=None, description="What it is instead; for a line of the timeline.")


class DraftReviewBody(Body):
    """Decisions, taken all or none."""

    decisions: list[DecisionBody] = Field(min_length=1, max_length=500, description="Each part once.")
