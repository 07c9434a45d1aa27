"""A pattern: what several incidents of a quarter have in common, and how sure we are that it became more or less."""

from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from app.domain.learning.statistics import Interval, fisher_exact, wilson_interval
from app.domain.meta_reviews.fixes import CHANGE, systemic_fix
from app.domain.meta_reviews.model import MetaReviewPolicy


class PatternKind(StrEnum):
    """What makes an incident part of it: a contributing factor, a change that caused or worsened it, or wording."""

    FACTOR = "factor"
    CHANGE = "change"
    THEME = "theme"


class Direction(StrEnum):
    """Against the quarter before; `no_evidence`: the difference may well be chance."""

    MORE = "more"
    LESS = "less"
    NO_EVIDENCE = "no_evidence"
    NO_COMPARISON = "no_comparison"


@dataclass(frozen=True, slots=True)
class Part:
    """So many of a pattern's incidents had this form of it; `unspecified` where nobody said which."""

    name: str
    n: int
    previous_n: int = 0


@dataclass(frozen=True, slots=True)
class Quote:
    """What a postmortem said, and which."""

    text: str
    incident_id: UUID
    postmortem_id: UUID
    incident: str


@dataclass(frozen=True, slots=True)
class Exposed:
    """A service that the pattern struck, and what an hour without it costs where that is known."""

    service: str
    name: str
    n: int
    revenue_per_hour_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """What the database says of one pattern in a quarter and in the one before."""

    kind: PatternKind
    key: str
    title: str
    n: int
    previous_n: int
    incident_ids: tuple[UUID, ...] = ()
    parts: tuple[Part, ...] = ()
    quotes: tuple[Quote, ...] = ()
    services: tuple[Exposed, ...] = ()


@dataclass(frozen=True, slots=True)
class Pattern:
    """n of `of` postmortems show it. `fix` is the catalogue's proposal until somebody words it anew."""

    id: UUID
    review_id: UUID
    kind: PatternKind
    key: str
    title: str
    n: int
    of: int
    previous_n: int
    previous_of: int
    interval: Interval | None
    p: float | None
    direction: Direction
    fix: str
    fix_is_edited: bool = False
    incident_ids: tuple[UUID, ...] = ()
    parts: tuple[Part, ...] = ()
    quotes: tuple[Quote, ...] = ()
    services: tuple[Exposed, ...] = ()

    @property
    def revenue_per_hour_usd(self) -> float | None:
        """What an hour costs in which every service of the pattern is down; None where no service says."""
        known = [one.revenue_per_hour_usd for one in self.services if one.revenue_per_hour_usd is not None]
        return sum(known) if known else None

    @property
    def phrase(self) -> str:
        """The wording that a theme's pattern counts."""
        return self.title.strip("“”")

    def with_fix(self, text: str) -> "Pattern":
        return replace(self, fix=text, fix_is_edited=True)

    def counted_as(self, counted: Counted, of: int, previous_of: int, policy: MetaReviewPolicy) -> "Pattern":
        """The same pattern with new numbers; what somebody wrote stays."""
        new = pattern_of(self.id, self.review_id, counted, of, previous_of, policy)
        return replace(new, fix=self.fix, fix_is_edited=True) if self.fix_is_edited else new


def pattern_of(
    id: UUID, review_id: UUID, counted: Counted, of: int, previous_of: int, policy: MetaReviewPolicy
) -> Pattern:
    """A counted pattern with its interval and its comparison."""
    p = _change_p(counted.n, of, counted.previous_n, previous_of)
    return Pattern(
        id=id,
        review_id=review_id,
        kind=counted.kind,
        key=counted.key,
        title=counted.title,
        n=counted.n,
        of=of,
        previous_n=counted.previous_n,
        previous_of=previous_of,
        interval=wilson_interval(counted.n, of, policy.level_z),
        p=p,
        direction=_direction(counted, of, previous_of, p, policy),
        fix=systemic_fix(CHANGE if counted.kind is PatternKind.CHANGE else counted.key, policy.high_revenue_usd),
        incident_ids=counted.incident_ids,
        parts=counted.parts,
        quotes=counted.quotes,
        services=counted.services,
    )


def _change_p(n: int, of: int, previous_n: int, previous_of: int) -> float | None:
    """Fisher's exact p that both quarters had the same rate; None where one of them had no postmortem."""
    if of == 0 or previous_of == 0:
        return None
    return fisher_exact(n, of - n, previous_n, previous_of - previous_n)


def _direction(counted: Counted, of: int, previous_of: int, p: float | None, policy: MetaReviewPolicy) -> Direction:
    if p is None:
        return Direction.NO_COMPARISON
    if p > policy.significant_p:
        return Direction.NO_EVIDENCE
    rose = counted.n * previous_of > counted.previous_n * of
    return Direction.MORE if rose else Direction.LESS


def in_order(patterns: list[Pattern]) -> list[Pattern]:
    """The most frequent first."""
    return sorted(patterns, key=lambda one: (-one.n, one.kind, one.key))
