"""REST: the tickets of our own tracker, for teams without another one."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from app.api.deps import CallerDep, PortsDep, ReaderDep
from app.api.reading import After, Limit, Listing, SortBy, answer_list, answer_one, many
from app.api.schemas import Body, Out, Page
from app.domain.selection import Op
from app.domain.tracking.model import TicketStatus
from app.domain.tracking.use_cases import move_local_ticket as moving

router = APIRouter(prefix="/local-tickets", tags=["tickets"])


class LocalTicketOut(Out):
    """A ticket of our own tracker."""

    number: int
    key: str
    title: str
    body: str
    status: TicketStatus
    assignee: str | None
    due_on: date | None
    priority: str
    labels: list[str]
    comments: list[dict[str, Any]] = Field(description="Oldest first, each with `at` and `text`.")
    created_at: datetime
    updated_at: datetime


class MoveBody(Body):
    """The status to move the ticket to."""

    status: TicketStatus


Number = Annotated[int, Path(ge=1, le=2**53)]
LISTING = Listing(
    "local_ticket", LocalTicketOut, ("number", "updated_at", "due_on"), {"status": ("status", Op.IN)}, "-number"
)


@router.get("", response_model=Page[LocalTicketOut])
async def list_local_tickets(
    ports: PortsDep,
    caller: ReaderDep,
    status: Annotated[str | None, Query(description="Comma-separated.")] = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """Tickets of our own tracker, newest first."""
    filters = {"status": many(status)}
    return await answer_list(ports, caller, LISTING, filters=filters, sort=sort, limit=limit, after=after)


@router.get("/{number}", response_model=LocalTicketOut)
async def get_local_ticket(ports: PortsDep, caller: ReaderDep, number: Number) -> Response:
    """One ticket."""
    return await answer_one(ports, caller, "local_ticket", LocalTicketOut, number, by="number")


@router.post("/{number}/move", response_model=LocalTicketOut)
async def move_local_ticket(ports: PortsDep, caller: CallerDep, number: Number, body: MoveBody) -> Response:
    """Move a ticket. `done` makes its action item `implemented`, never `closed`."""
    await moving.move_local_ticket(
        ports.uow, ports.clock, ports.trackers, caller=caller, number=number, status=body.status
    )
    return await answer_one(ports, caller, "local_ticket", LocalTicketOut, number, by="number")
