"""What followed accepted evidence is kept beside the ledger, and is what the ledger says after whatever happened."""

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from app.adapters.db.acceptances import following
from app.domain.events import Event, EventType
from app.domain.learning.use_cases.acceptances import follow_all, follow_causes
from app.domain.ports import Ports
from app.worker.reactions import REACTIONS
from tests.contract.test_facts import AS_OF, CAUSES, SERVICES, Organisation, insert

KEPT = "select check_id, accepted_at, since, control_type, root_cause_id, service_id, team_id, incident_id, struck_at"
Connection = Any
Happening = Callable[["World"], Awaitable[Event]]


class World:
    """A random organisation to which things happen, each told to the reactions of its event."""

    def __init__(self, made: Organisation, connection: Connection, dice: random.Random) -> None:
        self.made, self.connection, self.dice = made, connection, dice

    async def kept(self) -> list[Any]:
        return list(await self.connection.fetch(f"{KEPT} from acceptances order by 1"))

    async def said(self) -> list[Any]:
        return list(await self.connection.fetch(f"{KEPT} from ({following()}) x order by 1"))

    async def cause_changed(self) -> Event:
        """Another cause, service, start or mode."""
        incident, cause = self.dice.choice(self.made.incidents), self.dice.choice(CAUSES)
        old = await self.connection.fetchval("select root_cause_id from incidents where id = $1", incident["id"])
        await self.connection.execute(
            "update incidents set root_cause_id = $2, root_cause_status = 'confirmed', started_at = $3, mode = $4"
            " where id = $1",
            incident["id"], cause, self.made.ago(), self.dice.choice(["standard", "standard", "test"]),
        )  # fmt: skip
        await self.connection.execute(
            "update incident_services set service_id = $2 where incident_id = $1",
            incident["id"], self.dice.choice(SERVICES),
        )  # fmt: skip
        data: dict[str, object] = {"root_cause_ids": sorted({str(cause), *([str(old)] if old else [])})}
        return Event(EventType.INCIDENT_CAUSE_CHANGED, incident["id"], AS_OF, "test", incident["id"], data)

    async def imported(self) -> Event:
        source = self.dice.choice(self.made.incidents)
        new = source | {
            "id": self.uuid(), "summary": "", "customer_impact": "none", "version": 1, "updated_at": AS_OF,
            "root_cause_id": self.dice.choice(CAUSES), "root_cause_status": "confirmed", "mode": "standard",
            "started_at": self.made.ago(),
        }  # fmt: skip
        await insert(self.connection, "incidents", new)
        at = {"incident_id": new["id"], "service_id": self.dice.choice(SERVICES), "position": 0}
        await insert(self.connection, "incident_services", at)
        return Event(EventType.INCIDENT_CREATED, new["id"], AS_OF, "test", new["id"], {"imported": True})

    async def item_changed(self) -> Event:
        item = self.dice.choice(self.made.items)
        await self.connection.execute(
            "update action_items set root_cause_id = $2, service_id = $3, control_type = $4 where id = $1",
            item["id"], self.dice.choice([*CAUSES, None]), self.dice.choice([*SERVICES, None]),
            self.dice.choice(["prevent", "detect"]),
        )  # fmt: skip
        return Event(EventType.ACTION_ITEM_UPDATED, item["id"], AS_OF, "test")

    async def closed(self) -> Event:
        item, at = self.dice.choice(self.made.items), self.made.ago()
        row = {
            "id": self.uuid(), "action_item_id": item["id"], "kind": "attested", "ran_at": at, "window_start": at,
            "window_end": at, "statement": "", "verdict": "passed", "review_comment": "", "closed_item_at": at,
            "deployed_at": self.made.maybe(at - timedelta(days=30)),
        }  # fmt: skip
        await insert(self.connection, "checks", row)
        return Event(EventType.ACTION_ITEM_CLOSED, item["id"], AS_OF, "test")

    async def merged(self) -> Event:
        old, new = self.dice.sample(CAUSES, 2)
        for table in ("incidents", "action_items"):
            await self.connection.execute(f"update {table} set root_cause_id = $2 where root_cause_id = $1", old, new)
        data: dict[str, object] = {"into": str(new), "root_cause_ids": [str(new)]}
        return Event(EventType.ROOT_CAUSES_MERGED, old, AS_OF, "test", None, data)

    def uuid(self) -> Any:
        return type(CAUSES[0])(int=self.dice.getrandbits(128))


HAPPENINGS: tuple[Happening, ...] = (
    World.cause_changed, World.imported, World.item_changed, World.closed, World.merged,
)  # fmt: skip


@pytest.fixture(params=[1, 2])
async def world(request: pytest.FixtureRequest, ports: Ports, dsn: str) -> Any:
    made = Organisation(request.param, size=60)
    await made.save(dsn)
    connection = await asyncpg.connect(dsn)
    await connection.execute("set session_replication_role = replica")
    yield World(made, connection, random.Random(request.param))
    await connection.close()


async def react(ports: Ports, event: Event) -> None:
    """Those of the event's reactions that are about acceptances."""
    following = [
        r for r in REACTIONS[event.type] if r.__name__.startswith("_follow_") and r.__name__ != "_follow_merge"
    ]
    assert following, f"{event.type} changes what followed, so something must react to it"
    for reaction in following:
        await reaction(ports, event)


async def test_after_whatever_happened_the_rows_are_what_the_ledger_says(world: World, ports: Ports) -> None:
    assert await follow_all(ports.uow) == len(await world.said()) > 20
    assert await world.kept() == await world.said()
    seen = []
    for happening in [*HAPPENINGS[:4] * 3, World.merged, *HAPPENINGS[:4] * 2]:
        event = await happening(world)
        await react(ports, event)
        assert await world.kept() == await world.said(), event.type
        seen.append(await world.kept())
    assert sum(before != after for before, after in pairwise(seen)) > 5
    assert any(row["struck_at"] for row in seen[-1])


async def test_rows_made_anew_are_the_same_and_nothing_is_written_twice(world: World, ports: Ports) -> None:
    await follow_all(ports.uow)
    assert await follow_all(ports.uow) == 0
    await world.connection.execute("update acceptances set struck_at = null, service_id = null")
    assert await follow_all(ports.uow) > 0
    assert await world.kept() == await world.said()


async def test_without_a_cause_nothing_is_followed(world: World, ports: Ports) -> None:
    assert await follow_causes(ports.uow, causes=[]) == 0
    assert await world.kept() == []
