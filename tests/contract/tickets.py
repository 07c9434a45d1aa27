"""A draft and a ticket, for tests of any tracker."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from app.domain.organisation.model import Route
from app.domain.tracking.model import RemoteTicket, Ticket, TicketDraft

START = datetime(2026, 6, 15, 12, tzinfo=UTC)
MARKER = UUID("7b1b3f9e-2f7f-4c8e-9f4a-0d7c5a1f2e3d")
PAGE = "https://norepeat.test/v1/action-items/0190b5a1-0000-7000-8000-000000000001"


def draft(**fields: Any) -> TicketDraft:
    given: dict[str, Any] = {
        "marker": MARKER, "title": "Add a circuit breaker", "body": "Payments hang for 30 s.\n\nSee the graph.",
        "priority": "high", "url": PAGE, "due_on": date(2026, 7, 1), "assignee": None, "labels": ("post mortem",),
    }  # fmt: skip
    return TicketDraft(**(given | fields))


def ticket_of(remote: RemoteTicket, route: Route) -> Ticket:
    ticket = Ticket(id=uuid4(), action_item_id=uuid4(), route=route, created_at=START, updated_at=START)
    return ticket.linked(remote, START)
