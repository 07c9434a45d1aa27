"""Completion, detection and severity as pure functions from plain rows, the SQL's oracle."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from statistics import fmean
from uuid import UUID

from app.domain.learning.measures import (
    DAY,
    Measure,
    MetricsPolicy,
    Window,
    by_bucket,
    measure,
    share,
    split,
)
from app.domain.learning.statistics import median, quantile
from app.domain.learning.trend import Point, Trend, TrendVerdict, theil_sen, trend_verdict

TAIL = 0.9  # the p90 of section 10


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An action item past `candidate`; instants that do not stand any more are None.

    The `_until` are the ends of the days named, in the team's time zone (exclusive). `slips` is
    how often the due date was moved.
    """

    item_id: UUID
    created_at: datetime
    committed_until: datetime | None
    due_until: datetime | None
    evidence_until: datetime | None
    implemented_at: datetime | None
    closed_at: datetime | None
    declined_at: datetime | None
    slips: int


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """A standard incident and one phase of it: detected, acknowledged, mitigated or resolved."""

    incident_id: UUID
    recorded_at: datetime
    started_at: datetime | None
    reached_at: datetime | None

    @property
    def seconds(self) -> float | None:
        """From start to the phase; negative where the instants contradict each other."""
        if self.started_at is None or self.reached_at is None:
            return None
        return (self.reached_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class SeverityRow:
    """A standard incident and its severity's rank, 1 for P1."""

    incident_id: UUID
    recorded_at: datetime
    started_at: datetime | None
    rank: int | None


@dataclass(frozen=True, slots=True)
class Completion:
    """Shares of items; `declined` are in `implemented_on_time`'s base, counted as not done
    unless they were."""

    implemented_on_time: Measure
    closed_of_due: Measure
    evidence_on_time: Measure
    slips_per_item: Measure
    declined: int


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
    buckets: tuple[DurationBucket, ...]
    trend: Trend | None
    verdict: TrendVerdict


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
    buckets: tuple[SeverityBucket, ...]
    trend: Trend | None
    verdict: TrendVerdict


def completion(items: Iterable[ItemRow], window: Window) -> Completion:
    """Items created in the window: done by the committed date, and the article's closed / due.

    An item counts once its date has passed; before, it is missing as `not_due_yet`.
    """
    rows = [item for item in items if window.holds(item.created_at)]
    as_of = window.as_of

    def missing(until: datetime | None, without: str) -> str | None:
        if until is None:
            return without
        return "not_due_yet" if until > as_of else None

    def committed(item: ItemRow) -> str | None:
        return missing(item.committed_until, "no_committed_date")

    slips = fmean(item.slips for item in rows) if rows else None
    return Completion(
        share(rows, committed, lambda i: _before(i.implemented_at, i.committed_until)),
        share(
            rows,
            lambda i: missing(i.due_until, "no_due_date"),
            lambda i: i.closed_at is not None and i.closed_at <= as_of,
        ),
        share(
            rows,
            lambda i: missing(i.evidence_until, "no_evidence_date"),
            lambda i: _before(i.closed_at, i.evidence_until),
        ),
        measure(slips, len(rows), Counter()),
        sum(i.declined_at is not None and i.declined_at <= as_of for i in split(rows, committed)[0]),
    )


def duration_trend(rows: Iterable[PhaseRow], window: Window, policy: MetricsPolicy) -> DurationTrend:
    """Seconds from start to a phase, by bucket, and whether single incidents get faster.

    An instant after `as_of` has not happened yet; one before the start is a contradiction and is
    missing. Slow incidents of the last days are missing longer than quick ones, so the last
    bucket of a long phase (resolved) looks better than it will.
    """
    asked = [row for row in rows if window.holds(_begun(row))]
    as_of = window.as_of
    buckets = tuple(_duration_bucket(on, found, as_of) for on, found in by_bucket(window, asked, _begun).items())
    counted, missing = split(asked, lambda row: _no_duration(row, as_of))
    points = [(_age(row, window), took) for row in counted if (took := row.seconds) is not None]
    trend, verdict = _trend(points, [age for age, _ in points], policy)
    overall = measure(median(took for _, took in points), len(points), missing)
    return DurationTrend(overall, buckets, trend, verdict)


def mttd_trend(rows: Iterable[PhaseRow], window: Window, policy: MetricsPolicy) -> DurationTrend:
    """Time to detect: `duration_trend` of rows whose `reached_at` is `detected_at`."""
    return duration_trend(rows, window, policy)


def severity_distribution(rows: Iterable[SeverityRow], window: Window, policy: MetricsPolicy) -> SeverityDistribution:
    """Share of P1 and P2 by bucket, and whether it falls.

    The trend runs over the buckets that have data, as single incidents are yes or no; the
    verdict asks for enough incidents over enough days.
    """
    asked = [row for row in rows if window.holds(_begun(row))]

    def missing(row: SeverityRow) -> str | None:
        return "no_severity" if row.rank is None else None

    def severe(found: Iterable[SeverityRow]) -> Measure:
        return share(found, missing, lambda r: r.rank is not None and r.rank <= policy.severe_rank)

    buckets = tuple(
        SeverityBucket(on, severe(found), dict(sorted(Counter(r.rank for r in found if r.rank).items())))
        for on, found in by_bucket(window, asked, _begun).items()
    )
    today = window.as_of.astimezone(window.zone).date()
    points = [((b.starts_on - today) / DAY, b.severe.value) for b in buckets if b.severe.value is not None]
    ages = [_age(row, window) for row in split(asked, missing)[0]]
    trend, verdict = _trend(points, ages, policy)
    return SeverityDistribution(severe(asked), buckets, trend, verdict)


def _before(at: datetime | None, until: datetime | None) -> bool:
    return at is not None and until is not None and at < until


def _begun(row: PhaseRow | SeverityRow) -> datetime:
    return row.started_at or row.recorded_at


def _no_duration(row: PhaseRow, as_of: datetime) -> str | None:
    if row.started_at is None:
        return "no_start"
    if row.reached_at is None or row.reached_at > as_of:
        return "not_reached"
    return "before_start" if row.reached_at < row.started_at else None


def _duration_bucket(starts_on: date, rows: Iterable[PhaseRow], as_of: datetime) -> DurationBucket:
    counted, missing = split(rows, lambda row: _no_duration(row, as_of))
    took = [seconds for row in counted if (seconds := row.seconds) is not None]
    mean = fmean(took) if took else None
    middle = measure(median(took), len(took), missing)
    return DurationBucket(starts_on, middle, mean, quantile(took, TAIL))


def _age(row: PhaseRow | SeverityRow, window: Window) -> float:
    """Days from `as_of` back to the start, so a negative number that rises with time."""
    return (_begun(row) - window.as_of) / DAY


def _trend(points: list[Point], ages: list[float], policy: MetricsPolicy) -> tuple[Trend | None, TrendVerdict]:
    """Trend of the points and its verdict, which rests on the incidents behind them."""
    trend = theil_sen(points, policy.level)
    span = max(ages) - min(ages) if ages else 0.0
    verdict = trend_verdict(
        trend,
        n=len(ages),
        span_days=span,
        min_n=policy.min_incidents,
        min_days=policy.min_days,
    )
    return trend, verdict
