"""What trackers tell us, what people do with tickets, and what becomes of the item: never closed by a tracker."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.access import Role
from app.domain.actions.model import Status
from app.domain.errors import Invalid, NotFound, WrongState
from app.domain.events import EventType
from app.domain.follow_through.model import FindingCode
from app.domain.ids import new_id
from app.domain.incidents.model import Visibility
from app.domain.organisation.model import Provider, Route
from app.domain.policy import Policy
from app.domain.ports import InboxItem, WebhookSource
from app.domain.tracking.model import (
    DeliveryState,
    NotThisTracker,
    RemoteTicket,
    SyncState,
    TicketDraft,
    TicketEvent,
    TicketEventKind,
    TicketStatus,
    TicketTaken,
    TicketUpdate,
    TrackerUnavailable,
)
from app.domain.tracking.use_cases.adopt_ticket import adopt_ticket
from app.domain.tracking.use_cases.apply_ticket_event import (
    APPLIED,
    LOST,
    OLDER,
    OURS,
    UNCHANGED,
    UNKNOWN,
    apply_ticket_event,
)
from app.domain.tracking.use_cases.move_local_ticket import move_local_ticket
from app.domain.tracking.use_cases.process_inbox import process_inbox
from app.domain.tracking.use_cases.resync_ticket import resync_ticket
from tests import make
from tests.make import NOW
from tests.unit.test_delivery import PLAN, POLICY, ROUTE, World
from tests.unit.tracking_fakes import FakeTracker, Happens, comments, no_jitter


class Linked(World):
    """A world whose ticket exists, and whose tracker sends us events."""

    def __init__(self, status: Status = Status.OPEN, **item: Any) -> None:
        super().__init__()
        self.uow.deliveries.rows.clear()
        given: dict[str, Any] = {"status": status, "implemented_at": NOW if status is Status.IMPLEMENTED else None}
        self.item = replace(self.item, **(given | item))
        draft = self.tracker._created(ROUTE, make_draft())
        shown = TicketStatus.DONE if status in (Status.IMPLEMENTED, Status.CLOSED) else TicketStatus.TODO
        self.remote = self.tracker.change(draft, status=shown, assignee="ada-l")
        self.uow.seed(self.item, self.ticket.linked(self.remote, NOW))

    async def tell_us(self, *, ours: bool = False, at: datetime | None = None, **fields: Any) -> str:
        """Somebody changed the ticket a second ago, or at `at`."""
        if at is None:
            self.clock.forward(seconds=1)
        self.remote = self.tracker.change(self.remote, updated_at=at or self.clock(), **fields)
        return await self.apply(event_of(self.remote, ours=ours))

    async def apply(self, event: TicketEvent) -> str:
        return await apply_ticket_event(self.uow, self.clock, {Provider.GITHUB: self.tracker}, event=event)

    @property
    def queued(self) -> list[str]:
        rows = self.uow.deliveries.rows.values()
        return [str(row.update["comment"]) for row in rows if "comment" in row.update]


def make_draft() -> TicketDraft:
    return TicketDraft(marker=new_id(), title="x", body="", url="", priority="high")


def event_of(remote: RemoteTicket, *, ours: bool = False, **fields: Any) -> TicketEvent:
    given: dict[str, Any] = {"kind": TicketEventKind.CHANGED, "external_id": remote.external_id, "remote": remote}
    return TicketEvent(provider=Provider.GITHUB, ours=ours, **(given | fields))


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


# ── Resync, adoption, our own tracker ────────────────────────────────────────────────────────────────────────────


async def resync(world: World) -> Any:
    trackers = {Provider.GITHUB: world.tracker}
    return await resync_ticket(world.uow, world.clock, trackers, caller=make.caller(), item_id=world.item.id)


async def test_a_resync_catches_up_with_what_no_webhook_said() -> None:
    world = Linked()
    world.clock.forward(seconds=1)
    world.tracker.change(world.remote, status=TicketStatus.DONE)
    await resync(world)
    assert world.now_item.status is Status.IMPLEMENTED


async def test_a_resync_of_a_deleted_ticket_makes_it_lost() -> None:
    world = Linked()
    world.tracker.change(world.remote, status=TicketStatus.LOST)
    assert (await resync(world)).sync_state is SyncState.LOST


async def test_a_resync_says_why_it_cannot() -> None:
    with pytest.raises(WrongState, match="retry its delivery"):
        await resync(World())
    world = Linked()
    world.tracker.plan = [Happens.BUSY]
    with pytest.raises(TrackerUnavailable):
        await resync(world)


async def adopt(world: World, reference: str = "acme/shop#1") -> Any:
    trackers = {Provider.GITHUB: world.tracker}
    return await adopt_ticket(
        world.uow, world.clock, POLICY, trackers, caller=make.caller(), item_id=world.item.id, reference=reference
    )


async def test_an_adopted_ticket_replaces_the_one_that_was_to_be_created() -> None:
    world = World()
    world.tracker._created(Route(Provider.GITHUB, "acme/shop"), make_draft())
    ticket = await adopt(world)
    assert (ticket.key, ticket.adopted, ticket.sync_state) == ("acme/shop#1", True, SyncState.SYNCED)
    assert world.now_delivery.state is DeliveryState.DEAD
    await world.deliver_due()
    assert len(world.tracker.tickets) == 1
    (comment,) = comments(world.tracker.updates)
    assert f"/v1/action-items/{world.item.id}" in comment
    assert (await adopt(world)).key == ticket.key, "the same again is no error"


async def test_adopting_a_ticket_that_is_done_makes_the_item_implemented() -> None:
    world = World()
    remote = world.tracker._created(Route(Provider.GITHUB, "acme/shop"), make_draft())
    world.tracker.change(remote, status=TicketStatus.DONE, assignee="somebody")
    await adopt(world)
    assert world.now_item.status is Status.IMPLEMENTED
    assert world.now_item.owner_id == world.owner.id
    assert world.findings == set()


async def test_a_candidate_adopts_a_ticket_of_its_own() -> None:
    world = World()
    world.uow.tickets.rows.clear()  # type: ignore[attr-defined]
    world.uow.seed(replace(world.item, status=Status.CANDIDATE))
    world.tracker._created(Route(Provider.GITHUB, "acme/shop"), make_draft())
    assert (await adopt(world)).action_item_id == world.item.id
    assert world.now_item.status is Status.CANDIDATE


async def test_a_ticket_belongs_to_one_item() -> None:
    world = Linked()
    other = World()
    other.uow, other.tracker = world.uow, world.tracker
    other.uow.seed(other.owner, other.item)
    with pytest.raises(TicketTaken):
        await adopt(other)


async def test_a_linked_item_keeps_its_ticket() -> None:
    world = Linked()
    world.tracker._created(Route(Provider.GITHUB, "acme/shop"), make_draft())
    with pytest.raises(WrongState, match="acme/shop#1"):
        await adopt(world, "acme/shop#2")


async def test_a_ticket_under_way_is_not_replaced() -> None:
    world = World()
    world.tracker._created(Route(Provider.GITHUB, "acme/shop"), make_draft())
    claimed = world.delivery.claim(NOW, POLICY.delivery)
    world.uow.seed(claimed)
    with pytest.raises(WrongState, match="this moment"):
        await adopt(world)


async def test_a_reference_that_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(NotThisTracker, match="SHOP-1"):
        await adopt(World(), "SHOP-1")


async def test_a_restricted_incident_gets_no_ticket_where_others_read() -> None:
    world = World()
    incident = make.incident(visibility=Visibility.RESTRICTED)
    world.uow.seed(incident, replace(world.item, incident_id=incident.id))
    world.tracker._created(Route(Provider.GITHUB, "acme/shop"), make_draft())
    trackers = {Provider.GITHUB: world.tracker}
    admin = make.caller(role=Role.ADMIN)
    with pytest.raises(Invalid, match="restricted"):
        await adopt_ticket(
            world.uow, world.clock, POLICY, trackers, caller=admin, item_id=world.item.id, reference="acme/shop#1"
        )


async def test_a_local_ticket_that_is_done_makes_the_item_implemented() -> None:
    world = World(route=Route(Provider.LOCAL, "norepeat"))
    local = FakeTracker(world.clock, world.uow)
    remote = replace(local._created(Route(Provider.LOCAL, "norepeat"), make_draft()), external_id="1")
    local.tickets[0] = remote
    world.uow.seed(world.ticket.linked(remote, NOW))
    world.clock.forward(seconds=1)
    trackers = {Provider.LOCAL: local}
    ticket = await move_local_ticket(
        world.uow, world.clock, trackers, caller=make.caller(), number=1, status=TicketStatus.DONE
    )
    assert ticket.status is TicketStatus.DONE
    assert world.now_item.status is Status.IMPLEMENTED
    with pytest.raises(NotFound):
        await move_local_ticket(
            world.uow, world.clock, trackers, caller=make.caller(), number=2, status=TicketStatus.DONE
        )


# ── The inbox ────────────────────────────────────────────────────────────────────────────────────────────────────


class ScriptedWebhooks:
    """`read` answers what the body says."""

    def __init__(self, answers: dict[bytes, TicketEvent | Exception | None]) -> None:
        self._answers = answers

    def delivery(self, *_: Any) -> str:
        return ""

    def read(self, headers: Any, body: bytes) -> TicketEvent | None:
        answer = self._answers[body]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_webhooks_are_handled_in_order_and_a_poisonous_one_stops_no_other() -> None:
    world = Linked()
    world.clock.forward(seconds=1)
    done = replace(world.remote, status=TicketStatus.DONE, updated_at=world.clock())
    answers: dict[bytes, TicketEvent | Exception | None] = {
        b"1": RuntimeError("poison"),
        b"2": Invalid("not JSON"),
        b"3": None,
        b"4": event_of(done),
    }
    source = {"github": WebhookSource(ScriptedWebhooks(answers), ("s",))}
    items = [InboxItem(new_id(), "github", str(n), {}, str(n).encode(), NOW) for n in (1, 2, 3, 4)]
    stray = InboxItem(new_id(), "pagerduty", "5", {}, b"5", NOW)
    world.uow.seed(*items, stray)

    async def handle() -> int:
        trackers = {Provider.GITHUB: world.tracker}
        return await process_inbox(world.uow, world.clock, Policy(), trackers, source, jitter=no_jitter)

    assert await handle() == 5
    outcomes = world.uow.inbox.outcomes
    assert [outcomes.get(item.id) for item in items] == [None, "not JSON", "of no interest", APPLIED]
    assert "pagerduty" in (outcomes[stray.id] or "")
    assert world.now_item.status is Status.IMPLEMENTED
    for _ in range(20):
        world.clock.forward(hours=1)
        await handle()
    assert outcomes[items[0].id] == "RuntimeError: poison"
    assert world.uow.inbox.rows[items[0].id].attempts == Policy().delivery.max_attempts


async def test_a_change_of_ours_to_a_deleted_ticket_is_dropped_with_it() -> None:
    world = Linked()
    waiting = world.tell(TicketUpdate(title="New"))
    await world.apply(event_of(world.remote, kind=TicketEventKind.DELETED))
    assert world.uow.deliveries.rows[waiting.id].state is DeliveryState.DEAD
