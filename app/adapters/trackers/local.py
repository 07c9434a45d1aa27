"""Our own tracker, for teams that have no other: tickets in a table, each write a transaction of its own."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.adapters.db.statements import Row, name_deed, table
from app.adapters.db.tables import LocalTicketRow
from app.domain.organisation.model import Route
from app.domain.tracking.errors import NotThisTracker, TicketGone, TrackerRefused
from app.domain.tracking.model import (
    RemoteTicket,
    Ticket,
    TicketDraft,
    TicketStatus,
    TicketUpdate,
)

_tickets = table(LocalTicketRow)
PREFIX = "LOCAL-"
PATH = "/v1/local-tickets/"
PLAIN = ("title", "assignee", "due_on", "priority")


class LocalTracker:
    """The port `Tracker` over the table `local_tickets`."""

    def __init__(self, engine: AsyncEngine, public_url: str) -> None:
        self._engine = engine
        self._url = public_url.rstrip("/") + PATH

    async def create(self, route: Route, draft: TicketDraft) -> RemoteTicket:
        """The marker is unique, so that a second try finds the first one's ticket."""
        now = datetime.now(UTC)
        values = {
            "marker": draft.marker, "title": draft.title, "body": f"{draft.body}\n\n{draft.url}".strip(),
            "status": TicketStatus.TODO, "assignee": draft.assignee, "due_on": draft.due_on,
            "priority": draft.priority, "labels": [*route.labels], "comments": [], "created_at": now,
            "updated_at": now,
        }  # fmt: skip
        async with self._engine.begin() as connection:
            await name_deed(connection)
            await connection.execute(insert(_tickets).values(values).on_conflict_do_nothing(index_elements=["marker"]))
            row = await _first(connection, _tickets.c.marker == draft.marker)
        assert row is not None
        return self._to_remote(row)

    async def find_by_marker(self, route: Route, marker: UUID, since: datetime) -> RemoteTicket | None:  # noqa: ARG002
        async with self._engine.connect() as connection:
            row = await _first(connection, _tickets.c.marker == marker)
        return None if row is None else self._to_remote(row)

    async def read(self, ticket: Ticket) -> RemoteTicket:
        return await self._read(_number(ticket), TicketGone(f"The local ticket {ticket.key} does not exist."))

    async def update(self, ticket: Ticket, update: TicketUpdate, marker: UUID) -> RemoteTicket:
        """Apply it; a comment with this marker is there once."""
        changes = {name: getattr(update, name) for name in PLAIN if getattr(update, name) is not None}
        if update.status is not None:
            changes["status"] = update.status
        said = update.comment if update.link_back is None else f"Tracked by norepeat: {update.link_back}"
        return await self._write(_number(ticket), changes, said, marker)

    async def move(self, number: int, status: TicketStatus) -> RemoteTicket:
        """Set a ticket's status."""
        return await self._write(number, {"status": status}, None, None)

    async def resolve(self, reference: str) -> RemoteTicket:
        text = reference.strip()
        for prefix in (PREFIX, self._url):
            number = text.removeprefix(prefix)
            if number != text and number.isascii() and number.isdigit() and len(number) < 18:
                return await self._read(int(number), TrackerRefused(f"There is no local ticket {text}."))
        raise NotThisTracker

    async def changed_since(self, route: Route, since: datetime) -> Sequence[RemoteTicket]:  # noqa: ARG002
        statement = sa.select(_tickets).where(_tickets.c.updated_at >= since).order_by(_tickets.c.updated_at)
        async with self._engine.connect() as connection:
            return [self._to_remote(row) for row in (await connection.execute(statement)).mappings()]

    async def find_user(self, route: Route, email: str) -> str | None:  # noqa: ARG002
        """People are known here by their e-mail address, so nobody needs to be looked up."""
        return None

    async def _read(self, number: int, missing: TrackerRefused) -> RemoteTicket:
        async with self._engine.connect() as connection:
            row = await _first(connection, _tickets.c.number == number)
        if row is None:
            raise missing
        return self._to_remote(row)

    async def _write(
        self, number: int, changes: Mapping[str, Any], comment: str | None, marker: UUID | None
    ) -> RemoteTicket:
        async with self._engine.begin() as connection:
            row = await _first(connection, _tickets.c.number == number, lock=True)
            if row is None:
                raise TicketGone(f"The local ticket {PREFIX}{number} does not exist.")
            values = {name: value for name, value in changes.items() if row[name] != value}
            said = {entry["marker"] for entry in row["comments"]}
            now = datetime.now(UTC)
            if comment is not None and str(marker) not in said:
                entry = {"marker": str(marker), "text": comment, "at": now.isoformat()}
                values["comments"] = [*row["comments"], entry]
            if values:
                await name_deed(connection)
                statement = sa.update(_tickets).where(_tickets.c.number == number)
                await connection.execute(statement.values(**values, updated_at=now))
            changed = await _first(connection, _tickets.c.number == number)
        assert changed is not None
        return self._to_remote(changed)

    def _to_remote(self, row: Row) -> RemoteTicket:
        return RemoteTicket(
            external_id=str(row["number"]),
            key=f"{PREFIX}{row['number']}",
            url=f"{self._url}{row['number']}",
            status=TicketStatus(row["status"]),
            updated_at=row["updated_at"],
            status_text=row["status"],
            title=row["title"],
            assignee=row["assignee"],
            due_on=row["due_on"],
            priority=row["priority"],
            marker=row["marker"],
        )


def _number(ticket: Ticket) -> int:
    return int(ticket.external_id or 0)


async def _first(connection: AsyncConnection, where: sa.ColumnElement[bool], *, lock: bool = False) -> Row | None:
    statement = sa.select(_tickets).where(where)
    return (await connection.execute(statement.with_for_update() if lock else statement)).mappings().first()
