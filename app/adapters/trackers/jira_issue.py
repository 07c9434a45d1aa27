"""A Jira issue as a remote ticket, the same from REST and from webhooks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from app.adapters.trackers.jira_sprint import sprint_of
from app.adapters.trackers.jira_text import marker_in
from app.domain.organisation.model import Route
from app.domain.tracking.errors import TrackerOutcomeUnknown
from app.domain.tracking.model import RemoteTicket, TicketStatus

FIELDS = (
    "summary", "status", "resolution", "assignee", "duedate", "priority", "labels", "description", "issuetype",
    "project", "updated",
)  # fmt: skip
CATEGORIES = {
    "undefined": TicketStatus.TODO,
    "new": TicketStatus.TODO,
    "indeterminate": TicketStatus.IN_PROGRESS,
    "done": TicketStatus.DONE,
}
PRIORITIES: Mapping[str, tuple[str, ...]] = {
    "urgent": ("urgent", "highest", "critical", "blocker", "p1"),
    "high": ("high", "major", "p2"),
    "medium": ("medium", "normal", "p3"),
    "low": ("low", "minor", "lowest", "trivial", "p4"),
}
"""Ours, and what sites call it, most likely first."""
DECLINED = ("Won't Do", "Won't Fix", "Declined", "Rejected", "Cancelled", "Canceled", "Cannot Reproduce")
DUPLICATE = ("Duplicate",)


@dataclass(frozen=True, slots=True)
class Endings:
    """What a site calls the ways to end an issue without doing it, as resolution or as status."""

    declined: frozenset[str]
    duplicate: frozenset[str]

    @classmethod
    def named(cls, declined: Iterable[str] = DECLINED, duplicate: Iterable[str] = DUPLICATE) -> "Endings":
        return cls(frozenset(map(_plain, declined)), frozenset(map(_plain, duplicate)))

    def ending(self, *names: str | None) -> TicketStatus:
        """What an issue with this resolution or status has come to."""
        given = {_plain(name) for name in names if name}
        if given & self.duplicate:
            return TicketStatus.DUPLICATE
        return TicketStatus.CANCELLED if given & self.declined else TicketStatus.DONE


def _plain(name: str) -> str:
    return name.casefold().replace("’", "'")


def to_remote(
    issue: Mapping[str, Any],
    endings: Endings,
    site: str | None = None,
    dropped: tuple[str, ...] = (),
    *,
    route: Route | None = None,
    due_field: str = "duedate",
) -> RemoteTicket:
    """The issue in our words; `site` is where people see it, unless its own address says so."""
    try:
        fields = issue["fields"]
        key = str(issue["key"])
        due = fields.get(due_field)
        return RemoteTicket(
            external_id=str(int(issue["id"])),
            key=key,
            url=f"{site or site_of(issue)}/browse/{key}",
            status=status_of(fields, endings),
            updated_at=datetime.fromisoformat(fields["updated"]).astimezone(UTC),
            status_text=status_text(fields),
            title=fields.get("summary") or "",
            assignee=account_of(fields.get("assignee")),
            due_on=date.fromisoformat(str(due)[:10]) if due else None,
            priority=priority_of(fields.get("priority"), route),
            marker=marker_in(fields.get("labels") or (), fields.get("description")),
            planned=sprint_of(fields),
            dropped=dropped,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TrackerOutcomeUnknown(f"Jira's answer is not an issue as we know it: {error!r}") from error


def site_of(issue: Mapping[str, Any]) -> str:
    """Where the issue lives, by its own address."""
    return str(issue["self"]).partition("/rest/api/")[0]


def account_of(user: Mapping[str, Any] | None) -> str | None:
    """An account id in the cloud, a user name in a data center."""
    return (user.get("accountId") or user.get("name")) if user else None


def priority_of(said: Mapping[str, Any] | None, route: Route | None) -> str | None:
    """Ours, by the route's name or id, else by the site's name; None for one that says nothing to us."""
    names = [str(said[part]) for part in ("name", "id") if said and said.get(part)]
    usual = next((ours for ours, known in PRIORITIES.items() if names and names[0].casefold() in known), None)
    return route.understood(names, usual) if route else usual


def status_of(fields: Mapping[str, Any], endings: Endings) -> TicketStatus:
    """By category, which every site has; one that we do not know counts as not begun."""
    status = CATEGORIES.get(category_of(fields["status"]), TicketStatus.TODO)
    if status is not TicketStatus.DONE:
        return status
    return endings.ending(_name(fields.get("resolution")), _name(fields["status"]))


def category_of(status: Mapping[str, Any]) -> str:
    return str((status.get("statusCategory") or {}).get("key") or "undefined")


def status_text(fields: Mapping[str, Any]) -> str:
    """`Done (Won't Do)`, as the site calls it."""
    status, resolution = _name(fields["status"]) or "", _name(fields.get("resolution"))
    return status if resolution in (None, status) else f"{status} ({resolution})"


def _name(named: Mapping[str, Any] | None) -> str | None:
    return named.get("name") if named else None
