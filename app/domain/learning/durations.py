"""How long incidents take to be detected, acknowledged, mitigated and resolved, and whether that gets better."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from app.domain.learning.measures import Measure, MetricsPolicy, Window, measure
from app.domain.learning.trend import Point, Trend, TrendVerdict, trend_of, trend_verdict


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, mean and p90 in seconds of `n` durations, and what was left out."""

    n: int = 0
    median: float | None = None
    mean: float | None = None
    p90: float | None = None
    missing: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PhaseDurations:
    """One phase: its durations over the window and in each bucket by number, and points for the trend.

    A point is (days from `as_of`, so a negative number that rises with time; seconds). The points are all incidents,
    or where these are too many an arbitrary but fixed part of them.
    """

    overall: Spread = field(default_factory=Spread)
    buckets: Mapping[int, Spread] = field(default_factory=dict)
    points: Sequence[Point] = ()


@dataclass(frozen=True, slots=True)
class DurationBucket:
    """Seconds from start to the phase in one bucket; `median` carries the base of all three."""

    starts_on: date
    median: Measure
    mean: float | None
    p90: float | None


@dataclass(frozen=True, slots=True)
class DurationTrend:
    """`overall` is the median in seconds; the trend's slope is in seconds a day."""

    overall: Measure
    mean: float | None
    p90: float | None
    buckets: tuple[DurationBucket, ...]
    trend: Trend | None
    verdict: TrendVerdict


def duration_trend(found: PhaseDurations, window: Window, policy: MetricsPolicy) -> DurationTrend:
    """Seconds from start to a phase, by bucket, and whether single incidents get faster.

    An instant after `as_of` has not happened yet; one before the start is a contradiction and is missing. Slow
    incidents of the last days are missing longer than quick ones, so the last bucket of a long phase (resolved)
    looks better than it will.
    """
    overall, ages = found.overall, [age for age, _ in found.points]
    trend = trend_of(found.points, policy.level, every_pair_up_to=policy.every_pair_up_to)
    verdict = trend_verdict(
        trend,
        n=overall.n,
        span_days=max(ages) - min(ages) if ages else 0.0,
        min_n=policy.min_incidents,
        min_days=policy.min_days,
    )
    buckets = tuple(_bucket(on, found.buckets.get(no, Spread())) for no, on in enumerate(window.buckets()))
    middle = measure(overall.median, overall.n, overall.missing)
    return DurationTrend(middle, overall.mean, overall.p90, buckets, trend, verdict)


def _bucket(starts_on: date, found: Spread) -> DurationBucket:
    return DurationBucket(starts_on, measure(found.median, found.n, found.missing), found.mean, found.p90)
