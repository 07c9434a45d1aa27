"""Where events are sent, and what is on its way there."""

from datetime import datetime
from uuid import UUID

import strawberry

from app.api.graphql.fields import column, edges
from app.api.graphql.records import described, record
from app.api.graphql.types.node import Node, VersionedType
from app.domain.outbound.model import EndpointState, WebhookDeliveryState


@record("webhook_endpoint")
class WebhookEndpointType(VersionedType):
    """Where events are sent. Its secret is never shown again."""

    url: str = column("The address.")
    description: str = column("What it is for.")
    event_types: list[str] = column("Which events it gets; empty: all.")
    sees_restricted: bool = column("Whether it gets what derives from restricted incidents.")
    state: EndpointState = column("Whether it gets events.")
    state_reason: str = column("Why it does not.")
    failing_since: datetime | None = column("Since when every delivery failed.")


@record("webhook_attempt")
class WebhookAttemptType:
    """What became of one attempt."""

    at: datetime = column("When it was made.")
    status: int | None = column("The status of the answer; null if there was none.")
    milliseconds: int = column("How long it took.")
    response: str = column("The beginning of the answer.")
    error: str | None = column("Why it does not count.")


@record("webhook_delivery")
class WebhookDeliveryType(Node):
    """One event on its way to one endpoint."""

    endpoint_id: UUID = column("The endpoint.")
    event_id: UUID | None = column("The event; null for a ping.")
    event_type: str = column("The event's type.")
    state: WebhookDeliveryState = column("Where it stands; a dead one waits for a person.")
    attempts_made: int = column("How often it was tried.")
    last_error: str | None = column("Why the latest attempt failed.")
    created_at: datetime = column("When it was queued.")
    not_before: datetime = column("It is not tried before.")
    finished_at: datetime | None = column("When it arrived or was given up.")
    attempts: list[WebhookAttemptType] = edges("Every attempt, oldest first.", "webhook_attempt", default=20)


@described
class EndpointSecretType:
    """A signing secret. It is shown here and never again."""

    id: UUID = strawberry.field(description="The endpoint.")
    secret: str = strawberry.field(description="`whsec_…`, as the libraries of Standard Webhooks take it.")


@described
class RedeliveryType:
    """What is delivered again."""

    id: UUID = strawberry.field(description="The endpoint.")
    events: int = strawberry.field(description="How many events of that time it wants.")
