"""A webhook about a ticket with our marker settles its creation at once, however the answer was lost."""

from dataclasses import replace
from typing import Any

import pytest

from app.domain.follow_through.model import FindingCode
from app.domain.organisation.model import Provider, Route
from app.domain.tracking.deliveries import DeliveryState
from app.domain.tracking.model import (
    RemoteTicket,
    SyncState,
    TicketEvent,
    TicketEventKind,
    TicketUpdate,
)
from app.domain.tracking.proving import prove
from tests import make
from tests.unit.ticket_world import POLICY, ROUTE, Linked, World, event_of, make_draft
from tests.unit.tracking_fakes import FakeTracker, Happens, seconds


async def proved(world: World, remote: RemoteTicket | None = None, **fields: Any) -> bool:
    return await prove(world.uow, world.clock, POLICY, event=event_of(remote or world.tracker.tickets[0], **fields))


async def test_an_ambiguous_creation_is_settled_at_once_and_never_looked_up() -> None:
    world = World(Happens.LOST_AFTER)
    await world.deliver()
    assert world.now_delivery.state is DeliveryState.SENDING
    assert await proved(world)
    assert (world.now_delivery.state, world.now_ticket.key) == (DeliveryState.SENT, "acme/shop#1")
    assert (world.now_ticket.sync_state, world.now_ticket.last_error) == (SyncState.SYNCED, None)
    assert world.now_item.owner_id == world.owner.id
    await world.deliver_due()
    assert (world.tracker.looked_since, len(world.tracker.tickets)) == ([], 1)
    (update,) = world.tracker.updates
    assert (update.link_back or "").endswith(f"/action-items/{world.item.id}")
    assert not await proved(world), "once"


async def test_a_creation_that_was_given_up_is_settled_too() -> None:
    world = World(Happens.LOST_AFTER, Happens.REFUSED)
    await world.deliver()
    world.clock.forward(minutes=1)
    await world.deliver()
    assert world.findings == {FindingCode.TICKET_FAILED}
    assert await proved(world)
    assert (world.now_delivery.state, world.findings) == (DeliveryState.SENT, set())


async def test_the_answer_that_comes_after_the_proof_only_says_what_was_left_out() -> None:
    class Hasty(FakeTracker):
        async def create(self, route: Route, draft: Any) -> RemoteTicket:
            remote = await super().create(route, draft)
            assert await proved(world, remote)
            return replace(remote, dropped=("label:postmortem",))

    world = World()
    world.tracker = Hasty(world.clock, world.uow)
    await world.deliver()
    assert world.now_delivery.state is DeliveryState.SENT
    assert world.findings == {FindingCode.TICKET_INCOMPLETE}
    assert world.uow.event_types.count("ticket.synced.v1") == 1


async def test_another_answer_that_comes_after_the_proof_changes_nothing() -> None:
    class Confused(FakeTracker):
        async def create(self, route: Route, draft: Any) -> RemoteTicket:
            remote = await super().create(route, draft)
            assert await proved(world, remote)
            return replace(remote, external_id="77", dropped=("label:postmortem",))

    world = World()
    world.tracker = Confused(world.clock, world.uow)
    await world.deliver()
    assert (world.now_ticket.external_id, world.findings) == ("1001", set())


@pytest.mark.parametrize(
    "fields",
    [{"marker": None}, {"key": "acme/other#1"}],
)
async def test_a_ticket_without_the_marker_or_in_another_project_proves_nothing(fields: dict[str, Any]) -> None:
    world = World(Happens.LOST_AFTER)
    await world.deliver()
    assert not await proved(world, replace(world.tracker.tickets[0], **fields))
    assert world.now_ticket.external_id is None


async def test_a_copy_of_a_ticket_proves_nothing_while_its_original_is_linked_or_was_never_asked_for() -> None:
    linked = World()
    await linked.deliver()
    assert not await proved(linked, replace(linked.tracker.tickets[0], external_id="9", key="acme/shop#9"))
    fresh = World()
    copied = replace(Linked().remote, marker=fresh.delivery.marker)
    assert not await proved(fresh, copied)
    assert fresh.now_delivery.state is DeliveryState.PENDING


async def test_a_deletion_or_another_providers_ticket_proves_nothing() -> None:
    world = World(Happens.LOST_AFTER)
    await world.deliver()
    remote = world.tracker.tickets[0]
    assert not await proved(world, remote, kind=TicketEventKind.DELETED)
    event = TicketEvent(TicketEventKind.CHANGED, Provider.JIRA, remote.external_id, remote)
    assert not await prove(world.uow, world.clock, POLICY, event=event)
    nothing = TicketEvent(TicketEventKind.CHANGED, Provider.GITHUB, remote.external_id)
    assert not await prove(world.uow, world.clock, POLICY, event=nothing)


async def test_a_linear_issue_is_known_by_its_id_whatever_its_team_is_called() -> None:
    world = World(Happens.LOST_AFTER, route=Route(Provider.LINEAR, "9e5f2f1e-team"))
    world.delivery = replace(world.delivery, provider=Provider.LINEAR)
    world.uow.seed(world.delivery)
    claimed = world.delivery.claim(world.clock(), POLICY.delivery)
    world.uow.seed(claimed)
    draft = replace(make_draft(), marker=world.delivery.marker)
    created = world.tracker._created(Route(Provider.LINEAR, "ENG"), draft)
    event = TicketEvent(TicketEventKind.CHANGED, Provider.LINEAR, created.external_id, replace(created, key="ENG-1"))
    assert await prove(world.uow, world.clock, POLICY, event=event)
    assert world.now_ticket.key == "ENG-1"


async def test_what_the_route_alone_explains_is_not_read_from_the_proof() -> None:
    world = World(Happens.LOST_AFTER, route=replace(ROUTE, due_field="milestone"))
    world.tracker.dates = True
    await world.deliver()
    remote = replace(world.tracker.tickets[0], due_on=None, priority="low")
    assert await proved(world, remote)
    assert (world.now_item.due_on, world.findings) == (world.item.due_on, set())
    assert [d.update for d in world.uow.deliveries.rows.values() if "priority" in d.update] == []


async def test_an_owner_without_a_name_there_is_said_by_the_proof_too() -> None:
    world = World(Happens.LOST_AFTER, owner=make.person("grace"))
    await world.deliver()
    assert await proved(world)
    assert world.findings == {FindingCode.OWNER_WITHOUT_HANDLE}


async def test_what_was_edited_here_while_the_answer_was_lost_is_not_taken_back() -> None:
    """The ticket still shows the old values; the new ones are on their way."""
    world = World(Happens.LOST_AFTER)
    world.tracker.dates = True
    await world.deliver()
    grace = make.person("grace", handles={"github": "grace-h"})
    later = world.item.due_on + seconds(86_400 * 7) if world.item.due_on else None
    world.uow.seed(grace, replace(world.now_item, owner_id=grace.id, due_on=later))
    world.tell(TicketUpdate(assignee=str(grace.id), due_on=later, priority="urgent"))
    assert await proved(world)
    assert (world.now_item.owner_id, world.now_item.due_on) == (grace.id, later)
    await world.deliver_due()
    assert (world.now_ticket.assignee, world.now_ticket.due_on) == ("grace-h", later)
    assert (world.now_item.owner_id, world.now_item.due_on) == (grace.id, later)
    assert world.findings == set()
