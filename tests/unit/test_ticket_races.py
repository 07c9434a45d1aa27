"""What happens to tickets while nobody looks: between the transactions of one use case, and in rare states."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.access import Role
from app.domain.actions.model import Status
from app.domain.errors import NotFound, WrongState
from app.domain.follow_through.model import FindingCode
from app.domain.ids import new_id
from app.domain.incidents.model import Visibility
from app.domain.organisation.model import Provider, Route
from app.domain.policy import Policy
from app.domain.ports import InboxItem, UnitOfWork
from app.domain.tracking.deliveries import DeliveryState
from app.domain.tracking.errors import NoTracker, TicketTaken
from app.domain.tracking.model import (
    SyncState,
    Ticket,
    TicketEventKind,
    TicketStatus,
    TicketUpdate,
)
from app.domain.tracking.routing import LOCAL, new_ticket, project_of, route_of
from app.domain.tracking.use_cases.adopt_ticket import adopt_ticket
from app.domain.tracking.use_cases.apply_ticket_event import APPLIED, LOST, UNCHANGED, UNKNOWN, apply_ticket_event
from app.domain.tracking.use_cases.deliver import deliver
from app.domain.tracking.use_cases.process_inbox import process_inbox
from app.domain.tracking.use_cases.resync_ticket import resync_ticket
from app.domain.tracking.use_cases.retry_delivery import retry_delivery
from tests import make
from tests.make import NOW
from tests.unit.ticket_world import POLICY, ROUTE, Linked, World, adopt, delivery_of, event_of, make_draft, resync
from tests.unit.tracking_fakes import Crash, Happens, TrackingUnitOfWork, UniqueTickets

ADMIN = make.caller(role=Role.ADMIN)


class Interrupted(TrackingUnitOfWork):
    """Before the transaction of that number opens, somebody else gets in a change."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: dict[int, Callable[[], None]] = {}
        self.opened = 0

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[UnitOfWork]:
        self.opened += 1
        self.meanwhile.pop(self.opened, lambda: None)()
        async with super().__call__() as u:
            yield u


def interrupted(world: World, number: int, act: Callable[[], None]) -> None:
    """Somebody else acts before the transaction of this number, counted from now."""
    uow = Interrupted()
    uow.__dict__ |= {name: value for name, value in vars(world.uow).items() if name not in ("meanwhile", "opened")}
    uow.meanwhile[number] = act
    world.uow = world.tracker.uow = uow


def relink(world: World) -> Callable[[], None]:
    """The item gets another ticket."""
    return lambda: world.uow.seed(replace(world.now_ticket, external_id="99"))


async def test_a_change_or_deletion_of_a_ticket_that_was_replaced_meanwhile_means_nothing() -> None:
    for kind in (TicketEventKind.CHANGED, TicketEventKind.DELETED):
        world = Linked()
        interrupted(world, 2, relink(world))
        newer = replace(world.remote, status=TicketStatus.DONE, updated_at=NOW + timedelta(hours=1))
        assert await world.apply(event_of(newer, kind=kind)) == UNKNOWN
        assert world.now_item.status is Status.OPEN


async def test_a_resync_leaves_a_ticket_that_was_replaced_meanwhile() -> None:
    world = Linked()
    interrupted(world, 2, relink(world))
    assert (await resync(world)).external_id == "99"


async def test_a_resync_does_not_go_back_in_time() -> None:
    world = Linked()
    world.uow.seed(replace(world.now_ticket, source_updated_at=NOW + timedelta(hours=1)))
    world.tracker.change(world.remote, status=TicketStatus.DONE)
    await resync(world)
    assert world.now_item.status is Status.OPEN


async def test_a_resync_needs_its_tracker() -> None:
    world = Linked()
    with pytest.raises(NoTracker):
        await resync_ticket(world.uow, world.clock, {}, caller=ADMIN, item_id=world.item.id)


async def test_an_open_items_lost_ticket_is_created_without_a_status() -> None:
    world = Linked()
    await world.apply(event_of(world.remote, kind=TicketEventKind.DELETED))
    await resync(world)
    assert [d.kind for d in world.uow.deliveries.rows.values() if d.is_unfinished] == ["create"]


async def test_a_lost_ticket_that_speaks_again_is_back() -> None:
    world = Linked()
    await world.apply(event_of(world.remote, kind=TicketEventKind.DELETED))
    assert await world.tell_us(status=TicketStatus.TODO) == APPLIED
    assert world.now_ticket.sync_state is SyncState.SYNCED
    assert world.findings == set()


async def test_the_owner_who_gets_the_ticket_back_is_no_news() -> None:
    world = Linked()
    await world.tell_us(assignee=None)
    world.uow.findings.rows.clear()  # type: ignore[attr-defined]
    await world.tell_us(assignee="ada-l")
    assert world.findings == set()
    assert world.now_item.owner_id == world.owner.id


async def test_in_our_own_tracker_people_go_by_their_address() -> None:
    world = World(route=LOCAL)
    await deliver(world.uow, world.clock, POLICY, {Provider.LOCAL: world.tracker}, delivery_id=world.delivery.id)
    assert world.now_ticket.assignee == "ada@example.org"
    grace = make.person("grace")
    world.uow.seed(grace)
    world.clock.forward(seconds=1)
    remote = world.tracker.change(world.tracker.tickets[0], assignee=grace.email)
    event = replace(event_of(remote), provider=Provider.LOCAL)
    await apply_ticket_event(world.uow, world.clock, {}, event=event)
    assert world.now_item.owner_id == grace.id


async def test_an_event_without_a_ticket_changes_nothing() -> None:
    world = Linked()
    assert await world.apply(replace(event_of(world.remote), remote=None)) == UNCHANGED


async def test_a_tie_about_a_ticket_that_is_gone_makes_it_lost() -> None:
    world = Linked()
    world.tracker.change(world.remote, status=TicketStatus.LOST)
    assert await world.apply(event_of(world.remote)) == LOST


async def test_a_look_up_waits_for_a_tracker_that_is_slower_than_our_lease() -> None:
    """Jira's search may lag two minutes, our lease ends after 45 seconds."""
    world = World(Happens.CRASH_AFTER, route=Route(Provider.JIRA, "SHOP"))
    trackers = {Provider.JIRA: world.tracker}
    with pytest.raises(Crash):
        await deliver(world.uow, world.clock, POLICY, trackers, delivery_id=world.delivery.id)
    world.clock.forward(seconds=60)
    assert await deliver(world.uow, world.clock, POLICY, trackers, delivery_id=world.delivery.id) is None
    assert world.now_delivery.not_before == NOW + POLICY.delivery.settle["jira"]
    world.clock.forward(seconds=60)
    await deliver(world.uow, world.clock, POLICY, trackers, delivery_id=world.delivery.id)
    assert (world.now_delivery.state, len(world.tracker.tickets)) == (DeliveryState.SENT, 1)


@pytest.mark.parametrize("happens", [Happens.FINE, Happens.BUSY])
async def test_a_result_that_comes_after_the_delivery_was_called_off_is_ignored(happens: Happens) -> None:
    world = World(happens)
    interrupted(world, 2, lambda: world.uow.seed(world.now_delivery.dead("replaced", NOW)))
    await world.deliver()
    assert world.now_delivery.last_error == "replaced"
    assert world.now_ticket.external_id is None


async def test_a_failure_that_comes_after_the_next_attempt_began_is_ignored() -> None:
    world = World(Happens.BUSY)
    interrupted(world, 2, lambda: world.uow.seed(replace(world.now_delivery, attempts=7)))
    await world.deliver()
    assert (world.now_delivery.attempts, world.now_delivery.state) == (7, DeliveryState.SENDING)


async def test_giving_up_comes_too_late_for_a_delivery_that_was_sent_after_all() -> None:
    world = World()
    world.uow.seed(replace(world.delivery, attempts=POLICY.delivery.max_attempts))
    interrupted(world, 2, lambda: world.uow.seed(world.now_delivery.sent(NOW)))
    assert await world.deliver() is None
    assert world.now_delivery.state is DeliveryState.SENT


async def test_two_items_that_adopt_one_ticket_at_once_are_told_apart_by_the_database() -> None:
    class Blind(UniqueTickets):
        """Does not see yet what the other transaction is about to commit."""

        looks = 0

        async def find_external(self, provider: Provider, external_id: str) -> Ticket | None:
            self.looks += 1
            return None if self.looks == 1 else await super().find_external(provider, external_id)

    linked, world = Linked(), World()
    blind = Blind()
    blind.rows = {linked.ticket.id: linked.now_ticket, world.ticket.id: world.ticket}
    world.uow.tickets, world.tracker = blind, linked.tracker
    world.tracker.uow = world.uow
    with pytest.raises(TicketTaken):
        await adopt(world)


async def test_a_restricted_incidents_work_may_go_where_its_route_allows() -> None:
    world = World()
    service, incident = make.service(route=replace(ROUTE, restricted=True)), make.incident()
    incident = replace(incident, visibility=Visibility.RESTRICTED)
    item = replace(world.item, incident_id=incident.id, service_id=service.id)
    world.uow.seed(service, incident, item)
    world.tracker._created(ROUTE, make_draft())
    trackers = {Provider.GITHUB: world.tracker}
    ticket = await adopt_ticket(
        world.uow, world.clock, POLICY, trackers, caller=ADMIN, item_id=item.id, reference="acme/shop#1"
    )
    assert ticket.key == "acme/shop#1"


def test_a_ticket_goes_the_way_of_its_service_then_its_team_then_ours() -> None:
    service, team = make.service(route=ROUTE), make.team(route=Route(Provider.JIRA, "PAY", restricted=True))
    hidden = make.incident(visibility=Visibility.RESTRICTED)
    assert route_of(service, team, None) == ROUTE
    assert route_of(None, team, hidden) == team.route
    assert route_of(service, team, hidden) == LOCAL
    assert route_of(make.service(), None, None) == LOCAL
    ticket, delivery = new_ticket(make.action_item(), ROUTE, NOW)
    assert (delivery.ticket_id, delivery.provider, delivery.marker.version) == (ticket.id, Provider.GITHUB, 4)


def test_a_key_names_its_project() -> None:
    assert project_of(Provider.GITHUB, "acme/shop#12") == "acme/shop"
    assert project_of(Provider.JIRA, "SHOP-EU-12") == "SHOP-EU"
    assert project_of(Provider.LOCAL, "LOCAL-12") == "norepeat"


async def test_the_inbox_stops_when_told_and_leaves_what_another_worker_holds() -> None:
    world = Linked()
    items = [InboxItem(new_id(), "github", str(n), {}, b"", NOW) for n in range(3)]
    world.uow.seed(*items)
    answers = iter([True, True, False, False])
    done = await process_inbox(world.uow, world.clock, Policy(), {}, {}, go_on=lambda: next(answers))
    assert done == 1
    interrupted(world, 2, lambda: world.uow.inbox.outcomes.update({items[1].id: "taken"}))
    assert await process_inbox(world.uow, world.clock, Policy(), {}, {}) == 1
    assert world.uow.inbox.outcomes[items[1].id] == "taken"


async def retry(world: World, id: object = None) -> None:
    delivery_id = id or world.delivery.id
    await retry_delivery(world.uow, world.clock, caller=ADMIN, delivery_id=delivery_id)  # type: ignore[arg-type]


async def test_a_dead_change_is_retried_on_a_linked_ticket() -> None:
    world = World()
    await world.deliver()
    change = world.tell(TicketUpdate(title="New"))
    world.uow.seed(change.dead("refused", NOW))
    await retry(world, change.id)
    assert world.now_ticket.sync_state is SyncState.SYNCED
    world.clock.forward(minutes=1)
    await world.deliver_due()
    assert world.tracker.updates[0].title == "New"


async def test_a_dead_creation_is_not_retried_beside_another_one_or_without_its_ticket() -> None:
    world = World()
    world.uow.seed(world.delivery.dead("refused", NOW), delivery_of(world.ticket, key="create:again"))
    with pytest.raises(WrongState, match="about to create"):
        await retry(world)
    world.uow.tickets.rows.clear()  # type: ignore[attr-defined]
    with pytest.raises(NotFound):
        await retry(world)


async def test_a_reopened_ticket_settles_what_waited_for_a_reason() -> None:
    world = Linked()
    await world.tell_us(status=TicketStatus.CANCELLED)
    await world.tell_us(status=TicketStatus.DONE)
    assert FindingCode.DECLINED_WITHOUT_REASON not in world.findings
