"""Announcements as rows; one that is added or put off wakes the worker."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import AnnouncementRow
from app.adapters.queue import wake_at
from app.domain.announcing.model import Announcement, AnnouncementState, AnnouncementTarget
from app.domain.errors import NotFound

_announcements = table(AnnouncementRow)
_PENDING = _announcements.c.state == AnnouncementState.PENDING


class SqlAnnouncements:
    """Announcements in the current transaction; `added` says that there is one to attempt once it commits."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements
        self.added = False

    async def get(self, id: UUID, *, of: UUID | None = None) -> Announcement:
        statement = sa.select(_announcements).where(_announcements.c.id == id)
        if of is not None:
            statement = statement.where(_announcements.c.postmortem_id == of)
        row = await self._run.first(statement.with_for_update())
        if row is None:
            raise NotFound(f"There is no publication with the id {id}.")
        return _to_announcement(row)

    async def of_incident(self, incident_id: UUID) -> tuple[Announcement, ...]:
        statement = sa.select(_announcements).where(_announcements.c.incident_id == incident_id)
        return tuple(map(_to_announcement, await self._run.all(statement.order_by(_announcements.c.id))))

    async def add(self, announcement: Announcement) -> bool:
        places = ["postmortem_id", "target", "place"]
        statement = insert(_announcements).values(_to_row(announcement))
        new = bool(await self._run.execute(statement.on_conflict_do_nothing(index_elements=places)))
        self.added = self.added or new
        return new

    async def save(self, announcement: Announcement) -> None:
        same = _announcements.c.id == announcement.id
        await self._run.execute(sa.update(_announcements).where(same).values(_to_row(announcement)))
        if announcement.state is AnnouncementState.PENDING and announcement.lease_until is None:
            await self._wake(announcement.not_before)

    async def due(self, now: datetime, target: AnnouncementTarget, limit: int) -> tuple[UUID, ...]:
        statement = sa.select(_announcements.c.id).where(
            _PENDING,
            _announcements.c.target == target,
            sa.or_(_announcements.c.lease_until.is_(None), _announcements.c.lease_until <= now),
            sa.or_(_announcements.c.not_before.is_(None), _announcements.c.not_before <= now),
        )
        in_order = statement.order_by(_announcements.c.created_at, _announcements.c.id).limit(limit)
        return tuple(row["id"] for row in await self._run.all(in_order))

    async def hold(self, target: AnnouncementTarget, until: datetime) -> None:
        """Those that another transaction has locked are left out: waiting for them could deadlock."""
        earlier = sa.or_(_announcements.c.not_before.is_(None), _announcements.c.not_before < until)
        waiting = sa.select(_announcements.c.id).where(_PENDING, _announcements.c.target == target, earlier)
        among = _announcements.c.id.in_(waiting.with_for_update(skip_locked=True))
        if await self._run.execute(sa.update(_announcements).where(among).values(not_before=until)):
            await self._wake(until)

    async def _wake(self, at: datetime | None) -> None:
        if at is None:
            self.added = True
        else:
            await wake_at(self._run.connection, "announcements", at)


_COLUMNS = (
    "id", "postmortem_id", "incident_id", "target", "place", "marker", "created_at", "state", "attempts",
    "attempt_at", "lease_until", "not_before", "last_error", "posted_as", "finished_at",
)  # fmt: skip


def _to_announcement(row: Row) -> Announcement:
    values: dict[str, Any] = {name: row[name] for name in _COLUMNS}
    return Announcement(
        **(values | {"target": AnnouncementTarget(values["target"]), "state": AnnouncementState(values["state"])})
    )


def _to_row(announcement: Announcement) -> dict[str, Any]:
    return {name: getattr(announcement, name) for name in _COLUMNS}
