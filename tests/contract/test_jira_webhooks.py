"""What Jira tells us by itself: the recorded deliveries, and those of issues that moved or were deleted."""

import json
from typing import Any

import pytest

from app.adapters.trackers.jira_issue import Endings
from app.adapters.trackers.jira_webhooks import JiraWebhooks
from app.domain.errors import Invalid
from app.domain.organisation.model import Provider
from app.domain.tracking.model import TicketEvent, TicketEventKind, TicketStatus
from tests.contract.jira_simulator import JiraSimulator
from tests.contract.openapi_contract import contract_file
from tests.contract.tickets import START

WEBHOOKS = JiraWebhooks()


def recorded(name: str, **replaced: Any) -> bytes:
    return json.dumps({**json.loads(contract_file(f"webhooks/jira/{name}.json").read_text()), **replaced}).encode()


def read(body: bytes, webhooks: JiraWebhooks = WEBHOOKS) -> TicketEvent:
    event = webhooks.read({}, body)
    assert event is not None
    return event


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        ("issue-created", TicketStatus.TODO, "To Do"),
        ("issue-updated-edited", TicketStatus.TODO, "To Do"),
        ("issue-updated-raised-priority", TicketStatus.TODO, "To Do"),
        ("issue-updated-started-working", TicketStatus.IN_PROGRESS, "In Progress"),
        ("issue-updated-resolved", TicketStatus.DONE, "Done"),
        ("issue-updated-resolved-one-changelog", TicketStatus.DONE, "Done"),
        ("issue-updated-reopened", TicketStatus.TODO, "To Do"),
        ("issue-updated-assigned", TicketStatus.TODO, "To Do"),
        ("issue-updated-assigned-nobody", TicketStatus.TODO, "To Do"),
        ("cloud-issue-updated-custom-field", TicketStatus.TODO, "To Do"),
    ],
)
def test_the_recorded_deliveries_are_understood(name: str, status: TicketStatus, text: str) -> None:
    event = read(recorded(name))
    assert event.remote is not None
    assert (event.kind, event.provider, event.ours) == (TicketEventKind.CHANGED, Provider.JIRA, False)
    assert (event.remote.status, event.remote.status_text) == (status, text)
    assert event.external_id == event.remote.external_id
    assert event.external_id.isdigit()
    assert event.remote.url.endswith(f".atlassian.net/browse/{event.remote.key}")
    assert event.actor


def test_an_assignment_names_the_account() -> None:
    event = read(recorded("issue-updated-assigned"))
    assert event.remote is not None
    assert event.remote.assignee == "5c5f880629be9642ba529340"
    assert event.remote.updated_at.isoformat() == "2019-02-16T03:18:01.707000+00:00"


def test_a_deleted_issue_is_said_to_be_deleted() -> None:
    assert read(recorded("issue-deleted")).kind is TicketEventKind.DELETED


@pytest.mark.parametrize("event", ["comment_created", "jira:version_released", "sprint_started", None, 7, []])
def test_events_that_mean_nothing_to_us_are_ignored(event: object) -> None:
    assert WEBHOOKS.read({}, recorded("cloud-comment-created", webhookEvent=event)) is None


def test_the_site_says_which_resolutions_are_no_work_done() -> None:
    said = json.loads(recorded("issue-updated-resolved"))
    said["issue"]["fields"]["resolution"]["name"] = "Won't Do"
    assert read(json.dumps(said).encode()).remote.status is TicketStatus.CANCELLED  # type: ignore[union-attr]
    named = JiraWebhooks(endings=Endings.named(["done"]))
    assert read(recorded("issue-updated-resolved"), named).remote.status is TicketStatus.CANCELLED  # type: ignore[union-attr]


@pytest.mark.parametrize("account", ["5c5f880629be9642ba529340", "Admin", "some-instance-test@gmail.com"])
def test_our_own_changes_are_known_by_their_user(account: str) -> None:
    assert read(recorded("issue-updated-resolved"), JiraWebhooks(account)).ours
    assert not read(recorded("issue-updated-resolved", user=None), JiraWebhooks(account)).ours


def test_a_moved_issue_keeps_its_number() -> None:
    simulator = JiraSimulator()
    issue = simulator.add()
    before = read(simulator.webhook("jira:issue_created", issue["id"])[1])
    simulator.move(issue["id"], "PAY")
    headers, body = simulator.webhook("jira:issue_updated", issue["id"])
    after = read(body)
    assert WEBHOOKS.delivery(headers, body, ["jira-secret"], START) == headers["x-atlassian-webhook-identifier"]
    assert after.external_id == before.external_id
    assert after.remote is not None
    assert after.remote.key == "PAY-7"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"\xff", b'{"webhookEvent": "jira:issue_updated"}', b"[" * 100_000,
             b'{"webhookEvent": "jira:issue_updated", "issue": {"id": "1", "key": "A-1", "fields": {}}}'],
)  # fmt: skip
def test_a_body_that_is_no_issues_event_is_invalid(body: bytes) -> None:
    with pytest.raises(Invalid):
        WEBHOOKS.read({}, body)
