"""What a machine proposes: timeline entries, sections sentence by sentence, factors and action items, each with the
ids of the evidence it rests on."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.domain.actions.model import ControlType
from app.domain.postmortems.content import SectionName, TimelineKind


class SentenceVerdict(StrEnum):
    """What the checks made of a sentence; a removed one stays readable, with the reason, and is never accepted."""

    KEPT = "kept"
    FLAGGED = "flagged"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One statement and the evidence it rests on."""

    text: str
    source_ids: tuple[str, ...] = ()
    verdict: SentenceVerdict = SentenceVerdict.KEPT
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProposedEntry:
    """A line of the proposed timeline; `source_ids` has at least one id of the bundle."""

    id: str
    occurred_at: datetime
    kind: TimelineKind
    text: str
    source_ids: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two things the evidence says that cannot both be so, with a stable code."""

    code: str
    message: str
    source_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProposedTimeline:
    """What happened when, without a model."""

    entries: tuple[ProposedEntry, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()


@dataclass(frozen=True, slots=True)
class ProposedSection:
    """A text of the postmortem, sentence by sentence."""

    name: SectionName
    sentences: tuple[Sentence, ...] = ()

    @property
    def text(self) -> str:
        return " ".join(one.text for one in self.sentences if one.verdict is not SentenceVerdict.REMOVED)


@dataclass(frozen=True, slots=True)
class ProposedFactor:
    """A contributing factor by its code of the taxonomy."""

    code: str
    why: Sentence


@dataclass(frozen=True, slots=True)
class ProposedItem:
    """An action item; accepted it becomes a candidate."""

    title: str
    control_type: ControlType
    why: Sentence
    systemic: bool = False
    owner: str | None = None


class Writing(StrEnum):
    """How writing the analysis went. Whatever it is, the timeline stays."""

    NOT_CONFIGURED = "not_configured"
    WRITTEN = "written"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    FILTERED = "filtered"
    OVERLOADED = "overloaded"
    TIMED_OUT = "timed_out"
    UNAVAILABLE = "unavailable"
    INVALID = "invalid"
    TOO_COSTLY = "too_costly"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which model wrote it, from what, at what cost."""

    model: str | None = None
    prompt_hash: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    from_cache: bool = False


@dataclass(frozen=True, slots=True)
class ProposedSections:
    """The analysis, or why there is none; `warnings` are about the whole, such as a message that gives orders."""

    writing: Writing = Writing.NOT_CONFIGURED
    reason: str | None = None
    sections: tuple[ProposedSection, ...] = ()
    factors: tuple[ProposedFactor, ...] = ()
    items: tuple[ProposedItem, ...] = ()
    timeline: tuple[Sentence, ...] = ()
    warnings: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)


@dataclass(frozen=True, slots=True)
class Brief:
    """What a drafter is told of the incident besides the evidence; redacted like it."""

    title: str
    severity: str
    services: tuple[str, ...]
    started_at: datetime | None = None
    detected_at: datetime | None = None
    mitigated_at: datetime | None = None
    resolved_at: datetime | None = None
    factor_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WritingProgress:
    """How far writing has come: characters so far, and the section in hand if it is known."""

    written: int
    section: str | None = None
