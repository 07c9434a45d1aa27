"""One suite for every tracker: what the port promises holds at all of them, from creation to the list of changes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.adapters.trackers.github import GitHubIssues
from app.adapters.trackers.jira import JiraIssues
from app.adapters.trackers.linear import LinearIssues
from app.adapters.trackers.local import LocalTracker
from app.domain.organisation.model import Provider, Route
from app.domain.ports import Tracker
from app.domain.tracking.errors import NotThisTracker, TicketGone
from app.domain.tracking.model import (
    RemoteTicket,
    Ticket,
    TicketDraft,
    TicketStatus,
    TicketUpdate,
)
from app.wiring import Opened
from tests.contract.github_simulator import GitHubSimulator
from tests.contract.jira_simulator import JiraSimulator
from tests.contract.linear_simulator import LinearSimulator

DATES, PRIORITIES, PROGRESS, EVERY_REASON = "due dates", "priorities", "work in progress", "every reason to end"


@dataclass
class World:
    """A tracker with the route to it, and what it has of its own; `comments` are what people read on a ticket."""

    tracker: Tracker
    route: Route
    person: str
    another: str
    comments: Callable[[RemoteTicket], list[str]]
    forget: Callable[[RemoteTicket], None]
    has: frozenset[str]

    def draft(self, **fields: Any) -> TicketDraft:
        given: dict[str, Any] = {
            "marker": uuid4(), "title": "Add a circuit breaker", "body": "Payments hang for 30 s.\n\nSee the graph.",
            "priority": "high", "url": "https://norepeat.test/v1/action-items/0190b5a1-0000-7000-8000-000000000001",
            "due_on": date(2026, 7, 1), "assignee": self.person, "labels": self.route.labels,
        }  # fmt: skip
        return TicketDraft(**(given | fields))

    def ticket_of(self, remote: RemoteTicket) -> Ticket:
        now = datetime.now(UTC)
        return Ticket(id=uuid4(), action_item_id=uuid4(), route=self.route, created_at=now, updated_at=now).linked(
            remote, now
        )


async def github(stack: AsyncExitStack) -> World:
    simulator = GitHubSimulator()
    client = await stack.enter_async_context(simulator.client())

    def forget(remote: RemoteTicket) -> None:
        simulator.delete(remote.key)

    return World(
        GitHubIssues(client, token="t"), Route(Provider.GITHUB, "acme/shop", ("postmortem",)), "octocat", "hubot",
        lambda remote: [comment["body"] for comment in simulator.comments[remote.key]], forget,
        frozenset({EVERY_REASON}),
    )  # fmt: skip


async def jira_cloud(stack: AsyncExitStack, *, data_center: bool = False) -> World:
    people = {"ada-account": "ada@example.org", "bo-account": "bo@example.org"}
    simulator = JiraSimulator(users=people, data_center=data_center)
    client = await stack.enter_async_context(simulator.client())
    tracker = JiraIssues(client, base_url=simulator.base_url, token="t", email="bot@acme.test", data_center=data_center)

    def forget(remote: RemoteTicket) -> None:
        del simulator.issues[remote.external_id]

    return World(
        tracker, Route(Provider.JIRA, "SHOP", ("postmortem",)), "ada-account", "bo-account",
        lambda remote: [str(comment["body"]) for comment in simulator.comments[remote.external_id]], forget,
        frozenset({DATES, PRIORITIES, PROGRESS, EVERY_REASON}),
    )  # fmt: skip


async def jira_data_center(stack: AsyncExitStack) -> World:
    return await jira_cloud(stack, data_center=True)


async def linear(stack: AsyncExitStack) -> World:
    simulator = LinearSimulator(people={"ada-id": "ada@example.org", "bo-id": "bo@example.org"})
    client = await stack.enter_async_context(simulator.client())

    def forget(remote: RemoteTicket) -> None:
        simulator.touch(remote.external_id, trashed=True)

    return World(
        LinearIssues(client, token="lin_api_t"), Route(Provider.LINEAR, "ENG", ("postmortem",)), "ada-id", "bo-id",
        lambda remote: [note["body"] for note in simulator.notes[remote.external_id]], forget,
        frozenset({DATES, PRIORITIES, PROGRESS, EVERY_REASON}),
    )  # fmt: skip


Maker = Callable[[AsyncExitStack], Awaitable[World]]
MAKERS = [github, jira_cloud, jira_data_center, linear]


@pytest.fixture(params=[*MAKERS, None], ids=lambda maker: maker.__name__ if maker else "local")
def make(request: pytest.FixtureRequest) -> Maker:
    if request.param is not None:
        maker: Maker = request.param
        return maker
    request.getfixturevalue("ports")
    opened: Opened = request.getfixturevalue("opened")

    async def local(stack: AsyncExitStack) -> World:
        return our_own(opened)

    return local


@pytest.fixture
async def world(make: Maker) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield await make(stack)


def our_own(opened: Opened) -> World:
    def forget(remote: RemoteTicket) -> None:
        pytest.skip("Nobody can delete a ticket of our own tracker.")

    return World(
        LocalTracker(opened.engine, "https://norepeat.test"), Route(Provider.LOCAL, "norepeat"), "ada@example.org",
        "bo@example.org", lambda remote: [], forget, frozenset({DATES, PRIORITIES, PROGRESS, EVERY_REASON}),
    )  # fmt: skip


async def test_a_ticket_is_created_with_what_the_tracker_has_a_place_for(world: World) -> None:
    remote = await world.tracker.create(world.route, draft := world.draft())
    assert (remote.title, remote.status, remote.assignee) == (draft.title, TicketStatus.TODO, world.person)
    assert remote.marker == draft.marker
    assert remote.dropped == ()
    assert remote.due_on == (draft.due_on if DATES in world.has else None)
    assert remote.priority == ("high" if PRIORITIES in world.has else None)
    assert remote.url.startswith("https://")
    assert remote.updated_at.tzinfo is not None


async def test_a_created_ticket_is_found_by_its_marker_and_by_no_other(world: World) -> None:
    start = datetime.now(UTC)
    created = await world.tracker.create(world.route, draft := world.draft())
    await world.tracker.create(world.route, world.draft(title="Another"))
    found = await world.tracker.find_by_marker(world.route, draft.marker, start)
    assert found is not None
    assert (found.external_id, found.key, found.dropped) == (created.external_id, created.key, ())
    assert await world.tracker.find_by_marker(world.route, uuid4(), start) is None


async def test_a_ticket_reads_as_it_was_created(world: World) -> None:
    created = await world.tracker.create(world.route, world.draft())
    read = await world.tracker.read(world.ticket_of(created))
    assert replace(read, updated_at=created.updated_at) == created


async def test_an_update_changes_what_it_names_and_nothing_else(world: World) -> None:
    created = await world.tracker.create(world.route, world.draft())
    update = TicketUpdate(title="New", assignee=world.another, due_on=date(2026, 8, 2), priority="urgent")
    changed = await world.tracker.update(world.ticket_of(created), update, uuid4())
    assert (changed.title, changed.assignee, changed.status) == ("New", world.another, TicketStatus.TODO)
    assert changed.due_on == (update.due_on if DATES in world.has else None)
    assert changed.priority == ("urgent" if PRIORITIES in world.has else None)
    assert changed.dropped == ()
    same = await world.tracker.update(world.ticket_of(changed), TicketUpdate(title="Newer"), uuid4())
    assert (same.title, same.assignee, same.due_on) == ("Newer", world.another, changed.due_on)


@pytest.mark.parametrize("status", [s for s in TicketStatus if s is not TicketStatus.LOST])
async def test_a_status_is_reached_and_left_again(world: World, status: TicketStatus) -> None:
    ticket = world.ticket_of(await world.tracker.create(world.route, world.draft()))
    shown = await world.tracker.update(ticket, TicketUpdate(status=status), uuid4())
    expected = status if status is not TicketStatus.IN_PROGRESS or PROGRESS in world.has else TicketStatus.TODO
    assert shown.status is expected
    assert shown.status_text
    again = await world.tracker.update(ticket, TicketUpdate(status=TicketStatus.TODO), uuid4())
    assert again.status is TicketStatus.TODO


async def test_a_comment_is_there_once_however_often_it_is_sent(world: World) -> None:
    created = await world.tracker.create(world.route, world.draft())
    ticket, marker = world.ticket_of(created), uuid4()
    for _ in range(3):
        await world.tracker.update(ticket, TicketUpdate(comment="Evidence, please."), marker)
    await world.tracker.update(ticket, TicketUpdate(comment="Thank you."), uuid4())
    said = world.comments(created)
    if said:
        assert ["Evidence" in said[0], "Thank" in said[1], len(said)] == [True, True, 2]


async def test_a_person_names_a_ticket_by_key_or_url(world: World) -> None:
    created = await world.tracker.create(world.route, world.draft())
    for reference in (created.key, created.url):
        assert (await world.tracker.resolve(reference)).external_id == created.external_id
    for reference in ("", "nothing", "https://evil.test/acme/shop/issues/1", f"{created.key} x", f"x{created.url}"):
        with pytest.raises(NotThisTracker):
            await world.tracker.resolve(reference)


async def test_what_changed_since_an_instant_is_listed(world: World) -> None:
    start = datetime.now(UTC) - timedelta(seconds=1)
    one = await world.tracker.create(world.route, world.draft())
    other = await world.tracker.create(world.route, world.draft(title="Another"))
    closed = await world.tracker.update(world.ticket_of(one), TicketUpdate(status=TicketStatus.DONE), uuid4())
    listed = {remote.external_id: remote for remote in await world.tracker.changed_since(world.route, start)}
    assert listed.keys() == {one.external_id, other.external_id}
    assert listed[one.external_id].status is closed.status
    assert await world.tracker.changed_since(world.route, datetime.now(UTC) + timedelta(hours=1)) == []


async def test_a_deleted_ticket_is_gone(world: World) -> None:
    created = await world.tracker.create(world.route, world.draft())
    world.forget(created)
    ticket = world.ticket_of(created)
    with pytest.raises(TicketGone):
        await world.tracker.read(ticket)
    with pytest.raises(TicketGone):
        await world.tracker.update(ticket, TicketUpdate(comment="Hello?"), UUID(int=1))


async def test_somebody_whom_nobody_knows_there_has_no_name(world: World) -> None:
    assert await world.tracker.find_user(world.route, "nobody@example.org") is None
