"""Drafts of postmortems and uploaded transcripts."""

from datetime import datetime
from uuid import UUID

import strawberry

from app.api.graphql.fields import column, edge
from app.api.graphql.records import described, record
from app.api.graphql.types.node import Node, VersionedType
from app.api.graphql.types.postmortems import PostmortemType
from app.domain.actions.model import ControlType
from app.domain.drafting.evidence import EvidenceSort, SourceState
from app.domain.drafting.model import DraftState, Verb
from app.domain.drafting.proposal import SentenceVerdict, Writing
from app.domain.drafting.transcripts import TranscriptFormat
from app.domain.postmortems.content import SectionName, TimelineKind

strawberry.enum(SentenceVerdict, description="What the checks made of a sentence.")
DraftVerb = strawberry.enum(Verb, name="DraftVerb", description="What a person decides about a part of a draft.")


@described
class DraftSourceType:
    """A source, and how asking it went."""

    name: str = strawberry.field(description="Which source.")
    state: SourceState = strawberry.field(description="How asking it went.")
    found: int = strawberry.field(description="How much it gave.")
    message: str | None = strawberry.field(description="Why it failed or gave less, and what to do.")


@described
class EvidenceItemType:
    """Something a source said, redacted."""

    id: str = strawberry.field(description="Its stable id, which sentences cite.")
    occurred_at: datetime = strawberry.field(description="When.")
    source: str = strawberry.field(description="Who says so.")
    sort: EvidenceSort = strawberry.field(description="What it is.")
    text: str = strawberry.field(description="What it says, without secrets and personal data.")
    author: str | None = strawberry.field(description="Who wrote it.")
    url: str | None = strawberry.field(description="Where it can be seen.")
    kind: TimelineKind | None = strawberry.field(description="What the source itself says it is.")


@described
class DroppedEvidenceType:
    """Something that was left out, and why."""

    id: str = strawberry.field(description="Its id.")
    occurred_at: datetime = strawberry.field(description="When.")
    reason: str = strawberry.field(description="chatter, membership, empty, outside or bounded.")


@described
class ProposedEntryType:
    """A proposed line of the timeline."""

    id: str = strawberry.field(description="Names the line: `timeline:<id>`.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    kind: TimelineKind = strawberry.field(description="What kind of fact.")
    text: str = strawberry.field(description="What happened.")
    source_ids: list[str] = strawberry.field(description="The evidence it rests on.")
    reason: str = strawberry.field(description="Why it is in the timeline.")


@described
class DraftContradictionType:
    """Two things that cannot both be so."""

    code: str = strawberry.field(description="Stable code.")
    message: str = strawberry.field(description="A sentence.")
    source_ids: list[str] = strawberry.field(description="The evidence that says so.")


@described
class SentenceType:
    """One statement and the evidence it rests on."""

    text: str = strawberry.field(description="What it says.")
    source_ids: list[str] = strawberry.field(description="The evidence it rests on.")
    verdict: SentenceVerdict = strawberry.field(description="What the checks made of it.")
    reasons: list[str] = strawberry.field(description="Why it is flagged or removed.")


@described
class ProposedSectionType:
    """A section, sentence by sentence."""

    name: SectionName = strawberry.field(description="Which text.")
    sentences: list[SentenceType] = strawberry.field(description="In order.")


@described
class ProposedFactorType:
    """A contributing factor."""

    code: str = strawberry.field(description="The factor.")
    why: SentenceType = strawberry.field(description="Why it applies.")


@described
class ProposedItemType:
    """An action item; accepted it becomes a candidate."""

    title: str = strawberry.field(description="What is to be done.")
    control_type: ControlType = strawberry.field(description="What it does about the cause.")
    why: SentenceType = strawberry.field(description="What it rests on.")
    systemic: bool = strawberry.field(description="Whether it changes more than this case.")
    owner: str | None = strawberry.field(description="Who could do it, as the evidence says.")


@described
class DraftProvenanceType:
    """Which model wrote it, and at what cost."""

    model: str | None = strawberry.field(description="Which model.")
    prompt_hash: str | None = strawberry.field(description="SHA-256 of what it was sent.")
    input_tokens: int = strawberry.field(description="What it read.")
    output_tokens: int = strawberry.field(description="What it wrote.")
    cost_usd: float = strawberry.field(description="What that cost.")
    from_cache: bool = strawberry.field(description="Whether an earlier answer was used again.")


@described
class DraftAnalysisType:
    """What a model wrote, or why it wrote nothing."""

    writing: Writing = strawberry.field(description="How it went.")
    reason: str | None = strawberry.field(description="Why it wrote nothing.")
    sections: list[ProposedSectionType] = strawberry.field(description="Texts.")
    factors: list[ProposedFactorType] = strawberry.field(description="Contributing factors.")
    items: list[ProposedItemType] = strawberry.field(description="Action items.")
    timeline: list[SentenceType] = strawberry.field(description="The timeline in words.")
    warnings: list[str] = strawberry.field(description="What is odd about the evidence or the answer.")
    provenance: DraftProvenanceType = strawberry.field(description="Which model wrote it, and at what cost.")


@described
class DraftDecisionType:
    """What a person decided about a part."""

    part: str = strawberry.field(description="Which part.")
    verb: Verb = strawberry.field(description="Accepted, edited or rejected.")
    by_id: UUID = strawberry.field(description="Who decided.")
    at: datetime = strawberry.field(description="When.")
    text: str | None = strawberry.field(description="What it says instead.")
    occurred_at: datetime | None = strawberry.field(description="When it was instead.")
    kind: TimelineKind | None = strawberry.field(description="What it is instead.")


@record("draft")
class DraftType(VersionedType):
    """A proposal for a postmortem. Nothing of it is in the postmortem until a person accepts it."""

    requested_by: str = column("Who asked for it.")
    state: DraftState = column("How far it is.")
    error: str | None = column("Why it failed.")
    evidence_count: int = column("Pieces of evidence that it may cite.")
    evidence: list[EvidenceItemType] = column("Everything that it may cite.")
    dropped: list[DroppedEvidenceType] = column("What was left out.")
    sources: list[DraftSourceType] = column("Who was asked.")
    timeline: list[ProposedEntryType] = column("What happened when.")
    contradictions: list[DraftContradictionType] = column("What cannot be so.")
    analysis: DraftAnalysisType | None = column("What a model wrote; none while it is being made.")
    decisions: list[DraftDecisionType] = column("What people decided.")
    postmortem: PostmortemType = edge("What it is a draft of.", "postmortem")


@record("transcript")
class TranscriptType(Node):
    """An uploaded chat."""

    created_at: datetime = column("When it was uploaded.")
    uploaded_by: str = column("Who uploaded it.")
    name: str = column("Its name.")
    format: TranscriptFormat = column("How it was written.")
    starts_at: datetime = column("The first message.")
    ends_at: datetime = column("The last message.")
    messages: int = column("How many were kept.")
    left_out: int = column("How many were more than may be kept.")
