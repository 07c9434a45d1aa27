"""Where a ticket is planned, and how often a sprint, cycle or milestone went by without it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.actions.model import Status
from app.domain.tracking.model import Planned, TicketEventKind, TicketStatus
from tests.make import NOW
from tests.unit.ticket_world import Linked, World, adopt, event_of, make_draft, resync

ONE, TWO = Planned("1", "Sprint 1"), Planned("2", "Sprint 2")
ENDED = replace(ONE, ends_at=NOW - timedelta(days=1))


def seen(world: World) -> tuple[str | None, int]:
    return world.now_item.planned_in, world.now_item.times_passed_over


async def test_the_plan_of_the_ticket_is_the_items_with_a_history_line() -> None:
    world = Linked()
    await world.tell_us(planned=ONE)
    assert seen(world) == ("Sprint 1", 0)
    assert world.now_ticket.planned == ONE
    (change,) = world.uow.changes.of_item(world.item.id)
    assert (change.field, change.old, change.new, change.source) == ("planned_in", None, "Sprint 1", "tracker")
    await world.tell_us(title="Another title")
    assert len(world.uow.changes.of_item(world.item.id)) == 1


async def test_another_sprint_is_one_that_went_by() -> None:
    world = Linked()
    await world.tell_us(planned=ONE)
    await world.tell_us(planned=TWO)
    assert seen(world) == ("Sprint 2", 1)
    fields = [change.field for change in world.uow.changes.of_item(world.item.id)]
    assert fields.count("times_passed_over") == 1


async def test_a_sprint_that_is_taken_away_went_by_too() -> None:
    world = Linked()
    await world.tell_us(planned=ONE)
    await world.tell_us(planned=None)
    assert seen(world) == (None, 1)


async def test_a_sprint_that_ends_without_the_item_went_by_once_however_often_it_is_told() -> None:
    world = Linked()
    await world.tell_us(planned=ONE)
    for _ in range(3):
        await world.tell_us(planned=ENDED)
        assert seen(world) == (None, 1)
    await world.tell_us(planned=TWO)
    assert seen(world) == ("Sprint 2", 1), "leaving what has ended counts no second time"


async def test_a_cycle_ends_by_the_clock_whoever_tells_of_it() -> None:
    world = Linked()
    await world.tell_us(planned=replace(ONE, ends_at=world.clock() + timedelta(days=14)))
    world.clock.forward(days=15)
    await world.tell_us(title="Another title")
    assert seen(world) == (None, 1)


async def test_two_sprints_may_have_gone_by_unheard() -> None:
    world = Linked()
    await world.tell_us(planned=TWO)
    await world.tell_us(planned=ENDED)
    assert seen(world) == (None, 2)


@pytest.mark.parametrize("status", [Status.CANDIDATE, Status.IMPLEMENTED, Status.CLOSED, Status.DECLINED])
async def test_nothing_goes_by_an_item_that_is_not_under_way(status: Status) -> None:
    world = Linked(status)
    await world.tell_us(planned=ONE)
    await world.tell_us(planned=replace(ENDED))
    assert seen(world) == ("Sprint 1", 0)


async def test_work_that_was_done_in_its_sprint_stays_there() -> None:
    world = Linked()
    await world.tell_us(planned=ONE)
    await world.tell_us(planned=ENDED, status=TicketStatus.DONE)
    assert seen(world) == ("Sprint 1", 0)
    assert world.now_item.status is Status.IMPLEMENTED


async def test_what_was_before_a_ticket_was_adopted_is_not_the_items() -> None:
    world = World()
    remote = world.tracker._created(world.ticket.route, make_draft())
    world.tracker.change(remote, planned=ENDED)
    await adopt(world)
    assert seen(world) == (None, 0)
    world = World()
    world.tracker.change(world.tracker._created(world.ticket.route, make_draft()), planned=ONE)
    await adopt(world)
    assert seen(world) == ("Sprint 1", 0)


async def test_a_resync_reads_the_plan() -> None:
    world = Linked()
    world.tracker.change(world.remote, planned=ONE)
    await resync(world)
    assert seen(world) == ("Sprint 1", 0)


async def test_a_ticket_that_is_created_anew_is_planned_anew() -> None:
    world = Linked()
    await world.tell_us(planned=ONE)
    await world.apply(event_of(world.remote, kind=TicketEventKind.DELETED))
    await resync(world)
    assert (world.now_ticket.planned, world.now_ticket.plan_seen_over) == (None, False)
