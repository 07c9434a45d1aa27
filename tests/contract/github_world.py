"""A draft, a ticket and a clock for tests of GitHub."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from app.domain.organisation.model import Provider, Route
from app.domain.tracking.model import RemoteTicket, Ticket, TicketDraft

ROUTE = Route(Provider.GITHUB, "acme/shop", labels=("postmortem",))
START = datetime(2026, 6, 15, 12, tzinfo=UTC)
MARKER = UUID("7b1b3f9e-2f7f-4c8e-9f4a-0d7c5a1f2e3d")


class Ticking:
    """A clock that goes on by a second with every look."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def draft(**fields: Any) -> TicketDraft:
    given: dict[str, Any] = {
        "marker": MARKER, "title": "Add a circuit breaker", "body": "Payments hang for 30 s.", "priority": "high",
        "url": "https://norepeat.test/v1/action-items/1", "due_on": date(2026, 7, 1), "assignee": "octocat",
        "labels": ROUTE.labels,
    }  # fmt: skip
    return TicketDraft(**(given | fields))


def ticket_of(remote: RemoteTicket) -> Ticket:
    ticket = Ticket(id=uuid4(), action_item_id=uuid4(), route=ROUTE, created_at=START, updated_at=START)
    return ticket.linked(remote, START)
