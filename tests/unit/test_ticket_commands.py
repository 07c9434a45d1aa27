"""What people do with tickets, and webhooks from inbox to effect: resync, adopt, move."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.access import Role
from app.domain.actions.model import Status
from app.domain.errors import Invalid, NotFound, WrongState
from app.domain.ids import new_id
from app.domain.incidents.model import Visibility
from app.domain.organisation.model import Provider, Route
from app.domain.policy import Policy
from app.domain.ports import InboxItem, WebhookSource
from app.domain.tracking.deliveries import DeliveryState
from app.domain.tracking.errors import (
    NotThisTracker,
    TicketTaken,
    TrackerRefused,
    TrackerUnavailable,
)
from app.domain.tracking.model import (
    SyncState,
    TicketEvent,
    TicketEventKind,
    TicketStatus,
    TicketUpdate,
)
from app.domain.tracking.use_cases.adopt_ticket import adopt_ticket
from app.domain.tracking.use_cases.apply_ticket_event import (
    APPLIED,
)
from app.domain.tracking.use_cases.move_local_ticket import move_local_ticket
from app.domain.tracking.use_cases.process_inbox import process_inbox
from tests import make
from tests.make import NOW
from tests.unit.ticket_world import (
    POLICY,
    Linked,
    World,
    adopt,
    event_of,
    make_draft,
    resync,
)
from tests.unit.tracking_fakes import FakeTracker, Happens, comments, no_jitter


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


async def test_an_adopted_ticket_replaces_the_one_that_was_to_be_created() -> None:
    world = World()
    world.tracker._created(Route(Provider.GITHUB, "acme/shop"), make_draft())
    ticket = await adopt(world)
    assert (ticket.key, ticket.adopted, ticket.sync_state) == ("acme/shop#1", True, SyncState.SYNCED)
    assert world.now_delivery.state is DeliveryState.DEAD
    await world.deliver_due()
    assert len(world.tracker.tickets) == 1
    (update,) = world.tracker.updates
    assert (update.link_back or "").endswith(f"/action-items/{world.item.id}")
    assert comments(world.tracker.updates) == []
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


async def test_a_key_that_one_tracker_refuses_may_name_a_ticket_of_the_next() -> None:
    """`SHOP-1` looks the same in Jira and in Linear."""
    world, first = World(), FakeTracker(make.FixedClock())
    world.tracker._created(Route(Provider.GITHUB, "acme/shop"), make_draft())
    trackers = {Provider.JIRA: first, Provider.GITHUB: world.tracker}
    given: dict[str, Any] = {"caller": make.caller(), "item_id": world.item.id}
    with pytest.raises(TrackerRefused, match="There is no acme/shop#9"):
        await adopt_ticket(world.uow, world.clock, POLICY, trackers, **given, reference="acme/shop#9")
    ticket = await adopt_ticket(world.uow, world.clock, POLICY, trackers, **given, reference="acme/shop#1")
    assert ticket.route.provider is Provider.GITHUB


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
