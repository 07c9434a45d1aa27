"""Boosts and budget readings as rows, and the one statement by which boosts change items."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on, insert

from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import ActionItemRow, BoostRow, BudgetReadingRow, DeliveryRow, TicketRow
from app.adapters.db.tickets import to_ticket
from app.domain.actions.model import NOT_CLOSED, Priority, Status
from app.domain.budgets.changes import Face, Reprioritised
from app.domain.budgets.measuring import BudgetReading, Measured
from app.domain.budgets.model import LIVE, Boost, BoostKey, BoostState, Effect, Signal
from app.domain.ids import new_id
from app.domain.tracking.deliveries import DeliveryState
from app.domain.tracking.model import SyncState

_boosts, _readings = table(BoostRow), table(BudgetReadingRow)
_items, _tickets, _deliveries = table(ActionItemRow), table(TicketRow), table(DeliveryRow)
_IS_LIVE = _boosts.c.state.in_([str(state) for state in LIVE])
_KEY = ("service_id", "slo", "source", "signal")
BUCKET = timedelta(minutes=5)
"""How often history is kept; a later reading replaces an earlier one of its bucket."""


class SqlBoosts:
    """The ledger in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def lock(self, service_id: UUID) -> None:
        key = sa.func.hashtextextended(f"boosts:{service_id}", 0)
        await self._run.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))

    async def get(self, id: UUID) -> Boost:
        return _to_boost(await self._run.get(_boosts, id))

    async def find(self, key: BoostKey) -> Boost | None:
        where = [_boosts.c[name] == getattr(key, name) for name in _KEY]
        statement = sa.select(_boosts).where(*where).order_by(_IS_LIVE.desc(), _boosts.c.ended_at.desc()).limit(1)
        row = await self._run.first(statement)
        return None if row is None else _to_boost(row)

    async def live(self, service_ids: Sequence[UUID]) -> tuple[Boost, ...]:
        statement = sa.select(_boosts).where(_among(_boosts.c.service_id, service_ids), _IS_LIVE)
        return tuple(_to_boost(row) for row in await self._run.all(statement.order_by(_boosts.c.id)))

    async def ageing(self, now: datetime) -> tuple[UUID, ...]:
        old = sa.or_(_boosts.c.clear_since.is_not(None), _boosts.c.vouched_until <= now)
        statement = sa.select(_boosts.c.service_id).where(_IS_LIVE, old).distinct()
        return tuple(row["service_id"] for row in await self._run.all(statement.order_by(_boosts.c.service_id)))

    async def count_new(self, source: str, raised_by: str, since: datetime) -> int:
        whose = sa.or_(_boosts.c.source == source, _boosts.c.raised_by == raised_by)
        statement = sa.select(sa.func.count()).where(_boosts.c.created_at > since, whose)
        return int(await self._run.scalar(statement))

    async def add(self, boost: Boost) -> None:
        await self._run.insert(_boosts, _to_row(boost))

    async def save(self, boost: Boost) -> Boost:
        await self._run.update(_boosts, boost.id, boost.version, _to_row(boost))
        return replace(boost, version=boost.version + 1)

    async def reprioritise(self, service_id: UUID, effects: Mapping[Priority, Effect]) -> tuple[Reprioritised, ...]:
        """The effects are computed from the row's own base, so that a base that changes meanwhile gets its own."""
        base = _items.c.base_priority
        priority = sa.case(
            {int(b): sa.literal(int(e.priority), sa.SmallInteger) for b, e in effects.items()}, value=base
        )
        boost = sa.case({int(b): sa.literal(e.boost_id, sa.Uuid) for b, e in effects.items()}, value=base)
        differs = sa.or_(_items.c.effective_priority != priority, _items.c.boost_id.is_distinct_from(boost))
        before = (
            sa.select(_items.c.id, _items.c.effective_priority)
            .where(_items.c.service_id == service_id, _items.c.status.in_([str(s) for s in NOT_CLOSED]), differs)
            .order_by(_items.c.id)
            .with_for_update()
            .cte("before")
        )
        statement = (
            sa.update(_items)
            .where(_items.c.id == before.c.id)
            .values(effective_priority=priority, boost_id=boost, priority_due_at=None)
            .returning(
                _items.c.id, _items.c.incident_id, before.c.effective_priority.label("old"),
                _items.c.effective_priority, _items.c.boost_id,
            )
        )  # fmt: skip
        return tuple(_changed(row, row["old"]) for row in await self._run.all(statement))

    async def faces(self, item_ids: Sequence[UUID]) -> tuple[Face, ...]:
        told = (_deliveries.c.ticket_id == _tickets.c.id, _deliveries.c.state != DeliveryState.DEAD)
        shown = (
            sa.select(_deliveries.c["update"]["priority"].astext)
            .where(*told, _deliveries.c["update"].has_key("priority"))
            .order_by(_deliveries.c.created_at.desc(), _deliveries.c.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        fell = sa.select(sa.func.max(_deliveries.c.created_at)).where(
            *told, _deliveries.c.key.like("%:priority-fall-%")
        )
        statement = sa.select(_tickets, shown.label("shown"), fell.scalar_subquery().label("fell_at")).where(
            _among(_tickets.c.action_item_id, item_ids), _tickets.c.sync_state != SyncState.LOST
        )
        return tuple(
            Face(to_ticket(row), Priority[row["shown"].upper()] if row["shown"] else None, row["fell_at"])
            for row in await self._run.all(statement)
        )

    async def withhold(self, until: Mapping[UUID, datetime]) -> None:
        if until:
            statement = sa.update(_items).where(_items.c.id == sa.bindparam("item_id"))
            rows = [{"item_id": id, "due_at": at} for id, at in until.items()]
            await self._run.execute(statement.values(priority_due_at=sa.bindparam("due_at")), rows)

    async def withheld(self, now: datetime, limit: int) -> tuple[Reprioritised, ...]:
        due = (
            sa.select(_items.c.id)
            .where(_items.c.priority_due_at <= now)
            .order_by(_items.c.priority_due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        statement = (
            sa.update(_items)
            .where(_items.c.id == due.c.id)
            .values(priority_due_at=None)
            .returning(
                _items.c.id, _items.c.incident_id, _items.c.effective_priority, _items.c.boost_id, _items.c.status
            )
        )
        rows = [row for row in await self._run.all(statement) if Status(row["status"]) in NOT_CLOSED]
        return tuple(_changed(row, row["effective_priority"]) for row in rows)

    async def record(self, reading: BudgetReading) -> None:
        measured = reading.measured
        values = {
            "observed_at": measured.at, "remaining": measured.remaining, "burn_rate": measured.burn_rate,
            "rates": dict(measured.rates),
        }  # fmt: skip
        key = {
            "service_id": reading.service_id, "slo": reading.slo, "source": reading.source,
            "bucket": _bucket(measured.at),
        }  # fmt: skip
        statement = insert(_readings).values(id=new_id(), **key, **values)
        later = _readings.c.observed_at <= statement.excluded.observed_at
        await self._run.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values, where=later))

    async def recent(self, service_id: UUID, limit: int) -> tuple[BudgetReading, ...]:
        own = sa.select(_readings).where(_readings.c.service_id == service_id)
        latest = own.order_by(_readings.c.observed_at.desc(), _readings.c.id.desc()).limit(limit)
        each = (_readings.c.slo, _readings.c.source)
        last = own.ext(distinct_on(*each)).order_by(*each, _readings.c.observed_at.desc())
        rows = {row["id"]: row for row in [*await self._run.all(last), *await self._run.all(latest)]}
        return tuple(sorted(map(_to_reading, rows.values()), key=lambda r: r.measured.at, reverse=True))

    async def forget_readings(self, before: datetime) -> int:
        later = _readings.alias("later")
        newer = sa.exists().where(
            later.c.service_id == _readings.c.service_id,
            later.c.slo == _readings.c.slo,
            later.c.observed_at > _readings.c.observed_at,
        )
        return await self._run.execute(sa.delete(_readings).where(_readings.c.observed_at < before, newer))


def _among(column: sa.ColumnElement[Any], ids: Sequence[UUID]) -> sa.ColumnElement[bool]:
    return column == sa.any_(sa.literal(list(ids), sa.ARRAY(sa.Uuid)))


def _bucket(at: datetime) -> datetime:
    seconds = int(BUCKET.total_seconds())
    return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, UTC)


def _changed(row: Row, old: int) -> Reprioritised:
    new = Priority(row["effective_priority"])
    return Reprioritised(row["id"], row["incident_id"], Priority(old), new, row["boost_id"])


def _to_boost(row: Row) -> Boost:
    values = {name: value for name, value in row.items() if name not in (*_KEY, "created_at")}
    key = BoostKey(row["service_id"], row["slo"], row["source"], Signal(row["signal"]))
    return Boost(**{**values, "key": key, "state": BoostState(row["state"])})


def _to_row(boost: Boost) -> dict[str, Any]:
    values = {field.name: getattr(boost, field.name) for field in fields(boost) if field.name != "key"}
    return values | {name: getattr(boost.key, name) for name in _KEY}


def _to_reading(row: Row) -> BudgetReading:
    measured = Measured(row["observed_at"], row["remaining"], row["burn_rate"], row["rates"])
    return BudgetReading(row["service_id"], row["slo"], row["source"], measured)
