"""How many postmortems saw their root cause strike again: the primary measure of the article."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.learning.measures import DAY, Measure, MetricsPolicy, Window, measure
from app.domain.learning.statistics import (
    Interval,
    Survival,
    cluster_bootstrap_interval,
    kaplan_meier,
)


@dataclass(frozen=True, slots=True)
class PostmortemRow:
    """A postmortem and its incident; `root_cause_id` is None while proposed or `undetermined`."""

    postmortem_id: UUID
    created_at: datetime
    root_cause_id: UUID | None
    started_at: datetime | None
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True)
class OccurrenceRow:
    """A standard incident with a confirmed root cause (after merges)."""

    incident_id: UUID
    root_cause_id: UUID
    started_at: datetime


@dataclass(frozen=True, slots=True)
class RecurrenceRate:
    """Shares of postmortems; `followed` corrects for the young ones, `at_risk` reached the end."""

    recurred: Measure
    recurred_after_created: Measure
    followed: Measure
    interval: Interval | None
    at_risk: int


@dataclass(frozen=True, slots=True, order=True)
class _Case:
    """Follow-up of one postmortem: days to the recurrence, or to the end of what was seen."""

    root_cause_id: UUID
    days: float
    recurred: bool
    full: bool


def recurrence_rate(
    postmortems: Iterable[PostmortemRow],
    occurrences: Iterable[OccurrenceRow],
    window: Window,
    policy: MetricsPolicy,
) -> RecurrenceRate:
    """Postmortems created in the window whose root cause struck again within the policy's days.

    Counted from the incident's `resolved_at`, else `started_at`; the article's variant from the
    postmortem's `created_at`. Young postmortems count as not recurred in both: `followed`
    corrects that, 1 - Kaplan-Meier at the horizon, None (`insufficient_follow_up`) where nobody
    was followed that long. Its interval resamples root causes, whose postmortems share a fate.
    """
    rows = [row for row in postmortems if window.holds(row.created_at)]
    starts = _starts_by_cause(occurrences, window.as_of)

    def cases(
        since: Callable[[PostmortemRow], datetime | None],
    ) -> tuple[list[_Case], Counter[str]]:
        return _cases(rows, since, starts, window.as_of, policy.recurrence_days)

    found, missing = cases(lambda row: row.resolved_at or row.started_at)
    curve = _curve(found, policy.recurrence_days)
    return RecurrenceRate(
        recurred=_crude(found, missing),
        recurred_after_created=_crude(*cases(lambda row: row.created_at)),
        followed=_followed(curve, len(found), missing),
        interval=_interval(found, policy) if curve else None,
        at_risk=curve.at_risk if curve else 0,
    )


def _starts_by_cause(occurrences: Iterable[OccurrenceRow], as_of: datetime) -> Mapping[UUID, Sequence[datetime]]:
    starts: defaultdict[UUID, list[datetime]] = defaultdict(list)
    for row in occurrences:
        if row.started_at <= as_of:
            starts[row.root_cause_id].append(row.started_at)
    return {cause: sorted(instants) for cause, instants in starts.items()}


def _cases(
    rows: Iterable[PostmortemRow],
    since: Callable[[PostmortemRow], datetime | None],
    starts: Mapping[UUID, Sequence[datetime]],
    as_of: datetime,
    horizon: int,
) -> tuple[list[_Case], Counter[str]]:
    cases: list[_Case] = []
    missing: Counter[str] = Counter()
    for row in rows:
        origin = since(row)
        if row.root_cause_id is None:
            missing["cause_undetermined"] += 1
        elif origin is None:
            missing["no_start"] += 1
        else:
            known = starts.get(row.root_cause_id, ())
            cases.append(_follow(row.root_cause_id, origin, known, as_of, horizon))
    return cases, missing


def _follow(cause: UUID, origin: datetime, starts: Sequence[datetime], as_of: datetime, horizon: int) -> _Case:
    """Follow-up from `origin` to the first later start, the horizon or `as_of`."""
    later = starts[bisect_right(starts, origin) :][:1]
    seen = (as_of - origin) / DAY
    end = max(0.0, min(seen, horizon))
    first = (later[0] - origin) / DAY if later else None
    recurred = first is not None and first <= end
    return _Case(cause, first if first is not None and recurred else end, recurred, seen >= horizon)


def _crude(cases: Sequence[_Case], missing: Counter[str]) -> Measure:
    rate = sum(case.recurred for case in cases) / len(cases) if cases else None
    return measure(rate, len(cases), missing)


def _curve(cases: Sequence[_Case], horizon: int) -> Survival | None:
    """Kaplan-Meier at the horizon; None where no postmortem is old enough to have reached it."""
    if not any(case.full for case in cases):
        return None
    days, recurred = [case.days for case in cases], [case.recurred for case in cases]
    return kaplan_meier(days, recurred, horizon)


def _followed(curve: Survival | None, n: int, missing: Counter[str]) -> Measure:
    if curve is None:
        unfollowed = Counter({"insufficient_follow_up": n} if n else {})
        return measure(None, 0, missing + unfollowed)
    return measure(1 - curve.probability, n, missing)


def _interval(cases: Sequence[_Case], policy: MetricsPolicy) -> Interval | None:
    clusters: defaultdict[UUID, list[_Case]] = defaultdict(list)
    for case in sorted(cases):
        clusters[case.root_cause_id].append(case)

    def rate(drawn: Sequence[_Case]) -> float | None:
        curve = _curve(drawn, policy.recurrence_days)
        return 1 - curve.probability if curve else None

    return cluster_bootstrap_interval(
        list(clusters.values()),
        rate,
        draws=policy.bootstrap_draws,
        level=policy.level,
        seed=policy.bootstrap_seed,
    )
