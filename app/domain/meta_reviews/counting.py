"""What is asked of the records of a quarter, and what they answer: the shapes of the set-based queries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.meta_reviews.pattern import Exposed, Part, PatternKind, Quote


@dataclass(frozen=True, slots=True)
class Span:
    """A quarter and the one before it; `as_of` decides what is overdue."""

    previous_starts_at: datetime
    starts_at: datetime
    ends_at: datetime
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """One pattern: its incidents of the quarter, and how many it had in the one before, by form."""

    kind: PatternKind
    key: str
    title: str
    parts: tuple[Part, ...]
    incident_ids: tuple[UUID, ...]

    @property
    def n(self) -> int:
        return sum(part.n for part in self.parts)

    @property
    def previous_n(self) -> int:
        return sum(part.previous_n for part in self.parts)


@dataclass(frozen=True, slots=True)
class Totals:
    """The published postmortems of both quarters, and what of this one is not published."""

    n: int
    previous_n: int
    missing_because: Mapping[str, int]
    waived: int
    other_modes: int


Quotes = Mapping[str, tuple[Quote, ...]]
"""By pattern."""

Struck = Mapping[str, tuple[Exposed, ...]]
"""By pattern, the most often struck first; not all, where there are many."""
