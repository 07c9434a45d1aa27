"""The `metric` check: what the monitoring shows about a fix, and what that means."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, isfinite, isnan
from operator import ge, gt, le, lt

from app.domain.actions.evidence import Comparison, Exercise, MetricMode, MetricPlan, Verdict
from app.domain.errors import DomainError
from app.domain.monitoring import InvalidQuery, Series
from app.domain.policy import EvidencePolicy
from app.domain.ports import Monitoring

_HOLDS = {Comparison.GTE: ge, Comparison.GT: gt, Comparison.LTE: le, Comparison.LT: lt}
_SHORTEST_STEP, _MOST_POINTS = 60.0, 10_000


@dataclass(frozen=True, slots=True)
class Window:
    """The days in production that are looked at; `end` is where they end, or now if that is earlier."""

    start: datetime
    end: datetime
    days: int
    is_over: bool

    @property
    def step(self) -> float:
        """Seconds between points: a backend refuses more than about 11,000 of them."""
        seconds = (self.end - self.start).total_seconds()
        return max(_SHORTEST_STEP, ceil(seconds / _MOST_POINTS / 60) * 60.0)


@dataclass(frozen=True, slots=True)
class MetricOutcome:
    """The verdict with what was seen; `longer_window_days` where the demonstration may still come."""

    verdict: Verdict
    detail: Mapping[str, object]
    link: str | None = None
    longer_window_days: int | None = None


def window_of(deployed_at: datetime, days: int, now: datetime) -> Window:
    """The window that starts with the deployment."""
    end = deployed_at + timedelta(days=days)
    return Window(deployed_at, min(end, now), days, now >= end)


def query_of(plan: MetricPlan, days: int) -> str:
    """The query as it is asked."""
    return plan.query.replace("$window", f"{days}d")


async def require_runnable(monitoring: Monitoring, plan: MetricPlan, days: int, now: datetime) -> None:
    """Raise InvalidQuery where the backend refuses the query, or where it can show nothing about production."""
    query = query_of(plan, days)
    monitoring.require_series(query)
    found = await monitoring.instant(query, now)
    if len(found) > 1:
        raise InvalidQuery(f"The query answers with {len(found)} series; it must be one, as with sum(…).")


async def look(
    monitoring: Monitoring | None, plan: MetricPlan, window: Window, policy: EvidencePolicy
) -> MetricOutcome:
    """Ask the monitoring and judge. It never raises: no answer is inconclusive, to be tried again."""
    query = query_of(plan, window.days)
    asked: dict[str, object] = {
        "query": query, "comparison": str(plan.comparison), "threshold": plan.threshold, "mode": str(plan.mode),
    }  # fmt: skip
    if monitoring is None:
        return MetricOutcome(Verdict.INCONCLUSIVE, {**asked, "reason": "no monitoring system is configured"})
    link = monitoring.graph(query, window.start, window.end)
    try:
        if plan.mode is MetricMode.EVERY_POINT:
            found = await monitoring.points(query, window.start, window.end, window.step)
        else:
            found = await monitoring.instant(query, window.end)
    except DomainError as error:
        return MetricOutcome(Verdict.INCONCLUSIVE, {**asked, "reason": error.message}, link)
    verdict, seen, longer = judge(plan, found, window, policy)
    return MetricOutcome(verdict, {**asked, **seen}, link, longer)


def judge(
    plan: MetricPlan, found: tuple[Series, ...], window: Window, policy: EvidencePolicy
) -> tuple[Verdict, dict[str, object], int | None]:
    """The verdict on an answer, what was observed, and a longer window where that may help."""
    if len(found) != 1:
        reason = (
            "the query answers with no series" if not found else f"the query answers with {len(found)} series, not one"
        )
        return Verdict.INCONCLUSIVE, {"series": len(found), "reason": reason}, None
    values = [value for _, value in found[0].points]
    seen: dict[str, object] = {"labels": dict(found[0].labels), **_observed(plan, found[0])}
    if any(map(isnan, values)) or not values:
        return Verdict.INCONCLUSIVE, {**seen, "reason": "the answer is not a number"}, None
    holds = all(_HOLDS[plan.comparison](value, plan.threshold) for value in values)
    if plan.mode is MetricMode.EVERY_POINT:
        return *_judge_points(holds, len(values), window, policy, seen), None
    return _judge_end(plan, holds, window, policy, seen)


def _judge_points(
    holds: bool, count: int, window: Window, policy: EvidencePolicy, seen: dict[str, object]
) -> tuple[Verdict, dict[str, object]]:
    """A bound broken once is broken, even before the window ends; gaps in the data show nothing."""
    if not holds:
        return Verdict.FAILED, {**seen, "reason": "the bound was broken"}
    expected = (window.end - window.start).total_seconds() / window.step
    if count < policy.min_coverage * expected:
        covered = f"only {count / expected:.0%} of the window has data"
        return Verdict.INCONCLUSIVE, {**seen, "reason": covered}
    if not window.is_over:
        return Verdict.INCONCLUSIVE, {**seen, "reason": "the window is not over yet"}
    return Verdict.PASSED, seen


def _judge_end(
    plan: MetricPlan, holds: bool, window: Window, policy: EvidencePolicy, seen: dict[str, object]
) -> tuple[Verdict, dict[str, object], int | None]:
    if not window.is_over:
        return Verdict.INCONCLUSIVE, {**seen, "reason": "the window is not over yet"}, None
    if holds:
        return Verdict.PASSED, seen, None
    if plan.exercised is Exercise.BOUND:
        return Verdict.FAILED, {**seen, "reason": "the bound was broken"}, None
    longer = min(window.days + policy.window_days, policy.max_window_days)
    if longer > window.days:
        reason = f"what would show the fix has not happened yet; the window is now {longer} days"
        return Verdict.NOT_EXERCISED, {**seen, "reason": reason}, longer
    reason = "what would show the fix has not happened in six months; a drill or an attestation is needed"
    return Verdict.NOT_EXERCISED, {**seen, "reason": reason}, None


def _observed(plan: MetricPlan, series: Series) -> dict[str, object]:
    """One value as it is; of many points what matters, because a check is kept for ever."""
    points = [(at, value) for at, value in series.points if not isnan(value)]
    if plan.mode is MetricMode.AT_END or not points:
        return {"values": [_plain(value) for _, value in series.points]}
    lowest, highest = min(points, key=lambda p: p[1]), max(points, key=lambda p: p[1])
    return {"points": len(series.points), "lowest": _point(*lowest), "highest": _point(*highest)}


def _point(at: datetime, value: float) -> dict[str, object]:
    return {"at": at.isoformat(), "value": _plain(value)}


def _plain(value: float) -> float | str:
    """JSON has no NaN and no infinity."""
    return value if isfinite(value) else str(value)
