"""Linear as a tracker, against Linear's own schema: what is sent, and what is understood."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest

from app.adapters.trackers import linear_documents
from app.adapters.trackers.linear import LinearIssues
from app.domain.organisation.model import Provider, Route
from app.domain.tracking.errors import NotThisTracker, TicketGone, TrackerRefused
from app.domain.tracking.model import TicketStatus, TicketUpdate
from tests.contract.linear_schema import checked
from tests.contract.linear_simulator import LABEL, TEAM, LinearSimulator
from tests.contract.openapi_contract import BrokenContract
from tests.contract.tickets import MARKER, PAGE, START, draft, ticket_of

ROUTE = Route(Provider.LINEAR, "ENG", labels=("postmortem",))
ID = str(MARKER)


@pytest.fixture
def simulator() -> LinearSimulator:
    return LinearSimulator()


@pytest.fixture
async def tracker(simulator: LinearSimulator) -> AsyncIterator[LinearIssues]:
    async with simulator.client() as client:
        yield LinearIssues(client, token="lin_api_t")


async def test_a_created_issue_has_our_id_its_fields_and_the_link_back(
    tracker: LinearIssues, simulator: LinearSimulator
) -> None:
    remote = await tracker.create(ROUTE, draft(labels=ROUTE.labels))
    issue = simulator.kept[ID]
    assert (remote.external_id, remote.key, remote.dropped) == (ID, "ENG-1", ())
    assert (issue["priority"], issue["dueDate"], issue["labelIds"]) == (2, "2026-07-01", [LABEL])
    assert f"[Action item in norepeat]({PAGE})" in issue["description"]
    assert list(simulator.links) == [f"{ID} {PAGE}"]


async def test_a_team_is_named_by_key_or_by_id_and_asked_once(
    tracker: LinearIssues, simulator: LinearSimulator
) -> None:
    for project in ("ENG", "eng", TEAM, TEAM):
        await tracker.create(replace(ROUTE, project=project), draft(marker=uuid4(), labels=()))
    assert simulator.requests.count("teams") == 3
    with pytest.raises(TrackerRefused, match=r"no team NONE.*project of the tracker route to the team's key"):
        await tracker.create(replace(ROUTE, project="NONE"), draft())


async def test_labels_that_the_team_does_not_have_are_reported(tracker: LinearIssues) -> None:
    remote = await tracker.create(ROUTE, draft(labels=("postmortem", "secret", "nothing")))
    assert remote.dropped == ("label:secret", "label:nothing")


async def test_an_owner_whom_linear_does_not_know_is_left_out(
    tracker: LinearIssues, simulator: LinearSimulator
) -> None:
    remote = await tracker.create(ROUTE, draft(assignee="nobody", labels=()))
    assert (remote.assignee, remote.dropped) == (None, ("assignee:nobody",))
    ticket = ticket_of(remote, ROUTE)
    changed = await tracker.update(ticket, TicketUpdate(assignee="nobody", title="New"), uuid4())
    assert (changed.title, changed.dropped) == ("New", ("assignee:nobody",))
    alone = await tracker.update(ticket, TicketUpdate(assignee="nobody"), uuid4())
    assert alone.dropped == ("assignee:nobody",)
    assert (await tracker.update(ticket, TicketUpdate(assignee="ada-id"), uuid4())).assignee == "ada-id"


async def test_an_issue_that_is_there_already_is_no_failure(tracker: LinearIssues, simulator: LinearSimulator) -> None:
    first = await tracker.create(ROUTE, draft())
    again = await tracker.create(ROUTE, draft())
    assert (again.external_id, again.key, len(simulator.kept)) == (first.external_id, first.key, 1)
    simulator.touch(ID, trashed=True)
    with pytest.raises(TicketGone, match="bin"):
        await tracker.create(ROUTE, draft())


@pytest.mark.parametrize(
    ("type", "status"),
    [
        ("triage", TicketStatus.TODO),
        ("backlog", TicketStatus.TODO),
        ("unstarted", TicketStatus.TODO),
        ("started", TicketStatus.IN_PROGRESS),
        ("completed", TicketStatus.DONE),
        ("canceled", TicketStatus.CANCELLED),
        ("duplicate", TicketStatus.DUPLICATE),
        ("snoozed", TicketStatus.TODO),
    ],
)
async def test_a_type_of_state_is_a_status_of_ours(
    tracker: LinearIssues, simulator: LinearSimulator, type: str, status: TicketStatus
) -> None:
    issue = simulator.add(state=simulator.state(type))
    remote = await tracker.resolve(issue["identifier"])
    assert (remote.status, remote.status_text) == (status, type.capitalize())


async def test_a_team_without_duplicates_has_them_canceled_and_without_an_end_none(
    tracker: LinearIssues, simulator: LinearSimulator
) -> None:
    simulator.types = ("backlog", "canceled")
    ticket = ticket_of(await tracker.create(ROUTE, draft()), ROUTE)
    ended = await tracker.update(ticket, TicketUpdate(status=TicketStatus.DUPLICATE), uuid4())
    assert ended.status is TicketStatus.CANCELLED
    with pytest.raises(TrackerRefused, match=r"no workflow state of the type completed\. Add one"):
        await tracker.update(ticket, TicketUpdate(status=TicketStatus.DONE), uuid4())


@pytest.mark.parametrize(
    ("fields", "gone"),
    [
        ({"trashed": True}, True),
        ({"archivedAt": "2026-06-15T12:00:00.000Z"}, True),
        ({"archivedAt": "2026-06-15T12:00:00.000Z", "autoArchivedAt": "2026-06-15T12:00:00.000Z"}, False),
    ],
)
async def test_what_somebody_put_away_is_gone_and_what_linear_files_stays(
    tracker: LinearIssues, simulator: LinearSimulator, fields: dict[str, object], gone: bool
) -> None:
    ticket = ticket_of(await tracker.create(ROUTE, draft()), ROUTE)
    simulator.touch(ID, **fields)
    if gone:
        with pytest.raises(TicketGone):
            await tracker.read(ticket)
        with pytest.raises(TicketGone):
            await tracker.find_by_marker(ROUTE, MARKER, START)
    else:
        assert (await tracker.read(ticket)).status is TicketStatus.TODO
    (listed,) = await tracker.changed_since(ROUTE, START)
    assert (listed.status is TicketStatus.LOST) is gone


async def test_every_page_of_changes_is_read(tracker: LinearIssues, simulator: LinearSimulator) -> None:
    simulator.page_size = 2
    for _ in range(5):
        simulator.add()
    assert len(await tracker.changed_since(ROUTE, START)) == 5
    assert simulator.requests.count("issues") == 3


async def test_a_person_names_an_issue_by_key_or_page(tracker: LinearIssues, simulator: LinearSimulator) -> None:
    simulator.add()
    for reference in ("ENG-1", "https://linear.app/acme/issue/ENG-1", "https://linear.app/acme/issue/ENG-1/a-title#c"):
        assert (await tracker.resolve(reference)).key == "ENG-1"
    for reference in ("acme/shop#1", "https://evil.test/acme/issue/ENG-1", "eng-1", "https://linear.app/issue/ENG-1"):
        with pytest.raises(NotThisTracker):
            await tracker.resolve(reference)
    with pytest.raises(TrackerRefused, match="does not know the issue ENG-9"):
        await tracker.resolve("ENG-9")


async def test_people_are_found_by_address(tracker: LinearIssues) -> None:
    assert await tracker.find_user(ROUTE, "Ada@example.org") == "ada-id"
    assert await tracker.find_user(ROUTE, "bo@example.org") is None


# ── The schema itself ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_schema_knows_every_document_we_have() -> None:
    documents = [value for name, value in vars(linear_documents).items() if name.isupper() and name[0] != "_"]
    assert len(documents) == 10
    for document in documents:
        assert checked(document)


@pytest.mark.parametrize(
    "document",
    [
        "query A { isue(id: 1) { id } }",
        "query B($id: Int!) { issue(id: $id) { id } }",
        'query C { issue(id: "1") { identifyer } }',
        'mutation D { issueCreate(input: {title: "x"}) { success } }',
    ],
)
def test_the_schema_refuses_what_it_does_not_know(document: str) -> None:
    with pytest.raises(BrokenContract):
        checked(document)


async def test_a_personal_key_is_sent_bare_and_an_oauth_token_as_bearer(simulator: LinearSimulator) -> None:
    async with simulator.client() as client:
        for token in ("lin_api_1", "lin_oauth_2", "Bearer 3"):
            await LinearIssues(client, token=token).find_user(ROUTE, "ada@example.org")
    assert simulator.tokens == {"lin_api_1", "Bearer lin_oauth_2", "Bearer 3"}
