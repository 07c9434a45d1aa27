"""Webhook endpoints, what is on its way to them, and the attempts to deliver it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from app.domain.errors import WrongState
from app.domain.events import EventFilter, PositionedEvent
from app.domain.policy import OutboundPolicy

PING = "ping.v1"
GONE = 410
Jitter = Callable[[], float]


class EndpointState(StrEnum):
    """Whether an endpoint gets events: a person pauses it, lasting failure disables it."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
    REMOVED = "removed"


class WebhookDeliveryState(StrEnum):
    """`withheld`: what it derives from was restricted meanwhile, and the endpoint may not see that."""

    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"
    WITHHELD = "withheld"


class EndpointRemoved(WrongState):
    """This endpoint was removed; register it anew."""

    code = "webhook_endpoint_removed"


@dataclass(frozen=True, slots=True)
class KeptSecret:
    """A signing secret as the vault keeps it; `valid_until` is set once it has been replaced."""

    sealed: str
    valid_until: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        return self.valid_until is None or self.valid_until > now


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """An address that gets events. `position` is how far its deliveries have been made, `event_types` as in
    EventFilter."""

    id: UUID
    url: str
    created_at: datetime
    updated_at: datetime
    position: int
    secrets: tuple[KeptSecret, ...] = field(repr=False)
    description: str = ""
    event_types: frozenset[str] = frozenset()
    sees_restricted: bool = False
    state: EndpointState = EndpointState.ACTIVE
    state_reason: str = ""
    failing_since: datetime | None = None
    version: int = 1

    def takes(self, one: PositionedEvent) -> bool:
        return EventFilter(self.event_types).takes(one) and self.may_see(one)

    def may_see(self, one: PositionedEvent) -> bool:
        return self.sees_restricted or not one.restricted

    def require_kept(self) -> None:
        """Raises EndpointRemoved."""
        if self.state is EndpointState.REMOVED:
            raise EndpointRemoved

    def live_secrets(self, now: datetime) -> Sequence[KeptSecret]:
        return [secret for secret in self.secrets if secret.is_live(now)]

    def rotate(self, sealed: str, now: datetime, overlap: timedelta) -> "WebhookEndpoint":
        """A new secret; the ones before sign too until the overlap is over."""
        self.require_kept()
        ending = now + overlap
        old = [replace(one, valid_until=min(one.valid_until or ending, ending)) for one in self.live_secrets(now)]
        kept = [one for one in old if one.is_live(now)]
        return replace(self, secrets=(KeptSecret(sealed), *kept), updated_at=now)

    def switch(self, active: bool, position: int, now: datetime) -> "WebhookEndpoint":
        """Pause it or let it go on. It goes on with what happens from now on; what it missed can be delivered again."""
        self.require_kept()
        if active is (self.state is EndpointState.ACTIVE):
            return self
        if not active:
            return replace(self, state=EndpointState.PAUSED, state_reason="paused by a person", updated_at=now)
        return replace(
            self, state=EndpointState.ACTIVE, state_reason="", failing_since=None, position=position, updated_at=now
        )

    def remove(self, now: datetime) -> "WebhookEndpoint":
        """It stays in the list with its deliveries, without its secrets; removing it again changes nothing."""
        if self.state is EndpointState.REMOVED:
            return self
        return replace(self, state=EndpointState.REMOVED, state_reason="removed", secrets=(), updated_at=now)

    def succeeded(self) -> "WebhookEndpoint":
        return replace(self, failing_since=None) if self.failing_since else self

    def failed(self, status: int | None, now: datetime, policy: OutboundPolicy) -> "WebhookEndpoint":
        """Disabled once it has done nothing but fail for long, or says that it is gone."""
        since = self.failing_since or now
        if self.state is not EndpointState.ACTIVE:
            return self
        if status == GONE:
            return self._disabled("it answered 410 Gone", since, now)
        if now - since >= policy.disable_after:
            return self._disabled(f"every delivery since {since:%Y-%m-%d %H:%M} UTC failed", since, now)
        return replace(self, failing_since=since)

    def _disabled(self, reason: str, since: datetime, now: datetime) -> "WebhookEndpoint":
        return replace(self, state=EndpointState.DISABLED, state_reason=reason, failing_since=since, updated_at=now)


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """One event on its way to one endpoint; a ping has no event. While it is attempted, `not_before` is its lease."""

    id: UUID
    endpoint_id: UUID
    event_type: str
    created_at: datetime
    not_before: datetime
    event_id: UUID | None = None
    state: WebhookDeliveryState = WebhookDeliveryState.PENDING
    attempts: int = 0
    finished_at: datetime | None = None
    last_error: str | None = None

    @property
    def message_id(self) -> str:
        """The same at every attempt, so that a receiver can tell a repeat."""
        return str(self.event_id or self.id)

    def is_due(self, now: datetime) -> bool:
        return self.state is WebhookDeliveryState.PENDING and self.not_before <= now

    def claim(self, until: datetime) -> "WebhookDelivery":
        """Counted before it is made, so that what kills us cannot be tried for ever."""
        return replace(self, attempts=self.attempts + 1, not_before=until)

    def sent(self, now: datetime) -> "WebhookDelivery":
        return replace(self, state=WebhookDeliveryState.SENT, finished_at=now, last_error=None)

    def withhold(self, now: datetime, why: str) -> "WebhookDelivery":
        return replace(self, state=WebhookDeliveryState.WITHHELD, finished_at=now, last_error=why)

    def give_up(self, now: datetime, why: str) -> "WebhookDelivery":
        return replace(self, state=WebhookDeliveryState.DEAD, finished_at=now, last_error=why)

    def failed(
        self, now: datetime, error: str, policy: OutboundPolicy, *, jitter: Jitter, at_least: timedelta
    ) -> "WebhookDelivery":
        """Tried again after the next of the delays, or given up after the last one."""
        if self.state is not WebhookDeliveryState.PENDING:
            return self
        if self.attempts > len(policy.retry_delays):
            return self.give_up(now, error)
        delay = policy.retry_delays[max(self.attempts - 1, 0)]
        spread = 1 + policy.jitter * (2 * jitter() - 1)
        return replace(self, not_before=now + max(delay * spread, at_least), last_error=error)

    def again(self, now: datetime) -> "WebhookDelivery":
        """All attempts anew, under the same id."""
        return replace(self, state=WebhookDeliveryState.PENDING, attempts=0, not_before=now, finished_at=None)


@dataclass(frozen=True, slots=True)
class WebhookAttempt:
    """What became of one attempt: a status, or why there is none."""

    id: UUID
    delivery_id: UUID
    at: datetime
    milliseconds: int
    status: int | None = None
    response: str = ""
    error: str | None = None
