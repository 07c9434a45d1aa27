"""Root causes and factors as rows."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import ActionItemRow, FactorRow, IncidentRow, RootCauseRow
from app.domain.learning.model import Factor, RootCause

_causes, _factors = table(RootCauseRow), table(FactorRow)
_PLAIN = (
    "id", "slug", "title", "created_at", "updated_at", "factor_code", "description", "merged_into_id", "version",
)  # fmt: skip
_NAMING = (
    (table(IncidentRow), "root_cause_id"),
    (table(ActionItemRow), "root_cause_id"),
    (_causes, "merged_into_id"),
)
"""Where a root cause is named."""


class SqlRootCauses:
    """Root causes in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def get(self, id: UUID) -> RootCause:
        return _to_cause(await self._run.get(_causes, id))

    async def find(self, id: UUID) -> RootCause | None:
        return await self._first(_causes.c.id == id)

    async def find_by_slug(self, slug: str) -> RootCause | None:
        return await self._first(_causes.c.slug == slug)

    async def add(self, cause: RootCause) -> None:
        await self._run.insert(_causes, _of_cause(cause))

    async def save(self, cause: RootCause) -> RootCause:
        await self._run.update(_causes, cause.id, cause.version, _of_cause(cause))
        return replace(cause, version=cause.version + 1)

    async def repoint(self, old_id: UUID, new_id: UUID) -> None:
        """What names the cause shows another one now, so its version moves too."""
        for named, column in _NAMING:
            change = {column: new_id, "version": named.c.version + 1}
            await self._run.execute(sa.update(named).where(named.c[column] == old_id).values(change))

    async def _first(self, where: sa.ColumnElement[bool]) -> RootCause | None:
        row = await self._run.first(sa.select(_causes).where(where))
        return None if row is None else _to_cause(row)


class SqlFactors:
    """The taxonomy in the current transaction; only migrations write it."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def find(self, code: str) -> Factor | None:
        row = await self._run.first(sa.select(_factors).where(_factors.c.code == code))
        if row is None:
            return None
        return Factor(row["code"], row["title"], row["description"], tuple(row["sub_codes"]))


def _to_cause(row: Row) -> RootCause:
    return RootCause(**{name: row[name] for name in _PLAIN})


def _of_cause(cause: RootCause) -> dict[str, Any]:
    return {name: getattr(cause, name) for name in _PLAIN}
