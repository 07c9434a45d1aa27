"""Tickets: an item's face in a tracker, what it is told, and what its tracker tells us back."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from app.domain.organisation.model import Provider, Route


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
class Planned:
    """The sprint, cycle or milestone that a ticket is planned in; `ends_at` is when it ended, or will end by itself."""

    id: str
    name: str
    ends_at: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        return self.ends_at is not None and self.ends_at <= now


@dataclass(frozen=True, slots=True)
class Ticket:
    """One item's ticket. `external_id` never changes there; `key` is what people see and may change when moved.

    Status, assignee, due date and priority are what the tracker showed last; `defended_priority` is the one of ours
    that was pushed again because somebody had changed it there. `plan_seen_over` says that the end of what it is
    planned in was noticed.
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
    planned: Planned | None = None
    plan_seen_over: bool = False
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
            planned=remote.planned,
            plan_seen_over=remote.planned is not None and remote.planned.is_over(now),
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
            defended_priority=None, planned=None, plan_seen_over=False, source_updated_at=None, last_error=None,
            status=TicketStatus.TODO, status_text="", sync_state=SyncState.PENDING,
        )  # fmt: skip

    def went_by(self, planned: Planned | None, now: datetime) -> int:
        """How many plannings went by between what we knew and this: one that it left, and one that has ended."""
        if self.source_updated_at is None:  # What was before we knew the ticket is not the item's.
            return 0
        stays = planned is not None and self.planned is not None and planned.id == self.planned.id
        left = self.planned is not None and not stays and not self.plan_seen_over
        ended = planned is not None and planned.is_over(now) and not (stays and self.plan_seen_over)
        return left + ended

    def is_newer(self, change_at: datetime) -> bool:
        """Whether a change of that time tells us anything: an event older than what we know changes nothing."""
        return self.source_updated_at is None or change_at > self.source_updated_at


@dataclass(frozen=True, slots=True)
class RemoteTicket:
    """A ticket as its tracker describes it now.

    `due_on` and `priority` (in our words) are None where the tracker has none; `marker` is the one it carries,
    `planned` the sprint, cycle or milestone it is in.
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
    planned: Planned | None = None
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
    """What to change on a ticket; None leaves a field as it is. `link_back` is the address to link to."""

    title: str | None = None
    status: TicketStatus | None = None
    assignee: str | None = None
    due_on: date | None = None
    priority: str | None = None
    comment: str | None = None
    link_back: str | None = None


class TicketEventKind(StrEnum):
    """What a tracker's webhook can mean to us."""

    CHANGED = "changed"
    DELETED = "deleted"
    MOVED = "moved"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class TicketEvent:
    """One webhook of a tracker, in our words. `ours` marks the echo of a change that we made; `asked` that the tracker
    said it when we asked for the ticket by its route, as no webhook does."""

    kind: TicketEventKind
    provider: Provider
    external_id: str
    remote: RemoteTicket | None = None
    actor: str = ""
    ours: bool = False
    asked: bool = False
    at: datetime | None = None
