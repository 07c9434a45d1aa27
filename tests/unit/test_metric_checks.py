"""The `metric` check: what an answer of the monitoring shows about a fix, and what it does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import inf, nan
from typing import Any

import pytest

from app.domain.access import Role
from app.domain.actions.evidence import (
    CheckKind,
    Comparison,
    Exercise,
    InvalidPlan,
    MetricMode,
    MetricPlan,
    Verdict,
    VerificationPlan,
)
from app.domain.actions.metric import MetricOutcome, Window, look, query_of, require_runnable, window_of
from app.domain.actions.use_cases.preview import preview_verification_plan
from app.domain.errors import Forbidden, Invalid
from app.domain.monitoring import Backend, InvalidQuery, MonitoringUnavailable, NoMonitoring, Series
from app.domain.policy import EvidencePolicy, Policy
from tests import make
from tests.make import NOW, FixedClock

POLICY = EvidencePolicy()
DAY = timedelta(days=1)
BOUND = MetricPlan("error_ratio", Comparison.LT, 0.01)
DEMO = MetricPlan("sum(increase(opened[$window]))", Comparison.GTE, 2, exercised=Exercise.DEMONSTRATION)
THROUGHOUT = replace(BOUND, mode=MetricMode.EVERY_POINT)
OVER = Window(NOW - 30 * DAY, NOW, 30, is_over=True)
UNDER_WAY = Window(NOW - 10 * DAY, NOW, 30, is_over=False)


def one(*values: float) -> tuple[Series, ...]:
    return (Series({"service": "checkout"}, tuple((NOW, value) for value in values)),)


@dataclass
class FakeMonitoring:
    """Answers what a test says, and remembers what it was asked."""

    answer: tuple[Series, ...] = ()
    error: Exception | None = None
    doubted: Sequence[str] | Exception = ()
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def require_series(self, query: str) -> None:
        if "vector" in query:
            raise InvalidQuery("It reads no series.")

    async def at_end(self, query: str, start: datetime, end: datetime) -> tuple[Series, ...]:
        return self._answer(query, start, end)

    async def points(self, query: str, start: datetime, end: datetime, step: float) -> tuple[Series, ...]:
        return self._answer(query, start, end, step)

    async def doubts(self, query: str, start: datetime, end: datetime) -> tuple[str, ...]:
        if isinstance(self.doubted, Exception):
            raise self.doubted
        return tuple(self.doubted)

    def graph(self, query: str, start: datetime, end: datetime) -> str:
        return f"https://graph.example/{query}"

    def _answer(self, *asked: Any) -> tuple[Series, ...]:
        self.asked.append(asked)
        if self.error:
            raise self.error
        return self.answer


def asked(answer: Sequence[Series] = (), **fields: Any) -> Mapping[Backend, FakeMonitoring]:
    return {Backend.PROMETHEUS: FakeMonitoring(tuple(answer), **fields)}


async def seen(plan: MetricPlan, answer: Sequence[Series], window: Window = OVER) -> MetricOutcome:
    return await look(asked(answer), plan, window, POLICY)


async def test_a_bound_that_holds_passes_and_one_that_is_broken_fails() -> None:
    passed = await seen(BOUND, one(0.001))
    assert (passed.verdict, passed.detail["values"], passed.link) == (
        Verdict.PASSED, [0.001], "https://graph.example/error_ratio",
    )  # fmt: skip
    assert (await seen(BOUND, one(0.02))).verdict is Verdict.FAILED


async def test_a_demonstration_that_never_came_is_not_exercised_and_the_window_extends() -> None:
    assert (await seen(DEMO, one(2.0))).verdict is Verdict.PASSED
    waiting = await seen(DEMO, one(1.0))
    assert (waiting.verdict, waiting.longer_window_days) == (Verdict.NOT_EXERCISED, 60)
    late = await seen(DEMO, one(0.0), replace(OVER, days=170))
    assert late.longer_window_days == 183
    last = await seen(DEMO, one(0.0), replace(OVER, days=183))
    assert (last.verdict, last.longer_window_days) == (Verdict.NOT_EXERCISED, None)
    assert "drill" in str(last.detail["reason"])


@pytest.mark.parametrize("plan", [BOUND, DEMO])
async def test_before_the_window_ends_nothing_at_its_end_is_known(plan: MetricPlan) -> None:
    assert (await seen(plan, one(5.0), UNDER_WAY)).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("answer", [(), one(nan), one(), (*one(0.001), *one(0.001))])
@pytest.mark.parametrize("plan", [BOUND, DEMO, THROUGHOUT])
async def test_no_series_several_series_and_nan_are_inconclusive(plan: MetricPlan, answer: tuple[Series, ...]) -> None:
    outcome = await seen(plan, answer)
    assert (outcome.verdict, outcome.longer_window_days) == (Verdict.INCONCLUSIVE, None)
    assert outcome.detail["reason"]


async def test_what_must_hold_throughout_fails_at_once_and_passes_only_with_enough_data() -> None:
    count = int(30 * DAY.total_seconds() / OVER.step)
    assert (await seen(THROUGHOUT, one(*[0.001] * count))).verdict is Verdict.PASSED
    assert (await seen(THROUGHOUT, one(0.001, 0.5), UNDER_WAY)).verdict is Verdict.FAILED
    gaps = await seen(THROUGHOUT, one(*[0.001] * (count // 2)))
    assert (gaps.verdict, gaps.detail["reason"]) == (Verdict.INCONCLUSIVE, "only 50% of the window has data")
    early = await seen(THROUGHOUT, one(*[0.001] * count), UNDER_WAY)
    assert (early.verdict, early.detail["reason"]) == (Verdict.INCONCLUSIVE, "the window is not over yet")
    broken = await seen(THROUGHOUT, one(0.001, inf))
    assert broken.detail["highest"] == {"at": NOW.isoformat(), "value": "inf"}


async def test_no_answer_and_no_monitoring_are_inconclusive_with_the_reason() -> None:
    away = await look(asked(error=MonitoringUnavailable("It is away.")), BOUND, OVER, POLICY)
    assert (away.verdict, away.detail["reason"]) == (Verdict.INCONCLUSIVE, "It is away.")
    nobody = await look({}, BOUND, OVER, POLICY)
    assert (nobody.verdict, nobody.link) == (Verdict.INCONCLUSIVE, None)


async def test_the_window_enters_the_query_and_the_step_keeps_below_the_backends_limit() -> None:
    assert query_of(DEMO, 60) == "sum(increase(opened[60d]))"
    monitoring = FakeMonitoring(one(0.0))
    await look({Backend.PROMETHEUS: monitoring}, THROUGHOUT, OVER, POLICY)
    ((_, start, end, step),) = monitoring.asked
    assert (start, end) == (OVER.start, OVER.end)
    assert (end - start).total_seconds() / step < 11_000
    assert window_of(NOW, 30, NOW + 40 * DAY) == Window(NOW, NOW + 30 * DAY, 30, is_over=True)
    assert window_of(NOW, 30, NOW + DAY).end == NOW + DAY


async def test_a_plan_says_which_backend_is_asked_and_only_that_one_is() -> None:
    prometheus, datadog = FakeMonitoring(one(0.5)), FakeMonitoring(one(0.001))
    both = {Backend.PROMETHEUS: prometheus, Backend.DATADOG: datadog}
    asks = replace(BOUND, backend=Backend.DATADOG)
    passed = await look(both, asks, OVER, POLICY)
    assert (passed.verdict, passed.detail["backend"], prometheus.asked) == (Verdict.PASSED, "datadog", [])
    with pytest.raises(NoMonitoring, match=r"Datadog is not configured: set NOREPEAT_DATADOG.* Configured: prometheus"):
        await require_runnable({Backend.PROMETHEUS: prometheus}, asks, 30, NOW)


async def test_doubts_stand_beside_the_verdict_and_change_nothing() -> None:
    doubted = await look(asked(one(2.0), doubted=["It began at 1."]), DEMO, OVER, POLICY)
    assert (doubted.verdict, doubted.detail["doubts"]) == (Verdict.PASSED, ["It began at 1."])
    away = await look(asked(one(2.0), doubted=MonitoringUnavailable("It is away.")), DEMO, OVER, POLICY)
    assert (away.verdict, "doubts" in away.detail) == (Verdict.PASSED, False)


async def test_coverage_counts_the_time_that_points_stand_for() -> None:
    days = tuple((NOW - n * DAY, 0.001) for n in range(30))
    assert (await seen(THROUGHOUT, [Series({}, days, every=86_400.0)])).verdict is Verdict.PASSED
    gaps = await seen(THROUGHOUT, [Series({}, days[:15], every=86_400.0)])
    assert gaps.detail["reason"] == "only 50% of the window has data"


async def test_a_series_that_ended_before_the_window_did_is_inconclusive() -> None:
    ended = await seen(BOUND, [Series({}, ())])
    assert (ended.verdict, ended.detail["reason"]) == (
        Verdict.INCONCLUSIVE, "the series has no point where the window ends",
    )  # fmt: skip


async def test_a_query_that_can_show_nothing_is_refused() -> None:
    with pytest.raises(InvalidQuery, match="no series"):
        await require_runnable(asked(), replace(BOUND, query="vector(1)"), 30, NOW)
    with pytest.raises(InvalidQuery, match="2 series"):
        await require_runnable(asked((*one(1.0), *one(1.0))), BOUND, 30, NOW)
    await require_runnable(asked(), BOUND, 30, NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"query": "  "},
        {"threshold": nan},
        {"mode": MetricMode.EVERY_POINT, "exercised": Exercise.DEMONSTRATION},
    ],
)
def test_a_metric_that_contradicts_itself_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidPlan):
        replace(BOUND, **wrong)


def test_the_check_and_what_it_asks_go_together() -> None:
    assert VerificationPlan((CheckKind.METRIC,), 30, metric=BOUND).metric == BOUND
    with pytest.raises(InvalidPlan):
        VerificationPlan((CheckKind.METRIC,), 30)
    with pytest.raises(InvalidPlan):
        VerificationPlan((CheckKind.ATTESTED,), 30, metric=BOUND)


async def test_a_plan_is_tried_over_the_window_that_ends_now() -> None:
    plan, clock = VerificationPlan((CheckKind.METRIC,), 30, metric=BOUND), FixedClock()
    caller = make.caller()
    window, outcome = await preview_verification_plan(clock, Policy(), asked(one(0.5)), caller=caller, plan=plan)
    assert (window.start, outcome.verdict) == (NOW - 30 * DAY, Verdict.FAILED)
    with pytest.raises(NoMonitoring):
        await preview_verification_plan(clock, Policy(), {}, caller=caller, plan=plan)
    bare, reader = VerificationPlan((CheckKind.ATTESTED,), 30), make.caller(role=Role.READER)
    with pytest.raises(Invalid):
        await preview_verification_plan(clock, Policy(), asked(), caller=caller, plan=bare)
    with pytest.raises(Forbidden):
        await preview_verification_plan(clock, Policy(), asked(), caller=reader, plan=plan)
