"""Deliveries: one thing a tracker must get exactly once, and the states that keep it so."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from app.domain.errors import WrongState
from app.domain.organisation.model import Provider
from app.domain.policy import DeliveryPolicy


class DeliveryState(StrEnum):
    """`sending` after an attempt means: the outcome is unknown, look it up before anything else."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DEAD = "dead"


class DeliveryKind(StrEnum):
    """What is delivered to a tracker."""

    CREATE = "create"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing a tracker must get exactly once; attempts are counted before the call.

    `marker` is a UUIDv4 of its own: it becomes Linear's issue id and the hidden marker elsewhere. `key` names the
    delivery, so that the same one is never queued twice.
    """

    id: UUID
    key: str
    kind: DeliveryKind
    ticket_id: UUID
    provider: Provider
    marker: UUID
    created_at: datetime
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    attempt_at: datetime | None = None
    lease_until: datetime | None = None
    not_before: datetime | None = None
    last_error: str | None = None
    update: Mapping[str, object] = field(default_factory=dict)
    finished_at: datetime | None = None

    @property
    def is_unfinished(self) -> bool:
        return self.state in (DeliveryState.PENDING, DeliveryState.SENDING)

    def settled_at(self, policy: DeliveryPolicy) -> datetime | None:
        """When an earlier attempt has taken effect or never will; None if there was none of unknown outcome."""
        if self.state is not DeliveryState.SENDING or self.attempt_at is None:
            return None
        return self.attempt_at + policy.settle.get(self.provider, timedelta(0))

    def claim(self, now: datetime, policy: DeliveryPolicy) -> "Delivery | None":
        """The same delivery under our lease, its attempt counted; None if it is not to be touched now."""
        if not self.is_unfinished:
            return None
        blocked_until = max((at for at in (self.lease_until, self.not_before) if at), default=None)
        if blocked_until is not None and blocked_until > now:
            return None
        return replace(
            self,
            state=DeliveryState.SENDING,
            attempts=self.attempts + 1,
            attempt_at=now,
            lease_until=now + policy.lease,
            not_before=None,
        )

    def sent(self, now: datetime) -> "Delivery":
        return replace(self, state=DeliveryState.SENT, lease_until=None, last_error=None, finished_at=now)

    def refused(self, error: str, retry_at: datetime, policy: DeliveryPolicy) -> "Delivery":
        """Nothing was created (429, connection refused): an ordinary retry, no look-up needed."""
        return self._after_failure(DeliveryState.PENDING, error, retry_at, policy)

    def unknown(self, error: str, retry_at: datetime, policy: DeliveryPolicy) -> "Delivery":
        """Perhaps it was created (time-out, 5xx, reset): stays `sending`, so that the next claim looks first."""
        return self._after_failure(DeliveryState.SENDING, error, retry_at, policy)

    def absent(self) -> "Delivery":
        """The look-up found nothing: it was never created, so creating it is safe; looking did not count."""
        return replace(self, state=DeliveryState.PENDING, attempts=self.attempts - 1, lease_until=None)

    def dead(self, error: str, now: datetime) -> "Delivery":
        return replace(self, state=DeliveryState.DEAD, lease_until=None, last_error=error, finished_at=now)

    def revive(self) -> "Delivery":
        """A person retries a dead one: as if its outcome were unknown, so it looks the ticket up first."""
        if self.state is not DeliveryState.DEAD:
            raise WrongState("Only a dead delivery can be retried.")
        return replace(self, state=DeliveryState.SENDING, attempts=0, not_before=None, finished_at=None)

    def _after_failure(
        self, state: DeliveryState, error: str, retry_at: datetime, policy: DeliveryPolicy
    ) -> "Delivery":
        if self.attempts >= policy.max_attempts:
            return self.dead(error, self.attempt_at or retry_at)
        return replace(self, state=state, lease_until=None, not_before=retry_at, last_error=error)
