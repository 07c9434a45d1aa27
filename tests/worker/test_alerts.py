"""Alertmanager's posts on the real database: through the route, the inbox and the worker, to boosts and priorities."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from app.adapters.monitoring.alertmanager import AlertmanagerWebhooks
from app.domain.access import SYSTEM
from app.domain.actions.model import ActionItem, Priority, Status
from app.domain.budgets.measuring import Measured, MeasuredBudget
from app.domain.budgets.model import BoostState, Signal
from app.domain.budgets.slos import SloDefinition
from app.domain.budgets.use_cases.boosts import expire_boosts, reprioritise_item
from app.domain.budgets.use_cases.budgets import import_slos
from app.domain.budgets.use_cases.measurements import act_on_alerts, apply_alerts, forget_readings, poll_budgets
from app.domain.events import EventType
from app.domain.ids import new_id
from app.domain.monitoring import MonitoringUnavailable
from app.domain.organisation.model import Service
from app.domain.ports import Ports, SignalSource
from app.domain.tracking.routing import LOCAL, new_ticket
from app.domain.tracking.use_cases.process_inbox import process_inbox
from app.main import create_app
from app.settings import Settings
from app.wiring import Opened
from app.worker import work
from app.worker.schedules import look_at_budgets
from tests import make
from tests.conftest import CONTRACTS
from tests.make import FixedClock

POSTS = CONTRACTS / "webhooks" / "alertmanager"
captured = pytest.mark.skipif(not POSTS.is_dir(), reason="the captured posts (../shared/contracts) are not here")
SIGNALS = {"alertmanager": SignalSource(AlertmanagerWebhooks(), ("s3cret",))}
BEARER = {"Authorization": "Bearer s3cret", "Content-Type": "application/json"}
PATH = "/v1/inbound/alertmanager"


def post(*alerts: tuple[str, str, str, str]) -> bytes:
    """Alerts as (status, service, SLO, severity)."""
    return json.dumps(
        {
            "version": "4",
            "alerts": [
                {
                    "status": status,
                    "labels": {"sloth_service": service, "sloth_slo": slo, "sloth_severity": severity},
                    "annotations": {"summary": "burns"},
                    "startsAt": "2026-11-23T15:48:35.869456879Z",
                }
                for status, service, slo, severity in alerts
            ],
        }
    ).encode()


class Watched:
    """A service whose alerts come from Alertmanager, under a clock that is moved."""

    def __init__(self, ports: Ports, opened: Opened, http: httpx2.AsyncClient, clock: FixedClock) -> None:
        self.ports, self.opened, self.http, self.clock = ports, opened, http, clock
        self.service: Service = make.service("checkout")

    async def item(self, **fields: Any) -> ActionItem:
        item = make.action_item(owner_id=None, **({"service_id": self.service.id} | fields))
        ticket, delivery = new_ticket(item, LOCAL, self.clock())
        async with self.ports.uow() as u:
            await u.action_items.add(item)
            await u.tickets.add(ticket)
            await u.deliveries.add(delivery)
            await u.commit()
        return item

    async def send(self, body: bytes, expect: int = 202, **headers: str) -> None:
        answer = await self.http.post(PATH, content=body, headers=BEARER | headers)
        assert answer.status_code == expect, answer.text

    async def process(self) -> None:
        ports, budgets = self.ports, self.ports.policy.budgets
        acts = {name: act_on_alerts(ports.uow, ports.clock, budgets, source) for name, source in ports.signals.items()}
        await process_inbox(ports.uow, ports.clock, ports.policy, ports.trackers, ports.webhooks, acts)

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        async with self.opened.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(sa.text(statement))]

    async def apply(self, body: bytes) -> str:
        alerts = AlertmanagerWebhooks().alerts(body)
        budgets = self.ports.policy.budgets
        return await apply_alerts(self.ports.uow, self.clock, budgets, alerts=alerts, received_at=self.clock())

    async def later(self, **by: float) -> None:
        self.clock.forward(**by)
        await expire_boosts(self.ports.uow, self.clock, self.ports.policy.budgets)

    async def priority(self) -> Priority:
        ((rank,),) = await self.rows("select distinct effective_priority from action_items")
        return Priority(rank)


@pytest.fixture
async def watched(settings: Settings, ports: Ports, opened: Opened) -> AsyncIterator[Watched]:
    clock = FixedClock(ports.clock())
    app = create_app(settings)
    app.state.ports = replace(ports, signals=SIGNALS, clock=clock)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://norepeat.test") as http:
        watched = Watched(app.state.ports, opened, http, clock)
        async with ports.uow() as u:
            await u.services.add(watched.service)
            await u.commit()
        yield watched


@captured
async def test_a_captured_alert_becomes_a_boost_and_the_ticket_is_told_by_the_worker(watched: Watched) -> None:
    item = await watched.item(base_priority=Priority.LOW)
    stop, ports = asyncio.Event(), watched.ports
    worker = asyncio.create_task(work(ports, watched.opened.engine, watched.opened.dsn, stop=stop, sweep_every=0.5))
    await watched.send((POSTS / "slo.firing.json").read_bytes())
    deadline = asyncio.get_running_loop().time() + 15
    while (told := await watched.rows("select priority from local_tickets")) != [("high",)]:
        assert asyncio.get_running_loop().time() < deadline, told
        await asyncio.sleep(0.05)
    stop.set()
    await worker
    assert await watched.rows("select signal, source, slo from boosts") == [
        ("fast_burn", "alertmanager", "availability")
    ]
    async with ports.uow() as u:
        found = await u.action_items.get(item.id, SYSTEM)
    assert (found.base_priority, found.effective_priority) == (Priority.LOW, Priority.HIGH)


async def test_the_route_is_closed_to_others_and_takes_a_repeated_post_as_a_renewal(watched: Watched) -> None:
    body = post(("firing", "checkout", "slo", "page"))
    await watched.send(body, expect=401, Authorization="Bearer other")
    for _ in range(2):
        await watched.send(body)
    await watched.process()
    assert await watched.rows("select count(*), count(note) from inbox") == [(2, 2)]
    assert await watched.rows("select state from boosts") == [("active",)]
    assert not (await watched.rows("select headers from inbox where headers ? 'authorization'"))
    app = create_app(Settings(_env_file=None))
    app.state.ports = replace(watched.ports, signals={"alertmanager": SignalSource(AlertmanagerWebhooks(), ())})
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://norepeat.test") as http:
        assert (await http.post(PATH, content=body, headers=BEARER)).status_code == 404


async def test_a_post_that_cannot_be_read_is_kept_with_its_error(watched: Watched) -> None:
    await watched.send(b"not json")
    await watched.process()
    ((error, note),) = await watched.rows("select error, note from inbox")
    assert "Alertmanager" in error
    assert note is None


async def test_an_alert_of_an_unknown_service_is_a_finding_and_stops_no_other(watched: Watched) -> None:
    await watched.item()
    body = post(("firing", "nobody", "slo", "page"), ("firing", "checkout", "slo", "ticket"))
    for _ in range(2):
        assert await watched.apply(body) == "1 applied, 1 unmatched"
    assert await watched.priority() is Priority.HIGH
    assert await watched.rows("select code, subject_kind from findings") == [("unmatched_alert", "alert")]
    assert await watched.apply(post()) == "of no interest"


async def test_resolved_starts_the_clear_time_and_six_hours_later_the_boost_is_lifted(watched: Watched) -> None:
    await watched.item()
    assert await watched.apply(post(("resolved", "checkout", "slo", "page"))) == "1 applied, 0 unmatched"
    assert await watched.rows("select 1 from boosts") == []
    await watched.apply(post(("firing", "checkout", "slo", "page")))
    watched.clock.forward(hours=1)
    await watched.apply(post(("resolved", "checkout", "slo", "page")))
    await watched.later(hours=5.9)
    assert await watched.priority() is Priority.URGENT
    await watched.later(hours=0.2)
    assert await watched.priority() is Priority.MEDIUM
    assert await watched.rows("select state, ended_because from boosts") == [("lifted", "recovered")]
    await watched.apply(post(("firing", "checkout", "slo", "page")))
    assert await watched.rows("select count(*) from boosts") == [(2,)]


async def test_what_was_received_before_a_boost_ended_raises_no_other(watched: Watched) -> None:
    await watched.apply(post(("firing", "checkout", "slo", "page")))
    alerts, received_at = AlertmanagerWebhooks().alerts(post(("firing", "checkout", "slo", "page"))), watched.clock()
    budgets = watched.ports.policy.budgets
    await watched.apply(post(("resolved", "checkout", "slo", "page")))
    watched.clock.forward(hours=1)
    await watched.apply(post(("resolved", "checkout", "slo", "page")))
    await watched.later(hours=7)
    await apply_alerts(watched.ports.uow, watched.clock, budgets, alerts=alerts, received_at=received_at)
    assert await watched.rows("select state from boosts") == [("lifted",)]


async def test_a_flapping_alert_lowers_a_ticket_at_most_once_a_day(watched: Watched) -> None:
    await watched.item()
    for hours in range(0, 7 * 24, 2):
        status = "resolved" if hours % 4 else "firing"
        await watched.apply(post((status, "checkout", "slo", "page")))
        await watched.later(hours=2)
    assert await watched.rows("select update->>'priority' from deliveries where update ? 'priority'") == [("urgent",)]


async def test_a_storm_makes_one_live_boost_per_key_and_no_error(watched: Watched) -> None:
    services = [make.service(f"shop-{number}") for number in range(10)]
    async with watched.ports.uow() as u:
        for service in services:
            await u.services.add(service)
        await u.commit()
    alerts = [("firing", f"shop-{n % 10}", f"slo-{n // 10 % 2}", ("page", "ticket")[n // 20 % 2]) for n in range(160)]
    random.Random(1).shuffle(alerts)
    await asyncio.gather(*(watched.send(post(*alerts[n : n + 20])) for n in range(0, 160, 20)))
    await asyncio.gather(watched.process(), watched.process())
    assert await watched.rows("select count(*) from inbox where error is not null or handled_at is null") == [(0,)]
    ((boosts, keys),) = await watched.rows("select count(*), count(distinct (service_id, slo, signal)) from boosts")
    assert boosts == keys == 40


async def test_an_imported_slo_leads_an_alert_without_a_service_to_its_own(watched: Watched) -> None:
    ports = watched.ports
    one = SloDefinition("checkout", "api-errors", 0.999, 30, "openslo")
    unknown = replace(one, service="nobody")
    first = await import_slos(ports.uow, ports.clock, caller=SYSTEM, definitions=[one, unknown])
    assert (first.added, first.changed, first.unchanged, first.unknown) == (1, 0, 0, ("nobody",))
    again = await import_slos(ports.uow, ports.clock, caller=SYSTEM, definitions=[one])
    changed = await import_slos(ports.uow, ports.clock, caller=SYSTEM, definitions=[replace(one, objective=0.99)])
    assert (again.unchanged, changed.changed) == (1, 1)
    labels = {"slo": "api-errors", "severity": "critical", "short": "5m", "long": "1h", "exhaustion": "2d"}
    body = json.dumps({"alerts": [{"status": "firing", "labels": labels}]}).encode()
    assert await watched.apply(body) == "1 applied, 0 unmatched"
    other = json.dumps({"alerts": [{"status": "firing", "labels": {**labels, "slo": "else"}}]}).encode()
    assert await watched.apply(other) == "0 applied, 1 unmatched"
    async with ports.uow() as u:
        (boost,) = await u.boosts.live([watched.service.id])
        (slo,) = await u.slos.of_service(watched.service.id)
    assert (boost.key.signal, boost.state, slo.objective) == (Signal.FAST_BURN, BoostState.ACTIVE, 0.99)


class Measuring:
    """A source of budgets that says what a test says."""

    def __init__(self, *budgets: MeasuredBudget) -> None:
        self.answer = budgets

    async def budgets(self, now: Any) -> tuple[MeasuredBudget, ...]:
        return self.answer


async def test_a_polled_budget_of_a_stranger_is_a_finding_and_one_that_says_nothing_is_left_out(
    watched: Watched,
) -> None:
    now, ports = watched.clock(), watched.ports
    source = Measuring(
        MeasuredBudget("nobody", "slo", Measured(now, 0.5)),
        MeasuredBudget("checkout", "slo", Measured(now)),
        MeasuredBudget("checkout", "slo", Measured(now, 0.5)),
    )
    assert await poll_budgets(ports.uow, ports.clock, ports.policy.budgets, "prometheus", source) == 1
    assert await watched.rows("select code from findings") == [("unmatched_alert",)]
    assert await watched.rows("select remaining from budget_readings") == [(0.5,)]
    later = Measuring(MeasuredBudget("checkout", "slo", Measured(now + timedelta(days=36), 0.4)))
    watched.clock.forward(days=36)
    await poll_budgets(ports.uow, ports.clock, ports.policy.budgets, "prometheus", later)
    assert await forget_readings(ports.uow, ports.clock, ports.policy.budgets) == 1
    watched.clock.forward(days=36)
    assert await forget_readings(ports.uow, ports.clock, ports.policy.budgets) == 0


async def test_two_sources_measure_side_by_side_and_one_that_is_away_stops_no_other(watched: Watched) -> None:
    await watched.item(base_priority=Priority.LOW)
    now = watched.clock()
    slo = SloDefinition("checkout", "untagged", 0.999, 30, "openslo")
    await import_slos(watched.ports.uow, watched.ports.clock, caller=SYSTEM, definitions=[slo])
    low = Measuring(MeasuredBudget("checkout", "slo", Measured(now, 0.2)))
    burning = Measuring(
        MeasuredBudget("checkout", "slo", Measured(now, 0.5, rates={"1h": 20.0, "5m": 20.0})),
        MeasuredBudget(None, "untagged", Measured(now, 0.1)),
        MeasuredBudget(None, "nobody's", Measured(now, 0.1)),
    )
    both = replace(watched.ports, slo_sources={"prometheus": low, "datadog": burning})
    assert await look_at_budgets(both, "prometheus") == 1
    assert await watched.priority() is Priority.MEDIUM
    assert await look_at_budgets(both, "datadog") == 2
    assert await watched.priority() is Priority.HIGH
    assert sorted(await watched.rows("select source, slo, signal from boosts")) == [
        ("datadog", "slo", "fast_burn"), ("datadog", "untagged", "budget_low"), ("prometheus", "slo", "budget_low"),
    ]  # fmt: skip
    ((message,),) = await watched.rows("select message from findings")
    assert message.startswith("Datadog says something of the SLO “nobody's”")

    away = replace(both, slo_sources={"prometheus": Away(), "datadog": burning})
    assert (await look_at_budgets(away, "prometheus"), await look_at_budgets(away, "datadog")) == (0, 2)
    assert await look_at_budgets(away, "elsewhere") == 0
    assert await watched.priority() is Priority.HIGH


class Away:
    """A source that does not answer."""

    async def budgets(self, now: Any) -> tuple[MeasuredBudget, ...]:
        raise MonitoringUnavailable("It is away.")


async def test_an_unknown_service_is_taken_with_202_and_becomes_a_finding(watched: Watched) -> None:
    await watched.send(post(("firing", "chekout", "slo", "page")), expect=202)
    await watched.process()
    assert await watched.rows("select note from inbox") == [("0 applied, 1 unmatched",)]
    assert await watched.rows("select code from findings") == [("unmatched_alert",)]


async def test_the_same_key_raised_at_once_is_one_boost(watched: Watched) -> None:
    body = post(*[("firing", "checkout", "slo", "page")] * 5)
    await asyncio.gather(*(watched.apply(body) for _ in range(8)))
    assert await watched.rows("select count(*) from boosts") == [(1,)]


async def test_an_item_that_is_reopened_gets_the_priority_that_holds_now(watched: Watched) -> None:
    ports, budgets = watched.ports, watched.ports.policy.budgets
    item = await watched.item(status=Status.CLOSED)
    nowhere = await watched.item(service_id=None)
    await watched.apply(post(("firing", "checkout", "slo", "page")))
    async with ports.uow() as u:
        await u.action_items.save((await u.action_items.get(item.id, SYSTEM)).reopen(watched.clock()))
        await u.commit()
    assert await reprioritise_item(ports.uow, ports.clock, budgets, item_id=item.id) == 1
    for id in (item.id, nowhere.id, new_id()):
        assert await reprioritise_item(ports.uow, ports.clock, budgets, item_id=id) == 0
    changed = EventType.ACTION_ITEM_PRIORITY_CHANGED
    assert await watched.rows(f"select data->>'new' from events where type = '{changed}'") == [("urgent",)]
