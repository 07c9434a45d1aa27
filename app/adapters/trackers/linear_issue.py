"""A Linear issue as a remote ticket, the same from GraphQL and from webhooks, and our words in Linear's."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from app.domain.organisation.model import Route
from app.domain.tracking.errors import TrackerOutcomeUnknown
from app.domain.tracking.model import Planned, RemoteTicket, TicketDraft, TicketStatus

STATES = {
    "triage": TicketStatus.TODO,
    "backlog": TicketStatus.TODO,
    "unstarted": TicketStatus.TODO,
    "started": TicketStatus.IN_PROGRESS,
    "completed": TicketStatus.DONE,
    "canceled": TicketStatus.CANCELLED,
    "duplicate": TicketStatus.DUPLICATE,
}
TYPES: Mapping[TicketStatus, tuple[str, ...]] = {
    TicketStatus.TODO: ("unstarted", "backlog", "triage"),
    TicketStatus.IN_PROGRESS: ("started",),
    TicketStatus.DONE: ("completed",),
    TicketStatus.CANCELLED: ("canceled",),
    TicketStatus.DUPLICATE: ("duplicate", "canceled"),
}
"""The types of state that a status of ours may become, the best first."""
PRIORITIES = {"no priority": 0, "urgent": 1, "high": 2, "medium": 3, "low": 4}
NAMES = {number: name for name, number in PRIORITIES.items()}
LINK = re.compile(r"\[Action item in norepeat\]\(<?(https?://[^\s)>]+)>?\)")


def text_of(draft: TicketDraft) -> str:
    """The description in Markdown, the link back at its end."""
    return f"{draft.body}\n\n[Action item in norepeat]({draft.url})".strip()


def link_back(description: str | None) -> str | None:
    """The address of the action item in a description that we wrote."""
    found = LINK.search(description or "")
    return found[1] if found else None


def to_remote(issue: Mapping[str, Any], dropped: tuple[str, ...] = (), route: Route | None = None) -> RemoteTicket:
    """The issue in our words; one in the bin is lost."""
    try:
        state, due = issue["state"], issue.get("dueDate")
        assignee = (issue.get("assignee") or {}).get("id") or issue.get("assigneeId")
        return RemoteTicket(
            external_id=str(issue["id"]),
            key=str(issue["identifier"]),
            url=str(issue["url"]),
            status=TicketStatus.LOST if is_gone(issue) else status_of(state),
            updated_at=datetime.fromisoformat(issue["updatedAt"]).astimezone(UTC),
            status_text=str(state.get("name") or state["type"]),
            title=issue.get("title") or "",
            assignee=assignee,
            due_on=date.fromisoformat(due) if due else None,
            priority=_priority(int(issue.get("priority") or 0), route),
            marker=UUID(issue["id"]) if link_back(issue.get("description")) else None,
            planned=_cycle(issue),
            dropped=dropped,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TrackerOutcomeUnknown(f"Linear's answer is not an issue as we know it: {error!r}") from error


def priority_number(priority: str, route: Route) -> int:
    """Linear's number for a priority of ours, by the route's name for it or by its own."""
    return PRIORITIES.get((route.called_there(priority) or priority).casefold(), 0)


def _priority(number: int, route: Route | None) -> str | None:
    name = NAMES.get(number)
    usual = None if number == 0 else name
    return route.understood([name] if name else [], usual) if route else usual


def _cycle(issue: Mapping[str, Any]) -> Planned | None:
    """The cycle it is in; a webhook may name it by its id alone."""
    cycle, id = issue.get("cycle"), issue.get("cycleId")
    if not cycle:
        return Planned(str(id), "Cycle") if id else None
    name = cycle.get("name") or f"Cycle {int(cycle['number'])}"
    ends_at = cycle.get("completedAt") or cycle.get("endsAt")
    return Planned(str(cycle["id"]), str(name), datetime.fromisoformat(ends_at).astimezone(UTC) if ends_at else None)


def status_of(state: Mapping[str, Any]) -> TicketStatus:
    """A type that we do not know yet counts as not begun; its name is shown."""
    return STATES.get(str(state["type"]), TicketStatus.TODO)


def is_gone(issue: Mapping[str, Any]) -> bool:
    """In the bin, or archived by somebody; Linear itself archives what was finished long ago, and that stays."""
    by_hand = issue.get("archivedAt") and not issue.get("autoArchivedAt")
    return bool(issue.get("trashed") or by_hand)
