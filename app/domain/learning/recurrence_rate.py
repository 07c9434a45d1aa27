"""How many postmortems saw their root cause strike again: the primary measure of the article."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from math import fsum
from typing import Protocol
from uuid import UUID

from app.domain.learning.measures import Measure, MetricsPolicy, Window, measure, share, total
from app.domain.learning.statistics import (
    Interval,
    LifeTable,
    Survival,
    cluster_bootstrap_interval,
    kaplan_meier,
    mixed,
    quantile,
    resampled_sums,
)


class FollowUps(Protocol):
    """Follow-up of the units of one cluster, in whole days to the event, to `as_of`, or to the horizon.

    `followed` had no event up to the horizon; `seen_to_the_end` began that long ago, whatever happened then.
    """

    @property
    def recurred(self) -> Sequence[float]: ...
    @property
    def censored(self) -> Sequence[float]: ...
    @property
    def followed(self) -> int: ...
    @property
    def seen_to_the_end(self) -> int: ...


@dataclass(frozen=True, slots=True)
class CauseFollowUps:
    """The postmortems of one root cause."""

    root_cause_id: UUID
    recurred: Sequence[float] = ()
    censored: Sequence[float] = ()
    followed: int = 0
    seen_to_the_end: int = 0


@dataclass(frozen=True, slots=True)
class RecurrenceCounts:
    """Postmortems created in one bucket; `young` have not recurred but were not followed to the horizon either."""

    n: int = 0
    recurred: int = 0
    young: int = 0
    missing: Mapping[str, int] = field(default_factory=dict)
    n_created: int = 0
    recurred_created: int = 0
    missing_created: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recurrences:
    """What happened after the postmortems of a window: counts by bucket number, follow-up by root cause."""

    buckets: Mapping[int, RecurrenceCounts] = field(default_factory=dict)
    causes: Sequence[CauseFollowUps] = ()


@dataclass(frozen=True, slots=True)
class RecurrenceBucket:
    """The share among postmortems created in one bucket; `young` may still recur: the censored part of a chart."""

    starts_on: date
    recurred: Measure
    recurred_after_created: Measure
    young: int


@dataclass(frozen=True, slots=True)
class RecurrenceRate:
    """Shares of postmortems; `interval` belongs to `followed`, `at_risk` were followed that long."""

    recurred: Measure
    recurred_after_created: Measure
    followed: Measure
    interval: Interval | None
    at_risk: int
    buckets: tuple[RecurrenceBucket, ...]


def recurrence_rate(found: Recurrences, window: Window, policy: MetricsPolicy) -> RecurrenceRate:
    """Postmortems created in the window whose root cause struck again within the policy's days.

    Counted from the incident's `resolved_at`, else `started_at`; the article's variant from the postmortem's
    `created_at`. Young postmortems count as not recurred in both: `followed` corrects that, 1 - Kaplan-Meier at the
    horizon, None (`insufficient_follow_up`) where nobody was followed that long. Its interval resamples root causes,
    whose postmortems share a fate.
    """
    counts = list(found.buckets.values())
    curve = survival(found.causes, policy)
    n, missing = sum(c.n for c in counts), total({}, *(c.missing for c in counts))
    return RecurrenceRate(
        recurred=_recurred(counts),
        recurred_after_created=_recurred_after_created(counts),
        followed=followed(curve, n, missing),
        interval=survival_interval(found.causes, curve, policy),
        at_risk=curve.at_risk if curve else 0,
        buckets=tuple(_bucket(on, found.buckets.get(no)) for no, on in enumerate(window.buckets())),
    )


def survival(clusters: Sequence[FollowUps], policy: MetricsPolicy) -> Survival | None:
    """Kaplan-Meier at the horizon; None where nothing is old enough to have reached it."""
    if not any(cluster.seen_to_the_end for cluster in clusters):
        return None
    return _life_table(clusters, policy)[0].survival()


def followed(curve: Survival | None, n: int, missing: Mapping[str, int]) -> Measure:
    """The share that recurred, corrected for those too young to tell."""
    if curve is None:
        return measure(None, 0, total(missing, {"insufficient_follow_up": n}))
    return measure(1 - curve.probability, n, missing)


def survival_interval(clusters: Sequence[FollowUps], curve: Survival | None, policy: MetricsPolicy) -> Interval | None:
    """Interval of 1 - survival by a bootstrap over clusters.

    Few units: whole clusters are drawn and the curve computed anew. Many: a draw adds up what its clusters pull the
    estimate by (the infinitesimal jackknife), which is the same to first order and costs a sum.
    """
    if curve is None:
        return None
    if sum(len(c.recurred) + len(c.censored) + c.followed for c in clusters) > policy.bootstrap_whole:
        return _interval_of_pulls(clusters, curve, policy)
    rows = sorted(_rows(cluster, policy) for cluster in clusters)
    draws = {"draws": policy.bootstrap_draws, "seed": policy.bootstrap_seed}
    return cluster_bootstrap_interval(rows, lambda r: _share(_curve(r, policy)), level=policy.level, **draws)


def _interval_of_pulls(clusters: Sequence[FollowUps], curve: Survival, policy: MetricsPolicy) -> Interval | None:
    # Mixed, so that blocks of clusters differ as clusters do.
    pulls = mixed(_pulls(clusters, policy), seed=policy.bootstrap_seed)
    if len(pulls) < 2:
        return None
    blocks = [fsum(pulls[i :: policy.bootstrap_blocks]) for i in range(min(policy.bootstrap_blocks, len(pulls)))]
    share_, centre = 1 - curve.probability, fsum(blocks)
    sums = resampled_sums(blocks, draws=policy.bootstrap_draws, seed=policy.bootstrap_seed)
    shares = [share_ - (drawn - centre) for drawn in sums]
    low, high = (quantile(shares, q) or 0.0 for q in ((1 - policy.level) / 2, (1 + policy.level) / 2))
    return Interval(min(1.0, max(0.0, low)), min(1.0, max(0.0, high)))


def _pulls(clusters: Sequence[FollowUps], policy: MetricsPolicy) -> list[float]:
    """What each cluster pulls the survival by."""
    table, durations = _life_table(clusters, policy)
    happened, ended = table.pulls(durations)
    to_the_end = ended.get(policy.recurrence_days, 0.0)
    return [
        sum(map(happened.__getitem__, c.recurred)) + sum(map(ended.__getitem__, c.censored)) + c.followed * to_the_end
        for c in clusters
    ]


Row = tuple[float, bool]


def _life_table(clusters: Sequence[FollowUps], policy: MetricsPolicy) -> tuple[LifeTable, Iterable[float]]:
    """Counted by duration, of which there are few: follow-up is in whole days; and the durations."""
    events: Counter[float] = Counter(chain.from_iterable(c.recurred for c in clusters))
    ends: Counter[float] = Counter(chain.from_iterable(c.censored for c in clusters))
    ends[policy.recurrence_days] += sum(c.followed for c in clusters)
    ends.update(events)
    return LifeTable.of(events, ends, policy.recurrence_days), ends.keys()


def _rows(cluster: FollowUps, policy: MetricsPolicy) -> list[Row]:
    happened = [(days, True) for days in cluster.recurred]
    ended = [(days, False) for days in cluster.censored]
    return sorted(happened + ended) + [(float(policy.recurrence_days), False)] * cluster.followed


def _curve(rows: Iterable[Row], policy: MetricsPolicy) -> Survival | None:
    days, recurred = zip(*rows, strict=True)
    return kaplan_meier(days, recurred, policy.recurrence_days)


def _share(curve: Survival | None) -> float | None:
    return 1 - curve.probability if curve else None


def _recurred(counts: Sequence[RecurrenceCounts]) -> Measure:
    n, missing = sum(c.n for c in counts), total({}, *(c.missing for c in counts))
    return share(sum(c.recurred for c in counts), n, missing)


def _recurred_after_created(counts: Sequence[RecurrenceCounts]) -> Measure:
    n, missing = sum(c.n_created for c in counts), total({}, *(c.missing_created for c in counts))
    return share(sum(c.recurred_created for c in counts), n, missing)


def _bucket(starts_on: date, counts: RecurrenceCounts | None) -> RecurrenceBucket:
    found = [counts] if counts else []
    young = counts.young if counts else 0
    return RecurrenceBucket(starts_on, _recurred(found), _recurred_after_created(found), young)
