"""Events as rows, and the stamping of their positions once they are committed."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import EventRow
from app.adapters.queue import wake_at
from app.domain.events import Event, EventType

_events = table(EventRow)
CHANNEL = "norepeat_events"
"""A NOTIFY on it says which position is the last one now."""

LOCK = 7_246_020
STAMP = """
with given as (
    update events set position = stamped.position
    from (
        select id, (select coalesce(max(position), 0) from events) + row_number() over (order by id) as position
        from events where position is null
    ) as stamped
    where events.id = stamped.id
    returning events.position
)
select count(*), max(position) from given
"""


class SqlEvents:
    """Events in the current transaction; `added` says that there is one for the worker."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements
        self.added = False

    async def add(self, event: Event) -> None:
        await self.add_many([event])

    async def add_many(self, events: Sequence[Event]) -> None:
        await self._run.insert_all(_events, [_to_row(event) for event in events])
        self.added = self.added or bool(events)

    async def unhandled(self, limit: int) -> tuple[Event, ...]:
        due = sa.or_(_events.c.not_before.is_(None), _events.c.not_before <= sa.func.now())
        statement = (
            sa.select(_events)
            .where(_events.c.handled_at.is_(None), due)
            .order_by(_events.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return tuple(to_event(row) for row in await self._run.all(statement))

    async def claim(self, ids: Sequence[UUID], until: datetime) -> None:
        values = {"attempts": _events.c.attempts + 1, "not_before": until}
        await self._run.execute(sa.update(_events).where(_among(ids)).values(values))

    async def handled(self, ids: Sequence[UUID], now: datetime) -> None:
        values = {"handled_at": now, "not_before": None, "error": None}
        await self._run.execute(sa.update(_events).where(_among(ids)).values(values))

    async def failed(self, id: UUID, error: str, retry_at: datetime) -> None:
        await self._run.execute(sa.update(_events).where(_events.c.id == id).values(error=error, not_before=retry_at))
        await wake_at(self._run.connection, "events", retry_at)


_PLAIN = ("id", "subject_id", "incident_id", "actor", "occurred_at", "attempts")


def to_event(row: Row) -> Event:
    """The entity behind a row."""
    return Event(**{name: row[name] for name in _PLAIN}, type=EventType(row["type"]), data=row["data"])


def _to_row(event: Event) -> dict[str, object]:
    return {name: getattr(event, name) for name in _PLAIN} | {"type": event.type, "data": dict(event.data)}


def _among(ids: Sequence[UUID]) -> sa.ColumnElement[bool]:
    return _events.c.id == sa.any_(sa.literal(list(ids), sa.ARRAY(sa.Uuid)))


async def stamp_positions(connection: AsyncConnection) -> int:
    """Give every committed event that has none the next position, and say so; how many there were.

    Ids do not follow the order of commits, positions do: who has seen one has seen all before it.
    """
    async with connection.begin():
        # A statement of its own, so that the next one sees what the stamper before us has committed.
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        stamped = (await connection.exec_driver_sql(STAMP)).mappings().one()
        count = int(stamped["count"])
        if count:
            await connection.execute(sa.select(sa.func.pg_notify(CHANNEL, str(stamped["max"]))))
    return count
