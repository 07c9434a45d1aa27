"""What GitHub tells us, in its own examples: understood, ignored, or refused as malformed."""

import json
from typing import Any

import pytest

from app.adapters.trackers.github_webhooks import GitHubWebhooks
from app.domain.errors import Invalid
from app.domain.tracking.model import TicketEventKind, TicketStatus
from tests.contract.github_contract import contract_file


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
        ("issues.labeled", TicketEventKind.CHANGED, TicketStatus.TODO),
        ("issues.milestoned", TicketEventKind.CHANGED, TicketStatus.TODO),
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


def test_events_that_mean_nothing_to_us_are_ignored() -> None:
    assert GitHubWebhooks().read({"x-github-event": "issues"}, event("issues.opened", action="pinned")) is None
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
