"""GitHub Issues as a tracker, against GitHub's own contract: what is sent, what is understood, what fails how."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from app.adapters.trackers.github import GitHubIssues
from app.adapters.trackers.github_webhooks import GitHubWebhooks
from app.domain.errors import Invalid
from app.domain.organisation.model import Provider, Route
from app.domain.tracking.model import (
    NotThisTracker,
    RemoteTicket,
    Ticket,
    TicketDraft,
    TicketEventKind,
    TicketGone,
    TicketStatus,
    TicketUpdate,
    TrackerOutcomeUnknown,
    TrackerRefused,
    TrackerUnavailable,
)
from tests.contract.github_contract import BASE_URL, BrokenContract, GitHubContract, contract_file
from tests.contract.github_simulator import Fault, GitHubSimulator

ROUTE = Route(Provider.GITHUB, "acme/shop", labels=("postmortem",))
START = datetime(2026, 6, 15, 12, tzinfo=UTC)
MARKER = UUID("7b1b3f9e-2f7f-4c8e-9f4a-0d7c5a1f2e3d")


class Ticking:
    """A clock that goes on by a second with every look."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def simulator() -> GitHubSimulator:
    return GitHubSimulator(now=Ticking())


@pytest.fixture
async def tracker(simulator: GitHubSimulator) -> AsyncIterator[GitHubIssues]:
    async with simulator.client() as client:
        yield GitHubIssues(client, token="t0ken")


def draft(**fields: Any) -> TicketDraft:
    given: dict[str, Any] = {
        "marker": MARKER, "title": "Add a circuit breaker", "body": "Payments hang for 30 s.", "priority": "high",
        "url": "https://norepeat.test/v1/action-items/1", "due_on": date(2026, 7, 1), "assignee": "octocat",
        "labels": ROUTE.labels,
    }  # fmt: skip
    return TicketDraft(**(given | fields))


def ticket_of(remote: RemoteTicket) -> Ticket:
    ticket = Ticket(id=uuid4(), action_item_id=uuid4(), route=ROUTE, created_at=START, updated_at=START)
    return ticket.linked(remote, START)


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


@pytest.mark.parametrize(
    ("fault", "error", "retry_after"),
    [
        (Fault.REFUSED_CONNECTION, TrackerUnavailable, None),
        (Fault.RATE_LIMITED, TrackerUnavailable, 7.0),
        (Fault.SECONDARY_LIMIT, TrackerUnavailable, 60.0),
        (Fault.BEFORE_500, TrackerOutcomeUnknown, None),
        (Fault.APPLIED_502, TrackerOutcomeUnknown, None),
        (Fault.APPLIED_TIMEOUT, TrackerOutcomeUnknown, None),
        (Fault.UNAUTHORIZED, TrackerRefused, None),
        (Fault.NOT_FOUND, TrackerRefused, None),
    ],
)
async def test_each_failure_says_what_it_means_for_a_create(
    tracker: GitHubIssues,
    simulator: GitHubSimulator,
    fault: Fault,
    error: type[Exception],
    retry_after: float | None,
) -> None:
    simulator.fail(fault, retry_after=7)
    with pytest.raises(error) as raised:
        await tracker.create(ROUTE, draft())
    assert type(raised.value) is error
    assert getattr(raised.value, "retry_after", None) == retry_after
    applied = fault in (Fault.APPLIED_502, Fault.APPLIED_TIMEOUT)
    assert len(simulator.issues) == applied


@pytest.mark.parametrize("fault", [Fault.BEFORE_500, Fault.APPLIED_TIMEOUT, Fault.REFUSED_CONNECTION])
async def test_a_read_that_fails_did_nothing(tracker: GitHubIssues, simulator: GitHubSimulator, fault: Fault) -> None:
    ticket = ticket_of(await tracker.create(ROUTE, draft()))
    simulator.fail(fault, method="GET")
    with pytest.raises(TrackerUnavailable):
        await tracker.read(ticket)


async def answering(status: int, body: object, headers: dict[str, str] | None = None) -> Exception:
    """The error that a create ends with when GitHub answers so."""
    answer = httpx2.Response(status, json=body, headers=headers)
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: answer)) as client:
        with pytest.raises((TrackerRefused, TrackerUnavailable, TrackerOutcomeUnknown)) as raised:
            await GitHubIssues(client, token="t").create(ROUTE, draft())
    return raised.value


async def test_a_refusal_names_provider_field_and_remedy() -> None:
    errors = [{"resource": "Issue", "field": "assignees", "code": "invalid", "message": "octocat is not assignable"}]
    refused = await answering(422, {"message": "Validation Failed", "errors": errors})
    assert "GitHub" in str(refused)
    assert "assignees is invalid (octocat is not assignable)" in str(refused)
    assert "NOREPEAT_GITHUB_TOKEN" in str(await answering(401, {"message": "Bad credentials"}))
    assert "write issues" in str(await answering(403, {"message": "Resource not accessible"}))
    assert "project of the tracker route" in str(await answering(404, {"message": "Not Found"}))
    assert "switched off" in str(await answering(410, {"message": "Issues are disabled for this repo"}))


async def test_an_exhausted_limit_waits_until_it_is_reset() -> None:
    reset = int((datetime.now(UTC) + timedelta(seconds=90)).timestamp())
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(reset)}
    waiting = await answering(403, {"message": "API rate limit exceeded"}, headers)
    assert isinstance(waiting, TrackerUnavailable)
    assert waiting.retry_after is not None
    assert 80 < waiting.retry_after <= 90


@pytest.mark.parametrize("body", [[], {}, {"id": None}, {"id": 1, "number": "x"}, "text", 7])
async def test_an_answer_that_is_no_issue_leaves_the_outcome_unknown(body: object) -> None:
    assert isinstance(await answering(201, body), TrackerOutcomeUnknown)


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


# ── Webhooks ─────────────────────────────────────────────────────────────────────────────────────────────────────


def event(name: str, **replaced: Any) -> bytes:
    return json.dumps({**json.loads(contract_file(f"webhooks/github/{name}.json").read_text()), **replaced}).encode()


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("issues.opened", TicketEventKind.CHANGED, TicketStatus.TODO),
        ("issues.edited", TicketEventKind.CHANGED, TicketStatus.TODO),
        ("issues.closed.derived", TicketEventKind.CHANGED, TicketStatus.DONE),
        ("issues.closed_not_planned.derived", TicketEventKind.CHANGED, TicketStatus.CANCELLED),
        ("issues.reopened", TicketEventKind.CHANGED, TicketStatus.TODO),
        ("issues.assigned", TicketEventKind.CHANGED, TicketStatus.TODO),
        ("issues.unassigned", TicketEventKind.CHANGED, TicketStatus.TODO),
        ("issues.deleted", TicketEventKind.DELETED, TicketStatus.DONE),
        ("issues.transferred", TicketEventKind.MOVED, TicketStatus.TODO),
    ],
)
def test_the_official_webhook_examples_are_understood(name: str, kind: TicketEventKind, status: TicketStatus) -> None:
    read = GitHubWebhooks("norepeat-bot").read({"X-GitHub-Event": "issues"}, event(name))
    assert read is not None
    assert read.remote is not None
    assert (read.kind, read.remote.status, read.ours) == (kind, status, False)
    assert read.external_id.isdigit()


@pytest.mark.parametrize("name", ["issues.labeled", "issues.milestoned"])
def test_events_that_mean_nothing_to_us_are_ignored(name: str) -> None:
    assert GitHubWebhooks().read({"x-github-event": "issues"}, event(name)) is None
    assert GitHubWebhooks().read({"x-github-event": "ping"}, event("ping")) is None
    assert GitHubWebhooks().read({"x-github-event": "issue_comment"}, event("comment_created")) is None


def test_our_own_changes_are_known_by_their_sender() -> None:
    body = event("issues.closed.derived", sender={"login": "NoRepeat-Bot"})
    read = GitHubWebhooks("norepeat-bot").read({"x-github-event": "issues"}, body)
    assert read is not None
    assert read.ours
    unknown = GitHubWebhooks(None).read({"x-github-event": "issues"}, event("issues.opened", sender={}))
    assert unknown is not None
    assert not unknown.ours


def test_a_reason_we_do_not_know_is_not_taken_for_done() -> None:
    issue = json.loads(event("issues.closed.derived"))["issue"]
    body = event("issues.closed.derived", issue={**issue, "state_reason": "vaporised"})
    read = GitHubWebhooks().read({"x-github-event": "issues"}, body)
    assert read is not None
    assert read.remote is not None
    assert read.remote.status is TicketStatus.CANCELLED


@pytest.mark.parametrize("body", [b"", b"payload=%7B%7D", b"[]", b"\xff", b'{"action": "closed"}', b"[" * 100_000])
def test_a_body_that_is_no_issues_event_is_invalid(body: bytes) -> None:
    with pytest.raises(Invalid):
        GitHubWebhooks().read({"x-github-event": "issues"}, body)


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
