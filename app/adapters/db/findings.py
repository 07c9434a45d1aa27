"""Findings as rows: at most one open one per code and subject."""

from dataclasses import fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import ActionItemRow, FindingRow, IncidentRow
from app.adapters.db.visibility import visible_to
from app.domain.access import Caller
from app.domain.actions.model import Status
from app.domain.errors import NotFound
from app.domain.follow_through.model import Finding, FindingCode, Step
from app.domain.incidents.model import CauseStatus
from app.domain.learning.taxonomy import UNDETERMINED_ID

_findings, _items, _incidents = table(FindingRow), table(ActionItemRow), table(IncidentRow)


class SqlFindings:
    """Findings in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def get(self, id: UUID, caller: Caller) -> Finding:
        statement = sa.select(_findings).where(_findings.c.id == id, visible_to(caller, _findings.c.incident_id))
        row = await self._run.first(statement.with_for_update())
        if row is None:
            raise NotFound(f"There is no finding with the id {id}.")
        return to_finding(row)

    async def open(self, finding: Finding) -> bool:
        statement = insert(_findings).values(_to_row(finding))
        only_one = statement.on_conflict_do_nothing(
            index_elements=["code", "subject_id"], index_where=_findings.c.closed_at.is_(None)
        )
        return bool(await self._run.execute(only_one))

    async def find_open(self, code: FindingCode, subject_id: UUID) -> Finding | None:
        statement = sa.select(_findings).where(
            _findings.c.code == code, _findings.c.subject_id == subject_id, _findings.c.closed_at.is_(None)
        )
        row = await self._run.first(statement)
        return None if row is None else to_finding(row)

    async def was_dismissed(self, code: FindingCode, subject_id: UUID, since: datetime) -> bool:
        statement = sa.select(sa.literal(1)).where(
            _findings.c.code == code,
            _findings.c.subject_id == subject_id,
            _findings.c.opened_at >= since,
            _findings.c.dismissed_by_id.is_not(None),
        )
        return await self._run.first(statement) is not None

    async def save(self, finding: Finding) -> Finding:
        await self._run.update(_findings, finding.id, finding.version, _to_row(finding))
        return replace(finding, version=finding.version + 1)

    async def undetermined_incidents(self, before: datetime, limit: int) -> tuple[UUID, ...]:
        reported = sa.exists().where(
            _findings.c.code == FindingCode.CAUSE_UNDETERMINED, _findings.c.subject_id == _incidents.c.id
        )
        since = sa.func.coalesce(_incidents.c.resolved_at, _incidents.c.created_at)
        statement = (
            sa.select(_incidents.c.id)
            .where(
                _incidents.c.root_cause_id == UNDETERMINED_ID,
                _incidents.c.root_cause_status == CauseStatus.CONFIRMED,
                since < before,
                ~reported,
            )
            .order_by(since, _incidents.c.id)
            .limit(limit)
        )
        return tuple(row["id"] for row in await self._run.all(statement))

    async def overdue_deployments(self, before: datetime, limit: int) -> tuple[UUID, ...]:
        """Items implemented before then that never said when they reached production, each reported once."""
        reported = sa.exists().where(
            _findings.c.code == FindingCode.DEPLOYMENT_UNKNOWN,
            _findings.c.subject_id == _items.c.id,
            _findings.c.opened_at >= _items.c.implemented_at,
        )
        statement = (
            sa.select(_items.c.id)
            .where(
                _items.c.status == Status.IMPLEMENTED,
                _items.c.deployed_at.is_(None),
                _items.c.implemented_at < before,
                ~reported,
            )
            .order_by(_items.c.implemented_at, _items.c.id)
            .limit(limit)
        )
        return tuple(row["id"] for row in await self._run.all(statement))


def to_finding(row: Row) -> Finding:
    """The entity behind a row."""
    return Finding(**{**row, "code": FindingCode(row["code"]), "step": Step(row["step"])})


def _to_row(finding: Finding) -> dict[str, Any]:
    return {field.name: getattr(finding, field.name) for field in fields(finding)} | {"step": int(finding.step)}
