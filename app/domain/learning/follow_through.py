"""Follow-through: how much is open and for how long, what is overdue, and how postmortems and evidence keep up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from app.domain.learning.completion import ItemGroup, evidence_rate
from app.domain.learning.durations import Spread
from app.domain.learning.measures import Measure, MetricsPolicy, Window, measure, share, total


@dataclass(frozen=True, slots=True)
class OpenItems:
    """Items open at `as_of` of one team (None: of no team), by the number of their age group, and overdue ones."""

    team: str | None
    by_age: Sequence[int]
    overdue: int
    without_date: int = 0


@dataclass(frozen=True, slots=True)
class Published:
    """Postmortems created in a bucket: how many, how many waived, and days from the incident to publication."""

    n: int = 0
    waived: int = 0
    took: Spread = field(default_factory=Spread)


@dataclass(frozen=True, slots=True)
class Progress:
    """What follow-through is computed from."""

    items: Sequence[ItemGroup] = ()
    open_items: Sequence[OpenItems] = ()
    published: Mapping[int, Published] = field(default_factory=dict)
    overall: Spread = field(default_factory=Spread)


@dataclass(frozen=True, slots=True)
class AgeGroup:
    """Open items that are more than `over_days` old, up to and including `up_to_days`; None: older ones too."""

    over_days: int
    up_to_days: int | None
    n: int


@dataclass(frozen=True, slots=True)
class TeamOverdue:
    """Share of a team's open items whose committed date has passed; `n_overdue` of them."""

    team: str | None
    overdue: Measure
    n_overdue: int


@dataclass(frozen=True, slots=True)
class FollowThroughBucket:
    """Postmortems and items created in one bucket. Days are from the end of the incident to publication."""

    starts_on: date
    days_to_publish: Measure
    waived: Measure
    evidence_rate: Measure


@dataclass(frozen=True, slots=True)
class FollowThrough:
    """What is open at `as_of`, whenever it was created, and what became of what was created in the window."""

    open_items: int
    open_by_age: tuple[AgeGroup, ...]
    overdue: Measure
    overdue_by_team: tuple[TeamOverdue, ...]
    days_to_publish: Measure
    days_to_publish_p90: float | None
    evidence_rate: Measure
    waived: Measure
    buckets: tuple[FollowThroughBucket, ...]


def follow_through(found: Progress, window: Window, policy: MetricsPolicy) -> FollowThrough:
    """Open items by age, overdue by team, time from incident to published postmortem, evidence rate, waived."""
    teams = sorted(found.open_items, key=lambda t: (t.team is None, t.team))
    took, published = found.overall, list(found.published.values())
    return FollowThrough(
        open_items=sum(sum(team.by_age) for team in teams),
        open_by_age=_ages(teams, policy),
        overdue=_overdue(teams),
        overdue_by_team=tuple(TeamOverdue(team.team, _overdue([team]), team.overdue) for team in teams),
        days_to_publish=measure(took.median, took.n, took.missing),
        days_to_publish_p90=took.p90,
        evidence_rate=evidence_rate(found.items),
        waived=_waived(published),
        buckets=tuple(_bucket(no, on, found) for no, on in enumerate(window.buckets())),
    )


def _ages(teams: Sequence[OpenItems], policy: MetricsPolicy) -> tuple[AgeGroup, ...]:
    bounds = (0, *policy.ages)
    return tuple(
        AgeGroup(over, up_to, sum(team.by_age[no] for team in teams))
        for no, (over, up_to) in enumerate(zip(bounds, (*policy.ages, None), strict=True))
    )


def _overdue(teams: Sequence[OpenItems]) -> Measure:
    without = sum(team.without_date for team in teams)
    n = sum(sum(team.by_age) for team in teams) - without
    return share(sum(team.overdue for team in teams), n, {"no_committed_date": without})


def _waived(published: Sequence[Published]) -> Measure:
    return share(sum(one.waived for one in published), sum(one.n for one in published), total({}))


def _bucket(no: int, starts_on: date, found: Progress) -> FollowThroughBucket:
    one = found.published.get(no, Published())
    days = measure(one.took.median, one.took.n, one.took.missing)
    items = [group for group in found.items if group.bucket == no]
    return FollowThroughBucket(starts_on, days, _waived([one]), evidence_rate(items))
