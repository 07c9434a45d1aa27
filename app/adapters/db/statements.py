"""Running Core statements in one transaction, with the database's refusals turned into the domain's errors."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from app.adapters.db import tables
from app.adapters.db.audit import NAME_DEED
from app.domain.deeds import current_deed
from app.domain.errors import AlreadyExists, DomainError, Invalid, NotFound, Stale, UnknownReference, WrongState

Row = sa.RowMapping


def table(row_class: type[SQLModel]) -> sa.Table:
    """The Core table behind a SQLModel class, which is never used as an entity."""
    return SQLModel.metadata.tables[str(row_class.__tablename__)]


class Statements:
    """The one way from a repository to the database."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self._deed_is_named = False
        self.created: str | None = None
        """The id of the first record that this transaction made."""

    async def execute(self, statement: sa.Executable, rows: Sequence[Mapping[str, Any]] | None = None) -> int:
        """Run it and say how many rows it touched."""
        return (await self._run(statement, rows)).rowcount

    async def all(self, statement: sa.Executable) -> Sequence[Row]:
        return (await self._run(statement, None)).mappings().all()

    async def first(self, statement: sa.Executable) -> Row | None:
        return (await self._run(statement, None)).mappings().first()

    async def scalar(self, statement: sa.Executable) -> Any:
        return (await self._run(statement, None)).scalar()

    async def insert(self, into: sa.Table, values: Mapping[str, Any]) -> None:
        await self.execute(sa.insert(into).values(values))
        if self.created is None and "id" in values:
            self.created = str(values["id"])

    async def insert_all(self, into: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            await self.execute(sa.insert(into), rows)

    async def replace_all(
        self, into: sa.Table, where: sa.ColumnElement[bool], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """These rows are all there is under `where` from now on; what is there already is not written again."""
        stored = [dict(row) for row in await self.all(sa.select(into).where(where))]
        keys = [column.name for column in into.primary_key]
        gone = [{f"old_{key}": row[key] for key in keys} for row in stored if row not in rows]
        if gone:
            is_it = sa.and_(*(into.c[key] == sa.bindparam(f"old_{key}") for key in keys))
            await self.execute(sa.delete(into).where(is_it), gone)
        await self.insert_all(into, [row for row in rows if row not in stored])

    async def get(self, table: sa.Table, id: UUID | str, *, lock: bool = True) -> Row:
        """The row with this id, locked until the transaction ends. Raises NotFound."""
        statement = sa.select(table).where(table.c.id == id)
        row = await self.first(statement.with_for_update() if lock else statement)
        if row is None:
            raise NotFound(f"There is no {singular(table)} with the id {id}.")
        return row

    async def update(self, table: sa.Table, id: UUID, version: int, values: Mapping[str, Any]) -> None:
        """Write if the row still has this version. Raises Stale."""
        statement = sa.update(table).where(table.c.id == id, table.c.version == version)
        if not await self.execute(statement.values({**values, "version": version + 1})):
            raise Stale

    async def _run(self, statement: sa.Executable, rows: Sequence[Mapping[str, Any]] | None) -> sa.CursorResult[Any]:
        if isinstance(statement, sa.UpdateBase) and not self._deed_is_named:
            self._deed_is_named = True
            await name_deed(self.connection)
        try:
            return await self.connection.execute(statement, rows)
        except DBAPIError as error:
            raise translated(error) from error


async def name_deed(connection: AsyncConnection) -> None:
    """Tell the audit log who does what, before a transaction's first write."""
    await connection.exec_driver_sql(NAME_DEED, (orjson.dumps(asdict(current_deed())).decode(),))


def singular(table: sa.Table) -> str:
    """`root_causes` → `root cause`, for messages."""
    words = {"people": "person"}
    return words.get(table.name, table.name.removesuffix("s")).replace("_", " ")


def translated(error: DBAPIError) -> Exception:
    """What the database refused, in the domain's words; anything unexpected stays what it is."""
    cause = getattr(error.orig, "__cause__", None)
    state = getattr(error.orig, "sqlstate", None) or getattr(cause, "sqlstate", None) or ""
    detail = getattr(cause, "detail", None) or ""
    known: Mapping[str, type[DomainError]] = {"23505": AlreadyExists, "23503": UnknownReference, "40001": Stale}
    if state in known:
        return known[state](_readable(detail) or None)
    if state == "40P01":
        return WrongState("Another change was in the way; try again.")
    if state.startswith("22") or (cause is not None and type(cause).__name__ == "DataError"):
        return Invalid("A value cannot be stored: it is out of range or holds a character that text cannot hold.")
    return error


def _readable(detail: str) -> str:
    """`Key (slug)=(checkout) already exists.` without the bracketing."""
    return detail.replace("Key (", "").replace(")=(", " ").replace(") ", " ", 1)


__all__ = ["Row", "Statements", "name_deed", "singular", "table", "tables", "translated"]
