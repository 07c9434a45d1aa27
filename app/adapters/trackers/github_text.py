"""GitHub's words and ours: issue bodies and comments with their marker, and issues as remote tickets."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from app.adapters.trackers.github_fields import due_of, due_on_of, labels_of, priority_of, title_of
from app.domain.organisation.model import Route
from app.domain.tracking.errors import TrackerOutcomeUnknown
from app.domain.tracking.model import (
    Planned,
    RemoteTicket,
    TicketDraft,
    TicketStatus,
    TicketUpdate,
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


def body_of(draft: TicketDraft, *, due: bool, priority: bool) -> str:
    """The issue's text; due date and priority are lines where the route has no place for them."""
    lines = [f"{DUE} {draft.due_on}"] if due and draft.due_on else []
    lines += [f"{PRIORITY} {draft.priority}"] if priority else []
    lines += [
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


def to_remote(
    issue: Mapping[str, Any],
    route: Route | None = None,
    *,
    asked: Mapping[str, Any] | None = None,
    dropped: tuple[str, ...] = (),
) -> RemoteTicket:
    """An issue as REST and webhooks describe it; `asked` are the fields that we sent and should see.

    Without its route nobody knows which field is its due date, and which label its priority.
    """
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
            due_on=due_on_of(issue, route) if route else None,
            priority=priority_of(issue, route) if route else None,
            marker=marker_in(issue.get("body") or ""),
            planned=_planned(issue.get("milestone")),
            dropped=(*dropped, *_left_out(issue, asked or {})),
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


def _planned(milestone: Mapping[str, Any] | None) -> Planned | None:
    """The milestone, unless it only stands for a due date: that is no plan."""
    if not milestone or milestone.get("title") == _title(milestone):
        return None
    closed_at = milestone.get("closed_at") if milestone.get("state") == "closed" else None
    ends_at = datetime.fromisoformat(closed_at) if closed_at else None
    return Planned(str(milestone["id"]), str(milestone["title"]), ends_at)


def _title(milestone: Mapping[str, Any]) -> str | None:
    due_on = due_of(milestone)
    return title_of(due_on) if due_on else None


def _left_out(issue: Mapping[str, Any], asked: Mapping[str, Any]) -> tuple[str, ...]:
    """What was asked for and is silently missing: GitHub drops all of it without push access."""
    has_labels = {label.casefold() for label in labels_of(issue)}
    has_people = {person["login"].casefold() for person in issue.get("assignees") or [] if person}
    missing = [f"label:{label}" for label in asked.get("labels", ()) if label.casefold() not in has_labels]
    missing += [f"assignee:{login}" for login in asked.get("assignees", ()) if login.casefold() not in has_people]
    if "milestone" in asked and (issue.get("milestone") or {}).get("number") != asked["milestone"]:
        missing.append("due date:milestone")
    has_values = {value["issue_field_id"]: value["value"] for value in issue.get("issue_field_values") or ()}
    for value in asked.get("issue_field_values", ()):
        if str(has_values.get(value["field_id"]))[:10] != value["value"]:
            missing.append(f"due date:{value['value']}")
    return tuple(missing)
