"""What a draft rests on: pieces of evidence with stable ids, already redacted, and what was left out and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.domain.postmortems.content import TimelineKind


class EvidenceSort(StrEnum):
    """What a piece of evidence is."""

    MESSAGE = "message"
    ALERT = "alert"
    DEPLOYMENT = "deployment"
    PAGE = "page"
    ANNOTATION = "annotation"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something a source says. `id` is the same each time (`slack:C1/1699.0001`, `alert:<fingerprint>@...`); `text`
    and `author` are redacted; `kind` is what the source itself says it is, none for what people wrote."""

    id: str
    occurred_at: datetime
    source: str
    sort: EvidenceSort
    text: str
    author: str | None = None
    url: str | None = None
    kind: TimelineKind | None = None

    @property
    def by_a_person(self) -> bool:
        return self.sort is EvidenceSort.MESSAGE


class SourceState(StrEnum):
    """How gathering from a source went; a bounded one had more than may be read."""

    WAITING = "waiting"
    ANSWERED = "answered"
    EMPTY = "empty"
    BOUNDED = "bounded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SourceReport:
    """A source by name, how it went, how much it gave, and what to do where it failed."""

    name: str
    state: SourceState
    found: int = 0
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """Evidence that is not in the bundle, and why."""

    id: str
    occurred_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything a draft may cite, in order of time; `redactions` counts what was replaced, by kind."""

    evidence: tuple[Evidence, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    sources: tuple[SourceReport, ...] = ()
    redactions: Mapping[str, int] = field(default_factory=dict)

    @property
    def by_id(self) -> Mapping[str, Evidence]:
        return {one.id: one for one in self.evidence}

    @property
    def failed(self) -> tuple[SourceReport, ...]:
        return tuple(one for one in self.sources if one.state is SourceState.FAILED)
