"""What GitHub's failures mean: nothing happened, nobody knows, or it will never work like this."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from app.adapters.trackers.github import GitHubIssues
from app.domain.tracking.errors import TrackerOutcomeUnknown, TrackerRefused, TrackerUnavailable
from tests.contract.github_simulator import Fault, GitHubSimulator
from tests.contract.github_world import ROUTE, Ticking, draft, ticket_of


@pytest.fixture
def simulator() -> GitHubSimulator:
    return GitHubSimulator(now=Ticking())


@pytest.fixture
async def tracker(simulator: GitHubSimulator) -> AsyncIterator[GitHubIssues]:
    async with simulator.client() as client:
        yield GitHubIssues(client, token="t0ken")


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
