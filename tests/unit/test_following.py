"""What trackers tell us, what people do with tickets, and what becomes of the item: never closed by a tracker."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.actions.model import Status
from app.domain.events import EventType
from app.domain.follow_through.model import FindingCode
from app.domain.tracking.model import SyncState, TicketEventKind, TicketStatus
from app.domain.tracking.use_cases.apply_ticket_event import (
    APPLIED,
    LOST,
    OLDER,
    OURS,
    UNCHANGED,
    UNKNOWN,
    apply_ticket_event,
)
from tests import make
from tests.unit.ticket_world import (
    PLAN,
    Linked,
    event_of,
    resync,
)
from tests.unit.tracking_fakes import Happens


async def test_done_there_is_implemented_here_with_one_comment_about_evidence() -> None:
    world = Linked()
    assert await world.tell_us(status=TicketStatus.DONE) == APPLIED
    assert world.now_item.status is Status.IMPLEMENTED
    assert world.now_item.implemented_at == world.remote.updated_at
    (comment,) = world.queued
    assert "attested" in comment
    assert EventType.ACTION_ITEM_IMPLEMENTED in world.uow.event_types
    (change,) = [c for c in world.uow.changes.of_item(world.item.id) if c.field == "status"]
    assert (change.actor, change.source, change.old, change.new) == ("tracker:github", "tracker", "open", "implemented")
    assert await world.apply(event_of(world.remote)) == APPLIED, "the same again: the tracker is asked"
    assert len(world.queued) == 1


@given(statuses=st.lists(st.sampled_from(list(TicketStatus)), max_size=12), start=st.sampled_from(list(Status)))
async def test_nothing_a_tracker_says_closes_an_item(statuses: list[TicketStatus], start: Status) -> None:
    world = Linked(start, plan=PLAN)
    for status in statuses:
        await world.tell_us(status=status)
        assert world.now_item.status is not Status.CLOSED or start is Status.CLOSED
        if start in (Status.CANDIDATE, Status.DECLINED):
            assert world.now_item.status is start


@pytest.mark.parametrize(
    ("before", "said", "after"),
    [
        (Status.OPEN, TicketStatus.IN_PROGRESS, Status.IN_PROGRESS),
        (Status.IN_PROGRESS, TicketStatus.DONE, Status.IMPLEMENTED),
        (Status.IMPLEMENTED, TicketStatus.TODO, Status.OPEN),
        (Status.IMPLEMENTED, TicketStatus.IN_PROGRESS, Status.OPEN),
        (Status.CLOSED, TicketStatus.TODO, Status.OPEN),
        (Status.DECLINED, TicketStatus.DONE, Status.DECLINED),
        (Status.CANDIDATE, TicketStatus.DONE, Status.CANDIDATE),
        (Status.OPEN, TicketStatus.CANCELLED, Status.OPEN),
        (Status.OPEN, TicketStatus.DUPLICATE, Status.OPEN),
        (Status.IN_PROGRESS, TicketStatus.TODO, Status.IN_PROGRESS),
    ],
)
async def test_the_table_of_states(before: Status, said: TicketStatus, after: Status) -> None:
    world = Linked(before)
    await world.tell_us(status=said)
    assert world.now_item.status is after


async def test_a_tracker_that_knows_in_progress_can_take_it_back() -> None:
    world = Linked()
    await world.tell_us(status=TicketStatus.IN_PROGRESS)
    await world.tell_us(status=TicketStatus.TODO)
    assert world.now_item.status is Status.OPEN


@pytest.mark.parametrize("status", [TicketStatus.CANCELLED, TicketStatus.DUPLICATE])
async def test_not_planned_waits_for_a_person_and_is_over_when_the_ticket_reopens(status: TicketStatus) -> None:
    world = Linked()
    await world.tell_us(status=status)
    assert world.findings == {FindingCode.DECLINED_WITHOUT_REASON}
    await world.tell_us(status=TicketStatus.TODO)
    assert world.findings == set()
    assert EventType.FINDING_CLOSED in world.uow.event_types


async def test_an_older_event_changes_nothing() -> None:
    world = Linked()
    await world.tell_us(status=TicketStatus.DONE)
    stale = replace(world.remote, status=TicketStatus.TODO, updated_at=world.remote.updated_at - timedelta(seconds=1))
    assert await world.apply(event_of(stale)) == OLDER
    assert world.now_item.status is Status.IMPLEMENTED


async def test_a_tie_is_settled_by_asking_the_tracker() -> None:
    world = Linked()
    at = world.remote.updated_at
    said = replace(world.remote, status=TicketStatus.TODO, updated_at=at)
    world.remote = world.tracker.change(world.remote, status=TicketStatus.DONE, updated_at=at)
    assert await world.apply(event_of(said)) == APPLIED
    assert world.now_item.status is Status.IMPLEMENTED


async def test_a_tie_counts_as_no_change_while_the_tracker_cannot_be_asked() -> None:
    world = Linked()
    said = replace(world.remote, status=TicketStatus.DONE)
    world.tracker.plan = [Happens.BUSY]
    assert await world.apply(event_of(said)) == UNCHANGED
    assert await apply_ticket_event(world.uow, world.clock, {}, event=event_of(said)) == UNCHANGED
    assert world.now_item.status is Status.OPEN


async def test_our_own_echo_changes_nothing_but_the_time() -> None:
    world = Linked()
    assert await world.tell_us(status=TicketStatus.DONE, ours=True) == OURS
    assert world.now_item.status is Status.OPEN
    assert world.now_ticket.source_updated_at == world.remote.updated_at
    assert world.uow.recorded == ()


async def test_a_ticket_that_is_not_ours_means_nothing() -> None:
    world = Linked()
    assert await world.apply(event_of(replace(world.remote, external_id="77"), external_id="77")) == UNKNOWN


async def test_a_new_assignee_we_know_owns_the_item() -> None:
    world = Linked()
    grace = make.person("grace", handles={"github": "Grace-H"})
    world.uow.seed(grace)
    await world.tell_us(assignee="grace-h")
    assert world.now_item.owner_id == grace.id
    assert world.findings == {FindingCode.REASSIGNED_IN_TRACKER}
    (change,) = world.uow.changes.of_item(world.item.id)
    assert (change.field, change.source, change.new) == ("owner_id", "tracker", str(grace.id))


@pytest.mark.parametrize("assignee", ["nobody-we-know", None])
async def test_an_assignee_we_do_not_know_leaves_the_owner_and_is_reported(assignee: str | None) -> None:
    world = Linked()
    await world.tell_us(assignee=assignee)
    assert world.now_item.owner_id == world.owner.id
    assert world.findings == {FindingCode.REASSIGNED_IN_TRACKER}


async def test_a_deleted_ticket_is_lost_and_a_resync_makes_a_new_one() -> None:
    world = Linked(Status.IMPLEMENTED)
    gone = event_of(world.remote, kind=TicketEventKind.DELETED)
    assert await world.apply(gone) == LOST
    assert world.now_ticket.sync_state is SyncState.LOST
    assert world.findings == {FindingCode.TICKET_LOST}
    assert world.uow.event_types.count(EventType.TICKET_LOST) == 1
    await world.apply(gone)
    assert world.uow.event_types.count(EventType.TICKET_LOST) == 1
    assert len(world.tracker.tickets) == 1, "nothing is created by itself"
    ticket = await resync(world)
    assert ticket.sync_state is SyncState.PENDING
    await world.deliver_due()
    assert (world.now_ticket.key, world.now_ticket.status) == ("acme/shop#2", TicketStatus.DONE)
    assert world.now_item.status is Status.IMPLEMENTED
    assert world.findings == set()


async def test_a_transferred_ticket_keeps_its_item() -> None:
    world = Linked()
    new = replace(world.remote, external_id="5005", key="acme/payments#9", url="https://t.test/9")
    assert await world.apply(event_of(new, kind=TicketEventKind.MOVED, external_id=world.remote.external_id)) == APPLIED
    assert (world.now_ticket.external_id, world.now_ticket.key) == ("5005", "acme/payments#9")


async def test_a_webhook_whose_fields_the_route_alone_explains_is_asked_about() -> None:
    world = Linked()
    world.uow.seed(replace(world.now_ticket, route=replace(world.ticket.route, due_field="milestone")))
    later = world.clock().date() + timedelta(days=60)
    said = await world.tell_us(due_on=later)
    assert said == APPLIED
    assert world.now_item.due_on == later
    calls = world.tracker.calls
    unread = replace(
        world.remote, due_on=None, priority="low", updated_at=world.remote.updated_at + timedelta(seconds=1)
    )
    world.tracker.plan = [Happens.BUSY]
    assert await world.apply(event_of(unread)) == APPLIED
    assert world.tracker.calls == calls + 1
    assert (world.now_item.due_on, world.now_ticket.due_on, world.queued) == (later, later, [])
    await world.apply(event_of(replace(unread, updated_at=unread.updated_at - timedelta(hours=1))))
    assert world.tracker.calls == calls + 1, "an old one is not worth a question"


async def test_a_ticket_that_is_gone_when_it_is_asked_about_is_lost() -> None:
    world = Linked()
    world.uow.seed(replace(world.now_ticket, route=replace(world.ticket.route, due_field="milestone")))
    world.tracker.tickets.clear()
    newer = replace(world.remote, updated_at=world.remote.updated_at + timedelta(seconds=1))
    assert await world.apply(event_of(newer)) == LOST
