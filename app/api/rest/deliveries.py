"""REST: what is on its way to the trackers and what came in from them, for those who operate the service."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.api.deps import CallerDep, PortsDep, ReaderDep
from app.api.reading import After, Limit, Listing, SortBy, answer_list, answer_one, many
from app.api.schemas import Out, Page
from app.domain.access import Action, authorize
from app.domain.organisation.model import Provider
from app.domain.selection import Op
from app.domain.tracking.deliveries import DeliveryKind, DeliveryState
from app.domain.tracking.use_cases import retry_delivery as retrying

router = APIRouter(tags=["operation"])


class DeliveryOut(Out):
    """One thing a tracker gets exactly once."""

    id: UUID
    key: str
    kind: DeliveryKind
    provider: Provider
    state: DeliveryState
    attempts: int
    ticket_id: UUID
    last_error: str | None
    created_at: datetime
    attempt_at: datetime | None
    not_before: datetime | None
    finished_at: datetime | None


class InboxItemOut(Out):
    """A webhook that came in."""

    id: UUID
    source: str
    delivery_id: str
    received_at: datetime
    handled_at: datetime | None
    attempts: int
    note: str | None
    error: str | None


DELIVERIES = Listing(
    "delivery",
    DeliveryOut,
    ("created_at",),
    {"state": ("state", Op.IN), "provider": ("provider", Op.IN)},
    "-created_at",
)
INBOX = Listing(
    "inbox_item", InboxItemOut, ("received_at",), {"source": ("source", Op.IN), "open": ("handled_at", Op.IS_NULL)},
    "-received_at",
)  # fmt: skip


@router.get("/deliveries", response_model=Page[DeliveryOut])
async def list_deliveries(
    ports: PortsDep,
    caller: ReaderDep,
    state: Annotated[str | None, Query(description="Comma-separated; `dead` ones wait for a person.")] = None,
    provider: Annotated[str | None, Query(description="Comma-separated.")] = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """Deliveries to the trackers, newest first."""
    authorize(caller, Action.OPERATE)
    filters = {"state": many(state), "provider": many(provider)}
    return await answer_list(ports, caller, DELIVERIES, filters=filters, sort=sort, limit=limit, after=after)


@router.post("/deliveries/{delivery_id}/retry", response_model=DeliveryOut)
async def retry_delivery(ports: PortsDep, caller: CallerDep, delivery_id: UUID) -> Response:
    """Try a dead delivery again; the ticket is looked up before anything is created."""
    await retrying.retry_delivery(ports.uow, ports.clock, caller=caller, delivery_id=delivery_id)
    return await answer_one(ports, caller, "delivery", DeliveryOut, delivery_id)


@router.get("/inbox", response_model=Page[InboxItemOut])
async def list_inbox(
    ports: PortsDep,
    caller: ReaderDep,
    source: Annotated[str | None, Query(description="Comma-separated.")] = None,
    open: Annotated[bool | None, Query(description="Only those not handled yet, or only handled ones.")] = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """Webhooks that came in, newest first."""
    authorize(caller, Action.OPERATE)
    filters = {"source": many(source), "open": open}
    return await answer_list(ports, caller, INBOX, filters=filters, sort=sort, limit=limit, after=after)
