"""Webhook endpoints, deliveries and attempts as rows; a delivery that is added or put off wakes the worker."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.adapters.db.events import to_event
from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import EventRow, IncidentRow, WebhookAttemptRow, WebhookDeliveryRow, WebhookEndpointRow
from app.adapters.queue import wake_at
from app.domain.errors import NotFound
from app.domain.events import PositionedEvent
from app.domain.outbound.model import (
    EndpointState,
    KeptSecret,
    WebhookAttempt,
    WebhookDelivery,
    WebhookDeliveryState,
    WebhookEndpoint,
)

_endpoints, _deliveries = table(WebhookEndpointRow), table(WebhookDeliveryRow)
_attempts, _events, _incidents = table(WebhookAttemptRow), table(EventRow), table(IncidentRow)
_PENDING = _deliveries.c.state == WebhookDeliveryState.PENDING


class SqlWebhookEndpoints:
    """Endpoints in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def get(self, id: UUID) -> WebhookEndpoint:
        return _to_endpoint(await self._run.get(_endpoints, id))

    async def find(self, id: UUID) -> WebhookEndpoint | None:
        row = await self._run.first(sa.select(_endpoints).where(_endpoints.c.id == id))
        return None if row is None else _to_endpoint(row)

    async def all(self) -> tuple[WebhookEndpoint, ...]:
        return await self._locked(sa.true())

    async def active(self) -> tuple[WebhookEndpoint, ...]:
        return await self._locked(_endpoints.c.state == EndpointState.ACTIVE)

    async def add(self, endpoint: WebhookEndpoint) -> None:
        await self._run.insert(_endpoints, _of_endpoint(endpoint))

    async def save(self, endpoint: WebhookEndpoint) -> WebhookEndpoint:
        await self._run.update(_endpoints, endpoint.id, endpoint.version, _of_endpoint(endpoint))
        return replace(endpoint, version=endpoint.version + 1)

    async def advance(self, ids: Sequence[UUID], position: int) -> None:
        behind = sa.and_(_among(_endpoints.c.id, ids), _endpoints.c.position < position)
        await self._run.execute(sa.update(_endpoints).where(behind).values(position=position))

    async def _locked(self, where: sa.ColumnElement[bool]) -> tuple[WebhookEndpoint, ...]:
        statement = sa.select(_endpoints).where(where).order_by(_endpoints.c.id).with_for_update()
        return tuple(_to_endpoint(row) for row in await self._run.all(statement))


class SqlWebhookDeliveries:
    """Deliveries in the current transaction; `added` says that there is one to attempt once it commits."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements
        self.added = False

    def wake(self) -> None:
        self.added = True

    async def get(self, id: UUID) -> WebhookDelivery:
        row = await self._run.first(sa.select(_deliveries).where(_deliveries.c.id == id).with_for_update())
        if row is None:
            raise NotFound(f"There is no webhook delivery with the id {id}.")
        return _to_delivery(row)

    async def add_many(self, deliveries: Sequence[WebhookDelivery]) -> None:
        if deliveries:
            statement = insert(_deliveries).on_conflict_do_nothing(index_elements=["endpoint_id", "event_id"])
            await self._run.execute(statement, [_of_delivery(delivery) for delivery in deliveries])
            self.wake()

    async def save(self, delivery: WebhookDelivery) -> None:
        values = _of_delivery(delivery)
        await self._run.execute(sa.update(_deliveries).where(_deliveries.c.id == values.pop("id")).values(values))
        if delivery.state is WebhookDeliveryState.PENDING:
            await wake_at(self._run.connection, "outbound", delivery.not_before)

    async def due(
        self, now: datetime, *, limit: int, per_endpoint: int, but: Sequence[UUID]
    ) -> tuple[tuple[UUID, UUID], ...]:
        """A few of each endpoint, by an index, however many one of them has waiting."""
        of_it = (
            sa.select(_deliveries.c.id, _deliveries.c.endpoint_id, _deliveries.c.not_before)
            .where(
                _deliveries.c.endpoint_id == _endpoints.c.id, _PENDING, _deliveries.c.not_before <= now,
                sa.not_(_among(_deliveries.c.id, but)),
            )
            .order_by(_deliveries.c.not_before)
            .limit(per_endpoint)
            .correlate(_endpoints)
            .lateral("due")
        )  # fmt: skip
        statement = (
            sa.select(of_it.c.id, of_it.c.endpoint_id)
            .select_from(_endpoints.join(of_it, sa.true()))
            .where(_endpoints.c.state == EndpointState.ACTIVE)
            .order_by(of_it.c.not_before, of_it.c.id)
            .limit(limit)
        )
        return tuple((row["id"], row["endpoint_id"]) for row in await self._run.all(statement))

    async def keep_attempt(self, attempt: WebhookAttempt) -> None:
        names = _attempts.c.keys()
        await self._run.insert(_attempts, {name: getattr(attempt, name) for name in names})

    async def give_up(self, endpoint_id: UUID, now: datetime, why: str) -> None:
        values = {"state": WebhookDeliveryState.DEAD, "finished_at": now, "last_error": why}
        of_it = (_deliveries.c.endpoint_id == endpoint_id, _PENDING)
        await self._run.execute(sa.update(_deliveries).where(*of_it).values(values))

    async def requeue(self, endpoint_id: UUID, event_ids: Sequence[UUID], now: datetime, *, sent_too: bool) -> None:
        states = [WebhookDeliveryState.DEAD, WebhookDeliveryState.WITHHELD]
        states += [WebhookDeliveryState.SENT] if sent_too else []
        these = (
            _deliveries.c.endpoint_id == endpoint_id, _among(_deliveries.c.event_id, event_ids),
            _deliveries.c.state.in_(states),
        )  # fmt: skip
        values = {"state": WebhookDeliveryState.PENDING, "attempts": 0, "not_before": now, "finished_at": None}
        if await self._run.execute(sa.update(_deliveries).where(*these).values(values)):
            self.wake()

    async def event_of(self, delivery: WebhookDelivery) -> PositionedEvent | None:
        row = await self._run.first(_positioned().where(_events.c.id == delivery.event_id))
        return None if row is None else _to_positioned(row)

    async def events_between(self, since: datetime, until: datetime, limit: int) -> tuple[PositionedEvent, ...]:
        at = _events.c.occurred_at
        statement = _positioned().where(at >= since, at < until, _events.c.position.is_not(None))
        rows = await self._run.all(statement.order_by(_events.c.position).limit(limit))
        return tuple(map(_to_positioned, rows))

    async def forget(self, before: datetime) -> int:
        old = sa.select(_deliveries.c.id).where(_deliveries.c.finished_at < before)
        await self._run.execute(sa.delete(_attempts).where(_attempts.c.delivery_id.in_(old)))
        return await self._run.execute(sa.delete(_deliveries).where(_deliveries.c.finished_at < before))


def _positioned() -> sa.Select[Any]:
    restricted = sa.func.coalesce(_incidents.c.restricted, sa.false()).label("restricted")
    return sa.select(_events, restricted).outerjoin(_incidents, _incidents.c.id == _events.c.incident_id)


def _to_positioned(row: Row) -> PositionedEvent:
    return PositionedEvent(row["position"], to_event(row), row["restricted"])


def _among(column: sa.Column[Any], ids: Sequence[UUID]) -> sa.ColumnElement[bool]:
    return column == sa.any_(sa.literal(list(ids), sa.ARRAY(sa.Uuid)))


_ENDPOINT = (
    "id", "version", "created_at", "updated_at", "url", "description", "sees_restricted", "state_reason",
    "failing_since", "position",
)  # fmt: skip
_DELIVERY = (
    "id", "endpoint_id", "event_id", "event_type", "created_at", "attempts", "not_before", "finished_at", "last_error",
)  # fmt: skip


def _to_endpoint(row: Row) -> WebhookEndpoint:
    return WebhookEndpoint(
        **{name: row[name] for name in _ENDPOINT},
        event_types=frozenset(row["event_types"]),
        state=EndpointState(row["state"]),
        secrets=tuple(KeptSecret(one["sealed"], _instant(one["valid_until"])) for one in row["secrets"]),
    )


def _of_endpoint(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {name: getattr(endpoint, name) for name in _ENDPOINT} | {
        "event_types": sorted(endpoint.event_types),
        "state": endpoint.state,
        "secrets": [
            {"sealed": one.sealed, "valid_until": one.valid_until and one.valid_until.isoformat()}
            for one in endpoint.secrets
        ],
    }


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _to_delivery(row: Row) -> WebhookDelivery:
    return WebhookDelivery(**{name: row[name] for name in _DELIVERY}, state=WebhookDeliveryState(row["state"]))


def _of_delivery(delivery: WebhookDelivery) -> dict[str, Any]:
    return {name: getattr(delivery, name) for name in _DELIVERY} | {"state": delivery.state}
