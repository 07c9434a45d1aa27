"""Jira as a tracker, against Atlassian's own contract: what is sent, and what a project lacks."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from app.adapters.trackers.jira import JiraIssues
from app.domain.organisation.model import Provider, Route
from app.domain.tracking.errors import NotThisTracker, TrackerRefused
from app.domain.tracking.model import TicketStatus, TicketUpdate
from tests.contract.jira_simulator import BASE_URL, JiraSimulator, contract
from tests.contract.openapi_contract import BrokenContract
from tests.contract.tickets import MARKER, PAGE, START, draft, ticket_of

ROUTE = Route(Provider.JIRA, "SHOP", labels=("post mortem",))
LABEL = f"norepeat-{MARKER}"


@pytest.fixture
def simulator() -> JiraSimulator:
    return JiraSimulator()


@pytest.fixture
async def tracker(simulator: JiraSimulator) -> AsyncIterator[JiraIssues]:
    async with simulator.client() as client:
        yield JiraIssues(client, base_url=simulator.base_url, token="t0ken", email="bot@acme.test")


def text_of(issue: dict[str, Any]) -> str:
    return json.dumps(issue["fields"]["description"])


async def test_a_created_issue_carries_label_fields_description_and_link_back(
    tracker: JiraIssues, simulator: JiraSimulator
) -> None:
    remote = await tracker.create(ROUTE, draft(title="Add a\ncircuit breaker " + "x" * 300))
    issue = simulator.issues[remote.external_id]
    fields = issue["fields"]
    assert fields["labels"] == [LABEL, "post-mortem"]
    assert (fields["duedate"], fields["priority"]["name"], fields["issuetype"]["name"]) == (
        "2026-07-01", "High", "Task",
    )  # fmt: skip
    assert fields["summary"].startswith("Add a circuit breaker")
    assert len(fields["summary"]) == 255
    assert "Payments hang" in text_of(issue)
    assert PAGE in text_of(issue)
    assert (remote.key, remote.url) == ("SHOP-1", f"{BASE_URL}/browse/SHOP-1")
    ((link, said),) = simulator.links.items()
    assert link == f"{issue['id']} appId=norepeat&id={PAGE.rpartition('/')[2]}"
    assert said["object"]["url"] == PAGE


async def test_what_the_project_has_no_field_for_becomes_text_and_is_reported(
    tracker: JiraIssues, simulator: JiraSimulator
) -> None:
    simulator.creatable = ("summary", "description", "issuetype", "project")
    remote = await tracker.create(ROUTE, draft(assignee="ada-account"))
    assert remote.dropped == (
        "priority:high", "duedate:2026-07-01", "assignee:ada-account", "label:post mortem",
    )  # fmt: skip
    text = text_of(simulator.issues[remote.external_id])
    for part in ("Priority: high", "Due: 2026-07-01", LABEL):
        assert part in text
    found = await tracker.find_by_marker(ROUTE, MARKER, START)
    assert found is not None
    assert found.external_id == remote.external_id


async def test_a_field_that_is_announced_and_then_refused_becomes_text_too(
    tracker: JiraIssues, simulator: JiraSimulator
) -> None:
    simulator.silently_refused = ("duedate",)
    remote = await tracker.create(ROUTE, draft())
    assert remote.dropped == ("duedate:2026-07-01",)
    assert len(simulator.issues) == 1
    simulator.silently_refused = ()
    assert (await tracker.create(ROUTE, draft(marker=uuid4()))).dropped == ()


async def test_an_owner_who_may_not_have_tickets_there_is_left_out(
    tracker: JiraIssues, simulator: JiraSimulator
) -> None:
    remote = await tracker.create(ROUTE, draft(assignee="nobody"))
    assert (remote.assignee, remote.dropped) == (None, ("assignee:nobody",))
    changed = await tracker.update(ticket_of(remote, ROUTE), TicketUpdate(assignee="nobody", title="New"), uuid4())
    assert (changed.title, changed.dropped) == ("New", ("assignee:nobody",))


async def test_the_project_is_asked_once_for_each_issue_type(tracker: JiraIssues, simulator: JiraSimulator) -> None:
    for _ in range(3):
        await tracker.create(ROUTE, draft(marker=uuid4()))
    asked = [name for name in simulator.requests if "createmeta" in name]
    assert len(asked) == 2
    bug = await tracker.create(replace(ROUTE, issue_type="bug"), draft(marker=uuid4()))
    assert simulator.issues[bug.external_id]["fields"]["issuetype"]["name"] == "Bug"


async def test_an_unknown_issue_type_or_project_is_refused_with_a_remedy(
    tracker: JiraIssues, simulator: JiraSimulator
) -> None:
    with pytest.raises(TrackerRefused, match=r"no issue type Epic; it has Story, Task, Bug\. Change issue_type"):
        await tracker.create(replace(ROUTE, issue_type="Epic"), draft())
    with pytest.raises(TrackerRefused, match="project of the tracker route"):
        await tracker.create(replace(ROUTE, project="NONE"), draft())
    with pytest.raises(TrackerRefused, match="not the key of a Jira project"):
        await tracker.create(replace(ROUTE, project='SHOP" OR 1=1'), draft())
    simulator.types = ("Story",)
    assert (await tracker.create(ROUTE, draft())).status is TicketStatus.TODO
    assert not any(name.startswith("POST /issue/createmeta") for name in simulator.requests)


async def test_lists_are_read_to_their_last_page(tracker: JiraIssues, simulator: JiraSimulator) -> None:
    simulator.page_size = 2
    created = await tracker.create(ROUTE, draft())
    for number in range(4):
        simulator.add(summary=f"Another {number}")
    assert len(await tracker.changed_since(ROUTE, START)) == 5
    ticket, marker = ticket_of(created, ROUTE), uuid4()
    for comment_marker in (marker, uuid4(), uuid4(), marker):
        await tracker.update(ticket, TicketUpdate(comment="Hello"), comment_marker)
    assert len(simulator.comments[created.external_id]) == 3


async def test_of_two_issues_with_one_marker_the_oldest_is_found(tracker: JiraIssues, simulator: JiraSimulator) -> None:
    oldest = simulator.add(labels=[LABEL])
    simulator.add(labels=[LABEL])
    found = await tracker.find_by_marker(ROUTE, MARKER, START)
    assert found is not None
    assert (found.external_id, found.marker) == (oldest["id"], MARKER)


async def test_a_moved_issue_is_found_by_its_number_under_its_new_key(
    tracker: JiraIssues, simulator: JiraSimulator
) -> None:
    created = await tracker.create(ROUTE, draft())
    simulator.move(created.external_id, "PAY")
    read = await tracker.read(ticket_of(created, ROUTE))
    assert (read.external_id, read.key, read.url) == (created.external_id, "PAY-7", f"{BASE_URL}/browse/PAY-7")
    found = await tracker.find_by_marker(ROUTE, MARKER, START)
    assert found is not None
    assert found.key == "PAY-7"


async def test_an_update_without_a_field_changes_the_line_of_the_description(
    tracker: JiraIssues, simulator: JiraSimulator
) -> None:
    simulator.creatable = tuple(name for name in simulator.creatable if name not in ("duedate", "priority"))
    remote = await tracker.create(ROUTE, draft())
    update = TicketUpdate(due_on=date(2026, 8, 2), priority="urgent")
    changed = await tracker.update(ticket_of(remote, ROUTE), update, uuid4())
    text = text_of(simulator.issues[remote.external_id])
    assert "Due: 2026-08-02" in text
    assert "Priority: urgent" in text
    assert "Payments hang" in text
    assert changed.dropped == ("priority", "duedate")


async def test_a_field_refused_by_an_update_does_not_stop_the_rest(
    tracker: JiraIssues, simulator: JiraSimulator
) -> None:
    remote = await tracker.create(ROUTE, draft())
    simulator.silently_refused = ("duedate",)
    update = TicketUpdate(title="New", due_on=date(2026, 8, 2), status=TicketStatus.DONE)
    changed = await tracker.update(ticket_of(remote, ROUTE), update, uuid4())
    assert (changed.title, changed.status, changed.dropped) == ("New", TicketStatus.DONE, ("duedate",))


# ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_person_names_an_issue_by_key_or_by_any_of_its_pages(
    tracker: JiraIssues, simulator: JiraSimulator
) -> None:
    simulator.add()
    for reference in (
        "SHOP-1",
        f"{BASE_URL}/browse/SHOP-1",
        f"{BASE_URL}/browse/SHOP-1?focusedId=1#c",
        f"{BASE_URL}/jira/software/projects/SHOP/boards/1?selectedIssue=SHOP-1",
    ):
        assert (await tracker.resolve(reference)).key == "SHOP-1"
    for reference in ("acme/shop#1", "https://other.atlassian.net/browse/SHOP-1", "shop-1", f"{BASE_URL}/SHOP-1"):
        with pytest.raises(NotThisTracker):
            await tracker.resolve(reference)
    with pytest.raises(TrackerRefused, match="SHOP-9"):
        await tracker.resolve("SHOP-9")


async def test_people_are_found_by_address_even_where_jira_hides_it(
    tracker: JiraIssues, simulator: JiraSimulator
) -> None:
    simulator.users = {"ada-account": "ada@example.org", "other": "ada@example.org.evil"}
    assert await tracker.find_user(ROUTE, "ada@example.org") == "ada-account"
    simulator.hides_emails = True
    assert await tracker.find_user(ROUTE, "ada@example.org") is None
    del simulator.users["other"]
    assert await tracker.find_user(ROUTE, "ada@example.org") == "ada-account"
    assert await tracker.find_user(ROUTE, "bo@example.org") is None


async def test_an_oauth_app_calls_another_host_and_shows_the_sites_pages() -> None:
    seen: list[httpx2.Request] = []

    async def cloud(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        if request.url.path.endswith("serverInfo"):
            return httpx2.Response(200, json={"baseUrl": BASE_URL})
        if "createmeta" in request.url.path or "/project/" in request.url.path:
            return httpx2.Response(403, json={"errorMessages": ["You may not create issues here."], "errors": {}})
        issue = simulator.add()
        return httpx2.Response(200, json={**issue, "self": f"https://api.atlassian.com/ex/jira/1/{issue['id']}"})

    simulator = JiraSimulator()
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(cloud)) as client:
        tracker = JiraIssues(client, base_url="https://api.atlassian.com/ex/jira/1/", token="oauth")
        assert (await tracker.resolve(f"{BASE_URL}/browse/SHOP-1")).url == f"{BASE_URL}/browse/SHOP-1"
    assert {request.headers["authorization"] for request in seen} == {"Bearer oauth"}
    assert str(seen[-1].url).startswith("https://api.atlassian.com/ex/jira/1/rest/api/3/issue/SHOP-1?")


async def test_a_data_center_gets_plain_text_and_a_personal_token() -> None:
    simulator = JiraSimulator(data_center=True, base_url="https://jira.acme.test/jira")
    async with simulator.client() as client:
        tracker = JiraIssues(client, base_url=simulator.base_url, token="pat", email="x@y.z", data_center=True)
        remote = await tracker.create(ROUTE, draft(assignee="ada-account"))
    fields = simulator.issues[remote.external_id]["fields"]
    assert fields["description"].endswith(f"Action item in norepeat: {PAGE}")
    assert fields["assignee"]["name"] == remote.assignee == "ada-account"
    assert remote.url == "https://jira.acme.test/jira/browse/SHOP-1"


# ── The contract itself ──────────────────────────────────────────────────────────────────────────────────────────


async def test_the_official_example_is_understood() -> None:
    document = contract().document["paths"]["/rest/api/3/issue/{issueIdOrKey}"]["get"]
    example = document["responses"]["200"]["content"]["application/json"]["example"]
    # It leaves out what every answer of ours is asked for.
    asked = {"status": {"name": "Done", "statusCategory": {"key": "done"}}, "updated": "2026-05-11T10:00:00.000+0000"}
    answer = httpx2.Response(200, json={**example, "fields": {**example["fields"], **asked}})
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: answer)) as client:
        remote = await JiraIssues(client, base_url=BASE_URL, token="t").resolve("ED-1")
    assert (remote.key, remote.status) == (example["key"], TicketStatus.DONE)


def test_the_contract_refuses_a_misspelt_request() -> None:
    headers = {"authorization": "x", "accept": "application/json"}
    for method, path, body in (
        ("POST", "/rest/api/3/search/jql", {"jql": "x", "fieldz": []}),
        ("POST", "/rest/api/3/issue", {"feilds": {}}),
        ("POST", "/rest/api/3/issue/1/remotelink", {"globalId": "x"}),
        ("GET", "/rest/api/3/issue/1?field=x", None),
        ("GET", "/rest/api/3/isue/1", None),
    ):
        with pytest.raises(BrokenContract):
            contract().check(httpx2.Request(method, f"{BASE_URL}{path}", json=body, headers=headers))
