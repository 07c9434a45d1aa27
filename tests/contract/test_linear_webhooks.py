"""What Linear tells us by itself: issues that change, move between teams, go into the bin or into the archive."""

import json
from typing import Any

import pytest

from app.adapters.trackers.linear_webhooks import LinearWebhooks
from app.domain.errors import Invalid
from app.domain.organisation.model import Provider
from app.domain.tracking.model import TicketEvent, TicketEventKind, TicketStatus
from tests.contract.linear_simulator import LinearSimulator
from tests.contract.tickets import START

WEBHOOKS = LinearWebhooks()


@pytest.fixture
def simulator() -> LinearSimulator:
    return LinearSimulator()


def read(body: bytes, webhooks: LinearWebhooks = WEBHOOKS) -> TicketEvent:
    event = webhooks.read({}, body)
    assert event is not None
    return event


@pytest.mark.parametrize("action", ["create", "update"])
def test_an_issue_that_changed_says_how_it_stands(simulator: LinearSimulator, action: str) -> None:
    issue = simulator.add(
        state=simulator.state("completed"), assignee={"id": "ada-id"}, priority=1, dueDate="2026-07-01", title="A"
    )
    headers, body = simulator.webhook(action, issue["id"])
    assert WEBHOOKS.delivery(headers, body, ["old", "linear-secret"], START) == headers["linear-delivery"]
    event = read(body)
    assert (event.kind, event.provider, event.external_id) == (TicketEventKind.CHANGED, Provider.LINEAR, issue["id"])
    assert event.remote is not None
    assert (event.remote.status, event.remote.assignee, event.remote.priority) == (
        TicketStatus.DONE,
        "ada-id",
        "urgent",
    )
    assert (event.remote.url, event.remote.title, str(event.remote.due_on)) == (issue["url"], "A", "2026-07-01")
    assert event.at == event.remote.updated_at


def test_the_event_is_what_a_read_would_say(simulator: LinearSimulator) -> None:
    """Webhooks carry numbers as floats, an assignee perhaps only by id, and no archive dates."""
    issue = simulator.add(assignee={"id": "ada-id"}, priority=2.0)
    said = json.loads(simulator.webhook("update", issue["id"])[1])
    del said["data"]["assignee"], said["data"]["archivedAt"], said["data"]["url"]
    event = read(json.dumps(said).encode())
    assert event.remote is not None
    assert (event.remote.assignee, event.remote.priority, event.remote.url) == ("ada-id", "high", issue["url"])


@pytest.mark.parametrize(
    ("action", "fields"),
    [("remove", {}), ("update", {"trashed": True}), ("update", {"archivedAt": "2026-06-15T12:00:00.000Z"})],
)
def test_what_was_put_away_is_deleted(simulator: LinearSimulator, action: str, fields: dict[str, Any]) -> None:
    issue = simulator.add(**fields)
    event = read(simulator.webhook(action, issue["id"])[1])
    assert (event.kind, event.remote, event.external_id) == (TicketEventKind.DELETED, None, issue["id"])


def test_an_issue_in_another_team_keeps_its_id(simulator: LinearSimulator) -> None:
    issue = simulator.add()
    simulator.touch(issue["id"], identifier="OPS-7")
    event = read(simulator.webhook("update", issue["id"])[1])
    assert event.remote is not None
    assert (event.external_id, event.remote.key) == (issue["id"], "OPS-7")


@pytest.mark.parametrize("user", ["ada-id", "ADA-ID@acme.test"])
def test_our_own_changes_are_known_by_their_actor(simulator: LinearSimulator, user: str) -> None:
    issue = simulator.add()
    assert read(simulator.webhook("update", issue["id"])[1], LinearWebhooks(user)).ours
    assert not read(simulator.webhook("update", issue["id"], by="bo-id")[1], LinearWebhooks(user)).ours
    assert not read(simulator.webhook("update", issue["id"])[1]).ours


@pytest.mark.parametrize(("action", "type"), [("create", "Comment"), ("restore", "Issue"), ("update", "IssueSLA")])
def test_events_that_mean_nothing_to_us_are_ignored(simulator: LinearSimulator, action: str, type: str) -> None:
    issue = simulator.add()
    assert WEBHOOKS.read({}, simulator.webhook(action, issue["id"], type=type)[1]) is None


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"\xff", b"[" * 100_000, b'{"type": "Issue", "action": "update"}',
        b'{"type": "Issue", "action": "update", "data": {"id": "1"}}',
        b'{"type": "Issue", "action": "update", "data": []}',
    ],
)  # fmt: skip
def test_a_body_that_is_no_issues_event_is_invalid(body: bytes) -> None:
    with pytest.raises(Invalid):
        WEBHOOKS.read({}, body)
