"""Due dates and priorities that somebody changed in the tracker: the date is adopted, the priority defended once."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.domain.actions.model import Priority, Status
from app.domain.follow_through.model import FindingCode
from app.domain.tracking.model import TicketStatus, TicketUpdate
from tests.unit.ticket_world import Linked, World, adopt

PUSHED = FindingCode.DUE_DATE_PUSHED_IN_TRACKER
REPRIORITISED = FindingCode.REPRIORITISED_IN_TRACKER


class Dated(Linked):
    """A tracker with due dates and priorities, which shows what the item has."""

    def __init__(self, status: Status = Status.OPEN) -> None:
        super().__init__(status)
        self.tracker.dates = True
        self.item = replace(self.item, committed_due_on=self.item.due_on)
        self.remote = self.tracker.change(self.remote, due_on=self.item.due_on, priority="medium")
        self.uow.seed(self.item, self.ticket.linked(self.remote, self.clock()))

    @property
    def due_on(self) -> date:
        assert self.item.due_on is not None
        return self.item.due_on

    @property
    def pushes(self) -> list[str]:
        rows = self.uow.deliveries.rows.values()
        return [str(row.update["priority"]) for row in rows if "priority" in row.update]


async def test_a_later_date_is_adopted_and_is_a_slip_with_a_finding() -> None:
    world = Dated()
    later = world.due_on + timedelta(days=14)
    await world.tell_us(due_on=later)
    assert (world.now_item.due_on, world.now_item.slips) == (later, 1)
    assert world.now_item.committed_due_on == world.due_on
    assert world.findings == {PUSHED}
    (change,) = world.uow.changes.of_item(world.item.id)
    assert (change.field, change.source, change.actor) == ("due_on", "tracker", "tracker:github")
    assert (change.old, change.new) == (str(world.due_on), str(later))


async def test_an_earlier_date_is_adopted_without_a_finding() -> None:
    world = Dated()
    await world.tell_us(due_on=world.due_on - timedelta(days=3))
    assert (world.now_item.due_on, world.now_item.slips) == (world.due_on - timedelta(days=3), 0)
    assert world.findings == set()


async def test_a_date_that_was_taken_away_stays_here_and_is_reported() -> None:
    world = Dated()
    await world.tell_us(due_on=None)
    assert world.now_item.due_on == world.due_on
    assert world.findings == {PUSHED}


async def test_a_tracker_without_dates_moves_none() -> None:
    world = Linked()
    await world.tell_us(title="Another title")
    assert world.now_item.due_on == world.item.due_on
    assert world.findings == set()


async def test_a_date_changed_here_is_not_taken_back_by_a_tracker_that_has_not_heard_of_it() -> None:
    world = Dated()
    moved = replace(world.now_item, due_on=world.due_on + timedelta(days=7))
    world.uow.seed(moved)
    await world.tell_us(title="Another title")
    assert world.now_item.due_on == moved.due_on
    world.tell(TicketUpdate(due_on=moved.due_on))
    await world.deliver_due()
    assert world.now_item.due_on == world.now_ticket.due_on == moved.due_on
    assert world.findings == set()


@pytest.mark.parametrize("status", [Status.CANDIDATE, Status.DECLINED])
async def test_nothing_is_adopted_by_an_item_that_is_not_committed(status: Status) -> None:
    world = Dated(status)
    await world.tell_us(due_on=world.due_on + timedelta(days=7), priority="low")
    assert world.now_item.due_on == world.due_on
    assert (world.findings, world.pushes) == (set(), [])


async def test_a_priority_changed_there_is_pushed_again_once_then_reported() -> None:
    world = Dated()
    await world.tell_us(priority="low")
    assert world.pushes == ["medium"]
    assert world.findings == set()
    await world.deliver_due()
    world.remote = world.tracker.tickets[0]
    assert world.remote.priority == world.now_ticket.priority == "medium"
    await world.tell_us(priority="low")
    assert world.pushes == ["medium"]
    assert world.findings == {REPRIORITISED}
    await world.tell_us(priority="high")
    assert world.pushes == ["medium"]
    assert world.now_item.effective_priority is Priority.MEDIUM


async def test_another_effective_priority_is_pushed_and_defended_again() -> None:
    world = Dated()
    for priority in ("low", "high"):
        await world.tell_us(priority=priority)
        await world.deliver_due()
        world.remote = world.tracker.tickets[0]
    assert world.findings == {REPRIORITISED}
    world.uow.seed(replace(world.now_item, effective_priority=Priority.URGENT))
    world.tell(TicketUpdate(priority="urgent"))
    await world.deliver_due()
    world.remote = world.tracker.tickets[0]
    assert world.findings == set(), "it is as it should be"
    assert world.now_ticket.defended_priority is None
    await world.tell_us(priority="low")
    assert world.pushes[-2:] == ["urgent", "urgent"]


async def test_an_earlier_priority_is_defended_again_when_it_comes_back() -> None:
    world = Dated()
    await world.tell_us(priority="low")
    await world.deliver_due()
    for priority in (Priority.HIGH, Priority.MEDIUM):
        world.uow.seed(replace(world.now_item, effective_priority=priority))
        world.tell(TicketUpdate(priority=priority.name.lower()), priority.name)
        await world.deliver_due()
    world.remote = world.tracker.tickets[0]
    pushed = len(world.pushes)
    await world.tell_us(priority="low")
    assert len(world.pushes) == pushed + 1


async def test_what_a_new_ticket_was_asked_to_show_is_no_news() -> None:
    world = World()
    world.tracker.dates = True
    await world.deliver()
    assert (world.now_ticket.due_on, world.now_ticket.priority) == (world.item.due_on, "medium")
    assert world.findings == set()
    assert [row.kind for row in world.uow.deliveries.rows.values()] == ["create"]


async def test_an_adopted_ticket_is_told_our_date_and_priority() -> None:
    world = World()
    world.tracker.dates = True
    made = Dated().remote
    world.tracker.tickets.append(replace(made, due_on=None, priority="low"))
    await adopt(world)
    await world.deliver_due()
    assert (world.now_ticket.due_on, world.now_ticket.priority) == (world.item.due_on, "medium")
    assert world.findings == set()


async def test_done_there_is_no_news_to_an_item_that_is_implemented_here() -> None:
    world = Linked(Status.IMPLEMENTED)
    world.uow.seed(replace(world.now_ticket, status=TicketStatus.TODO))
    await world.tell_us(status=TicketStatus.DONE)
    assert (world.now_item.status, world.queued) == (Status.IMPLEMENTED, [])
