"""Error budgets through HTTP on a real database: boosts in, items re-prioritised, tickets told, boosts lifted."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from math import nan
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel
from typer.testing import CliRunner

from app.cli import cli
from app.domain.access import SYSTEM
from app.domain.actions.model import Priority, Status
from app.domain.budgets.measuring import BudgetReading, Measured
from app.domain.budgets.model import InvalidBoost, Signal
from app.domain.budgets.slos import SloDefinition
from app.domain.budgets.use_cases.boosts import expire_boosts, raise_boost
from app.domain.budgets.use_cases.budgets import import_slos
from app.domain.budgets.use_cases.measurements import record_budget
from app.domain.ids import new_id
from app.domain.learning.use_cases.risk import score_open_items
from app.domain.organisation.model import Service
from app.domain.policy import BudgetPolicy
from app.domain.ports import Ports
from app.domain.tracking.routing import LOCAL, new_ticket
from app.main import create_app
from app.settings import Settings
from app.wiring import Opened
from tests import make
from tests.api.callers import Person, staff
from tests.make import FixedClock

PATH = "/v1/services/checkout/priority-boosts"
FAST = {"slo": "availability", "signal": "fast_burn", "source": "budgetd", "reason": "burns 20 times too fast"}
POLICY = BudgetPolicy()


class World:
    """A service with an admin, under a clock that stands still until it is moved."""

    def __init__(self, ports: Ports, opened: Opened, admin: Person, clock: FixedClock) -> None:
        self.ports, self.opened, self.admin, self.clock = ports, opened, admin, clock
        self.service: Service = make.service()
        self.ada = make.person()

    async def items(self, count: int = 1, **fields: Any) -> list[Any]:
        items = [make.action_item(owner_id=self.ada.id, service_id=self.service.id, **fields) for _ in range(count)]
        async with self.ports.uow() as u:
            for item in items:
                await u.action_items.add(item)
                ticket, delivery = new_ticket(item, LOCAL, self.clock())
                await u.tickets.add(ticket)
                await u.deliveries.add(delivery)
            await u.commit()
        return items

    async def raised(self, expect: int = 201, **fields: Any) -> Any:
        return await self.admin.post(PATH, FAST | fields, expect=expect)

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        async with self.opened.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(sa.text(statement))]

    async def told(self) -> list[str]:
        """Priorities that tickets were told, in order."""
        statement = "select update->>'priority' from deliveries where update ? 'priority' order by created_at, id"
        return [priority for (priority,) in await self.rows(statement)]

    async def later(self, **by: float) -> None:
        self.clock.forward(**by)
        await expire_boosts(self.ports.uow, self.clock, self.ports.policy.budgets)

    async def priorities(self) -> set[int]:
        return {rank for (rank,) in await self.rows("select distinct effective_priority from action_items")}


@pytest.fixture
async def world(settings: Settings, ports: Ports, opened: Opened, client: httpx2.AsyncClient) -> AsyncIterator[World]:
    clock = FixedClock(ports.clock())
    standing = replace(ports, clock=clock)
    app = create_app(settings)
    app.state.ports = standing
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, raise_app_exceptions=False), base_url="http://norepeat.test"
    ) as http:
        world = World(standing, opened, Person(http, client.headers["authorization"]), clock)
        async with ports.uow() as u:
            await u.services.add(world.service)
            await u.people.add(world.ada)
            await u.commit()
        yield world


async def test_a_boost_lifts_the_items_of_its_service_and_explains_them(world: World) -> None:
    (item,) = await world.items(base_priority=Priority.LOW)
    boost = await world.raised(burn_rate=20.5, remaining=0.2)
    assert (boost["levels"], boost["state"], boost["service"]["slug"]) == (2, "active", "checkout")
    found = await world.admin.get(f"/v1/action-items/{item.id}")
    assert (found["base_priority"], found["effective_priority"]) == ("low", "high")
    assert (found["boost"]["id"], found["boost"]["signal"]) == (boost["id"], "fast_burn")
    assert await world.told() == ["high"]
    again = await world.raised(expect=200)
    assert again["id"] == boost["id"]
    assert await world.told() == ["high"]
    await world.admin.call("DELETE", f"{PATH}/{boost['id']}", expect=204)
    found = await world.admin.get(f"/v1/action-items/{item.id}")
    assert (found["effective_priority"], found["boost"]) == ("low", None)
    assert await world.told() == ["high", "low"]
    refused = await world.admin.call("DELETE", f"{PATH}/{boost['id']}", expect=409)
    assert refused["code"] == "boost_ended"
    types = [type for (type,) in await world.rows("select type from events order by id")]
    assert types.count("action_item.priority_changed.v1") == 2
    assert {"boost.raised.v1", "boost.lifted.v1"} <= set(types)


async def test_the_ledger_is_listed(world: World) -> None:
    first = await world.raised()
    await world.raised(signal="budget_low", remaining=0.1)
    await world.admin.call("DELETE", f"{PATH}/{first['id']}", expect=204)
    assert [b["signal"] for b in (await world.admin.get(PATH))["items"]] == ["budget_low", "fast_burn"]
    assert [b["signal"] for b in (await world.admin.get(f"{PATH}?live=true"))["items"]] == ["budget_low"]
    (ended,) = (await world.admin.get(f"{PATH}?signal=fast_burn"))["items"]
    assert (ended["state"], ended["ended_because"][:9]) == ("lifted", "lifted by")


@contextmanager
def counted(opened: Opened) -> Iterator[list[str]]:
    """Statements that the engine runs."""
    statements: list[str] = []

    def remember(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(" ".join(statement.split()))

    sa.event.listen(opened.engine.sync_engine, "before_cursor_execute", remember)
    try:
        yield statements
    finally:
        sa.event.remove(opened.engine.sync_engine, "before_cursor_execute", remember)


async def many_items(world: World, count: int) -> None:
    """Rows as they are, because a thousand round trips would take longer than what is tested."""
    now = world.clock()
    one = {"version": 1, "created_at": now, "updated_at": now, "dropped": [], "slips": 0, "times_passed_over": 0}
    items = [make.action_item() for _ in range(count)]
    tables = SQLModel.metadata.tables
    async with world.opened.engine.begin() as connection:
        await connection.execute(
            sa.insert(tables["action_items"]),
            [
                {
                    "id": item.id, "title": "Add a timeout", "description": "", "control_type": "prevent",
                    "status": "open", "systemic": False, "service_id": world.service.id, "base_priority": 3,
                    "effective_priority": 3, **{k: v for k, v in one.items() if k != "dropped"},
                }
                for item in items
            ],
        )  # fmt: skip
        await connection.execute(
            sa.insert(tables["tickets"]),
            [
                {
                    "id": item.id, "action_item_id": item.id, "provider": "local", "status": "todo", "status_text": "",
                    "route": {"project": "norepeat", "labels": [], "restricted": True}, "sync_state": "synced",
                    "adopted": False, **{k: v for k, v in one.items() if k not in ("slips", "times_passed_over")},
                }
                for item in items
            ],
        )  # fmt: skip


async def test_a_thousand_items_take_one_statement(world: World) -> None:
    await many_items(world, 1000)
    with counted(world.opened) as statements:
        await world.raised()
    assert await world.priorities() == {1}
    assert len(await world.told()) == 1000
    assert (await world.rows("select count(*) from events where type like '%priority_changed%'"))[0] == (1000,)
    assert sum("UPDATE action_items" in statement for statement in statements) == 1
    assert len(statements) < 20


async def test_closed_items_and_those_of_other_services_stay_as_they_are(world: World) -> None:
    other = make.service("search")
    async with world.ports.uow() as u:
        await u.services.add(other)
        await u.commit()
    await world.items(status=Status.CLOSED)
    await world.items(status=Status.DECLINED)
    (elsewhere,) = await world.items()
    async with world.ports.uow() as u:
        await u.action_items.save(replace(elsewhere, service_id=other.id))
        await u.commit()
    await world.raised()
    assert await world.priorities() == {Priority.MEDIUM}


async def test_what_an_item_becomes_counts_the_boosts_there_are(world: World) -> None:
    (item,) = await world.items()
    await world.raised(signal="burn")
    path = f"/v1/action-items/{item.id}"
    assert (await world.admin.patch(path, {"base_priority": "low"}))["effective_priority"] == "medium"
    moved = await world.admin.patch(path, {"base_priority": "urgent"})
    assert (moved["effective_priority"], moved["boost"]) == ("urgent", None)
    assert await world.told() == ["high", "medium", "urgent"]


async def test_falls_are_told_once_a_day_and_rises_at_once(world: World) -> None:
    await world.items()
    for hours in range(8):
        boost = await world.raised(observed_at=world.clock().isoformat())
        world.clock.forward(minutes=30)
        await world.admin.call("DELETE", f"{PATH}/{boost['id']}", expect=204)
        world.clock.forward(minutes=30)
        assert await world.priorities() == {Priority.MEDIUM}, hours
    assert await world.told() == ["urgent", "medium", "urgent"]
    await world.later(hours=10)
    assert len(await world.told()) == 3
    await world.later(hours=10)
    assert await world.told() == ["urgent", "medium", "urgent", "medium"]
    await world.later(hours=30)
    assert len(await world.told()) == 4


async def test_a_silent_source_makes_a_boost_stale_and_then_unknown_but_never_recovered(world: World) -> None:
    await world.items()
    boost = await world.raised()
    await world.later(hours=7)
    assert (await world.admin.get(PATH))["items"][0]["state"] == "stale"
    assert await world.priorities() == {Priority.URGENT}
    await world.raised(expect=200, observed_at=world.clock().isoformat())
    assert (await world.admin.get(PATH))["items"][0]["state"] == "active"
    await world.later(hours=77)
    assert await world.priorities() == {Priority.URGENT}
    await world.later(hours=2)
    assert (await world.admin.get(PATH))["items"][0]["state"] == "expired_unknown"
    assert await world.priorities() == {Priority.MEDIUM}
    (finding,) = (await world.admin.get("/v1/findings"))["items"]
    assert (finding["code"], finding["subject_id"]) == ("boost_expired_unknown", boost["id"])


async def measured(world: World, remaining: float | None = None, **rates: float) -> None:
    look = Measured(world.clock(), remaining, None, {name.lstrip("_"): rate for name, rate in rates.items()})
    reading = BudgetReading(world.service.id, "availability", "prometheus", look)
    await record_budget(world.ports.uow, world.clock, POLICY, caller=SYSTEM, reading=reading)


async def test_measurements_raise_and_lift_by_themselves(world: World) -> None:
    await world.items(base_priority=Priority.LOW)
    await measured(world, 0.24, _6h=7, _30m=8)
    assert await world.priorities() == {Priority.MEDIUM}
    await measured(world, -0.1, _6h=7, _30m=8)
    world.clock.forward(minutes=1)
    await measured(world, -0.1, _6h=7, _30m=8)
    assert await world.priorities() == {Priority.HIGH}
    for _ in range(13):
        world.clock.forward(minutes=5)
        await measured(world, 0.5, _6h=1, _30m=1)
        await world.later(seconds=0)
    states = dict(await world.rows("select signal, state from boosts"))  # type: ignore[arg-type]
    assert states == {"burn": "active", "budget_low": "lifted", "budget_exhausted": "lifted"}
    assert await world.priorities() == {Priority.MEDIUM}
    await world.later(hours=20)
    assert (await world.rows("select state from boosts where signal = 'burn'"))[0] == ("stale",)


async def test_the_budget_of_a_service_is_shown_with_its_age(world: World) -> None:
    path = "/v1/services/checkout/budget"
    empty = await world.admin.get(path)
    assert (empty["state"], empty["slos"], empty["remaining"]) == ("unknown", [], None)
    await measured(world, 0.6)
    world.clock.forward(minutes=7)
    await measured(world, 0.2, _1h=3)
    world.clock.forward(minutes=2)
    now = await world.admin.get(path)
    assert (now["state"], now["remaining"], now["age_seconds"], now["levels"]) == ("low", 0.2, 120.0, 1)
    assert [look["remaining"] for look in now["slos"][0]["history"]] == [0.2, 0.6]
    assert now["slos"][0]["last"]["rates"] == {"1h": 3}
    assert [boost["signal"] for boost in now["active_boosts"]] == ["budget_low"]
    world.clock.forward(hours=1)
    silent = await world.admin.get(path)
    assert (silent["state"], silent["remaining"], silent["age_seconds"]) == ("unknown", 0.2, 3720.0)


async def test_risk_takes_the_budget_into_account(world: World) -> None:
    cause = make.root_cause()
    incident = make.incident(world.service, cause=cause)
    async with world.ports.uow() as u:
        await u.root_causes.add(cause)
        await u.incidents.add(incident)
        await u.commit()
    (item,) = await world.items(root_cause_id=cause.id, incident_id=incident.id)
    await measured(world, 0.2)
    await score_open_items(world.ports.uow, world.clock, world.ports.risk_policy, causes=[cause.id])
    feed = (await world.admin.get("/v1/sprint-planning?days=730"))["items"]
    (risk,) = [one["risk_detail"] for one in feed if one["id"] == str(item.id)]
    assert risk["budget_factor"] == 1.25
    assert risk["reasons"][-1]["text"] == "checkout has burnt 80 % of its budget"


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"burn_rate": -1}, 422, "invalid_request"),
        ({"burn_rate": 1e9}, 422, "invalid_request"),
        ({"remaining": 1.5}, 422, "invalid_request"),
        ({"signal": "doom"}, 422, "invalid_request"),
        ({"levels": 2}, 422, "invalid_request"),
        ({"source": "prometheus"}, 422, "invalid_boost"),
        ({"observed_at": "2199-01-01T00:00:00Z"}, 422, "invalid_boost"),
        ({"observed_at": "2020-01-01T00:00:00Z"}, 422, "invalid_boost"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 422, "invalid_boost"),
        ({"expires_at": "2199-01-01T00:00:00Z"}, 422, "invalid_boost"),
    ],
)
async def test_what_cannot_be_is_refused(world: World, wrong: dict[str, Any], status: int, code: str) -> None:
    assert (await world.raised(expect=status, **wrong))["code"] == code


@pytest.mark.parametrize("wrong", [{"burn_rate": -1.0}, {"burn_rate": nan}, {"remaining": 2.0}, {"remaining": nan}])
async def test_the_rules_hold_without_the_wire_too(world: World, wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidBoost):
        await raise_boost(
            world.ports.uow, world.clock, POLICY, caller=SYSTEM, service="checkout", slo="a", signal=Signal.BURN,
            source="budgetd", **wrong,
        )  # type: ignore[arg-type]  # fmt: skip


async def test_a_boost_is_lifted_at_its_own_service_only(world: World) -> None:
    boost = await world.raised()
    other = make.service("search")
    async with world.ports.uow() as u:
        await u.services.add(other)
        await u.commit()
    for service in ("search", str(new_id())):
        await world.admin.call("DELETE", f"/v1/services/{service}/priority-boosts/{boost['id']}", expect=404)
    await world.admin.call("DELETE", f"{PATH}/{new_id()}", expect=404)
    await world.admin.call("DELETE", f"/v1/services/{world.service.id}/priority-boosts/{boost['id']}", expect=204)


async def test_slos_are_listed_and_found(world: World) -> None:
    one = SloDefinition("checkout", "availability", 0.999, 30, "sloth", spec={"objective": 99.9})
    await import_slos(world.ports.uow, world.clock, caller=SYSTEM, definitions=[one])
    (listed,) = (await world.admin.get("/v1/slos?service=checkout&search=avail"))["items"]
    assert listed == await world.admin.get(f"/v1/slos/{listed['id']}")
    assert (listed["objective"], listed["spec"], listed["service"]["slug"]) == (0.999, {"objective": 99.9}, "checkout")
    assert (await world.admin.get("/v1/services/checkout/budget"))["slos"][0]["objective"] == 0.999
    await world.admin.call("GET", f"/v1/slos/{new_id()}", expect=404)


async def test_definitions_are_imported_from_files(world: World, dsn: str, tmp_path: Path) -> None:
    file = tmp_path / "slo.json"
    slos = [{"name": "availability", "objective": 99.9}]
    known = {"version": "prometheus/v1", "service": "checkout", "slos": slos}
    file.write_text(json.dumps([known, {**known, "service": "nobody"}]))
    run = partial(CliRunner().invoke, cli, ["slo", "import", str(file)], env={"DATABASE_URL": dsn})
    for said in ("1 added, 0 changed, 0 unchanged", "0 added, 0 changed, 1 unchanged"):
        result = await asyncio.to_thread(run)
        assert result.exit_code == 1
        assert said in result.output
        assert "no such service: nobody" in result.output
    file.write_text(json.dumps(known))
    assert (await asyncio.to_thread(run)).exit_code == 0


METRIC = {"query": "sum(up)", "comparison": ">=", "threshold": 1, "exercised": "demonstration"}


async def test_a_plan_with_a_metric_is_kept_and_tried(world: World) -> None:
    (item,) = await world.items()
    path = f"/v1/action-items/{item.id}/verification-plan"
    plan = {"checks": ["metric", "attested"], "window_days": 30, "metric": METRIC}
    saved = await world.admin.call("PUT", path, plan, expect=200)
    assert saved["plan"] == {**plan, "description": "", "metric": {**METRIC, "mode": "at_end", "backend": "prometheus"}}
    for wrong in ({**plan, "metric": None}, {**plan, "checks": ["attested"]}):
        assert (await world.admin.call("PUT", path, wrong, expect=422))["code"] == "invalid_verification_plan"
    bad = {**plan, "metric": {**METRIC, "comparison": "=="}}
    assert (await world.admin.call("PUT", path, bad, expect=422))["code"] == "invalid_request"
    preview = await world.admin.post("/v1/verification-plans/preview", plan, expect=422)
    assert preview["code"] == "monitoring_not_configured"
    elsewhere = {**plan, "metric": {**METRIC, "backend": "datadog"}}
    assert (await world.admin.call("PUT", path, elsewhere, expect=200))["plan"]["metric"]["backend"] == "datadog"
    preview = await world.admin.post("/v1/verification-plans/preview", elsewhere, expect=422)
    assert "NOREPEAT_DATADOG_API_KEY" in preview["title"]
    unknown = {**plan, "metric": {**METRIC, "backend": "graphite"}}
    assert (await world.admin.call("PUT", path, unknown, expect=422))["code"] == "invalid_request"


async def test_a_plan_stored_before_there_were_metrics_still_loads(world: World) -> None:
    (item,) = await world.items()
    async with world.opened.engine.begin() as connection:
        old = '{"checks": ["attested"], "window_days": 30, "description": "seen"}'
        await connection.execute(sa.text(f"update action_items set plan = '{old}'".replace(":", r"\:")))
    assert (await world.admin.get(f"/v1/action-items/{item.id}"))["plan"]["metric"] is None
    found = await world.admin.patch(f"/v1/action-items/{item.id}", {"title": "Add a shorter timeout"})
    assert found["plan"] == {"checks": ["attested"], "window_days": 30, "description": "seen", "metric": None}


async def test_an_unknown_service_is_not_found_and_near_ones_are_named(world: World) -> None:
    refused = await world.admin.post("/v1/services/chekout/priority-boosts", FAST, expect=404)
    assert [error["message"] for error in refused["errors"]] == ["checkout"]
    assert "Did you mean “checkout”?" in refused["title"]
    await world.admin.call("GET", "/v1/services/nowhere/budget", expect=404)
    await world.admin.call("GET", "/v1/services/nowhere/priority-boosts", expect=404)


async def test_new_boosts_have_a_daily_quota_and_renewals_do_not(world: World) -> None:
    few = replace(world.ports.policy, budgets=replace(POLICY, new_boosts_a_day=2))
    app = create_app(Settings(_env_file=None))
    app.state.ports = replace(world.ports, policy=few)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://norepeat.test") as http:
        caller = Person(http, world.admin.headers["Authorization"])
        for slo in ("a", "b"):
            await caller.post(PATH, FAST | {"slo": slo}, expect=201)
        for _ in range(3):
            await caller.post(PATH, FAST | {"slo": "a"}, expect=200)
        refused = await caller.post(PATH, FAST | {"slo": "c"}, expect=429)
        assert refused["code"] == "boost_quota_exceeded"
        await caller.post(PATH, FAST | {"slo": "c", "source": "other-name"}, expect=429)
    assert (await world.rows("select count(*) from boosts"))[0] == (2,)


async def test_a_service_account_needs_the_scope(world: World) -> None:
    await world.admin.post(
        "/v1/service-accounts", {"slug": "budgetd", "name": "Budgets", "role": "responder"}, expect=201
    )
    for scopes, expect in ((["boosts:write"], 201), (["incidents:write"], 403)):
        body = {"service_account": "budgetd", "scopes": scopes}
        key = await world.admin.post("/v1/api-keys", body, expect=201)
        account = Person(world.admin.http, f"Bearer {key['token']}")
        await account.post(PATH, FAST, expect=expect)
    (reader,) = await staff(world.admin, "reader")
    await reader.post(PATH, FAST, expect=403)
