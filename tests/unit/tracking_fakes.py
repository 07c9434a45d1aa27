"""Deliveries, inbox and a tracker in memory: what tests of tickets need beside `tests/fakes.py`."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from app.domain.actions.model import Status
from app.domain.errors import AlreadyExists, NotFound
from app.domain.organisation.model import Provider, Route
from app.domain.ports import InboxItem, UnitOfWork
from app.domain.tracking.deliveries import Delivery, DeliveryKind
from app.domain.tracking.errors import (
    NotThisTracker,
    TicketGone,
    TrackerOutcomeUnknown,
    TrackerRefused,
    TrackerUnavailable,
)
from app.domain.tracking.model import (
    RemoteTicket,
    SyncState,
    Ticket,
    TicketDraft,
    TicketStatus,
    TicketUpdate,
)
from tests.fakes import FakeTickets, FakeUnitOfWork
from tests.make import FixedClock


class UniqueTickets(FakeTickets):
    """Two items never have the same ticket; `items` are theirs."""

    def __init__(self, items: Any = None) -> None:
        super().__init__()
        self._items = items

    async def find_externals(self, provider: Provider, external_ids: Sequence[str]) -> tuple[Ticket, ...]:
        return tuple(t for t in self.rows.values() if t.route.provider is provider and t.external_id in external_ids)

    async def linked(self, touched_since: datetime) -> tuple[Ticket, ...]:
        return tuple(
            ticket
            for ticket in self.rows.values()
            if ticket.sync_state is SyncState.SYNCED
            and (
                ticket.updated_at >= touched_since
                or self._items.rows[ticket.action_item_id].status not in (Status.CLOSED, Status.DECLINED)
            )
        )

    async def save(self, entity: Ticket) -> Ticket:
        holder = await self.find_external(entity.route.provider, entity.external_id) if entity.external_id else None
        if holder is not None and holder.id != entity.id:
            raise AlreadyExists
        return await super().save(entity)


class FakeDeliveries:
    def __init__(self, tickets: FakeTickets) -> None:
        self.rows: dict[UUID, Delivery] = {}
        self._tickets = tickets

    async def get(self, id: UUID) -> Delivery:
        if id not in self.rows:
            raise NotFound
        return self.rows[id]

    async def creations(self, markers: Sequence[UUID]) -> tuple[Delivery, ...]:
        return tuple(row for row in self.rows.values() if row.marker in markers and row.kind is DeliveryKind.CREATE)

    async def add(self, delivery: Delivery) -> bool:
        new = all(row.key != delivery.key for row in self.rows.values())
        if new:
            self.rows[delivery.id] = delivery
        return new

    async def save(self, delivery: Delivery) -> None:
        self.rows[delivery.id] = delivery

    async def due(self, now: datetime, provider: Provider, limit: int) -> tuple[UUID, ...]:
        first: dict[UUID, Delivery] = {}
        for row in sorted(self.rows.values(), key=lambda row: (row.kind, row.created_at, row.id)):
            if row.is_unfinished and row.provider is provider:
                first.setdefault(row.ticket_id, row)
        return tuple(row.id for row in first.values() if self._may_go(row, now))[:limit]

    def _may_go(self, row: Delivery, now: datetime) -> bool:
        free = all(at is None or at <= now for at in (row.lease_until, row.not_before))
        return free and (row.kind is DeliveryKind.CREATE or self._tickets.rows[row.ticket_id].external_id is not None)

    async def unfinished_of(self, ticket_id: UUID) -> tuple[Delivery, ...]:
        return tuple(row for row in self.rows.values() if row.ticket_id == ticket_id and row.is_unfinished)

    async def hold(self, provider: Provider, until: datetime) -> None:
        for row in [row for row in self.rows.values() if row.is_unfinished and row.provider is provider]:
            self.rows[row.id] = replace(row, not_before=max(row.not_before or until, until))


class FakeInboxItems:
    """`outcomes` are note or error of what is handled, `put_off` when the rest is tried again."""

    def __init__(self) -> None:
        self.rows: dict[UUID, InboxItem] = {}
        self.outcomes: dict[UUID, str | None] = {}
        self.put_off: dict[UUID, datetime] = {}

    async def due(self, now: datetime, limit: int) -> tuple[UUID, ...]:
        waiting = [id for id in self.rows if id not in self.outcomes and self.put_off.get(id, now) <= now]
        return tuple(waiting[:limit])

    async def claim(self, id: UUID, now: datetime, until: datetime) -> InboxItem | None:
        if id not in await self.due(now, len(self.rows)):
            return None
        self.rows[id] = replace(self.rows[id], attempts=self.rows[id].attempts + 1)
        self.put_off[id] = until
        return self.rows[id]

    async def handled(self, id: UUID, now: datetime, note: str | None) -> None:
        self.outcomes[id] = note

    async def failed(self, id: UUID, now: datetime, error: str, retry_at: datetime | None) -> None:
        if retry_at is None:
            self.outcomes[id] = error
        else:
            self.put_off[id] = retry_at


class TrackingUnitOfWork(FakeUnitOfWork):
    """`is_open` says whether a transaction is open at this moment."""

    def __init__(self) -> None:
        super().__init__()
        tickets = UniqueTickets(self.action_items)
        self.tickets = tickets
        self.deliveries: FakeDeliveries = FakeDeliveries(tickets)
        self.inbox: FakeInboxItems = FakeInboxItems()
        self.is_open = False
        self._homes |= {Ticket: tickets, Delivery: self.deliveries, InboxItem: self.inbox}

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[UnitOfWork]:
        async with super().__call__() as u:
            self.is_open = True
            try:
                yield u
            finally:
                self.is_open = False


class Happens(Enum):
    """What one call to the tracker ends with."""

    FINE = "it works"
    REFUSED = "the tracker says no"
    BUSY = "429: nothing happened"
    LOST_BEFORE = "no answer, and nothing happened"
    LOST_AFTER = "no answer, but it happened"
    BUG = "our adapter breaks after it happened"
    CRASH_BEFORE = "our process dies before the call"
    CRASH_AFTER = "our process dies after it happened"


class Crash(BaseException):
    """The process is gone; nobody catches this."""


@dataclass
class FakeTracker:
    """Tickets in a list; `plan` says how the next calls end, fine when it is empty.

    With `dates` it has due dates and priorities of its own; `moved` are tickets that answer under another id.
    """

    clock: FixedClock
    uow: TrackingUnitOfWork | None = None
    plan: list[Happens] = field(default_factory=list)
    tickets: list[RemoteTicket] = field(default_factory=list)
    markers: list[UUID] = field(default_factory=list)
    drafts: list[TicketDraft] = field(default_factory=list)
    updates: list[TicketUpdate] = field(default_factory=list)
    looked_since: list[datetime] = field(default_factory=list)
    drops: tuple[str, ...] = ()
    dates: bool = False
    moved: dict[str, RemoteTicket] = field(default_factory=dict)
    listed_since: list[datetime] = field(default_factory=list)
    retry_after: float | None = 30.0
    people: dict[str, str] = field(default_factory=dict)
    people_error: Exception | None = None
    calls: int = 0

    async def create(self, route: Route, draft: TicketDraft) -> RemoteTicket:
        created: RemoteTicket = self._happen(lambda: self._created(route, draft))
        return created

    def _created(self, route: Route, draft: TicketDraft) -> RemoteTicket:
        number = len(self.tickets) + 1
        remote = RemoteTicket(
            external_id=str(1000 + number), key=f"{route.project}#{number}", url=f"https://t.test/{number}",
            status=TicketStatus.TODO, updated_at=self.clock(), title=draft.title, assignee=draft.assignee,
            marker=draft.marker, dropped=self.drops, **self._dated(draft),
        )  # fmt: skip
        self.tickets.append(remote)
        self.markers.append(draft.marker)
        self.drafts.append(draft)
        return remote

    def _dated(self, draft: TicketDraft) -> dict[str, Any]:
        return {"due_on": draft.due_on, "priority": draft.priority} if self.dates else {}

    async def find_by_marker(self, route: Route, marker: UUID, since: datetime) -> RemoteTicket | None:
        self.looked_since.append(since)
        found: RemoteTicket | None = self._happen(
            lambda: self.tickets[self.markers.index(marker)] if marker in self.markers else None
        )
        return found

    async def read(self, ticket: Ticket) -> RemoteTicket:
        found: RemoteTicket = self._happen(lambda: self._found(ticket.external_id))
        return found

    async def update(self, ticket: Ticket, update: TicketUpdate, marker: UUID) -> RemoteTicket:
        changed: RemoteTicket = self._happen(lambda: self._updated(self._found(ticket.external_id), update))
        return changed

    def _updated(self, old: RemoteTicket, update: TicketUpdate) -> RemoteTicket:
        self.updates.append(update)
        names = ("status", "assignee", *(("due_on", "priority") if self.dates else ()))
        return self.change(old, **{name: getattr(update, name) or getattr(old, name) for name in names})

    async def changed_since(self, route: Route, since: datetime) -> list[RemoteTicket]:
        self.listed_since.append(since)
        listed: list[RemoteTicket] = self._happen(
            lambda: [t for t in self.tickets if t.key.startswith(f"{route.project}#") and t.updated_at >= since]
        )
        return listed

    async def resolve(self, reference: str) -> RemoteTicket:
        if "#" not in reference:
            raise NotThisTracker
        found = [remote for remote in self.tickets if remote.key == reference]
        if not found:
            raise TrackerRefused(f"There is no {reference}.")
        return found[0]

    async def find_user(self, route: Route, email: str) -> str | None:
        assert self.uow is None or not self.uow.is_open, "no transaction is open during a call"
        if self.people_error is not None:
            raise self.people_error
        return self.people.get(email)

    def change(self, old: RemoteTicket, **fields: Any) -> RemoteTicket:
        """What somebody does in the tracker."""
        new = replace(old, **{"updated_at": self.clock(), **fields})
        self.tickets[[t.external_id for t in self.tickets].index(old.external_id)] = new
        return new

    def _found(self, external_id: str | None) -> RemoteTicket:
        if external_id in self.moved:
            return self.moved[external_id]
        for remote in self.tickets:
            if remote.external_id == external_id and remote.status is not TicketStatus.LOST:
                return remote
        raise TicketGone("The ticket is gone.")

    def _happen(self, act: Callable[[], Any]) -> Any:
        assert self.uow is None or not self.uow.is_open, "no transaction is open during a call"
        self.calls += 1
        what = self.plan.pop(0) if self.plan else Happens.FINE
        match what:
            case Happens.REFUSED:
                raise TrackerRefused("The tracker refused the field `title`.")
            case Happens.BUSY:
                raise TrackerUnavailable("Busy.", retry_after=self.retry_after)
            case Happens.LOST_BEFORE:
                raise TrackerOutcomeUnknown("No answer.")
            case Happens.CRASH_BEFORE:
                raise Crash
        done = act()
        match what:
            case Happens.LOST_AFTER:
                raise TrackerOutcomeUnknown("No answer.")
            case Happens.BUG:
                raise KeyError("id")
            case Happens.CRASH_AFTER:
                raise Crash
        return done


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def no_jitter() -> float:
    return 0.0


def comments(updates: Sequence[TicketUpdate]) -> list[str]:
    return [update.comment for update in updates if update.comment]
