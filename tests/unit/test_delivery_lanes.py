"""A provider's deliveries side by side: one that hangs delays no other, and none is left behind."""

import asyncio
from dataclasses import replace

import pytest

from app.domain.organisation.model import Route
from app.domain.tracking.model import RemoteTicket, SyncState, TicketDraft
from tests import make
from tests.unit.ticket_world import ROUTE, World, delivery_of
from tests.unit.tracking_fakes import FakeTracker


async def test_a_worker_that_is_cut_off_takes_its_attempts_with_it() -> None:
    entered, ended = asyncio.Event(), asyncio.Event()

    class Hanging(FakeTracker):
        async def create(self, route: Route, draft: TicketDraft) -> RemoteTicket:
            entered.set()
            try:
                return await asyncio.Future[RemoteTicket]()
            finally:
                ended.set()

    world = World()
    world.tracker = Hanging(world.clock)
    delivering = asyncio.create_task(world.deliver_due())
    await entered.wait()
    delivering.cancel()
    await asyncio.wait_for(ended.wait(), 1)
    with pytest.raises(asyncio.CancelledError):
        await delivering


async def test_one_that_hangs_holds_up_no_other() -> None:
    gate = asyncio.Event()

    class Hanging(FakeTracker):
        async def create(self, route: Route, draft: TicketDraft) -> RemoteTicket:
            if draft.title == "Hangs":
                await gate.wait()
            return await super().create(route, draft)

    world = World()
    world.tracker = Hanging(world.clock)
    world.uow.seed(replace(world.item, title="Hangs"))
    for _ in range(20):
        item = make.action_item(owner_id=world.owner.id)
        fresh = {"external_id": None, "key": None, "url": None, "sync_state": SyncState.PENDING, "route": ROUTE}
        ticket = make.ticket(item, **fresh)
        world.uow.seed(item, ticket, delivery_of(ticket))
    delivering = asyncio.create_task(world.deliver_due())
    async with asyncio.timeout(2):
        while len(world.tracker.tickets) < 20:
            await asyncio.sleep(0)
    assert not delivering.done()
    gate.set()
    assert await delivering == 21
