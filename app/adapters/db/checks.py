"""Evidence as rows: kept for ever, refuted at most."""

from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import CheckRow, IncidentRow, IncidentServiceRow
from app.domain.actions.evidence import Check, CheckKind, Observation, Verdict
from app.domain.incidents.model import CauseStatus, Mode

_checks, _incidents, _at = table(CheckRow), table(IncidentRow), table(IncidentServiceRow)
_ENUMS = {"kind": CheckKind, "verdict": Verdict, "observation": Observation}


class SqlChecks:
    """Checks in the current transaction; their item's row is the lock."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def get(self, id: UUID) -> Check:
        return _to_check(await self._run.get(_checks, id))

    async def of_item(self, item_id: UUID) -> tuple[Check, ...]:
        statement = sa.select(_checks).where(_checks.c.action_item_id == item_id)
        rows = await self._run.all(statement.order_by(_checks.c.ran_at, _checks.c.id))
        return tuple(_to_check(row) for row in rows)

    async def add(self, check: Check) -> None:
        await self._run.insert(_checks, _to_row(check))

    async def save(self, check: Check) -> None:
        await self._run.execute(sa.update(_checks).where(_checks.c.id == check.id).values(_to_row(check)))

    async def recurrences(
        self, *, cause_id: UUID, service_id: UUID, start: datetime, end: datetime
    ) -> tuple[tuple[UUID | None, datetime], ...]:
        # What a check saw is kept for all who see the item: a restricted incident counts, its id is not kept.
        named = sa.case((_incidents.c.restricted, None), else_=_incidents.c.id).label("id")
        statement = (
            sa.select(named, _incidents.c.started_at)
            .join(_at, _at.c.incident_id == _incidents.c.id)
            .where(
                _at.c.service_id == service_id,
                _incidents.c.root_cause_id == cause_id,
                _incidents.c.root_cause_status == CauseStatus.CONFIRMED,
                _incidents.c.mode == Mode.STANDARD,
                _incidents.c.started_at > start,
                _incidents.c.started_at <= end,
            )
            .order_by(_incidents.c.started_at)
        )
        return tuple((row["id"], row["started_at"]) for row in await self._run.all(statement))


def _to_check(row: Row) -> Check:
    values: dict[str, Any] = dict(row)
    for name, enum in _ENUMS.items():
        values[name] = None if values[name] is None else enum(values[name])
    return Check(**values)


def _to_row(check: Check) -> dict[str, Any]:
    return {field.name: getattr(check, field.name) for field in fields(check)}
