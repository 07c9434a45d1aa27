"""A real Prometheus: evidence from a backfilled history, and error budgets from Sloth's rules."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from app.adapters.monitoring.prometheus import Prometheus
from app.adapters.monitoring.sloth_rules import SlothBudgets
from app.domain.access import Role
from app.domain.actions.evidence import (
    CheckKind,
    Comparison,
    Exercise,
    MetricMode,
    MetricPlan,
    Verdict,
    VerificationPlan,
)
from app.domain.actions.model import ActionItem, ItemWrongState, Status
from app.domain.actions.use_cases.evidence import run_checks
from app.domain.actions.use_cases.writing import set_verification_plan
from app.domain.budgets.use_cases.boosts import expire_boosts
from app.domain.monitoring import Backend, InvalidQuery, Series
from app.domain.ports import Ports
from app.worker.schedules import check_evidence, look_at_budgets
from examples.monitoring_servers import MISSING, PROMETHEUS, PROMTOOL, sample, write_history
from examples.monitoring_servers import prometheus as running
from tests import make

pytestmark = pytest.mark.skipif(not (PROMETHEUS and PROMTOOL), reason=MISSING)
NOW = datetime.now(UTC).replace(microsecond=0)
DEPLOYED = NOW - timedelta(days=30, hours=1)
OPENED = 'circuit_breaker_open_total{{service="{}"}}[$window]'
DAY = 86_400


def history() -> Iterator[tuple[str, float, str]]:
    now = NOW.timestamp()
    for hours in range(32 * 24):
        at = now - 3600 * hours
        days_ago = hours / 24
        for pod, opened_days_ago in (("a", 20), ("b", 9)):
            opened = float(days_ago < opened_days_ago)
            yield sample("circuit_breaker_open_total", opened, at, service="twice", pod=pod)
            yield sample("circuit_breaker_open_total", opened * (pod == "a"), at, service="once", pod=pod)
    for minutes in range(0, 3 * 24 * 60, 5):
        at = now - 60 * minutes
        yield sample("error_ratio", 0.5 if minutes == 600 else 0.001, at, service="checkout")
    for hours in range(5 * 24):
        for service, value in (("late", 1.0), ("fresh", float(hours < 24))):
            yield sample("circuit_breaker_open_total", value, now - 3600 * hours, service=service, pod="a")
    labels = {"sloth_service": "checkout", "sloth_slo": "availability", "sloth_id": "checkout-availability"}
    for at in (now - 60, now, now + 60):
        yield sample("slo:period_error_budget_remaining:ratio", 0.12, at, **labels)
        yield sample("slo:current_burn_rate:ratio", 20.0, at, **labels)
        yield sample("slo:error_budget:ratio", 0.001, at, **labels)
        yield sample("slo:period_error_budget_remaining:ratio", 0.5, at, **{**labels, "sloth_service": "stranger"})
        for window, burn in (("5m", 20), ("1h", 16), ("30m", 9), ("6h", 3), ("2h", 3), ("1d", 1), ("3d", 0.4)):
            name = f"slo:sli_error:ratio_rate{window}"
            yield sample(name, burn * 0.001, at, **labels, sloth_window=window)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    write_history(folder, history())
    with running(folder) as url:
        yield url


@pytest.fixture
async def watched(ports: Ports, address: str) -> AsyncIterator[Ports]:
    async with httpx2.AsyncClient(trust_env=False) as client:
        prometheus = Prometheus(client, address)
        budgets = SlothBudgets(prometheus)
        yield replace(
            ports, monitoring={Backend.PROMETHEUS: prometheus}, slo_sources={"prometheus": budgets}, clock=lambda: NOW
        )


def demonstration(service: str) -> VerificationPlan:
    query = f"sum(increase({OPENED.format(service)}))"
    metric = MetricPlan(query, Comparison.GTE, 2, exercised=Exercise.DEMONSTRATION)
    return VerificationPlan((CheckKind.METRIC,), 30, metric=metric)


async def implemented(ports: Ports, plan: VerificationPlan, deployed_at: datetime = DEPLOYED) -> ActionItem:
    item = make.action_item(owner_id=None, status=Status.IMPLEMENTED, implemented_at=deployed_at, plan=plan)
    item = item.deployed(deployed_at)
    async with ports.uow() as u:
        await u.action_items.add(item)
        await u.commit()
    return item


async def found(ports: Ports, item: ActionItem) -> ActionItem:
    async with ports.uow() as u:
        (stored,) = await u.action_items.find_many([item.id])
    return stored


async def test_a_breaker_that_opened_once_on_each_of_two_pods_closes_the_item_by_itself(watched: Ports) -> None:
    item = await implemented(watched, demonstration("twice"))
    assert await check_evidence(watched) == 1
    closed = await found(watched, item)
    assert (closed.status, closed.closed_at) == (Status.CLOSED, NOW)
    async with watched.uow() as u:
        (check,) = await u.checks.of_item(item.id)
    assert (check.kind, check.verdict) == (CheckKind.METRIC, Verdict.PASSED)
    assert "[30d]" in str(check.detail["query"])
    assert check.detail["values"] == [pytest.approx(2, abs=0.1)]
    assert check.link is not None
    assert "/graph?g0.expr=" in check.link


async def test_a_counter_that_appears_late_is_named_because_its_first_value_is_not_counted(watched: Ports) -> None:
    for service, doubts in (("late", 1), ("fresh", 0), ("twice", 0), ("nobody", 0)):
        item = await implemented(watched, demonstration(service))
        await checked(watched, item)
        async with watched.uow() as u:
            (check,) = await u.checks.of_item(item.id)
        said = check.detail.get("doubts", [])
        assert isinstance(said, list)
        assert len(said) == doubts, service
        assert all("1 series of circuit_breaker_open_total" in doubt for doubt in said)


async def test_one_opening_is_not_exercised_and_the_window_extends(watched: Ports) -> None:
    item = await implemented(watched, demonstration("once"))
    assert await check_evidence(watched) == 1
    waiting = await found(watched, item)
    assert waiting.plan is not None
    assert (waiting.status, waiting.plan.window_days) == (Status.IMPLEMENTED, 60)
    assert waiting.evidence_due_on == (DEPLOYED + timedelta(days=60)).date()
    async with watched.uow() as u:
        (check,) = await u.checks.of_item(item.id)
    assert check.verdict is Verdict.NOT_EXERCISED
    assert await check_evidence(watched) == 0


async def test_a_bound_that_was_broken_for_a_moment_sends_the_item_back(watched: Ports) -> None:
    metric = MetricPlan('error_ratio{service="checkout"}', Comparison.LT, 0.01, MetricMode.EVERY_POINT)
    plan = VerificationPlan((CheckKind.METRIC,), 1, metric=metric)
    item = await implemented(watched, plan, NOW - timedelta(days=1, hours=1))
    await check_evidence(watched)
    assert (await found(watched, item)).status is Status.OPEN
    async with watched.uow() as u:
        (check,) = await u.checks.of_item(item.id)
    assert check.verdict is Verdict.FAILED
    assert check.detail["highest"] == {"at": (NOW - timedelta(hours=10)).isoformat(), "value": 0.5}


async def test_a_bound_that_held_throughout_passes(watched: Ports) -> None:
    metric = MetricPlan('error_ratio{service="checkout"}', Comparison.LT, 0.01, MetricMode.EVERY_POINT)
    plan = VerificationPlan((CheckKind.METRIC,), 1, metric=metric)
    item = await implemented(watched, plan, NOW - timedelta(days=2))
    await check_evidence(watched)
    assert (await found(watched, item)).status is Status.CLOSED


async def test_no_series_is_inconclusive_once_and_tried_again(watched: Ports) -> None:
    item = await implemented(watched, demonstration("nobody"))
    for _ in range(3):
        assert await check_evidence(watched) == 1
    async with watched.uow() as u:
        (check,) = await u.checks.of_item(item.id)
    assert (check.verdict, check.detail["series"]) == (Verdict.INCONCLUSIVE, 0)
    unwatched = replace(watched, monitoring={})
    await check_evidence(unwatched)
    async with watched.uow() as u:
        *_, check = await u.checks.of_item(item.id)
    assert check.detail["reason"] == "Prometheus is not configured: set NOREPEAT_PROMETHEUS_URL."


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sum(increase(x[30d])", "parse error"),
        ("rate(x)", "expected type range vector"),
        ("vector(1)", "reads no series"),
        ('circuit_breaker_open_total{service="twice"}', "2 series"),
    ],
)
async def test_a_plan_that_can_show_nothing_is_refused_in_the_backends_words(
    watched: Ports, query: str, said: str
) -> None:
    item = await implemented(watched, demonstration("twice"))
    plan = VerificationPlan((CheckKind.METRIC,), 30, metric=MetricPlan(query, Comparison.GTE, 1))
    caller = make.caller(role=Role.REVIEWER)
    with pytest.raises(InvalidQuery, match=said):
        await set_verification_plan(
            watched.uow, watched.clock, watched.policy, watched.monitoring, caller=caller, item_id=item.id, plan=plan
        )
    saved = await set_verification_plan(
        watched.uow, watched.clock, watched.policy, watched.monitoring, caller=caller, item_id=item.id,
        plan=demonstration("once"),
    )  # fmt: skip
    assert (await found(watched, item)).plan == saved.plan == demonstration("once")


async def test_an_unknown_deployment_time_is_inconclusive(watched: Ports) -> None:
    item = replace(await implemented(watched, demonstration("twice")), deployed_at=None, evidence_due_on=None)
    async with watched.uow() as u:
        await u.action_items.save(item)
        await u.commit()
    assert await checked(watched, item) == [(CheckKind.METRIC, Verdict.INCONCLUSIVE)]


async def checked(ports: Ports, item: ActionItem) -> list[tuple[CheckKind, Verdict | None]]:
    checks = await run_checks(
        ports.uow, ports.clock, ports.policy, ports.risk_policy, ports.monitoring,
        caller=make.caller(role=Role.REVIEWER), item_id=item.id,
    )  # fmt: skip
    return [(check.kind, check.verdict) for check in checks]


async def test_a_metric_that_passes_is_enough_beside_a_silence_that_says_nothing_yet(watched: Ports) -> None:
    plan = replace(demonstration("twice"), checks=(CheckKind.NO_RECURRENCE, CheckKind.METRIC))
    item = await implemented(watched, plan)
    assert await checked(watched, item) == [
        (CheckKind.NO_RECURRENCE, Verdict.INCONCLUSIVE),
        (CheckKind.METRIC, Verdict.PASSED),
    ]
    assert (await found(watched, item)).status is Status.CLOSED
    with pytest.raises(ItemWrongState):
        await checked(watched, item)


async def test_a_plan_that_only_a_person_can_fulfil_runs_nothing(watched: Ports) -> None:
    item = await implemented(watched, VerificationPlan((CheckKind.ATTESTED,), 30))
    assert await checked(watched, item) == []


class Meddling:
    """A monitoring system during whose answer somebody changes the plan."""

    def __init__(self, ports: Ports, item: ActionItem) -> None:
        self._ports, self._item = ports, item

    def require_series(self, query: str) -> None: ...

    async def doubts(self, query: str, start: datetime, end: datetime) -> tuple[str, ...]:
        return ()

    def graph(self, query: str, start: datetime, end: datetime) -> str:
        return "https://graph.example"

    async def points(self, query: str, start: datetime, end: datetime, step: float) -> tuple[Series, ...]:
        return ()

    async def at_end(self, query: str, start: datetime, end: datetime) -> tuple[Series, ...]:
        async with self._ports.uow() as u:
            await u.action_items.save(self._item.with_plan(demonstration("other")))
            await u.commit()
        return (Series({}, ((end, 2.0),)),)


async def test_an_answer_to_a_plan_that_has_changed_meanwhile_counts_for_nothing(watched: Ports) -> None:
    item = await implemented(watched, demonstration("twice"))
    assert await checked(replace(watched, monitoring={Backend.PROMETHEUS: Meddling(watched, item)}), item) == []
    assert (await found(watched, item)).status is Status.IMPLEMENTED


async def boosts(ports: Ports, service_id: Any) -> dict[str, str]:
    async with ports.uow() as u:
        return {boost.key.signal.value: boost.state.value for boost in await u.boosts.live([service_id])}


async def test_polling_raises_what_the_rules_say_and_silence_is_no_recovery(watched: Ports) -> None:
    service = make.service("checkout")
    async with watched.uow() as u:
        await u.services.add(service)
        await u.commit()
    assert await look_at_budgets(watched, "prometheus") == 1
    assert await boosts(watched, service.id) == {"fast_burn": "active", "budget_low": "active"}
    async with watched.uow() as u:
        (reading,) = await u.boosts.recent(service.id, 10)
    assert (reading.measured.remaining, reading.measured.burn_rate) == (0.12, 20.0)
    assert reading.measured.rates["1h"] == pytest.approx(16)

    async with httpx2.AsyncClient(trust_env=False) as client:
        gone = SlothBudgets(Prometheus(client, "http://127.0.0.1:9"))
        later = replace(watched, slo_sources={"prometheus": gone}, clock=lambda: NOW + timedelta(minutes=6))
        assert await look_at_budgets(later, "prometheus") == 0
    await expire_boosts(later.uow, later.clock, later.policy.budgets)
    assert await boosts(watched, service.id) == {"fast_burn": "stale", "budget_low": "stale"}
    assert await look_at_budgets(replace(watched, slo_sources={}), "prometheus") == 0
