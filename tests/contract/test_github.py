"""GitHub Issues as a tracker, against GitHub's own contract: what is sent, what is understood, what fails how."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime
from uuid import uuid4

import httpx2
import pytest

from app.adapters.trackers.github import GitHubIssues
from app.adapters.trackers.github_webhooks import GitHubWebhooks
from app.domain.tracking.errors import (
    NotThisTracker,
    TicketGone,
    TrackerOutcomeUnknown,
    TrackerRefused,
)
from app.domain.tracking.model import Ticket, TicketStatus, TicketUpdate
from tests.contract.github_contract import BASE_URL, BrokenContract, GitHubContract
from tests.contract.github_simulator import Fault, GitHubSimulator
from tests.contract.github_world import MARKER, ROUTE, START, Ticking, draft, ticket_of


@pytest.fixture
def simulator() -> GitHubSimulator:
    return GitHubSimulator(now=Ticking())


@pytest.fixture
async def tracker(simulator: GitHubSimulator) -> AsyncIterator[GitHubIssues]:
    async with simulator.client() as client:
        yield GitHubIssues(client, token="t0ken")


async def test_a_created_issue_carries_marker_due_date_priority_and_link_back(
    tracker: GitHubIssues, simulator: GitHubSimulator
) -> None:
    remote = await tracker.create(ROUTE, draft())
    issue = simulator.issues["acme/shop#1"]
    assert (remote.key, remote.status, remote.assignee) == ("acme/shop#1", TicketStatus.TODO, "octocat")
    assert remote.url == "https://github.com/acme/shop/issues/1"
    assert remote.external_id == str(issue["id"])
    assert remote.dropped == ()
    for part in ("Payments hang", "**Due:** 2026-07-01", "high", "/v1/action-items/1", f"<!-- norepeat:{MARKER} -->"):
        assert part in issue["body"]


async def test_what_github_silently_drops_is_reported(tracker: GitHubIssues, simulator: GitHubSimulator) -> None:
    simulator.drops_labels = simulator.drops_assignees = True
    remote = await tracker.create(ROUTE, draft())
    assert remote.dropped == ("label:postmortem", "assignee:octocat")


async def test_the_look_up_finds_a_closed_issue_without_its_label_on_a_later_page(
    tracker: GitHubIssues, simulator: GitHubSimulator
) -> None:
    simulator.drops_labels, simulator.page_size = True, 2
    created = await tracker.create(ROUTE, draft())
    simulator.close(created.key)
    for number in range(5):
        simulator.add("acme/shop", title=f"Another {number}")
    found = await tracker.find_by_marker(ROUTE, MARKER, simulator.now())
    assert found is not None
    assert (found.key, found.status) == (created.key, TicketStatus.DONE)
    assert simulator.requests.count("GET /repos/acme/shop/issues") == 3


async def test_the_look_up_skips_pull_requests_and_other_markers(
    tracker: GitHubIssues, simulator: GitHubSimulator
) -> None:
    simulator.add("acme/shop", title="PR", body=f"<!-- norepeat:{MARKER} -->", pull_request={"url": "x"})
    simulator.add("acme/shop", title="Other", body=f"<!-- norepeat:{uuid4()} -->")
    assert await tracker.find_by_marker(ROUTE, MARKER, START) is None


async def test_the_look_up_never_follows_a_page_to_another_host() -> None:
    def hostile(request: httpx2.Request) -> httpx2.Response:
        assert request.url.host == "api.github.com"
        return httpx2.Response(200, json=[], headers={"link": '<https://evil.test/x>; rel="next"'})

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(hostile)) as client:
        with pytest.raises(TrackerRefused, match=r"evil\.test"):
            await GitHubIssues(client, token="t").find_by_marker(ROUTE, MARKER, START)


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        (TicketStatus.DONE, "closed", "completed"),
        (TicketStatus.CANCELLED, "closed", "not_planned"),
        (TicketStatus.DUPLICATE, "closed", "duplicate"),
    ],
)
async def test_a_status_becomes_state_and_reason_and_back(
    tracker: GitHubIssues, simulator: GitHubSimulator, status: TicketStatus, state: str, reason: str
) -> None:
    ticket = ticket_of(await tracker.create(ROUTE, draft()))
    remote = await tracker.update(ticket, TicketUpdate(status=status), uuid4())
    assert remote.status is status
    assert (simulator.issues[remote.key]["state"], simulator.issues[remote.key]["state_reason"]) == (state, reason)
    again = await tracker.update(ticket, TicketUpdate(status=TicketStatus.TODO), uuid4())
    assert again.status is TicketStatus.TODO


async def test_an_update_changes_title_assignee_and_our_lines_of_the_body(
    tracker: GitHubIssues, simulator: GitHubSimulator
) -> None:
    ticket = ticket_of(await tracker.create(ROUTE, draft()))
    update = TicketUpdate(title="New", assignee="hubot", due_on=date(2026, 8, 2), priority="urgent")
    remote = await tracker.update(ticket, update, uuid4())
    body = simulator.issues[remote.key]["body"]
    assert (remote.title, remote.assignee) == ("New", "hubot")
    assert "**Due:** 2026-08-02" in body
    assert "**Priority:** urgent" in body
    assert body.startswith("Payments hang for 30 s.")
    assert f"norepeat:{MARKER}" in body


async def test_a_comment_is_there_once_however_often_it_is_tried(
    tracker: GitHubIssues, simulator: GitHubSimulator
) -> None:
    ticket, marker = ticket_of(await tracker.create(ROUTE, draft())), uuid4()
    simulator.fail(Fault.APPLIED_502)
    with pytest.raises(TrackerOutcomeUnknown):
        await tracker.update(ticket, TicketUpdate(comment="Evidence, please."), marker)
    await tracker.update(ticket, TicketUpdate(comment="Evidence, please."), marker)
    await tracker.update(ticket, TicketUpdate(comment="Evidence, please."), marker)
    assert [c["body"] for c in simulator.comments["acme/shop#1"]] == [
        f"Evidence, please.\n\n<!-- norepeat:{marker} -->"
    ]


async def test_the_answer_to_an_update_is_as_new_as_its_comment(
    tracker: GitHubIssues, simulator: GitHubSimulator
) -> None:
    ticket = ticket_of(await tracker.create(ROUTE, draft()))
    for update in (TicketUpdate(comment="One"), TicketUpdate(comment="Two", status=TicketStatus.DONE)):
        remote = await tracker.update(ticket, update, uuid4())
        assert remote.updated_at == datetime.fromisoformat(simulator.issues[remote.key]["updated_at"])


async def test_a_transferred_issue_is_followed_to_its_new_key(
    tracker: GitHubIssues, simulator: GitHubSimulator
) -> None:
    ticket = ticket_of(await tracker.create(ROUTE, draft()))
    simulator.transfer("acme/shop#1", "acme/payments")
    assert (await tracker.read(ticket)).key == "acme/payments#1"
    assert (await tracker.update(ticket, TicketUpdate(title="New", comment="Hi"), uuid4())).key == "acme/payments#1"
    assert len(simulator.comments["acme/payments#1"]) == 1


async def test_a_deleted_issue_is_gone(tracker: GitHubIssues, simulator: GitHubSimulator) -> None:
    ticket = ticket_of(await tracker.create(ROUTE, draft()))
    simulator.delete("acme/shop#1")
    with pytest.raises(TicketGone):
        await tracker.read(ticket)
    with pytest.raises(TicketGone):
        await tracker.update(ticket, TicketUpdate(title="New"), uuid4())


async def test_a_person_names_an_issue_by_url_or_key(tracker: GitHubIssues, simulator: GitHubSimulator) -> None:
    simulator.add("acme/shop", title="There already")
    for reference in (
        "acme/shop#1",
        "https://github.com/acme/shop/issues/1",
        "https://github.com/acme/shop/issues/1#x",
    ):
        assert (await tracker.resolve(reference)).key == "acme/shop#1"
    for reference in ("LOCAL-1", "SHOP-1", "https://evil.test/acme/shop/issues/1", "acme/../x#1", "acme/shop#1\n"):
        with pytest.raises(NotThisTracker):
            await tracker.resolve(reference)
    with pytest.raises(TrackerRefused, match="acme/shop#9"):
        await tracker.resolve("acme/shop#9")


async def test_a_pull_request_is_not_adopted(tracker: GitHubIssues, simulator: GitHubSimulator) -> None:
    simulator.add("acme/shop", title="PR", pull_request={"url": "x"})
    with pytest.raises(TrackerRefused, match="pull request"):
        await tracker.resolve("acme/shop#1")


async def test_a_server_of_ones_own_is_called_under_its_own_path() -> None:
    seen: list[str] = []

    def server(request: httpx2.Request) -> httpx2.Response:
        seen.append(str(request.url))
        return httpx2.Response(404, json={"message": "Not Found"})

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(server)) as client:
        tracker = GitHubIssues(client, token="t", base_url="https://git.acme.test/api/v3")
        with pytest.raises(TrackerRefused):
            await tracker.resolve("https://git.acme.test/acme/shop/issues/1")
    assert seen == ["https://git.acme.test/api/v3/repos/acme/shop/issues/1"]


async def test_the_official_examples_are_understood() -> None:
    examples = GitHubContract.load().examples
    for name in ("issue", "issue-with-pinned-comment"):
        answer = httpx2.Response(200, json=examples[name])
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _, a=answer: a)) as client:
            known = Ticket(uuid4(), uuid4(), ROUTE, START, START, key="octocat/Hello-World#1347")
            remote = await GitHubIssues(client, token="t").read(known)
        assert remote.key.startswith("octocat/Hello-World#")


def test_the_contract_refuses_a_misspelt_field() -> None:
    headers = {"authorization": "x", "user-agent": "x", "x-github-api-version": "x"}
    contract = GitHubContract.load()
    good = httpx2.Request("POST", f"{BASE_URL}/repos/a/b/issues", json={"title": "x"}, headers=headers)
    contract.check(good)
    for bad in (
        httpx2.Request("POST", f"{BASE_URL}/repos/a/b/issues", json={"title": "x", "asignees": []}, headers=headers),
        httpx2.Request("POST", f"{BASE_URL}/repos/a/b/issues", json={"body": "x"}, headers=headers),
        httpx2.Request("GET", f"{BASE_URL}/repos/a/b/issues?state=al", headers=headers),
        httpx2.Request("GET", f"{BASE_URL}/repos/a/b/issues?sine=2026-01-01T00:00:00Z", headers=headers),
        httpx2.Request("GET", f"{BASE_URL}/repos/a/b/isues", headers=headers),
    ):
        with pytest.raises(BrokenContract):
            contract.check(bad)


async def test_the_simulators_webhooks_are_signed_and_say_what_happened(
    tracker: GitHubIssues, simulator: GitHubSimulator
) -> None:
    created = await tracker.create(ROUTE, draft())
    webhooks = GitHubWebhooks("norepeat-bot")
    moved = replace(created, key="acme/payments#1")
    for headers, body in (
        simulator.assign(created.key, "hubot"),
        simulator.close(created.key, "not_planned"),
        simulator.reopen(created.key),
        simulator.transfer(created.key, "acme/payments"),
        simulator.delete(moved.key),
    ):
        assert webhooks.delivery(headers, body, ["whsec-one"], START) == headers["x-github-delivery"]
        assert webhooks.read(headers, body) is not None
