"""The `metric` check: what the monitoring shows about a fix, and what that means."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, isfinite, isnan
from operator import ge, gt, le, lt

from app.domain.actions.evidence import Comparison, Exercise, MetricMode, MetricPlan, Verdict
from app.domain.errors import DomainError
from app.domain.monitoring import Backend, InvalidQuery, NoMonitoring, Series
from app.domain.policy import EvidencePolicy
from app.domain.ports import Monitoring

_HOLDS = {Comparison.GTE: ge, Comparison.GT: gt, Comparison.LTE: le, Comparison.LT: lt}
_SHORTEST_STEP, _MOST_POINTS = 60.0, 10_000
_SETTINGS = {
    Backend.PROMETHEUS: "NOREPEAT_PROMETHEUS_URL",
    Backend.DATADOG: "NOREPEAT_DATADOG_API_KEY and NOREPEAT_DATADOG_APPLICATION_KEY",
}


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


def backend_of(plan: MetricPlan, monitoring: Mapping[Backend, Monitoring]) -> Monitoring:
    """The monitoring system that the plan asks. Raises NoMonitoring."""
    try:
        return monitoring[plan.backend]
    except KeyError:
        others = f" Configured: {', '.join(sorted(monitoring))}." if monitoring else ""
        raise NoMonitoring(
            f"{plan.backend.title()} is not configured: set {_SETTINGS[plan.backend]}.{others}"
        ) from None


async def require_runnable(
    monitoring: Mapping[Backend, Monitoring], plan: MetricPlan, days: int, now: datetime
) -> None:
    """Raise InvalidQuery where the backend refuses the query, or where it can show nothing about production."""
    query, backend = query_of(plan, days), backend_of(plan, monitoring)
    backend.require_series(query)
    found = await backend.at_end(query, now - timedelta(days=days), now)
    if len(found) > 1:
        raise InvalidQuery(f"The query answers with {len(found)} series; it must be one, as with sum(…).")


async def look(
    monitoring: Mapping[Backend, Monitoring], plan: MetricPlan, window: Window, policy: EvidencePolicy
) -> MetricOutcome:
    """Ask the monitoring and judge. It never raises: no answer is inconclusive, to be tried again."""
    query = query_of(plan, window.days)
    asked: dict[str, object] = {
        "query": query, "comparison": str(plan.comparison), "threshold": plan.threshold, "mode": str(plan.mode),
        "backend": str(plan.backend),
    }  # fmt: skip
    try:
        backend = backend_of(plan, monitoring)
    except NoMonitoring as error:
        return MetricOutcome(Verdict.INCONCLUSIVE, {**asked, "reason": error.message})
    link = backend.graph(query, window.start, window.end)
    try:
        if plan.mode is MetricMode.EVERY_POINT:
            found = await backend.points(query, window.start, window.end, window.step)
        else:
            found = await backend.at_end(query, window.start, window.end)
            asked |= await _doubts(backend, query, window)
    except DomainError as error:
        return MetricOutcome(Verdict.INCONCLUSIVE, {**asked, "reason": error.message}, link)
    verdict, seen, longer = judge(plan, found, window, policy)
    return MetricOutcome(verdict, {**asked, **seen}, link, longer)


async def _doubts(backend: Monitoring, query: str, window: Window) -> dict[str, object]:
    """Said beside the verdict; not being able to say so changes nothing."""
    try:
        doubts = await backend.doubts(query, window.start, window.end)
    except DomainError:
        return {}
    return {"doubts": list(doubts)} if doubts else {}


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
    if not values:
        return Verdict.INCONCLUSIVE, {**seen, "reason": "the series has no point where the window ends"}, None
    if any(map(isnan, values)):
        return Verdict.INCONCLUSIVE, {**seen, "reason": "the answer is not a number"}, None
    holds = all(_HOLDS[plan.comparison](value, plan.threshold) for value in values)
    if plan.mode is MetricMode.EVERY_POINT:
        covered = len(values) * (found[0].every or window.step)
        return *_judge_points(holds, covered, window, policy, seen), None
    return _judge_end(plan, holds, window, policy, seen)


def _judge_points(
    holds: bool, covered: float, window: Window, policy: EvidencePolicy, seen: dict[str, object]
) -> tuple[Verdict, dict[str, object]]:
    """A bound broken once is broken, even before the window ends; gaps in the data show nothing."""
    if not holds:
        return Verdict.FAILED, {**seen, "reason": "the bound was broken"}
    share = covered / (window.end - window.start).total_seconds()
    if share < policy.min_coverage:
        return Verdict.INCONCLUSIVE, {**seen, "reason": f"only {share:.0%} of the window has data"}
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
