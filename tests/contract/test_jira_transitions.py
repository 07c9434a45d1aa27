"""Which way a Jira issue goes to a status of ours, through workflows that ask, insist or refuse."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from app.adapters.trackers.jira import JiraIssues
from app.adapters.trackers.jira_issue import Endings
from app.domain.organisation.model import Provider, Route
from app.domain.tracking.errors import TrackerRefused
from app.domain.tracking.model import TicketStatus, TicketUpdate
from tests.contract.jira_simulator import BASE_URL, JiraSimulator
from tests.contract.tickets import draft, ticket_of

ROUTE = Route(Provider.JIRA, "SHOP")


@pytest.fixture
def simulator() -> JiraSimulator:
    return JiraSimulator()


@pytest.fixture
async def tracker(simulator: JiraSimulator) -> AsyncIterator[JiraIssues]:
    async with simulator.client() as client:
        yield JiraIssues(client, base_url=simulator.base_url, token="t0ken", email="bot@acme.test")


@pytest.mark.parametrize(
    ("status", "resolution"),
    [(TicketStatus.DONE, "Done"), (TicketStatus.CANCELLED, "Won't Do"), (TicketStatus.DUPLICATE, "Duplicate")],
)
async def test_an_ending_chooses_its_resolution(
    tracker: JiraIssues, simulator: JiraSimulator, status: TicketStatus, resolution: str
) -> None:
    simulator.workflow.through_work = True
    remote = await tracker.create(ROUTE, draft())
    ended = await tracker.update(ticket_of(remote, ROUTE), TicketUpdate(status=status), uuid4())
    assert ended.status is status
    assert simulator.issues[remote.external_id]["fields"]["resolution"]["name"] == resolution
    assert len([name for name in simulator.requests if name.startswith("POST") and "transitions" in name]) == 2


async def test_a_status_of_its_own_ends_an_issue_that_is_not_done(
    tracker: JiraIssues, simulator: JiraSimulator
) -> None:
    simulator.workflow.asks, simulator.workflow.ends_as_declined = False, True
    ticket = ticket_of(await tracker.create(ROUTE, draft()), ROUTE)
    done = await tracker.update(ticket, TicketUpdate(status=TicketStatus.DONE), uuid4())
    assert (done.status, done.status_text) == (TicketStatus.DONE, "Done")
    declined = await tracker.update(ticket, TicketUpdate(status=TicketStatus.CANCELLED), uuid4())
    assert (declined.status, declined.status_text) == (TicketStatus.CANCELLED, "Won't Do (Done)")


async def test_a_status_that_is_reached_already_takes_no_transition(
    tracker: JiraIssues, simulator: JiraSimulator
) -> None:
    ticket = ticket_of(await tracker.create(ROUTE, draft()), ROUTE)
    await tracker.update(ticket, TicketUpdate(status=TicketStatus.TODO), uuid4())
    assert not any("transitions" in name for name in simulator.requests)


async def test_a_workflow_that_lets_nothing_through_is_named_with_its_remedy(
    tracker: JiraIssues, simulator: JiraSimulator
) -> None:
    simulator.workflow.closed = True
    ticket = ticket_of(await tracker.create(ROUTE, draft()), ROUTE)
    with pytest.raises(TrackerRefused, match=r"no transition that makes the issue SHOP-1 done\. Allow one"):
        await tracker.update(ticket, TicketUpdate(status=TicketStatus.DONE), uuid4())


async def test_resolutions_have_the_names_that_a_site_gives_them(simulator: JiraSimulator) -> None:
    issue = simulator.add(resolution={"name": "Verworfen"}, status={"name": "Zu", "statusCategory": {"key": "done"}})
    async with simulator.client() as client:
        named = JiraIssues(client, base_url=BASE_URL, token="t", endings=Endings.named(["verworfen"], ["Doppelt"]))
        assert (await named.resolve(issue["key"])).status is TicketStatus.CANCELLED
        simulator.touch(issue["id"], resolution={"name": "Doppelt"})
        assert (await named.resolve(issue["key"])).status is TicketStatus.DUPLICATE
        simulator.touch(issue["id"], status={"name": "?", "statusCategory": {"key": "in-flight"}})
        assert (await named.resolve(issue["key"])).status is TicketStatus.TODO
