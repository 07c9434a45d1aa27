"""REST: where events are sent, for admins."""

from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.api.deps import CallerDep, PortsDep, ReaderDep, SeenVersion
from app.api.reading import After, Limit, Listing, SortBy, answer_list, answer_one, many
from app.api.schemas import Body, Instant, Line, Out, Page, Url
from app.domain.access import Action, authorize
from app.domain.outbound.model import EndpointState
from app.domain.outbound.use_cases import endpoints, redelivery
from app.domain.selection import Op

router = APIRouter(prefix="/webhook-endpoints", tags=["webhooks out"])
Types = Annotated[list[Line], Field(max_length=100)]


class WebhookEndpointCreate(Body):
    """An address that gets events from now on."""

    url: Url = Field(description="https, unless a setting allows http; public, unless a setting allows its network.")
    description: Line | None = None
    event_types: Types = Field(default=[], description="`boost.*` stands for a prefix; empty: all of them.")
    sees_restricted: bool = Field(default=False, description="Whether it gets what derives from restricted incidents.")


class WebhookEndpointPatch(Body):
    """Only the fields that are sent change."""

    url: Url | None = None
    description: Line | None = None
    event_types: Types | None = None
    sees_restricted: bool | None = Field(
        default=None, description="Whether it gets what derives from restricted incidents."
    )
    active: bool | None = Field(default=None, description="False pauses it; true lets it go on from now.")


class WebhookEndpointOut(Out):
    """Where events are sent. The secret is never shown again."""

    id: UUID
    version: int
    url: str
    description: str
    event_types: list[str]
    sees_restricted: bool
    state: EndpointState
    state_reason: str
    failing_since: datetime | None = Field(description="Since when every delivery failed.")
    created_at: datetime
    updated_at: datetime


class EndpointSecretOut(Out):
    """A signing secret. It is shown here and never again."""

    id: UUID
    secret: str = Field(description="`whsec_…`, as the libraries of Standard Webhooks take it.")


class RedeliverBody(Body):
    """Which stretch of time to deliver again."""

    since: Instant
    until: Instant
    including_sent: bool = Field(default=False, description="What arrived too, under the same `webhook-id`.")


class RedeliveryOut(Out):
    """How many events of that time the endpoint wants; those that had not arrived are on their way."""

    id: UUID
    events: int


LISTING = Listing(
    "webhook_endpoint", WebhookEndpointOut, ("created_at", "url"), {"state": ("state", Op.IN)}, "-created_at"
)


@router.get("", response_model=Page[WebhookEndpointOut])
async def list_webhook_endpoints(
    ports: PortsDep,
    caller: ReaderDep,
    state: Annotated[str | None, Query(description="Comma-separated; removed ones stay in the list.")] = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """Endpoints, newest first. Admins only."""
    authorize(caller, Action.SEND_EVENTS_OUT)
    filters = {"state": many(state, tuple(EndpointState))}
    return await answer_list(ports, caller, LISTING, filters=filters, sort=sort, limit=limit, after=after)


@router.post("", status_code=201, response_model=EndpointSecretOut)
async def create_webhook_endpoint(
    ports: PortsDep, caller: CallerDep, body: WebhookEndpointCreate, response: Response
) -> EndpointSecretOut:
    """Register an address. Admins only. The answer holds the only copy of the secret."""
    endpoint, secret = await endpoints.create_webhook_endpoint(
        ports.uow, ports.clock, ports.policy.outbound, ports.vault, ports.feed, caller=caller, url=body.url,
        fields={
            "description": body.description or "", "event_types": body.event_types,
            "sees_restricted": body.sees_restricted,
        },
    )  # fmt: skip
    response.headers["Cache-Control"] = "no-store"
    return EndpointSecretOut(id=endpoint.id, secret=secret)


@router.get("/{endpoint_id}", response_model=WebhookEndpointOut)
async def get_webhook_endpoint(ports: PortsDep, caller: ReaderDep, endpoint_id: UUID) -> Response:
    """One endpoint. Admins only."""
    authorize(caller, Action.SEND_EVENTS_OUT)
    return await answer_one(ports, caller, "webhook_endpoint", WebhookEndpointOut, endpoint_id)


@router.patch("/{endpoint_id}", response_model=WebhookEndpointOut)
async def update_webhook_endpoint(
    ports: PortsDep, caller: CallerDep, seen: SeenVersion, endpoint_id: UUID, body: WebhookEndpointPatch
) -> Response:
    """Change an endpoint, pause it, or let it go on. Admins only. What it missed can be delivered again."""
    await endpoints.update_webhook_endpoint(
        ports.uow, ports.clock, ports.policy.outbound, ports.feed, caller=caller, endpoint_id=endpoint_id,
        fields=cast(endpoints.EndpointFields, body.changes()), expected_version=seen,
    )  # fmt: skip
    return await answer_one(ports, caller, "webhook_endpoint", WebhookEndpointOut, endpoint_id)


@router.delete("/{endpoint_id}", status_code=204)
async def remove_webhook_endpoint(ports: PortsDep, caller: CallerDep, endpoint_id: UUID) -> None:
    """Send nothing there any more. Admins only. It stays in the list with its deliveries."""
    await endpoints.remove_webhook_endpoint(ports.uow, ports.clock, caller=caller, endpoint_id=endpoint_id)


@router.post("/{endpoint_id}/rotate-secret", response_model=EndpointSecretOut)
async def rotate_webhook_secret(
    ports: PortsDep, caller: CallerDep, endpoint_id: UUID, response: Response
) -> EndpointSecretOut:
    """A new secret. Admins only. For 24 hours deliveries carry a signature of the old one too."""
    endpoint, secret = await endpoints.rotate_webhook_secret(
        ports.uow, ports.clock, ports.policy.outbound, ports.vault, caller=caller, endpoint_id=endpoint_id
    )
    response.headers["Cache-Control"] = "no-store"
    return EndpointSecretOut(id=endpoint.id, secret=secret)


@router.post("/{endpoint_id}/redeliver", response_model=RedeliveryOut)
async def redeliver_webhooks(
    ports: PortsDep, caller: CallerDep, endpoint_id: UUID, body: RedeliverBody
) -> RedeliveryOut:
    """Deliver again what happened in a stretch of time and did not arrive. Admins only."""
    count = await redelivery.redeliver_webhooks(
        ports.uow, ports.clock, ports.policy.outbound, caller=caller, endpoint_id=endpoint_id, since=body.since,
        until=body.until, including_sent=body.including_sent,
    )  # fmt: skip
    return RedeliveryOut(id=endpoint_id, events=count)
