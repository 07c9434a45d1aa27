"""Webhooks that wait to be handled, as rows."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import InboxRow
from app.adapters.queue import wake_at
from app.domain.ports import InboxItem

_inbox = table(InboxRow)
MOST = 2000


class SqlInboxItems:
    """Kept webhooks in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def due(self, now: datetime, limit: int) -> tuple[UUID, ...]:
        statement = sa.select(_inbox.c.id).where(_due(now)).order_by(_inbox.c.received_at, _inbox.c.id).limit(limit)
        return tuple(row["id"] for row in await self._run.all(statement))

    async def claim(self, id: UUID, now: datetime, until: datetime) -> InboxItem | None:
        statement = (
            sa.update(_inbox)
            .where(_inbox.c.id == id, _due(now))
            .values(attempts=_inbox.c.attempts + 1, not_before=until)
            .returning(_inbox)
        )
        row = await self._run.first(statement)
        return None if row is None else _to_item(row)

    async def handled(self, id: UUID, now: datetime, note: str | None) -> None:
        await self._finish(id, handled_at=now, not_before=None, note=note, error=None)

    async def failed(self, id: UUID, now: datetime, error: str, retry_at: datetime | None) -> None:
        """Without `retry_at` it is given up: handled, with its error to be seen."""
        if retry_at is None:
            await self._finish(id, handled_at=now, not_before=None, error=error)
            return
        await self._finish(id, not_before=retry_at, error=error)
        await wake_at(self._run.connection, "inbox", retry_at)

    async def bodies(self, source: str, start: datetime, end: datetime) -> tuple[bytes, ...]:
        within = (_inbox.c.source == source) & _inbox.c.received_at.between(start, end)
        statement = sa.select(_inbox.c.body).where(within).order_by(_inbox.c.received_at).limit(MOST)
        return tuple(row["body"] for row in await self._run.all(statement))

    async def _finish(self, id: UUID, **values: object) -> None:
        await self._run.execute(sa.update(_inbox).where(_inbox.c.id == id).values(**values))


def _due(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(_inbox.c.handled_at.is_(None), sa.or_(_inbox.c.not_before.is_(None), _inbox.c.not_before <= now))


def _to_item(row: Row) -> InboxItem:
    return InboxItem(
        id=row["id"],
        source=row["source"],
        delivery_id=row["delivery_id"],
        headers=row["headers"],
        body=row["body"],
        received_at=row["received_at"],
        attempts=row["attempts"],
    )
