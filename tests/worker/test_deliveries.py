"""Deliveries on the real database: exactly once, in order, past every fault, with the worker as it runs."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from app.adapters.trackers.local import LocalTracker
from app.domain.access import SYSTEM
from app.domain.organisation.model import Provider, Route
from app.domain.tracking.deliveries import DeliveryState
from app.domain.tracking.errors import (
    NotThisTracker,
    TicketGone,
    TicketTaken,
    TrackerRefused,
)
from app.domain.tracking.model import TicketDraft, TicketStatus, TicketUpdate
from app.domain.tracking.routing import ticket_update
from app.domain.tracking.use_cases.adopt_ticket import adopt_ticket
from app.domain.tracking.use_cases.deliver import deliver
from app.domain.tracking.use_cases.deliver_due import deliver_due
from tests.contract.github_simulator import Fault
from tests.worker.conftest import ROUTE, Shop, utc_now

LOCAL = Route(Provider.LOCAL, "norepeat", restricted=True)
UNFINISHED = "select count(*) from deliveries where state <> 'sent'"


async def test_the_worker_delivers_everything_once_past_every_fault(shop: Shop) -> None:
    for fault in (Fault.BEFORE_500, Fault.APPLIED_502, Fault.APPLIED_TIMEOUT, Fault.RATE_LIMITED):
        shop.simulator.fail(fault, times=2, retry_after=1)
    shop.simulator.fail(Fault.APPLIED_502, method="GET", times=2)
    async with shop.worker():
        items = [await shop.item(title=f"Item {number}") for number in range(12)]
        local = [await shop.item(title=f"Local {number}", route=LOCAL) for number in range(4)]
        await shop.until(UNFINISHED, 0)
    bodies = [issue["body"] for issue in shop.simulator.issues.values()]
    for _, _, delivery in items:
        assert sum(f"norepeat:{delivery.marker}" in body for body in bodies) == 1
    assert len(bodies) == len(items)
    assert await shop.value("select count(*) from local_tickets") == len(local)
    assert await shop.value("select count(*) from tickets where sync_state <> 'synced'") == 0
    assert await shop.value("select max(attempts) from deliveries") > 1


async def test_a_lost_job_is_made_up_for_by_the_sweeper(shop: Shop) -> None:
    await shop.item()
    async with shop.engine.begin() as connection:
        await connection.exec_driver_sql("delete from pgqueuer")
    async with shop.worker():
        await shop.until(UNFINISHED, 0)


async def test_two_workers_attempt_a_delivery_once(shop: Shop) -> None:
    _, _, delivery = await shop.item()
    ports = shop.ports
    attempts = await asyncio.gather(
        *(deliver(ports.uow, ports.clock, ports.policy, ports.trackers, delivery_id=delivery.id) for _ in range(4))
    )
    assert sum(attempted is not None for attempted in attempts) == 1
    assert len(shop.simulator.issues) == 1


async def test_a_failure_queues_its_own_retry(shop: Shop) -> None:
    await shop.item()
    shop.simulator.fail(Fault.REFUSED_CONNECTION)
    ports = shop.ports
    await deliver_due(ports.uow, ports.clock, ports.policy, ports.trackers)
    later = "select count(*) from pgqueuer where entrypoint = 'deliveries' and execute_after > created"
    assert await shop.value(later) == 1
    async with shop.worker(sweep_every=60):
        await shop.until(UNFINISHED, 0)


async def test_a_busy_tracker_holds_all_its_deliveries_and_no_others(shop: Shop) -> None:
    for number in range(6):
        await shop.item(title=f"Item {number}")
    await shop.item(route=LOCAL)
    shop.simulator.fail(Fault.RATE_LIMITED, retry_after=60)
    ports = shop.ports
    await deliver_due(ports.uow, ports.clock, ports.policy, ports.trackers)
    waiting = await shop.rows("select not_before from deliveries where provider = 'github' and state <> 'sent'")
    assert len(waiting) == 3, "four were under way, one of which was told to wait"
    assert all(at > utc_now() + timedelta(seconds=55) for (at,) in waiting)
    assert await shop.value("select state from deliveries where provider = 'local'") == "sent"


async def test_changes_arrive_in_order_and_after_their_ticket(shop: Shop) -> None:
    _, ticket, _ = await shop.item()
    async with shop.ports.uow() as u:
        for number in range(5):
            update = TicketUpdate(title=f"Title {number}", comment=f"Comment {number}")
            await u.deliveries.add(ticket_update(ticket, update, reason=str(number), now=utc_now()))
            await u.deliveries.add(ticket_update(ticket, update, reason=str(number), now=utc_now()))
        await u.commit()
    ports = shop.ports
    assert await deliver_due(ports.uow, ports.clock, ports.policy, ports.trackers) == 6
    assert shop.simulator.issues["acme/shop#1"]["title"] == "Title 4"
    said = [comment["body"].partition("\n")[0] for comment in shop.simulator.comments["acme/shop#1"]]
    assert said == [f"Comment {number}" for number in range(5)]


DIES = """
import asyncio, os, sys
from uuid import UUID
from app.domain.policy import Policy
from app.domain.organisation.model import Provider
from app.domain.tracking.use_cases.deliver import deliver
from app.adapters.db.engine import open_engine
from app.adapters.db.uow import open_unit_of_work
from app.adapters.clock import utc_now

class Deadly:
    async def create(self, route, draft):
        os._exit(9)

async def main():
    engine = open_engine(sys.argv[1], pool_size=2, command_timeout=5)
    trackers = {Provider.GITHUB: Deadly()}
    await deliver(open_unit_of_work(engine), utc_now, Policy(), trackers, delivery_id=UUID(sys.argv[2]))

asyncio.run(main())
"""


async def test_an_attempt_that_kills_its_process_is_counted_in_our_row(shop: Shop) -> None:
    _, _, delivery = await shop.item()
    command = [sys.executable, "-c", DIES, shop.dsn, str(delivery.id)]
    ended = await asyncio.to_thread(subprocess.run, command, cwd=Path(__file__).parents[2], timeout=30)
    assert ended.returncode == 9
    async with shop.ports.uow() as u:
        found = await u.deliveries.get(delivery.id)
    assert (found.state, found.attempts) == (DeliveryState.SENDING, 1)
    assert found.lease_until is not None


async def test_two_items_cannot_take_one_ticket_at_the_same_moment(shop: Shop) -> None:
    shop.simulator.add("acme/shop", title="There already")
    items = [(await shop.item(title=f"Item {number}"))[0] for number in range(3)]
    ports = shop.ports
    outcomes = await asyncio.gather(
        *(
            adopt_ticket(
                ports.uow, ports.clock, ports.policy, ports.trackers,
                caller=SYSTEM, item_id=item.id, reference="https://github.com/acme/shop/issues/1",
            )
            for item in items
        ),
        return_exceptions=True,
    )  # fmt: skip
    assert sum(isinstance(outcome, TicketTaken) for outcome in outcomes) == 2
    assert await shop.value("select count(*) from tickets where external_id is not null") == 1


# ── Our own tracker ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def local(shop: Shop) -> LocalTracker:
    return LocalTracker(shop.engine, "https://norepeat.test/")


def draft() -> TicketDraft:
    return TicketDraft(marker=uuid4(), title="Add a timeout", body="Why", url="https://x.test/1", priority="high")


async def test_our_own_tracker_creates_once_and_finds_by_marker(shop: Shop, local: LocalTracker) -> None:
    one = draft()
    created, again = await local.create(LOCAL, one), await local.create(LOCAL, one)
    assert created == again
    assert created.url == f"https://norepeat.test/v1/local-tickets/{created.external_id}"
    assert await local.find_by_marker(LOCAL, one.marker, utc_now()) == created
    assert await local.find_by_marker(LOCAL, uuid4(), utc_now()) is None


async def test_our_own_tracker_says_a_comment_once_and_moves(shop: Shop, local: LocalTracker) -> None:
    _, ticket, _ = await shop.item(route=LOCAL)
    ticket = ticket.linked(await local.create(LOCAL, draft()), utc_now())
    marker = uuid4()
    for _ in range(2):
        moved = await local.update(ticket, TicketUpdate(comment="Evidence?", status=TicketStatus.DONE), marker)
    assert (moved.status, moved.status_text) == (TicketStatus.DONE, "done")
    assert await shop.value("select jsonb_array_length(comments) from local_tickets") == 1
    again = await local.move(int(moved.external_id), TicketStatus.TODO)
    assert again.status is TicketStatus.TODO
    assert again.updated_at > moved.updated_at
    assert await local.read(ticket) == again


async def test_our_own_tracker_knows_its_names_and_what_is_gone(shop: Shop, local: LocalTracker) -> None:
    created = await local.create(LOCAL, draft())
    assert await local.resolve(created.key) == await local.resolve(created.url) == created
    with pytest.raises(NotThisTracker):
        await local.resolve("acme/shop#1")
    with pytest.raises(TrackerRefused):
        await local.resolve("LOCAL-99999999")
    _, ticket, _ = await shop.item(route=LOCAL)
    with pytest.raises(TicketGone):
        await local.read(replace(ticket, external_id="99999999", key="LOCAL-99999999"))


async def test_a_ticket_and_a_delivery_come_back_as_they_were_stored(shop: Shop) -> None:
    _, ticket, delivery = await shop.item()
    assert await shop.ticket(ticket.id) == ticket
    async with shop.ports.uow() as u:
        assert await u.deliveries.get(delivery.id) == delivery
        assert await u.tickets.find_of_item(ticket.action_item_id) == ticket
        assert await u.tickets.of_items([ticket.action_item_id]) == (ticket,)
        assert (await u.deliveries.unfinished_of(ticket.id)) == (delivery,)
        assert ticket.route == ROUTE
