"""One delivery, exactly once: every way a call can end, and what the next attempt does about it."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from app.domain.access import Role
from app.domain.actions.model import Status
from app.domain.errors import Forbidden, WrongState
from app.domain.events import EventType
from app.domain.follow_through.model import FindingCode
from app.domain.organisation.model import Provider, Route
from app.domain.tracking.deliveries import DeliveryState
from app.domain.tracking.model import RemoteTicket, SyncState, TicketStatus
from app.domain.tracking.use_cases.deliver import deliver
from app.domain.tracking.use_cases.deliver_due import deliver_due
from app.domain.tracking.use_cases.retry_delivery import retry_delivery
from tests import make
from tests.make import NOW
from tests.unit.ticket_world import PLAN, POLICY, ROUTE, SETTLE, World, delivery_of
from tests.unit.tracking_fakes import Crash, FakeTracker, Happens, seconds


async def test_a_delivery_creates_the_ticket_and_links_it() -> None:
    world = World()
    await world.deliver()
    assert world.now_delivery.state is DeliveryState.SENT
    ticket = world.now_ticket
    assert (ticket.key, ticket.sync_state, ticket.assignee) == ("acme/shop#1", SyncState.SYNCED, "ada-l")
    (draft,) = world.tracker.drafts
    assert (draft.title, draft.labels, draft.marker) == (world.item.title, ("postmortem",), world.delivery.marker)
    assert draft.url.endswith(f"/action-items/{world.item.id}")
    assert EventType.TICKET_SYNCED in world.uow.event_types
    assert world.now_item.owner_id == world.owner.id
    assert world.findings == set()


async def test_a_finished_delivery_is_not_attempted_again() -> None:
    world = World()
    await world.deliver()
    assert await world.deliver() is None
    assert world.tracker.calls == 1


async def test_an_attempt_is_counted_before_the_call() -> None:
    world = World(Happens.CRASH_BEFORE)
    with pytest.raises(Crash):
        await world.deliver()
    assert (world.now_delivery.attempts, world.now_delivery.state) == (1, DeliveryState.SENDING)
    assert await world.deliver() is None, "the lease keeps others away"


@pytest.mark.parametrize("lost", [Happens.LOST_AFTER, Happens.BUG])
async def test_a_lost_answer_is_looked_up_before_anything_is_created_again(lost: Happens) -> None:
    world = World(lost)
    await world.deliver()
    assert world.now_delivery.state is DeliveryState.SENDING
    assert world.now_ticket.last_error
    world.clock.forward(seconds=SETTLE.total_seconds() - 1)
    assert await world.deliver() is None, "it may still take effect"
    world.clock.forward(seconds=1)
    await world.deliver()
    assert (world.now_delivery.state, world.now_ticket.key) == (DeliveryState.SENT, "acme/shop#1")
    assert len(world.tracker.tickets) == 1
    assert world.now_ticket.last_error is None


async def test_what_was_never_created_is_created_after_the_look_up_in_one_attempt() -> None:
    world = World(Happens.LOST_BEFORE)
    await world.deliver()
    world.clock.forward(minutes=1)
    await world.deliver()
    assert world.now_delivery.state is DeliveryState.SENT
    assert world.now_delivery.attempts == 2
    assert (world.tracker.calls, len(world.tracker.tickets)) == (3, 1)


async def test_a_look_up_that_fails_creates_nothing_and_stays_a_look_up() -> None:
    world = World(Happens.LOST_AFTER, Happens.BUSY, Happens.LOST_BEFORE)
    for _ in range(4):
        await world.deliver()
        assert len(world.tracker.tickets) == 1
        world.clock.forward(hours=1)
    assert world.now_delivery.state is DeliveryState.SENT


async def test_the_look_up_goes_back_to_the_first_attempt() -> None:
    """After hours of failing look-ups the last attempt is long after the one that took effect."""
    world = World(Happens.LOST_AFTER, Happens.BUSY, Happens.BUSY)
    for _ in range(4):
        await world.deliver()
        world.clock.forward(hours=2)
    assert set(world.tracker.looked_since) == {world.delivery.created_at}


async def test_a_process_that_died_after_the_call_costs_no_second_ticket() -> None:
    world = World(Happens.CRASH_AFTER)
    with pytest.raises(Crash):
        await world.deliver()
    world.clock.forward(seconds=POLICY.delivery.lease.total_seconds())
    await world.deliver()
    assert (world.now_delivery.state, len(world.tracker.tickets)) == (DeliveryState.SENT, 1)


async def test_a_delivery_that_kills_its_process_ends_dead() -> None:
    world = World(*[Happens.CRASH_BEFORE] * 100)
    for _ in range(POLICY.delivery.max_attempts):
        with pytest.raises(Crash):
            await world.deliver()
        world.clock.forward(minutes=20)
    assert await world.deliver() is None
    assert world.now_delivery.state is DeliveryState.DEAD
    assert world.tracker.calls == POLICY.delivery.max_attempts
    assert FindingCode.TICKET_FAILED in world.findings


async def test_a_busy_tracker_is_left_alone_for_as_long_as_it_asked() -> None:
    world = World(Happens.BUSY)
    attempted = await world.deliver()
    assert attempted is not None
    assert attempted.retry_after == 30.0
    assert attempted.delivery.state is DeliveryState.PENDING
    world.clock.forward(seconds=29)
    assert await world.deliver() is None
    world.clock.forward(seconds=1)
    await world.deliver()
    assert world.now_delivery.state is DeliveryState.SENT


async def test_a_busy_tracker_gets_no_other_delivery_either() -> None:
    world = World(Happens.BUSY)
    world.tracker.retry_after = 300.0
    for number in range(9):
        item = make.action_item(title=f"Another {number}", plan=PLAN)
        ticket = make.ticket(item, external_id=None, key=None, route=ROUTE, sync_state=SyncState.PENDING)
        world.uow.seed(item, ticket, delivery_of(ticket, created_at=NOW + seconds(number + 1)))
    await world.deliver_due()
    assert world.tracker.calls == 4, "those that were under way already"
    world.clock.forward(seconds=299)
    assert await world.deliver_due() == 0
    world.clock.forward(seconds=2)
    await world.deliver_due()
    assert len(world.tracker.tickets) == 10


async def test_a_refusal_is_final_and_said_in_three_places() -> None:
    world = World(Happens.REFUSED)
    await world.deliver()
    assert world.now_delivery.state is DeliveryState.DEAD
    assert world.now_ticket.sync_state is SyncState.FAILED
    assert "title" in (world.now_ticket.last_error or "")
    assert world.findings == {FindingCode.TICKET_FAILED}
    assert {EventType.TICKET_FAILED, EventType.FINDING_OPENED} <= set(world.uow.event_types)


async def test_too_many_failures_end_dead() -> None:
    world = World(*[Happens.BUSY] * 100)
    for _ in range(POLICY.delivery.max_attempts):
        assert world.now_delivery.state is not DeliveryState.DEAD
        await world.deliver()
        world.clock.forward(hours=1)
    assert world.now_delivery.state is DeliveryState.DEAD
    assert world.now_ticket.sync_state is SyncState.FAILED


async def test_a_tracker_that_is_not_configured_fails_with_a_remedy() -> None:
    world = World()
    await deliver(world.uow, world.clock, POLICY, {}, delivery_id=world.delivery.id)
    assert "credentials" in (world.now_ticket.last_error or "")


async def test_an_admin_retries_a_dead_delivery_which_looks_first() -> None:
    world = World(Happens.LOST_AFTER, Happens.REFUSED)
    await world.deliver()
    world.clock.forward(minutes=1)
    await world.deliver()
    assert world.now_delivery.state is DeliveryState.DEAD
    admin = make.caller(role=Role.ADMIN)
    with pytest.raises(Forbidden):
        await retry_delivery(world.uow, world.clock, caller=make.caller(), delivery_id=world.delivery.id)
    await retry_delivery(world.uow, world.clock, caller=admin, delivery_id=world.delivery.id)
    assert world.now_ticket.sync_state is SyncState.PENDING
    world.clock.forward(minutes=1)
    await world.deliver()
    assert (world.now_delivery.state, len(world.tracker.tickets)) == (DeliveryState.SENT, 1)
    assert world.findings == set()
    with pytest.raises(WrongState):
        await retry_delivery(world.uow, world.clock, caller=admin, delivery_id=world.delivery.id)


async def test_a_dead_creation_is_not_retried_when_the_ticket_exists() -> None:
    world = World(Happens.REFUSED)
    await world.deliver()
    world.uow.seed(replace(world.now_ticket, external_id="9", key="acme/shop#9"))
    admin = make.caller(role=Role.ADMIN)
    with pytest.raises(WrongState, match="exists"):
        await retry_delivery(world.uow, world.clock, caller=admin, delivery_id=world.delivery.id)


async def test_what_the_tracker_left_out_is_a_finding() -> None:
    world = World()
    world.tracker.drops = ("label:postmortem",)
    await world.deliver()
    assert world.now_ticket.dropped == ("label:postmortem",)
    assert world.findings == {FindingCode.TICKET_INCOMPLETE}


async def test_an_owner_without_a_name_there_gives_a_ticket_without_assignee() -> None:
    world = World(owner=make.person("grace"))
    await world.deliver()
    assert world.tracker.drafts[0].assignee is None
    assert world.findings == {FindingCode.OWNER_WITHOUT_HANDLE}
    assert world.now_item.owner_id == world.owner.id


async def test_a_ticket_closed_before_it_was_found_makes_the_item_implemented() -> None:
    """The webhook of the closing came while we did not know the ticket yet."""
    world = World(Happens.LOST_AFTER)
    await world.deliver()
    world.clock.forward(seconds=5)
    world.tracker.change(world.tracker.tickets[0], status=TicketStatus.DONE)
    world.clock.forward(minutes=1)
    await world.deliver()
    assert world.now_item.status is Status.IMPLEMENTED
    await world.deliver_due()
    assert [update.comment for update in world.tracker.updates if update.comment]


async def test_a_slow_tracker_holds_up_no_other() -> None:
    world = World()
    local_item = make.action_item(plan=PLAN)
    local = make.ticket(local_item, external_id=None, route=Route(Provider.LOCAL, "norepeat"))
    world.uow.seed(local_item, local, delivery_of(local))
    other = FakeTracker(world.clock, world.uow)
    seen: list[str] = []

    class Slow(FakeTracker):
        async def create(self, route: Route, draft: Any) -> RemoteTicket:
            while not other.tickets:
                seen.append("waiting")
                await asyncio.sleep(0)
            return await super().create(route, draft)

    trackers = {Provider.LOCAL: Slow(world.clock, world.uow), Provider.GITHUB: other}
    assert await deliver_due(world.uow, world.clock, POLICY, trackers) == 2
    assert seen
