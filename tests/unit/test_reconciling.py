"""Reconciliation: what webhooks did not tell is found by asking, and applied as they would have been."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from app.domain.actions.model import Priority, Status
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.organisation.model import Provider, Route
from app.domain.tracking.model import (
    Planned,
    RemoteTicket,
    SyncState,
    Ticket,
    TicketStatus,
)
from app.domain.tracking.use_cases.reconcile_tickets import Reconciled, reconcile_tickets
from tests import make
from tests.unit.ticket_world import ROUTE, Linked, delivery_of, event_of, make_draft
from tests.unit.tracking_fakes import FakeTracker, Happens


async def reconcile(world: Linked, *, recent: bool = True, **options: Any) -> Reconciled:
    trackers = {Provider.GITHUB: world.tracker}
    return await reconcile_tickets(world.uow, world.clock, trackers, recent=recent, **options)


def quietly(world: Linked, **fields: Any) -> RemoteTicket:
    """Somebody changes the ticket, and nobody tells us."""
    world.clock.forward(seconds=1)
    world.remote = world.tracker.change(world.remote, **fields)
    return world.remote


def second_ticket(world: Linked, project: str = ROUTE.project) -> RemoteTicket:
    """Another ticket with the marker of the first, as a tracker makes it that was too late."""
    delivery = delivery_of(world.ticket)
    world.uow.seed(delivery)
    created = world.tracker._created(ROUTE, replace(make_draft(), marker=delivery.marker))
    key = f"{project}#{created.key.rpartition('#')[2]}"
    return world.tracker.change(created, key=key, url=f"https://t.test/{key}")


def another(world: Linked, **fields: Any) -> Ticket:
    """One more item with its ticket."""
    item = make.action_item(owner_id=world.owner.id)
    ticket = make.ticket(item, **({"external_id": "9", "key": "acme/other#9"} | fields))
    world.uow.seed(item, ticket)
    return ticket


def open_findings(world: Linked) -> list[Finding]:
    rows = world.uow.findings.rows.values()  # type: ignore[attr-defined]
    return [finding for finding in rows if finding.closed_at is None]


async def test_a_change_without_a_webhook_is_found_once() -> None:
    world = Linked()
    quietly(world, status=TicketStatus.DONE)
    assert await reconcile(world) == Reconciled(compared=1, adopted=1)
    assert world.now_item.status is Status.IMPLEMENTED
    calls, version = world.tracker.calls, world.now_ticket.version
    assert await reconcile(world) == Reconciled(compared=1)
    assert (world.tracker.calls, world.now_ticket.version) == (calls + 1, version), "one list, and nothing written"


async def test_a_change_within_the_second_we_know_is_asked_about() -> None:
    world = Linked()
    world.remote = world.tracker.change(world.remote, status=TicketStatus.DONE, updated_at=world.remote.updated_at)
    assert (await reconcile(world)).adopted == 1
    assert world.now_item.status is Status.IMPLEMENTED


async def test_what_changed_and_changed_back_keeps_a_late_webhook_from_telling_old_news() -> None:
    world = Linked()
    closed = quietly(world, status=TicketStatus.DONE)
    quietly(world, status=TicketStatus.TODO)
    await reconcile(world)
    assert await world.apply(event_of(closed)) == "older than what is known"
    assert world.now_item.status is Status.OPEN


async def test_an_answer_older_than_what_we_know_changes_nothing() -> None:
    world = Linked()
    world.remote = world.tracker.change(
        world.remote, status=TicketStatus.DONE, updated_at=world.remote.updated_at - timedelta(seconds=1)
    )
    assert await reconcile(world) == Reconciled(compared=1)


async def test_a_deleted_ticket_is_lost_whether_it_is_listed_so_or_missing() -> None:
    world = Linked()
    quietly(world, status=TicketStatus.LOST)
    assert (await reconcile(world)).lost == 1
    assert (world.now_ticket.sync_state, world.findings) == (SyncState.LOST, {FindingCode.TICKET_LOST})
    world = Linked()
    world.tracker.tickets.clear()
    assert (await reconcile(world)).lost == 1
    assert world.now_ticket.sync_state is SyncState.LOST


async def test_a_moved_ticket_is_found_where_it_is_now() -> None:
    world = Linked()
    world.tracker.tickets.clear()
    world.tracker.moved[world.remote.external_id] = replace(world.remote, external_id="5005", key="acme/payments#9")
    assert (await reconcile(world)).adopted == 1
    assert (world.now_ticket.external_id, world.now_ticket.key) == ("5005", "acme/payments#9")


async def test_a_ticket_that_the_list_is_late_to_name_is_read() -> None:
    world = Linked()
    there = quietly(world, status=TicketStatus.DONE)
    world.tracker.moved[there.external_id] = there
    world.tracker.tickets.clear()
    assert (await reconcile(world)).adopted == 1
    assert (await reconcile(world)).adopted == 0


async def test_by_day_only_recent_changes_are_asked_for_and_by_night_all() -> None:
    world = Linked()
    linked = world.now_ticket
    world.clock.forward(days=3)
    world.tracker.tickets.clear()
    assert await reconcile(world) == Reconciled()
    assert world.tracker.listed_since[-1] == world.clock() - timedelta(hours=24)
    assert await reconcile(world, recent=False) == Reconciled(compared=1, lost=1)
    assert world.tracker.listed_since[-1] == linked.source_updated_at


async def test_a_ticket_of_which_no_time_is_known_is_read_by_night() -> None:
    world = Linked()
    world.uow.seed(replace(world.now_ticket, source_updated_at=None))
    quietly(world, status=TicketStatus.DONE)
    assert (await reconcile(world, recent=False)).adopted == 1


async def test_a_project_that_may_not_be_listed_loses_no_ticket_and_stops_no_other() -> None:
    world = Linked()
    other = another(world)
    world.tracker.plan = [Happens.REFUSED]
    done = await reconcile(world)
    assert done.problems == ["github acme/shop: The tracker refused the field `title`."]
    assert world.now_ticket.sync_state is SyncState.SYNCED
    assert world.uow.tickets.rows[other.id].sync_state is SyncState.LOST


async def test_a_project_that_may_not_be_listed_is_a_finding_until_it_may_be_again() -> None:
    world = Linked()
    world.tracker.plan = [Happens.REFUSED, Happens.REFUSED]
    for _ in range(2):
        await reconcile(world)
    (finding,) = open_findings(world)
    assert (finding.code, finding.subject_kind) == (FindingCode.PROJECT_NOT_LISTED, "tracker_project")
    assert "github acme/shop" in finding.message
    assert "`title`" in finding.message
    await reconcile(world)
    assert open_findings(world) == []
    world.tracker.plan = [Happens.REFUSED]
    await reconcile(world)
    assert len(open_findings(world)) == 1, "another time it is another finding"


async def test_a_project_whose_tracker_is_silent_is_a_finding_only_if_the_night_was_missed() -> None:
    world = Linked()
    world.tracker.plan = [Happens.BUSY, Happens.BUSY]
    await reconcile(world)
    assert world.findings == set()
    await reconcile(world, recent=False)
    assert world.findings == {FindingCode.PROJECT_NOT_LISTED}


async def test_the_finding_about_a_project_names_the_one_team_whose_tickets_are_there() -> None:
    world = Linked()
    team = make.team()
    world.uow.seed(replace(world.now_item, team_id=team.id))
    world.tracker.plan = [Happens.REFUSED]
    await reconcile(world)
    assert open_findings(world)[0].team_id == team.id
    await reconcile(world)
    another(world, key="acme/shop#9")
    world.tracker.plan = [Happens.REFUSED]
    await reconcile(world)
    assert open_findings(world)[0].team_id is None


async def test_tickets_of_routes_that_read_differently_are_listed_apart() -> None:
    world = Linked()
    dated = replace(ROUTE, due_field="milestone")
    other = another(world, key="acme/shop#9", route=dated)
    routes: list[Route] = []

    class Listing(FakeTracker):
        async def changed_since(self, route: Route, since: datetime) -> list[RemoteTicket]:
            routes.append(route)
            later = world.clock() + timedelta(seconds=1)
            there = replace(world.remote, due_on=world.item.due_on if route == dated else None, updated_at=later)
            return [replace(there, external_id=id, key=key) for id, key in known]

    known = [(world.remote.external_id, world.remote.key), ("9", "acme/shop#9")]
    world.tracker = Listing(world.clock, world.uow, tickets=world.tracker.tickets)
    assert (await reconcile(world)).adopted == 2
    assert routes == [ROUTE, dated]
    assert world.now_ticket.due_on is None
    assert world.uow.tickets.rows[other.id].due_on == world.item.due_on


async def test_two_priorities_with_one_name_there_are_no_difference() -> None:
    world = Linked(effective_priority=Priority.HIGH)
    route = replace(ROUTE, priorities={"urgent": "P1", "high": "P1"})
    world.remote = world.tracker.change(world.remote, priority="urgent", updated_at=world.remote.updated_at)
    world.uow.seed(replace(world.now_ticket, route=route, priority="high"))
    assert (await reconcile(world)).adopted == 0
    quietly(world, title="Another")
    assert (await reconcile(world)).adopted == 1
    assert (world.now_ticket.priority, world.uow.deliveries.rows) == ("high", {})


async def test_a_priority_changed_within_the_second_we_know_is_a_difference() -> None:
    world = Linked()
    world.uow.seed(replace(world.now_ticket, priority="high"))
    world.remote = world.tracker.change(world.remote, priority="low", updated_at=world.remote.updated_at)
    assert (await reconcile(world)).adopted == 1


async def test_a_sprint_that_ended_is_noticed_though_nothing_changed_at_the_ticket() -> None:
    world = Linked()
    sprint = Planned("12", "Sprint 12", world.clock() + timedelta(days=1))
    quietly(world, planned=sprint)
    await reconcile(world)
    assert world.now_item.planned_in == "Sprint 12"
    world.clock.forward(days=2)
    for _ in range(2):
        await reconcile(world, recent=False)
        assert (world.now_item.planned_in, world.now_item.times_passed_over) == (None, 1)


async def test_a_ticket_that_cannot_be_read_stops_no_other() -> None:
    world = Linked()
    other = another(world, external_id="9", key="acme/shop#9")
    world.tracker.tickets.clear()
    world.tracker.plan = [Happens.FINE, Happens.REFUSED]
    done = await reconcile(world)
    assert (done.lost, done.problems) == (1, ["github acme/shop#1: The tracker refused the field `title`."])
    assert world.uow.tickets.rows[other.id].sync_state is SyncState.LOST


async def test_a_tracker_that_asks_to_wait_is_left_alone_until_the_next_time() -> None:
    world = Linked()
    another(world)
    world.tracker.plan = [Happens.BUSY]
    done = await reconcile(world)
    assert done == Reconciled(problems=["github acme/shop: Busy."])
    assert world.tracker.calls == 1
    world.tracker.tickets.clear()
    world.tracker.plan = [Happens.FINE, Happens.BUSY]
    done = await reconcile(world)
    assert (done.lost, done.problems) == (0, ["github acme/shop: Busy."])
    assert world.tracker.calls == 3


async def test_a_worker_that_stops_asks_nothing_more_and_an_unknown_tracker_is_said() -> None:
    world = Linked()
    assert await reconcile(world, go_on=lambda: False) == Reconciled()
    done = await reconcile_tickets(world.uow, world.clock, {}, recent=True)
    assert done.problems == ["github acme/shop: No tracker github is configured; set its credentials."]
    assert world.findings == {FindingCode.PROJECT_NOT_LISTED}


async def test_of_two_tickets_with_one_marker_the_older_stays_and_a_comment_links_the_other() -> None:
    world = Linked()
    other = second_ticket(world)
    assert (await reconcile(world)).doubled == 1
    assert world.now_ticket.key == world.remote.key
    assert world.findings == {FindingCode.TICKET_DOUBLED}
    assert [c for c in world.queued if other.url in c and other.key in c]
    assert (await reconcile(world, recent=False)).doubled == 0, "once, whatever becomes of the finding"


async def test_an_older_double_takes_the_place_of_the_ticket_we_knew() -> None:
    world = Linked()
    newer = second_ticket(world)
    world.uow.seed(replace(world.now_ticket, external_id=newer.external_id, key=newer.key))
    marker = world.tracker.markers[1]
    world.remote = world.tracker.change(world.remote, marker=marker)
    assert (await reconcile(world)).doubled == 1
    assert world.now_ticket.external_id == world.remote.external_id
    assert any(newer.key in comment for comment in world.queued)


async def test_a_double_in_another_project_does_not_take_the_tickets_place() -> None:
    world = Linked()
    another(world)
    other = second_ticket(world, "acme/other")
    assert (await reconcile(world)).doubled == 1
    assert world.now_ticket.key == world.remote.key
    assert any(other.key in comment for comment in world.queued)


async def test_a_ticket_that_moved_is_not_its_own_double() -> None:
    world = Linked()
    another(world)
    moved = second_ticket(world, "acme/other")
    world.tracker.moved[world.remote.external_id] = moved
    world.uow.seed(replace(world.now_ticket, updated_at=world.clock() - timedelta(days=2)))
    done = await reconcile(world)
    assert (done.doubled, done.adopted) == (0, 1)
    assert world.now_ticket.key == moved.key


async def test_a_double_of_a_ticket_that_is_gone_is_only_lost() -> None:
    world = Linked()
    second_ticket(world)
    world.tracker.tickets.pop(0)
    world.uow.seed(replace(world.now_ticket, updated_at=world.clock() - timedelta(days=2)))
    done = await reconcile(world)
    assert (done.doubled, done.lost) == (0, 1)


async def test_tickets_of_other_people_and_of_lost_items_are_no_doubles() -> None:
    world = Linked()
    world.tracker._created(ROUTE, make_draft())
    world.tracker.change(world.tracker._created(ROUTE, make_draft()), marker=None)
    assert (await reconcile(world)).doubled == 0
    second_ticket(world)
    another(world, key="acme/shop#77", external_id="77")
    world.uow.seed(replace(world.now_ticket, sync_state=SyncState.LOST))
    assert (await reconcile(world)).doubled == 0


async def test_a_double_is_left_for_later_when_its_item_was_given_another_ticket_meanwhile() -> None:
    class Adopting(FakeTracker):
        async def read(self, ticket: Ticket) -> RemoteTicket:
            world.uow.seed(replace(world.now_ticket, external_id="4711", key="acme/shop#4711"))
            return await super().read(ticket)

    world = Linked()
    second_ticket(world)
    world.tracker = Adopting(world.clock, world.uow, tickets=world.tracker.tickets)
    assert (await reconcile(world)).doubled == 0
    assert world.findings == set()
