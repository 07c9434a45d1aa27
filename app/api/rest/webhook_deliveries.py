"""REST: what is on its way to webhook endpoints, and what became of each attempt; for admins."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.api.deps import CallerDep, PortsDep, ReaderDep
from app.api.reading import After, Limit, Listing, SortBy, answer_list, answer_one, many
from app.api.schemas import Out, Page
from app.domain.access import Action, authorize
from app.domain.outbound.model import WebhookDeliveryState
from app.domain.outbound.use_cases import endpoints, redelivery
from app.domain.selection import Op

router = APIRouter(tags=["webhooks out"])


class WebhookAttemptOut(Out):
    """What became of one attempt: a status and the beginning of the answer, or why there was none."""

    id: UUID
    at: datetime
    status: int | None
    milliseconds: int
    response: str
    error: str | None


class WebhookDeliveryOut(Out):
    """One event on its way to one endpoint."""

    id: UUID
    endpoint_id: UUID
    event_id: UUID | None
    event_type: str
    state: WebhookDeliveryState
    attempts_made: int
    last_error: str | None
    created_at: datetime
    not_before: datetime
    finished_at: datetime | None
    attempts: list[WebhookAttemptOut]


LISTING = Listing(
    "webhook_delivery",
    WebhookDeliveryOut,
    ("created_at",),
    {
        "endpoint_id": ("endpoint_id", Op.EQ),
        "event_id": ("event_id", Op.EQ),
        "state": ("state", Op.IN),
        "event_type": ("event_type", Op.IN),
    },
    "-created_at",
)


@router.get("/webhook-deliveries", response_model=Page[WebhookDeliveryOut])
async def list_webhook_deliveries(
    ports: PortsDep,
    caller: ReaderDep,
    endpoint_id: UUID | None = None,
    event_id: UUID | None = None,
    state: Annotated[str | None, Query(description="Comma-separated; `dead` ones wait for a person.")] = None,
    event_type: Annotated[str | None, Query(description="Comma-separated.")] = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """Deliveries with their attempts, newest first. Admins only. Finished ones are kept for 90 days."""
    authorize(caller, Action.SEND_EVENTS_OUT)
    filters = {
        "endpoint_id": endpoint_id, "event_id": event_id, "state": many(state, tuple(WebhookDeliveryState)),
        "event_type": many(event_type),
    }  # fmt: skip
    return await answer_list(ports, caller, LISTING, filters=filters, sort=sort, limit=limit, after=after)


@router.get("/webhook-deliveries/{webhook_delivery_id}", response_model=WebhookDeliveryOut)
async def get_webhook_delivery(ports: PortsDep, caller: ReaderDep, webhook_delivery_id: UUID) -> Response:
    """One delivery with its attempts. Admins only."""
    authorize(caller, Action.SEND_EVENTS_OUT)
    return await answer_one(ports, caller, "webhook_delivery", WebhookDeliveryOut, webhook_delivery_id)


@router.post("/webhook-deliveries/{webhook_delivery_id}/redeliver", response_model=WebhookDeliveryOut)
async def redeliver_webhook(ports: PortsDep, caller: CallerDep, webhook_delivery_id: UUID) -> Response:
    """Deliver it again, whatever became of it, under the same `webhook-id`. Admins only."""
    await redelivery.redeliver_webhook(ports.uow, ports.clock, caller=caller, delivery_id=webhook_delivery_id)
    return await answer_one(ports, caller, "webhook_delivery", WebhookDeliveryOut, webhook_delivery_id)


@router.post("/webhook-endpoints/{endpoint_id}/ping", status_code=201, response_model=WebhookDeliveryOut)
async def ping_webhook_endpoint(ports: PortsDep, caller: CallerDep, endpoint_id: UUID) -> Response:
    """Send `ping.v1`, to see whether it arrives; the answer is the delivery to watch. Admins only."""
    ping = await endpoints.ping_webhook_endpoint(ports.uow, ports.clock, caller=caller, endpoint_id=endpoint_id)
    return await answer_one(ports, caller, "webhook_delivery", WebhookDeliveryOut, ping.id, status=201)
