"""Tickets: an item's face in a tracker, how it is delivered exactly once, and what a tracker tells us back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from app.domain.errors import Invalid, Unavailable, WrongState
from app.domain.organisation.model import Provider, Route
from app.domain.policy import DeliveryPolicy


class TicketStatus(StrEnum):
    """A tracker's own states, folded into categories that every tracker has."""

    TODO = "todo"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    CANCELLED = "cancelled"
    DUPLICATE = "duplicate"
    LOST = "lost"


class SyncState(StrEnum):
    """How the link stands: `pending` not created yet, `failed` given up until a person retries, `lost` gone there."""

    PENDING = "pending"
    SYNCED = "synced"
    FAILED = "failed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Ticket:
    """One item's ticket. `external_id` never changes there; `key` is what people see and may change when moved.

    Status, assignee, due date and priority are what the tracker showed last; `defended_priority` is the one of ours
    that was pushed again because somebody had changed it there.
    """

    id: UUID
    action_item_id: UUID
    route: Route
    created_at: datetime
    updated_at: datetime
    external_id: str | None = None
    key: str | None = None
    url: str | None = None
    status: TicketStatus = TicketStatus.TODO
    status_text: str = ""
    assignee: str | None = None
    due_on: date | None = None
    priority: str | None = None
    defended_priority: str | None = None
    sync_state: SyncState = SyncState.PENDING
    adopted: bool = False
    source_updated_at: datetime | None = None
    last_synced_at: datetime | None = None
    last_error: str | None = None
    dropped: tuple[str, ...] = ()
    version: int = 1

    def linked(self, remote: "RemoteTicket", now: datetime, *, adopted: bool = False) -> "Ticket":
        """It exists in the tracker now; `dropped` names what the tracker silently left out."""
        return replace(
            self,
            external_id=remote.external_id,
            key=remote.key,
            url=remote.url,
            status=remote.status,
            status_text=remote.status_text,
            assignee=remote.assignee,
            due_on=remote.due_on,
            priority=remote.priority,
            source_updated_at=remote.updated_at,
            sync_state=SyncState.SYNCED,
            adopted=self.adopted or adopted,
            last_synced_at=now,
            last_error=None,
            dropped=remote.dropped,
        )

    def failed(self, error: str) -> "Ticket":
        return replace(self, sync_state=SyncState.FAILED, last_error=error)

    def lost(self) -> "Ticket":
        """Deleted there; only a person's resync makes a new one."""
        return replace(self, sync_state=SyncState.LOST, status=TicketStatus.LOST)

    def again(self) -> "Ticket":
        """To be created anew, because a person asked for it."""
        return replace(
            self, external_id=None, key=None, url=None, assignee=None, due_on=None, priority=None,
            defended_priority=None, source_updated_at=None, last_error=None, status=TicketStatus.TODO,
            status_text="", sync_state=SyncState.PENDING,
        )  # fmt: skip

    def is_newer(self, change_at: datetime) -> bool:
        """Whether a change of that time tells us anything: an event older than what we know changes nothing."""
        return self.source_updated_at is None or change_at > self.source_updated_at


@dataclass(frozen=True, slots=True)
class RemoteTicket:
    """A ticket as its tracker describes it now.

    `due_on` and `priority` (in our words) are None where the tracker has none; `marker` is the one it carries.
    """

    external_id: str
    key: str
    url: str
    status: TicketStatus
    updated_at: datetime
    status_text: str = ""
    title: str = ""
    assignee: str | None = None
    due_on: date | None = None
    priority: str | None = None
    marker: UUID | None = None
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TicketDraft:
    """What a tracker needs to create a ticket. `marker` is written into it, so that we find it again."""

    marker: UUID
    title: str
    body: str
    url: str
    priority: str
    due_on: date | None = None
    assignee: str | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TicketUpdate:
    """What to change on a ticket; None leaves a field as it is."""

    title: str | None = None
    status: TicketStatus | None = None
    assignee: str | None = None
    due_on: date | None = None
    priority: str | None = None
    comment: str | None = None


class TicketEventKind(StrEnum):
    """What a tracker's webhook can mean to us."""

    CHANGED = "changed"
    DELETED = "deleted"
    MOVED = "moved"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class TicketEvent:
    """One webhook of a tracker, in our words. `ours` marks the echo of a change that we made."""

    kind: TicketEventKind
    provider: Provider
    external_id: str
    remote: RemoteTicket | None = None
    actor: str = ""
    ours: bool = False
    at: datetime | None = None


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


class TrackerUnavailable(Unavailable):
    """The tracker did not take the request; nothing was created."""

    code = "tracker_unavailable"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TrackerOutcomeUnknown(Unavailable):
    """The tracker did not answer; whether the request took effect is unknown."""

    code = "tracker_outcome_unknown"


class TrackerRefused(Invalid):
    """The tracker refused the request and will refuse it again until somebody changes something."""

    code = "tracker_refused"


class TicketGone(TrackerRefused):
    """The ticket no longer exists in its tracker."""

    code = "ticket_gone"


class NotThisTracker(TrackerRefused):
    """This does not name a ticket of this tracker."""

    code = "ticket_reference_not_recognised"


class TicketTaken(WrongState):
    """This ticket is already linked to another action item."""

    code = "ticket_taken"


class NoTracker(Invalid):
    """No tracker of this kind is configured."""

    code = "tracker_not_configured"
