"""Changes that a ticket is told: after it exists, in order, and no news to us when they come back."""

from app.domain.actions.model import Status
from app.domain.follow_through.model import FindingCode
from app.domain.tracking.deliveries import DeliveryState
from app.domain.tracking.model import SyncState, TicketStatus, TicketUpdate
from tests import make
from tests.unit.ticket_world import World
from tests.unit.tracking_fakes import Happens


async def test_a_change_waits_for_its_ticket_and_for_what_was_queued_before() -> None:
    world = World(Happens.BUSY)
    first = world.tell(TicketUpdate(title="One"), "1")
    world.clock.forward(seconds=1)
    second = world.tell(TicketUpdate(title="Two"), "2")
    assert await world.deliver_due() == 1
    world.clock.forward(minutes=1)
    assert await world.deliver_due() == 3
    assert [update.title for update in world.tracker.updates] == ["One", "Two"]
    states = {world.uow.deliveries.rows[one.id].state for one in (first, second)}
    assert states == {DeliveryState.SENT}


async def test_what_we_asked_for_is_no_news() -> None:
    world = World()
    await world.deliver()
    grace = make.person("grace", handles={"github": "grace-h"})
    world.uow.seed(grace)
    world.tell(TicketUpdate(status=TicketStatus.DONE, assignee=str(grace.id)))
    await world.deliver_due()
    assert world.tracker.updates[0].assignee == "grace-h"
    assert (world.now_ticket.status, world.now_ticket.assignee) == (TicketStatus.DONE, "grace-h")
    assert (world.now_item.status, world.now_item.owner_id) == (Status.OPEN, world.owner.id)
    assert world.findings == set()


async def test_a_change_to_a_deleted_ticket_makes_it_lost() -> None:
    world = World()
    await world.deliver()
    world.tracker.change(world.tracker.tickets[0], status=TicketStatus.LOST)
    one, two = world.tell(TicketUpdate(title="One"), "1"), world.tell(TicketUpdate(title="Two"), "2")
    await world.deliver_due()
    assert world.now_ticket.sync_state is SyncState.LOST
    assert {world.uow.deliveries.rows[d.id].state for d in (one, two)} == {DeliveryState.DEAD}
    assert world.findings == {FindingCode.TICKET_LOST}


async def test_a_dead_change_leaves_the_ticket_linked() -> None:
    world = World()
    await world.deliver()
    world.tracker.plan = [Happens.REFUSED]
    world.tell(TicketUpdate(title="One"))
    await world.deliver_due()
    assert world.now_ticket.sync_state is SyncState.SYNCED
    assert world.findings == {FindingCode.TICKET_FAILED}
