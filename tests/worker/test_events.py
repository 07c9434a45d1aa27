"""Events on the real database: each handled, a failing reaction alone retried, positions in the order of commits."""

import asyncio
from datetime import timedelta

from app.adapters.db.events import CHANNEL, stamp_positions
from app.domain.events import Event, EventType
from app.domain.ids import new_id
from app.domain.ports import Ports
from app.worker import handle_events
from tests.worker.conftest import Shop, utc_now

UNHANDLED = "select count(*) from events where handled_at is null"


async def add(shop: Shop, type: EventType = EventType.INCIDENT_UPDATED, count: int = 1) -> list[Event]:
    events = [Event(type, new_id(), utc_now(), "system", data={"n": n}) for n in range(count)]
    async with shop.ports.uow() as u:
        for event in events:
            await u.events.add(event)
        await u.commit()
    return events


async def test_an_event_comes_back_as_it_was_stored(shop: Shop) -> None:
    (event,) = await add(shop)
    async with shop.ports.uow() as u:
        assert await u.events.unhandled(10) == (event,)


async def test_a_reaction_that_fails_is_retried_alone_and_its_error_kept(shop: Shop) -> None:
    poison, *others = await add(shop, EventType.INCIDENT_UPDATED, 3)
    await add(shop, EventType.INCIDENT_CREATED)
    seen: list[object] = []
    broken = True

    async def react(_: Ports, event: Event) -> None:
        seen.append(event.id)
        if event.id == poison.id and broken:
            raise RuntimeError("out of order")

    reactions = {EventType.INCIDENT_UPDATED: (react,)}
    assert await handle_events(shop.ports, reactions) == 4
    assert seen == [poison.id, *(event.id for event in others)]
    assert await shop.rows("select id, attempts, error from events where handled_at is null") == [
        (poison.id, 1, "RuntimeError: out of order")
    ]
    assert await handle_events(shop.ports, reactions) == 0, "not before its time"
    broken = False
    async with shop.worker(reactions=reactions):
        await shop.until(UNHANDLED, 0)
    assert await shop.value("select attempts from events where id = :id", id=poison.id) == 2
    assert await shop.value("select error from events where id = :id", id=poison.id) is None


async def test_every_reaction_of_an_event_runs_though_one_fails(shop: Shop) -> None:
    await add(shop)
    ran: list[str] = []

    async def fails(_: Ports, __: Event) -> None:
        raise RuntimeError

    async def works(_: Ports, __: Event) -> None:
        ran.append("works")

    await handle_events(shop.ports, {EventType.INCIDENT_UPDATED: (fails, works)})
    assert ran == ["works"]


async def test_two_workers_do_not_handle_an_event_twice(shop: Shop) -> None:
    await add(shop, count=50)
    seen: list[object] = []

    async def react(_: Ports, event: Event) -> None:
        seen.append(event.id)
        await asyncio.sleep(0)

    reactions = {EventType.INCIDENT_UPDATED: (react,)}
    await asyncio.gather(*(handle_events(shop.ports, reactions) for _ in range(3)))
    assert len(seen) == len(set(seen)) == 50


async def test_an_event_whose_handler_died_is_taken_over_when_its_lease_ends(shop: Shop) -> None:
    (event,) = await add(shop)
    async with shop.ports.uow() as u:
        await u.events.claim([event.id], utc_now() - timedelta(seconds=1))
        await u.commit()
    assert await handle_events(shop.ports, {}) == 1
    assert await shop.value(UNHANDLED) == 0


async def stamp(shop: Shop) -> int:
    async with shop.engine.connect() as connection:
        return await stamp_positions(connection)


async def test_positions_follow_commits_while_a_writer_stays_open(shop: Shop) -> None:
    async with shop.ports.uow() as late:
        early = Event(EventType.INCIDENT_UPDATED, new_id(), utc_now(), "system")
        await late.events.add(early)
        others = await add(shop, count=3)
        assert await stamp(shop) == 3
        await late.commit()
    await add(shop)
    assert await stamp(shop) == 2
    rows = await shop.rows("select id, position from events order by position")
    assert [position for _, position in rows] == [1, 2, 3, 4, 5]
    assert [id for id, _ in rows[:4]] == [*(event.id for event in others), early.id]


async def test_stampers_at_the_same_time_give_each_position_once(shop: Shop) -> None:
    async def write() -> None:
        for _ in range(5):
            await add(shop, count=2)

    async def stamp_often() -> None:
        for _ in range(10):
            await stamp(shop)

    await asyncio.gather(write(), stamp_often(), stamp_often(), write())
    await stamp(shop)
    positions = [position for (position,) in await shop.rows("select position from events order by position")]
    assert positions == list(range(1, 21))


async def test_new_positions_are_announced(shop: Shop) -> None:
    heard: list[str] = []
    async with shop.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None

        def hear(*notice: object) -> None:
            heard.append(str(notice[-1]))

        await raw.add_listener(CHANNEL, hear)
        await add(shop)
        await stamp(shop)
        await connection.exec_driver_sql("select 1")
        await asyncio.sleep(0.1)
        await raw.remove_listener(CHANNEL, hear)
    assert heard == ["1"]
    assert await stamp(shop) == 0
