"""A published postmortem as an event in Datadog, judged by its contract: found before it is told, never too old."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from app.adapters.monitoring.datadog_events import DatadogBoard
from app.domain.announcing.model import AnnouncementState, AnnouncementTarget, Notice
from app.domain.providers import ProviderOutcomeUnknown, ProviderRefused, ProviderUnavailable
from tests.contract.openapi_contract import OpenApiContract
from tests.contract.test_datadog import CONTRACT, SITE
from tests.unit.test_announcing import World

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOTICE = Notice(
    uuid4(), "organization", "Checkout hangs", "https://norepeat.example/v1/postmortems/1", "P1", "It hung.",
    ("checkout", "search"), NOW - 9 * HOUR, NOW - 8 * HOUR, NOW - timedelta(minutes=1),
)  # fmt: skip


class Events:
    """Keeps events and refuses what Datadog does: what its contract does not know, and what is older than 18 hours."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.answers: list[httpx2.Response | Exception] = []
        self.loses_answer = False

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        OpenApiContract.load(**CONTRACT).check(request)
        assert request.headers["dd-application-key"] == "app"
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        if request.method == "POST":
            event = {**httpx2.Response(200, content=request.content).json(), "id": 7 + len(self.told)}
            if NOW - datetime.fromtimestamp(event["date_happened"], UTC) > 18 * HOUR:
                return httpx2.Response(400, json={"errors": ["date_happened is too old"]})
            self.told.append(event)
            if self.loses_answer:
                self.loses_answer = False
                raise httpx2.ReadTimeout("The answer is lost.", request=request)
            return httpx2.Response(202, json={"status": "ok", "event": event})
        asked = request.url.params
        start, end = int(asked["start"]), int(asked["end"])
        found = [e for e in self.told if start <= e["date_happened"] <= end and asked["tags"] in e["tags"]]
        return httpx2.Response(200, json={"status": "ok", "events": found})

    def board(self) -> DatadogBoard:
        http = httpx2.AsyncClient(transport=httpx2.MockTransport(self))
        return DatadogBoard(http, site=SITE, api_key="k3y", application_key="app", now=lambda: NOW)


async def test_an_event_stands_at_the_incidents_start_and_is_found_by_its_tag() -> None:
    events = Events()
    assert await events.board().find(NOTICE) is None
    assert await events.board().post(NOTICE) == "event 7"
    assert await events.board().find(NOTICE) == "event 7"
    assert await events.board().find(replace(NOTICE, marker=uuid4())) is None
    (event,) = events.told
    assert event["date_happened"] == int((NOW - 9 * HOUR).timestamp())
    assert event["title"] == "Postmortem: Checkout hangs"
    assert event["text"] == "It hung.\n\nhttps://norepeat.example/v1/postmortems/1"
    assert event["tags"] == [f"norepeat:{NOTICE.marker}", "severity:p1", "service:checkout", "service:search"]


@pytest.mark.parametrize("hours", [17.95, 18.0, 24 * 30])
async def test_an_incident_of_more_than_18_hours_ago_is_told_as_of_now_and_the_event_says_so(hours: float) -> None:
    events, old = Events(), replace(NOTICE, started_at=NOW - hours * HOUR, summary="It hung. " * 1000)
    await events.board().post(old)
    (event,) = events.told
    assert event["date_happened"] == int(NOW.timestamp())
    assert "more than 18 hours ago" in event["text"]
    assert event["text"].endswith(NOTICE.url)
    assert len(event["text"]) == 4000
    assert await events.board().find(old) == "event 7"


async def test_without_a_start_it_stands_at_its_publication() -> None:
    events = Events()
    await events.board().post(replace(NOTICE, started_at=None))
    assert events.told[0]["date_happened"] == int(NOTICE.published_at.timestamp())


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx2.ConnectError("refused"), ProviderUnavailable),
        (httpx2.ReadTimeout("silent"), ProviderOutcomeUnknown),
        (httpx2.Response(502), ProviderOutcomeUnknown),
        (httpx2.Response(429, headers={"x-ratelimit-reset": "30"}), ProviderUnavailable),
        (httpx2.Response(403, json={"errors": ["Forbidden"]}), ProviderRefused),
        (httpx2.Response(400, json={"errors": ["bad"]}), ProviderRefused),
    ],
)
async def test_what_fails_says_whether_it_may_be_there(
    answer: httpx2.Response | Exception, error: type[Exception]
) -> None:
    events = Events()
    events.answers = [answer]
    with pytest.raises(error):
        await events.board().post(NOTICE)


async def test_an_event_that_was_taken_without_a_name_is_told_all_the_same() -> None:
    events = Events()
    events.answers = [httpx2.Response(202, json=[])]
    assert await events.board().post(NOTICE) == "event without an id"


async def test_a_published_postmortem_is_told_once_although_the_first_answer_was_lost() -> None:
    """Through the mechanism that tells every place: queued, called, outcome unknown, found by its tag."""
    events, world, there = Events(), World(), AnnouncementTarget.DATADOG
    board = DatadogBoard(
        httpx2.AsyncClient(transport=httpx2.MockTransport(events)), site=SITE, api_key="k3y", application_key="app",
        now=world.clock,
    )  # fmt: skip
    await world.announce(there)
    events.loses_answer = True
    await world.deliver(**{there: board})
    assert (world.announcement.state, len(events.told)) == (AnnouncementState.PENDING, 1)
    world.clock.forward(minutes=2)
    await world.deliver(**{there: board})
    assert (world.announcement.state, world.announcement.posted_as) == (AnnouncementState.POSTED, "event 7")
    assert [event["tags"][0] for event in events.told] == [f"norepeat:{world.announcement.marker}"]
