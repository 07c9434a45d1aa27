"""GitHub's words and ours: issue bodies and comments with their marker, and issues as remote tickets."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.tracking.model import (
    RemoteTicket,
    TicketDraft,
    TicketStatus,
    TicketUpdate,
    TrackerOutcomeUnknown,
)

CLOSED = {
    None: TicketStatus.DONE,
    "completed": TicketStatus.DONE,
    "not_planned": TicketStatus.CANCELLED,
    "duplicate": TicketStatus.DUPLICATE,
}
STATES: Mapping[TicketStatus, Mapping[str, str]] = {
    TicketStatus.TODO: {"state": "open"},
    TicketStatus.IN_PROGRESS: {"state": "open"},
    TicketStatus.DONE: {"state": "closed", "state_reason": "completed"},
    TicketStatus.CANCELLED: {"state": "closed", "state_reason": "not_planned"},
    TicketStatus.DUPLICATE: {"state": "closed", "state_reason": "duplicate"},
}
MARKER = re.compile(r"<!-- norepeat:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}) -->")
DUE, PRIORITY = "**Due:**", "**Priority:**"


def marker_text(marker: UUID) -> str:
    """Invisible on the page, and how we find our own again."""
    return f"<!-- norepeat:{marker} -->"


def marker_in(body: str) -> UUID | None:
    """The marker that a text carries, if it is one of ours."""
    found = MARKER.search(body)
    return UUID(found[1]) if found else None


def body_of(draft: TicketDraft) -> str:
    """The issue's text: GitHub has no due date and no priority of its own, so they are lines."""
    lines = [f"{DUE} {draft.due_on}"] if draft.due_on else []
    lines += [
        f"{PRIORITY} {draft.priority}",
        "",
        f"[Action item in norepeat]({draft.url})",
        marker_text(draft.marker),
    ]
    return "\n".join([draft.body, "", "---", *lines] if draft.body else lines)


def updated_body(body: str, update: TicketUpdate) -> str:
    """The same text with our lines changed; lines that somebody removed stay away."""
    for label, value in ((DUE, update.due_on), (PRIORITY, update.priority)):
        if value is not None:
            body = re.sub(rf"^{re.escape(label)} .*$", f"{label} {value}", body, count=1, flags=re.MULTILINE)
    return body


def to_remote(issue: Mapping[str, Any], *, labels: tuple[str, ...] = (), assignee: str | None = None) -> RemoteTicket:
    """An issue as REST and webhooks describe it; `labels` and `assignee` are what we asked for and should see."""
    try:
        key = key_of(issue)
        assignees = [person["login"] for person in issue.get("assignees") or [] if person]
        return RemoteTicket(
            external_id=str(int(issue["id"])),
            key=key,
            url=str(issue["html_url"]),
            status=status_of(issue),
            updated_at=datetime.fromisoformat(issue["updated_at"]),
            status_text=" ".join(filter(None, (issue.get("state"), issue.get("state_reason")))),
            title=issue.get("title") or "",
            assignee=assignees[0] if assignees else None,
            marker=marker_in(issue.get("body") or ""),
            dropped=_left_out(issue, labels, assignee),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TrackerOutcomeUnknown(f"GitHub's answer is not an issue as we know it: {error!r}") from error


def key_of(issue: Mapping[str, Any]) -> str:
    """`owner/repository#12`, as people write it."""
    owner, repository = str(issue["repository_url"]).rstrip("/").split("/")[-2:]
    return f"{owner}/{repository}#{int(issue['number'])}"


def status_of(issue: Mapping[str, Any]) -> TicketStatus:
    """A reason for closing that we do not know yet is not taken for done: a person is asked."""
    if issue["state"] != "closed":
        return TicketStatus.TODO
    return CLOSED.get(issue.get("state_reason"), TicketStatus.CANCELLED)


def _left_out(issue: Mapping[str, Any], labels: tuple[str, ...], assignee: str | None) -> tuple[str, ...]:
    """What was asked for and is silently missing: GitHub drops both without push access."""
    names = (label if isinstance(label, str) else label.get("name") or "" for label in issue.get("labels") or [])
    has_labels = {name.casefold() for name in names}
    has_people = {person["login"].casefold() for person in issue.get("assignees") or [] if person}
    missing = [f"label:{label}" for label in labels if label.casefold() not in has_labels]
    if assignee is not None and assignee.casefold() not in has_people:
        missing.append(f"assignee:{assignee}")
    return tuple(missing)
