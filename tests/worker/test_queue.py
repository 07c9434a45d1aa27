"""The queue's pitfalls: jobs exist if and only if their transaction commits, and losing one loses nothing."""

import asyncio
import time

import pytest
import sqlalchemy as sa

from app.adapters import queue
from app.domain.events import Event, EventType
from app.domain.ids import new_id
from app.domain.ports import Ports
from app.worker import Coalesced
from tests.worker.conftest import Shop, utc_now

JOBS = "select count(*) from pgqueuer"


def event(type: EventType = EventType.INCIDENT_UPDATED) -> Event:
    return Event(type, new_id(), utc_now(), "system")


@pytest.mark.parametrize("first", [True, False])
async def test_a_job_exists_if_and_only_if_its_transaction_commits(shop: Shop, first: bool) -> None:
    before = await shop.value(JOBS)
    for commits in (False, True):
        async with shop.engine.connect() as connection:
            if not first:
                await connection.execute(sa.text("select 1"))
            await queue.wake(connection, "events")
            if commits:
                await connection.commit()
        assert await shop.value(JOBS) - before == commits


async def test_a_unit_of_work_without_commit_leaves_no_job(shop: Shop) -> None:
    before = await shop.value(JOBS)
    async with shop.ports.uow() as u:
        await u.events.add(event())
    assert await shop.value(JOBS) == before
    async with shop.ports.uow() as u:
        await u.events.add(event())
        await u.commit()
    assert await shop.value(JOBS) == before + 1


async def test_a_wake_up_for_new_state_is_never_swallowed_by_an_older_one(shop: Shop) -> None:
    async with shop.engine.begin() as connection:
        for _ in range(3):
            await queue.wake(connection, "events")
    assert await shop.value("select count(*) from pgqueuer where dedupe_key is null") >= 3


async def test_the_sweeper_wakes_only_what_has_work_and_once(shop: Shop) -> None:
    async with shop.engine.begin() as connection:
        assert await queue.sweep(connection) == ()
    await shop.item()
    await shop.ports.inbox.put("github", "1", {}, b"{}")
    for _ in range(2):
        async with shop.engine.begin() as connection:
            assert set(await queue.sweep(connection)) == {"deliveries", "inbox"}
    keys = await shop.rows("select dedupe_key from pgqueuer where dedupe_key is not null order by 1")
    assert keys == [("sweep:deliveries",), ("sweep:inbox",)]


async def test_a_worker_that_is_cancelled_twice_loses_no_work(shop: Shop) -> None:
    """PgQueuer drops the jobs then; what is to be done stands in our own tables."""
    started = asyncio.Event()

    async def never() -> None:
        started.set()
        await asyncio.sleep(60)

    await shop.item()
    running = asyncio.create_task(queue.run(shop.dsn, {"deliveries": never}, stop=asyncio.Event()))
    await asyncio.wait_for(started.wait(), 10)
    running.cancel()
    await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.wait([running], timeout=10)
    async with shop.worker():
        await shop.until("select state from deliveries", "sent")


async def test_work_that_fails_is_tried_again(shop: Shop) -> None:
    calls: list[float] = []
    stop = asyncio.Event()

    async def fails_once() -> None:
        calls.append(time.monotonic())
        if len(calls) == 1:
            raise ConnectionError("the database went away")
        stop.set()

    async with shop.engine.begin() as connection:
        await queue.wake(connection, "events")
    await asyncio.wait_for(queue.run(shop.dsn, {"events": fails_once}, stop=stop), 15)
    assert len(calls) == 2


async def test_a_worker_stops_quickly_and_finishes_what_is_in_hand(shop: Shop) -> None:
    finished: list[bool] = []
    entered = asyncio.Event()

    async def slow(_: Ports, __: Event) -> None:
        entered.set()
        await asyncio.sleep(0.5)
        finished.append(True)

    async with shop.worker(reactions={EventType.INCIDENT_UPDATED: (slow,)}) as stop:
        async with shop.ports.uow() as u:
            await u.events.add(event())
            await u.commit()
        await asyncio.wait_for(entered.wait(), 10)
        start = time.monotonic()
        stop.set()
    assert time.monotonic() - start < 5
    assert finished == [True]
    assert await shop.value("select count(*) from events where handled_at is null") == 0


async def test_installing_twice_and_pruning_the_log_change_nothing_else(shop: Shop) -> None:
    await queue.install(shop.dsn)
    async with shop.engine.begin() as connection:
        await queue.wake(connection, "events")
        await connection.exec_driver_sql("update pgqueuer_log set created = now() - interval '2 days'")
        assert await queue.prune_log(connection) >= 1
    assert await shop.value("select count(*) from pgqueuer_log") == 0
    assert await shop.value(JOBS) >= 1


async def test_work_that_is_woken_while_it_runs_runs_once_more() -> None:
    runs: list[int] = []
    gate = asyncio.Event()

    async def work() -> None:
        runs.append(len(runs))
        await gate.wait()

    coalesced = Coalesced(work)
    first = asyncio.create_task(coalesced())
    await asyncio.sleep(0)
    for _ in range(5):
        await coalesced()
    gate.set()
    await first
    assert len(runs) == 2


async def test_a_worker_whose_connections_are_all_cut_goes_on(shop: Shop) -> None:
    cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity where pid <> pg_backend_pid()"
    async with shop.worker():
        await shop.item(title="Before")
        await shop.until("select count(*) from deliveries where state = 'sent'", 1)
        assert await shop.value(f"{cut} and datname = current_database()") > 2
        await shop.item(title="After")
        await shop.until("select count(*) from deliveries where state = 'sent'", 2)
        await shop.ports.inbox.put("github", "1", {"x-github-event": "ping"}, b"{}")
        await shop.until("select count(*) from inbox where handled_at is not null", 1)
