"""The share of P1 and P2 among all incidents, and whether it falls."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app.domain.learning.measures import DAY, Measure, MetricsPolicy, Window, share
from app.domain.learning.trend import Trend, TrendVerdict, trend_of, trend_verdict


@dataclass(frozen=True, slots=True)
class SeverityGroup:
    """Standard incidents of one bucket and rank, 1 for P1, and when the first and the last of them began."""

    bucket: int
    rank: int
    n: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class SeverityBucket:
    """Share of P1 and P2 among the incidents of one bucket, and the incidents by rank."""

    starts_on: date
    severe: Measure
    by_rank: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class SeverityDistribution:
    """`severe` is the share over the window; the trend's slope is a share a day."""

    severe: Measure
    by_rank: Mapping[int, int]
    buckets: tuple[SeverityBucket, ...]
    trend: Trend | None
    verdict: TrendVerdict


def severity_distribution(
    groups: Sequence[SeverityGroup], window: Window, policy: MetricsPolicy
) -> SeverityDistribution:
    """Share of P1 and P2 by bucket, and whether it falls.

    The trend runs over the buckets that have data, as single incidents are yes or no; the verdict asks for enough
    incidents over enough days.
    """
    buckets = tuple(
        _bucket(on, [g for g in groups if g.bucket == no], policy) for no, on in enumerate(window.buckets())
    )
    today = window.as_of.astimezone(window.zone).date()
    points = [((b.starts_on - today) / DAY, b.severe.value) for b in buckets if b.severe.value is not None]
    trend = trend_of(points, policy.level, every_pair_up_to=policy.every_pair_up_to)
    span = max(g.last_at for g in groups) - min(g.first_at for g in groups) if groups else 0 * DAY
    verdict = trend_verdict(
        trend,
        n=sum(group.n for group in groups),
        span_days=span / DAY,
        min_n=policy.min_incidents,
        min_days=policy.min_days,
    )
    return SeverityDistribution(_severe(groups, policy), _by_rank(groups), buckets, trend, verdict)


def _bucket(starts_on: date, groups: Sequence[SeverityGroup], policy: MetricsPolicy) -> SeverityBucket:
    return SeverityBucket(starts_on, _severe(groups, policy), _by_rank(groups))


def _severe(groups: Sequence[SeverityGroup], policy: MetricsPolicy) -> Measure:
    severe = sum(group.n for group in groups if group.rank <= policy.severe_rank)
    return share(severe, sum(group.n for group in groups), {})


def _by_rank(groups: Sequence[SeverityGroup]) -> Mapping[int, int]:
    counts = Counter[int]()
    for group in groups:
        counts[group.rank] += group.n
    return dict(sorted(counts.items()))
