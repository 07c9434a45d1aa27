"""What Jira's failures mean: nothing happened, nobody knows, or it will never work like this."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import httpx2
import pytest

from app.adapters.trackers.jira import JiraIssues
from app.domain.organisation.model import Provider, Route
from app.domain.tracking.errors import (
    TicketGone,
    TrackerOutcomeUnknown,
    TrackerRefused,
    TrackerUnavailable,
)
from app.domain.tracking.model import TicketStatus, TicketUpdate
from tests.contract.faults import Fault
from tests.contract.jira_simulator import BASE_URL, JiraSimulator
from tests.contract.tickets import MARKER, START, draft, ticket_of

ROUTE = Route(Provider.JIRA, "SHOP")


@pytest.fixture
def simulator() -> JiraSimulator:
    return JiraSimulator()


@pytest.fixture
async def tracker(simulator: JiraSimulator) -> AsyncIterator[JiraIssues]:
    async with simulator.client() as client:
        yield JiraIssues(client, base_url=simulator.base_url, token="t0ken", email="bot@acme.test")


@pytest.mark.parametrize(
    ("fault", "error", "retry_after"),
    [
        (Fault.REFUSED_CONNECTION, TrackerUnavailable, None),
        (Fault.RATE_LIMITED, TrackerUnavailable, 7.0),
        (Fault.BEFORE_500, TrackerOutcomeUnknown, None),
        (Fault.APPLIED_502, TrackerOutcomeUnknown, None),
        (Fault.APPLIED_TIMEOUT, TrackerOutcomeUnknown, None),
        (Fault.UNAUTHORIZED, TrackerRefused, None),
        (Fault.FORBIDDEN, TrackerRefused, None),
    ],
)
async def test_each_failure_says_what_it_means_for_a_create(
    tracker: JiraIssues, simulator: JiraSimulator, fault: Fault, error: type[Exception], retry_after: float | None
) -> None:
    simulator.faults.plan(fault, "POST /issue")
    with pytest.raises(error) as raised:
        await tracker.create(ROUTE, draft())
    assert type(raised.value) is error
    assert getattr(raised.value, "retry_after", None) == retry_after
    applied = fault in (Fault.APPLIED_502, Fault.APPLIED_TIMEOUT)
    assert len(simulator.issues) == applied
    found = await tracker.find_by_marker(ROUTE, MARKER, START)
    assert (found is not None) is applied
    assert len(simulator.links) == applied


@pytest.mark.parametrize("request_name", ["GET /issue/10", "/remotelink"])
@pytest.mark.parametrize(
    "fault", [Fault.BEFORE_500, Fault.APPLIED_TIMEOUT, Fault.RATE_LIMITED, Fault.REFUSED_CONNECTION]
)
async def test_a_failure_after_the_issue_exists_is_never_taken_for_no_issue(
    tracker: JiraIssues, simulator: JiraSimulator, request_name: str, fault: Fault
) -> None:
    simulator.faults.plan(fault, request_name)
    with pytest.raises(TrackerOutcomeUnknown, match="created SHOP-1"):
        await tracker.create(ROUTE, draft())
    found = await tracker.find_by_marker(ROUTE, MARKER, START)
    assert found is not None
    assert (len(simulator.issues), len(simulator.links), found.dropped) == (1, 1, ())


async def test_a_link_back_that_is_refused_or_fails_again_is_reported(
    tracker: JiraIssues, simulator: JiraSimulator
) -> None:
    simulator.faults.plan(Fault.FORBIDDEN, "/remotelink")
    assert (await tracker.create(ROUTE, draft())).dropped == ("link back",)
    simulator.faults.plan(Fault.BEFORE_500, "/remotelink")
    found = await tracker.find_by_marker(ROUTE, MARKER, START)
    assert found is not None
    assert found.dropped == ("link back",)


async def test_an_issue_that_the_token_may_create_but_not_see_is_not_created_again(
    tracker: JiraIssues, simulator: JiraSimulator
) -> None:
    simulator.unreadable = True
    with pytest.raises(TrackerRefused, match="created SHOP-1, but the token may not see it"):
        await tracker.create(ROUTE, draft())


async def test_a_lagging_index_finds_nothing_yet(tracker: JiraIssues, simulator: JiraSimulator) -> None:
    await tracker.create(ROUTE, draft())
    simulator.index_lags = True
    assert await tracker.find_by_marker(ROUTE, MARKER, START) is None


@pytest.mark.parametrize("fault", [Fault.BEFORE_500, Fault.APPLIED_TIMEOUT, Fault.REFUSED_CONNECTION])
async def test_a_read_or_a_look_up_that_fails_did_nothing(
    tracker: JiraIssues, simulator: JiraSimulator, fault: Fault
) -> None:
    ticket = ticket_of(await tracker.create(ROUTE, draft()), ROUTE)
    simulator.faults.plan(fault, "GET /issue/10")
    with pytest.raises(TrackerUnavailable):
        await tracker.read(ticket)
    simulator.faults.plan(fault, "POST /search")
    with pytest.raises(TrackerUnavailable):
        await tracker.find_by_marker(ROUTE, MARKER, START)


async def test_a_lost_answer_to_a_comment_does_not_write_it_twice(
    tracker: JiraIssues, simulator: JiraSimulator
) -> None:
    ticket, marker = ticket_of(await tracker.create(ROUTE, draft()), ROUTE), uuid4()
    simulator.faults.plan(Fault.APPLIED_502, "POST /issue/10001/comment")
    update = TicketUpdate(comment="Evidence, please: https://norepeat.test/x", status=TicketStatus.DONE)
    with pytest.raises(TrackerOutcomeUnknown):
        await tracker.update(ticket, update, marker)
    assert (await tracker.update(ticket, update, marker)).status is TicketStatus.DONE
    assert len(simulator.comments["10001"]) == 1


async def test_a_deleted_issue_is_gone(tracker: JiraIssues, simulator: JiraSimulator) -> None:
    ticket = ticket_of(await tracker.create(ROUTE, draft()), ROUTE)
    simulator.issues.clear()
    with pytest.raises(TicketGone, match="SHOP-1"):
        await tracker.read(ticket)


async def answering(status: int, body: object, headers: dict[str, str] | None = None) -> Exception:
    """The error that reading an issue ends with when Jira answers so."""
    answer = httpx2.Response(status, json=body, headers=headers)
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: answer)) as client:
        with pytest.raises((TrackerRefused, TrackerUnavailable, TrackerOutcomeUnknown)) as raised:
            await JiraIssues(client, base_url=BASE_URL, token="t").resolve("SHOP-1")
    return raised.value


async def test_a_refusal_names_provider_field_and_remedy() -> None:
    errors = {"errorMessages": ["Field 'priority' is required"], "errors": {"customfield_1": "Team is required."}}
    refused = str(await answering(400, errors))
    assert (
        "Jira refused the issue SHOP-1 (400): Field 'priority' is required; customfield_1: Team is required" in refused
    )
    assert "issue type of the tracker route" in refused
    assert "NOREPEAT_JIRA_TOKEN" in str(await answering(401, "nothing"))
    assert "permission" in str(await answering(403, {"errorMessages": ["You may not."], "errors": {}}))
    assert "project of the tracker route" in str(await answering(404, {"errorMessages": ["No."], "errors": {}}))
    assert "removed the address" in str(await answering(410, {"message": "Use /search/jql"}))
    assert "NOREPEAT_JIRA_URL" in str(await answering(302, None, {"location": "https://id.atlassian.com"}))
    assert isinstance(await answering(409, {}), TrackerUnavailable)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"retry-after": "13", "ratelimit-reason": "jira-burst-based"}, 13, 13),
        ({"ratelimit-reason": "jira-quota-tenant-based"}, 300, 300),
        ({"x-ratelimit-reset": (datetime.now(UTC) + timedelta(hours=2)).isoformat()}, 7000, 7200),
        ({}, 1, 60),
    ],
)
async def test_a_limit_says_how_long_to_wait(headers: dict[str, str], least: float, most: float) -> None:
    waiting = await answering(429, {}, headers)
    assert isinstance(waiting, TrackerUnavailable)
    assert waiting.retry_after is not None
    assert least <= waiting.retry_after <= most
    assert headers.get("ratelimit-reason", "429") in str(waiting)


@pytest.mark.parametrize("body", [[], "text", 7, None])
async def test_a_list_that_is_no_list_of_jira_leaves_the_outcome_unknown(body: object) -> None:
    answer = httpx2.Response(200, json=body)
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: answer)) as client:
        tracker = JiraIssues(client, base_url=BASE_URL, token="t")
        with pytest.raises(TrackerOutcomeUnknown):
            await tracker.changed_since(ROUTE, START)
        with pytest.raises(TrackerOutcomeUnknown):
            await tracker.create(ROUTE, draft())


@pytest.mark.parametrize("body", [[], {}, {"id": None}, {"id": 1, "key": "A-1", "fields": {}}, "text", 7])
async def test_an_answer_that_is_no_issue_leaves_the_outcome_unknown(body: object) -> None:
    assert isinstance(await answering(200, body), TrackerOutcomeUnknown)


async def test_a_field_that_no_ticket_can_do_without_is_refused_by_name(
    tracker: JiraIssues, simulator: JiraSimulator
) -> None:
    ticket = ticket_of(await tracker.create(ROUTE, draft()), ROUTE)
    simulator.silently_refused = ("summary",)
    with pytest.raises(TrackerRefused, match="summary: Field cannot be set"):
        await tracker.create(ROUTE, draft())
    with pytest.raises(TrackerRefused, match="summary: Field cannot be set"):
        await tracker.update(ticket, TicketUpdate(title="New"), uuid4())
    assert len(simulator.issues) == 1


async def test_who_may_edit_in_a_project_but_not_create_still_sets_the_due_date(
    tracker: JiraIssues, simulator: JiraSimulator
) -> None:
    """Such is a ticket that was linked by hand, or has moved."""
    ticket = ticket_of(await tracker.create(ROUTE, draft()), ROUTE)
    simulator.move(str(ticket.external_id), "PAY")
    update = TicketUpdate(due_on=date(2026, 8, 2), priority="urgent")
    changed = await tracker.update(ticket, update, uuid4())
    assert (changed.due_on, changed.priority, changed.dropped) == (date(2026, 8, 2), "high", ("priority",))
