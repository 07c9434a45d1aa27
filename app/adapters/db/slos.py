"""SLO definitions as rows."""

from dataclasses import fields, replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.adapters.db.statements import Statements, table
from app.adapters.db.tables import SloRow
from app.domain.budgets.slos import Slo

_slos = table(SloRow)


class SqlSlos:
    """SLO definitions in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def find(self, service_id: UUID, name: str) -> Slo | None:
        found = await self._select(_slos.c.service_id == service_id, _slos.c.name == name)
        return found[0] if found else None

    async def of_service(self, service_id: UUID) -> tuple[Slo, ...]:
        return await self._select(_slos.c.service_id == service_id)

    async def service_of(self, name: str) -> UUID | None:
        found = await self._select(_slos.c.name == name)
        return found[0].service_id if len(found) == 1 else None

    async def add(self, slo: Slo) -> None:
        await self._run.insert(_slos, _to_row(slo))

    async def save(self, slo: Slo) -> Slo:
        await self._run.update(_slos, slo.id, slo.version, _to_row(slo))
        return replace(slo, version=slo.version + 1)

    async def _select(self, *where: sa.ColumnElement[bool]) -> tuple[Slo, ...]:
        rows = await self._run.all(sa.select(_slos).where(*where).order_by(_slos.c.name))
        return tuple(Slo(**row) for row in rows)


def _to_row(slo: Slo) -> dict[str, Any]:
    return {field.name: getattr(slo, field.name) for field in fields(slo)} | {"spec": dict(slo.spec)}
