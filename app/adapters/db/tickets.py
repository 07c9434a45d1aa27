"""Tickets and their deliveries as rows; a delivery that is added or put off wakes the worker."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on, insert

from app.adapters.db.routes import of_route, to_route
from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import ActionItemRow, DeliveryRow, TicketRow
from app.adapters.queue import wake_at
from app.domain.actions.model import Status
from app.domain.errors import NotFound
from app.domain.organisation.model import Provider
from app.domain.tracking.deliveries import Delivery, DeliveryKind, DeliveryState
from app.domain.tracking.model import Planned, SyncState, Ticket, TicketStatus

_tickets, _deliveries, _items = table(TicketRow), table(DeliveryRow), table(ActionItemRow)
_UNFINISHED = _deliveries.c.state.in_([DeliveryState.PENDING, DeliveryState.SENDING])


class SqlTickets:
    """Tickets in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def get(self, id: UUID) -> Ticket:
        return to_ticket(await self._run.get(_tickets, id))

    async def find(self, id: UUID) -> Ticket | None:
        return await self._first(_tickets.c.id == id)

    async def find_of_item(self, item_id: UUID) -> Ticket | None:
        return await self._first(_tickets.c.action_item_id == item_id)

    async def get_of_item(self, item_id: UUID) -> Ticket:
        ticket = await self._first(_tickets.c.action_item_id == item_id, lock=True)
        if ticket is None:
            raise NotFound(f"The action item {item_id} has no ticket.")
        return ticket

    async def of_items(self, item_ids: Sequence[UUID]) -> tuple[Ticket, ...]:
        ids = sa.literal(list(item_ids), sa.ARRAY(sa.Uuid))
        statement = sa.select(_tickets).where(_tickets.c.action_item_id == sa.any_(ids)).order_by(_tickets.c.id)
        return tuple(to_ticket(row) for row in await self._run.all(statement))

    async def find_external(self, provider: Provider, external_id: str) -> Ticket | None:
        return await self._first(_tickets.c.provider == provider, _tickets.c.external_id == external_id)

    async def find_named(self, names: Sequence[str]) -> tuple[Ticket, ...]:
        among = sa.any_(sa.literal(list(names), sa.ARRAY(sa.Text)))
        named = sa.or_(sa.func.lower(_tickets.c.key) == among, sa.func.lower(_tickets.c.url) == among)
        rows = await self._run.all(sa.select(_tickets).where(named).order_by(_tickets.c.id))
        return tuple(to_ticket(row) for row in rows)

    async def find_externals(self, provider: Provider, external_ids: Sequence[str]) -> tuple[Ticket, ...]:
        ids = sa.literal(list(external_ids), sa.ARRAY(sa.Text))
        of_provider = sa.select(_tickets).where(_tickets.c.provider == provider)
        statement = of_provider.where(_tickets.c.external_id == sa.any_(ids)).order_by(_tickets.c.id)
        return tuple(to_ticket(row) for row in await self._run.all(statement))

    async def linked(self, touched_since: datetime) -> tuple[Ticket, ...]:
        statement = (
            sa.select(_tickets)
            .join(_items, _items.c.id == _tickets.c.action_item_id)
            .where(
                _tickets.c.sync_state == SyncState.SYNCED,
                _tickets.c.external_id.is_not(None),
                sa.or_(
                    _items.c.status.not_in([Status.CLOSED, Status.DECLINED]), _tickets.c.updated_at >= touched_since
                ),
            )
            .order_by(_tickets.c.id)
        )
        return tuple(to_ticket(row) for row in await self._run.all(statement))

    async def add(self, ticket: Ticket) -> None:
        await self._run.insert(_tickets, to_row(ticket))

    async def save(self, ticket: Ticket) -> Ticket:
        await self._run.update(_tickets, ticket.id, ticket.version, to_row(ticket))
        return replace(ticket, version=ticket.version + 1)

    async def _first(self, *where: sa.ColumnElement[bool], lock: bool = False) -> Ticket | None:
        statement = sa.select(_tickets).where(*where)
        row = await self._run.first(statement.with_for_update() if lock else statement)
        return None if row is None else to_ticket(row)


class SqlDeliveries:
    """Deliveries in the current transaction; `added` says that there is one to attempt once it commits."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements
        self.added = False

    async def get(self, id: UUID) -> Delivery:
        row = await self._run.first(sa.select(_deliveries).where(_deliveries.c.id == id).with_for_update())
        if row is None:
            raise NotFound(f"There is no delivery with the id {id}.")
        return to_delivery(row)

    async def creations(self, markers: Sequence[UUID]) -> tuple[Delivery, ...]:
        among = _deliveries.c.marker == sa.any_(sa.literal(list(markers), sa.ARRAY(sa.Uuid)))
        statement = sa.select(_deliveries).where(among, _deliveries.c.kind == DeliveryKind.CREATE)
        return tuple(to_delivery(row) for row in await self._run.all(statement.order_by(_deliveries.c.id)))

    async def add(self, delivery: Delivery) -> bool:
        statement = insert(_deliveries).values(_new(delivery))
        new = bool(await self._run.execute(statement.on_conflict_do_nothing(index_elements=["key"])))
        self.added = self.added or new
        return new

    async def add_many(self, deliveries: Sequence[Delivery]) -> None:
        if deliveries:
            statement = insert(_deliveries).on_conflict_do_nothing(index_elements=["key"])
            await self._run.execute(statement, [_new(delivery) for delivery in deliveries])
            self.added = True

    async def save(self, delivery: Delivery) -> None:
        values = {name: getattr(delivery, name) for name in _DELIVERY if name != "id"}
        await self._run.execute(sa.update(_deliveries).where(_deliveries.c.id == delivery.id).values(values))
        if delivery.is_unfinished and delivery.lease_until is None:
            await self._wake(delivery.not_before)

    async def due(self, now: datetime, provider: Provider, limit: int) -> tuple[UUID, ...]:
        """A change waits until its ticket exists, and until what was queued before it is finished."""
        first = (
            sa.select(_deliveries)
            .where(_UNFINISHED, _deliveries.c.provider == provider)
            .ext(distinct_on(_deliveries.c.ticket_id))
            # `create` before `update`: both may have been queued by one transaction, at one instant.
            .order_by(_deliveries.c.ticket_id, _deliveries.c.kind, _deliveries.c.created_at, _deliveries.c.id)
            .subquery()
        )
        statement = (
            sa.select(first.c.id)
            .join(_tickets, _tickets.c.id == first.c.ticket_id)
            .where(
                sa.or_(first.c.lease_until.is_(None), first.c.lease_until <= now),
                sa.or_(first.c.not_before.is_(None), first.c.not_before <= now),
                sa.or_(first.c.kind == DeliveryKind.CREATE, _tickets.c.external_id.is_not(None)),
            )
            .order_by(first.c.created_at, first.c.id)
            .limit(limit)
        )
        return tuple(row["id"] for row in await self._run.all(statement))

    async def unfinished_of(self, ticket_id: UUID) -> tuple[Delivery, ...]:
        statement = sa.select(_deliveries).where(_UNFINISHED, _deliveries.c.ticket_id == ticket_id)
        rows = await self._run.all(statement.order_by(_deliveries.c.id).with_for_update())
        return tuple(to_delivery(row) for row in rows)

    async def hold(self, provider: Provider, until: datetime) -> None:
        """Those that another transaction has locked are left out: waiting for them could deadlock."""
        waiting = (
            sa.select(_deliveries.c.id)
            .where(
                _UNFINISHED,
                _deliveries.c.provider == provider,
                sa.or_(_deliveries.c.not_before.is_(None), _deliveries.c.not_before < until),
            )
            .with_for_update(skip_locked=True)
        )
        statement = sa.update(_deliveries).where(_deliveries.c.id.in_(waiting)).values(not_before=until)
        if await self._run.execute(statement):
            await self._wake(until)

    async def _wake(self, at: datetime | None) -> None:
        if at is None:
            self.added = True
        else:
            await wake_at(self._run.connection, "deliveries", at)


_TICKET = (
    "id", "version", "created_at", "updated_at", "action_item_id", "external_id", "key", "url", "status_text",
    "assignee", "due_on", "priority", "defended_priority", "plan_seen_over", "adopted", "source_updated_at",
    "last_synced_at", "last_error",
)  # fmt: skip
_DELIVERY = (
    "id", "key", "kind", "ticket_id", "provider", "marker", "created_at", "state", "attempts", "attempt_at",
    "lease_until", "not_before", "last_error", "finished_at",
)  # fmt: skip


def to_ticket(row: Row) -> Ticket:
    """The entity behind a row."""
    return Ticket(
        **{name: row[name] for name in _TICKET},
        route=to_route(row["route"], Provider(row["provider"])),
        planned=_to_plan(row["planned"]),
        status=TicketStatus(row["status"]),
        sync_state=SyncState(row["sync_state"]),
        dropped=tuple(row["dropped"]),
    )


def to_row(ticket: Ticket) -> dict[str, Any]:
    """The row behind an entity."""
    return {name: getattr(ticket, name) for name in _TICKET} | {
        "provider": ticket.route.provider,
        "route": of_route(ticket.route),
        "planned": _of_plan(ticket.planned),
        "status": ticket.status,
        "sync_state": ticket.sync_state,
        "dropped": list(ticket.dropped),
    }


def _to_plan(value: dict[str, Any] | None) -> Planned | None:
    if value is None:
        return None
    ends_at = value["ends_at"]
    return Planned(value["id"], value["name"], datetime.fromisoformat(ends_at) if ends_at else None)


def _of_plan(planned: Planned | None) -> dict[str, Any] | None:
    if planned is None:
        return None
    ends_at = planned.ends_at
    return {"id": planned.id, "name": planned.name, "ends_at": ends_at.isoformat() if ends_at else None}


def _new(delivery: Delivery) -> dict[str, Any]:
    return {name: getattr(delivery, name) for name in _DELIVERY} | {"update": dict(delivery.update)}


def to_delivery(row: Row) -> Delivery:
    """The entity behind a row."""
    values: dict[str, Any] = {name: row[name] for name in (*_DELIVERY, "update")}
    values["kind"] = DeliveryKind(values["kind"])
    values["provider"] = Provider(values["provider"])
    values["state"] = DeliveryState(values["state"])
    return Delivery(**values)
