"""What Linear's failures mean: nothing happened, nobody knows, or it will never work like this."""

import time
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx2
import pytest

from app.adapters.trackers.linear import LinearIssues
from app.adapters.trackers.linear_client import LinearClient
from app.adapters.trackers.linear_documents import CREATE, ISSUE
from app.domain.organisation.model import Provider, Route
from app.domain.tracking.errors import TrackerOutcomeUnknown, TrackerRefused, TrackerUnavailable
from app.domain.tracking.model import TicketStatus, TicketUpdate
from tests.contract.faults import Fault
from tests.contract.linear_simulator import LinearSimulator
from tests.contract.tickets import MARKER, START, draft, ticket_of

ROUTE = Route(Provider.LINEAR, "ENG")
ID = str(MARKER)
ISSUE_THERE = {
    "id": ID, "identifier": "ENG-1", "url": "https://linear.app/acme/issue/ENG-1", "title": "A",
    "updatedAt": "2026-06-15T12:00:00.000Z", "state": {"id": "1", "name": "Todo", "type": "unstarted"},
    "team": {"id": "t"},
}  # fmt: skip


@pytest.fixture
def simulator() -> LinearSimulator:
    return LinearSimulator()


@pytest.fixture
async def tracker(simulator: LinearSimulator) -> AsyncIterator[LinearIssues]:
    async with simulator.client() as client:
        yield LinearIssues(client, token="lin_api_t")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.REFUSED_CONNECTION, TrackerUnavailable),
        (Fault.RATE_LIMITED, TrackerUnavailable),
        (Fault.BEFORE_500, TrackerOutcomeUnknown),
        (Fault.APPLIED_502, TrackerOutcomeUnknown),
        (Fault.APPLIED_TIMEOUT, TrackerOutcomeUnknown),
        (Fault.UNAUTHORIZED, TrackerRefused),
        (Fault.FORBIDDEN, TrackerRefused),
    ],
)
async def test_each_failure_says_what_it_means_for_a_create(
    tracker: LinearIssues, simulator: LinearSimulator, fault: Fault, error: type[Exception]
) -> None:
    simulator.faults.plan(fault, "issueCreate")
    with pytest.raises(error) as raised:
        await tracker.create(ROUTE, draft())
    assert type(raised.value) is error
    retry_after = getattr(raised.value, "retry_after", None)
    assert (retry_after is not None and 5 < retry_after <= 7) is (fault is Fault.RATE_LIMITED)
    applied = fault in (Fault.APPLIED_502, Fault.APPLIED_TIMEOUT)
    assert len(simulator.kept) == applied
    found = await tracker.find_by_marker(ROUTE, MARKER, START)
    assert (found is not None) is applied
    assert len(simulator.links) == applied


@pytest.mark.parametrize("request_name", ["issue(", "attachmentCreate("])
@pytest.mark.parametrize("fault", [Fault.BEFORE_500, Fault.APPLIED_502, Fault.RATE_LIMITED, Fault.REFUSED_CONNECTION])
async def test_a_failure_after_the_issue_exists_is_never_taken_for_no_issue(
    tracker: LinearIssues, simulator: LinearSimulator, request_name: str, fault: Fault
) -> None:
    simulator.faults.plan(fault, request_name)
    with pytest.raises(TrackerOutcomeUnknown):
        await tracker.create(ROUTE, draft())
    found = await tracker.find_by_marker(ROUTE, MARKER, START)
    assert found is not None
    assert (found.dropped, len(simulator.links), len(simulator.kept)) == ((), 1, 1)


async def test_a_link_back_that_is_refused_is_reported(tracker: LinearIssues, simulator: LinearSimulator) -> None:
    simulator.refuses_attachments = True
    assert (await tracker.create(ROUTE, draft(labels=()))).dropped == ("link back",)
    simulator.faults.plan(Fault.BEFORE_500, "attachmentCreate")
    found = await tracker.find_by_marker(ROUTE, MARKER, START)
    assert found is not None
    assert found.dropped == ("link back",)


async def test_a_lost_answer_to_a_comment_does_not_write_it_twice(
    tracker: LinearIssues, simulator: LinearSimulator
) -> None:
    ticket, marker = ticket_of(await tracker.create(ROUTE, draft()), ROUTE), uuid4()
    simulator.faults.plan(Fault.APPLIED_502, "commentCreate")
    update = TicketUpdate(comment="Evidence, please.", status=TicketStatus.DONE)
    with pytest.raises(TrackerOutcomeUnknown):
        await tracker.update(ticket, update, marker)
    assert (await tracker.update(ticket, update, marker)).status is TicketStatus.DONE
    assert [note["id"] for note in simulator.notes[ID]] == [str(marker)]


@pytest.mark.parametrize("fault", [Fault.BEFORE_500, Fault.APPLIED_TIMEOUT, Fault.REFUSED_CONNECTION])
async def test_a_read_that_fails_did_nothing(tracker: LinearIssues, simulator: LinearSimulator, fault: Fault) -> None:
    ticket = ticket_of(await tracker.create(ROUTE, draft()), ROUTE)
    simulator.faults.plan(fault, "issue(")
    with pytest.raises(TrackerUnavailable):
        await tracker.read(ticket)


async def answering(
    status: int, body: object, headers: dict[str, str] | None = None, *, mutation: bool = False
) -> Exception:
    """The error that a look-up, or the writing of a new issue, ends with when Linear answers so."""
    answer = httpx2.Response(status, json=body, headers=headers)
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: answer)) as client:
        linear = LinearClient(client, "t", "https://api.linear.app/graphql")
        with pytest.raises((TrackerRefused, TrackerUnavailable, TrackerOutcomeUnknown)) as raised:
            await linear.run(CREATE if mutation else ISSUE, {}, about="the issue ENG-1")
    return raised.value


def error(message: str, **extensions: object) -> dict[str, object]:
    return {"data": None, "errors": [{"message": message, "extensions": extensions}]}


async def test_a_refusal_names_provider_field_and_remedy() -> None:
    wrong = [{"property": "dueDate", "constraints": {}}]
    refused = str(
        await answering(200, error("Argument Validation Error", code="INVALID_INPUT", validationErrors=wrong))
    )
    assert "Linear refused the issue ENG-1: Argument Validation Error" in refused
    assert "(dueDate)" in refused
    for status, kind in ((200, "authentication error"), (401, "x"), (400, "AUTHENTICATION_ERROR")):
        assert "NOREPEAT_LINEAR_TOKEN" in str(await answering(status, error("No.", type=kind)))
    assert "permission" in str(
        await answering(200, error("No.", type="forbidden", userPresentableMessage="You may not."))
    )
    assert "project of the tracker route" in str(
        await answering(200, error("Entity not found: Team", code="INPUT_ERROR"))
    )
    assert "NOREPEAT_LINEAR_URL" in str(await answering(302, {}))
    assert isinstance(await answering(400, error("Syntax Error")), TrackerRefused)
    assert isinstance(await answering(403, {}), TrackerRefused)


async def test_linears_own_troubles_leave_a_write_unknown_and_a_read_undone() -> None:
    trouble = error("Lock timeout", type="lock timeout")
    assert isinstance(await answering(200, trouble), TrackerUnavailable)
    assert isinstance(await answering(200, trouble, mutation=True), TrackerOutcomeUnknown)
    assert isinstance(await answering(200, {"data": None}, mutation=True), TrackerOutcomeUnknown)
    for body in ([], "text", 7):
        assert isinstance(await answering(200, body, mutation=True), TrackerOutcomeUnknown)


@pytest.mark.parametrize(
    ("status", "headers", "least", "most"),
    [
        (400, {"x-ratelimit-complexity-remaining": "0", "x-ratelimit-complexity-reset": "in 40 s"}, 30, 40),
        (400, {"x-ratelimit-requests-remaining": "9", "x-ratelimit-requests-reset": "in 40 s"}, 60, 60),
        (200, {"retry-after": "3"}, 3, 3),
        (429, {}, 60, 60),
    ],
)
async def test_a_limit_says_how_long_to_wait(status: int, headers: dict[str, str], least: int, most: int) -> None:
    reset = str(int((time.time() + 40) * 1000))
    given = {name: value.replace("in 40 s", reset) for name, value in headers.items()}
    waiting = await answering(status, error("Rate limit exceeded", code="RATELIMITED"), given, mutation=True)
    assert isinstance(waiting, TrackerUnavailable)
    assert waiting.retry_after is not None
    assert least <= waiting.retry_after <= most


async def test_a_write_that_linear_does_not_confirm_is_unknown() -> None:
    answer = httpx2.Response(200, json={"data": {"issue": ISSUE_THERE, "issueUpdate": {"success": False}}})
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: answer)) as client:
        tracker = LinearIssues(client, token="t")
        ticket = ticket_of(await tracker.resolve("ENG-1"), ROUTE)
        with pytest.raises(TrackerOutcomeUnknown, match="the issue ENG-1 was written"):
            await tracker.update(ticket, TicketUpdate(title="New"), uuid4())


async def test_an_update_that_is_refused_names_what_is_wrong(tracker: LinearIssues, simulator: LinearSimulator) -> None:
    ticket = ticket_of(await tracker.create(ROUTE, draft()), ROUTE)
    simulator.refused_titles = ("New",)
    with pytest.raises(TrackerRefused, match="title"):
        await tracker.update(ticket, TicketUpdate(title="New"), uuid4())
    with pytest.raises(TrackerRefused, match="title"):
        await tracker.create(ROUTE, draft(marker=uuid4(), title="New"))
    assert len(simulator.kept) == 1


@pytest.mark.parametrize("issue", [{}, [], {**ISSUE_THERE, "updatedAt": "?"}, {**ISSUE_THERE, "state": None}])
async def test_an_answer_that_is_no_issue_leaves_the_outcome_unknown(issue: object) -> None:
    answer = httpx2.Response(200, json={"data": {"issue": issue}})
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: answer)) as client:
        with pytest.raises(TrackerOutcomeUnknown):
            await LinearIssues(client, token="t").resolve("ENG-1")


async def test_a_proxys_error_page_is_no_answer_of_linear() -> None:
    answer = httpx2.Response(403, text="<html>Blocked</html>")
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: answer)) as client:
        with pytest.raises(TrackerRefused, match="forbids"):
            await LinearIssues(client, token="t").resolve("ENG-1")
