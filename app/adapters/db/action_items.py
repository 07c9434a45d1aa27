"""Action items and their history as rows."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import ActionItemChangeRow, ActionItemRow, IncidentRow
from app.adapters.db.visibility import visible_to
from app.domain.access import Caller
from app.domain.actions.evidence import (
    RUN_BY_US,
    CheckKind,
    Comparison,
    Exercise,
    MetricMode,
    MetricPlan,
    VerificationPlan,
)
from app.domain.actions.model import ActionItem, Change, ControlType, Decline, DeclineCode, Priority, Status
from app.domain.errors import NotFound
from app.domain.ids import new_id
from app.domain.monitoring import Backend

_items = table(ActionItemRow)
_changes = table(ActionItemChangeRow)
_incidents = table(IncidentRow)


class SqlActionItems:
    """Action items in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def get(self, id: UUID, caller: Caller) -> ActionItem:
        statement = sa.select(_items).where(_items.c.id == id, visible_to(caller, _items.c.incident_id))
        row = await self._run.first(statement.with_for_update())
        if row is None:
            raise NotFound(f"There is no action item with the id {id}.")
        return to_item(row)

    async def of_postmortem(self, postmortem_id: UUID) -> tuple[ActionItem, ...]:
        return await self._select(_items.c.postmortem_id == postmortem_id)

    async def find_many(self, ids: Sequence[UUID]) -> tuple[ActionItem, ...]:
        return await self._select(_items.c.id == sa.any_(sa.literal(list(ids), sa.ARRAY(sa.Uuid)))) if ids else ()

    async def add(self, item: ActionItem) -> None:
        await self._run.insert(_items, to_row(item))

    async def save(self, item: ActionItem) -> ActionItem:
        await self._run.update(_items, item.id, item.version, to_row(item))
        return replace(item, version=item.version + 1)

    async def record(self, item_id: UUID, changes: Sequence[Change]) -> None:
        rows = [
            {"id": new_id(), "action_item_id": item_id, "at": c.at, "actor": c.actor, "source": c.source,
             "field": c.field, "old": c.old, "new": c.new}
            for c in changes
        ]  # fmt: skip
        await self._run.insert_all(_changes, rows)

    async def closed_with(self, cause_id: UUID, service_ids: Sequence[UUID]) -> tuple[ActionItem, ...]:
        return await self._select(
            _items.c.status == Status.CLOSED,
            _items.c.root_cause_id == cause_id,
            _items.c.service_id == sa.any_(sa.literal(list(service_ids), sa.ARRAY(sa.Uuid))),
            lock=True,
        )

    async def refuted_by(self, incident_id: UUID) -> tuple[ActionItem, ...]:
        return await self._select(_items.c.refuted_by_id == incident_id, lock=True)

    async def evidence_due(self, on: datetime, limit: int) -> tuple[UUID, ...]:
        planned = sa.or_(*(_items.c.plan["checks"].contains([kind.value]) for kind in RUN_BY_US))
        statement = (
            sa.select(_items.c.id)
            .where(_items.c.status == Status.IMPLEMENTED, _items.c.evidence_due_on <= on.date(), planned)
            .order_by(_items.c.evidence_due_on, _items.c.id)
            .limit(limit)
        )
        return tuple(row["id"] for row in await self._run.all(statement))

    async def _select(self, *where: sa.ColumnElement[bool], lock: bool = False) -> tuple[ActionItem, ...]:
        statement = sa.select(_items).where(*where).order_by(_items.c.id)
        rows = await self._run.all(statement.with_for_update() if lock else statement)
        return tuple(to_item(row) for row in rows)


def to_item(row: Row) -> ActionItem:
    """The entity behind a row."""
    plain = {name: row[name] for name in _PLAIN}
    return ActionItem(
        **plain,
        control_type=ControlType(row["control_type"]),
        status=Status(row["status"]),
        base_priority=Priority(row["base_priority"]),
        effective_priority=Priority(row["effective_priority"]),
        plan=_to_plan(row["plan"]),
        decline=_to_decline(row["decline"]),
    )


_PLAIN = (
    "id", "title", "created_at", "updated_at", "postmortem_id", "incident_id", "pattern_id", "description", "systemic",
    "owner_id", "team_id", "service_id", "root_cause_id", "committed_due_on", "due_on", "slips", "opened_at",
    "implemented_at", "boost_id", "deployed_at", "evidence_due_on", "closed_at", "reopened_at", "refuted_by_id",
    "planned_in", "times_passed_over", "version",
)  # fmt: skip


def to_row(item: ActionItem) -> dict[str, Any]:
    """The row behind an entity."""
    plan, decline = item.plan, item.decline
    return {name: getattr(item, name) for name in _PLAIN} | {
        "control_type": item.control_type,
        "status": item.status,
        "base_priority": int(item.base_priority),
        "effective_priority": int(item.effective_priority),
        "plan": plan and _of_plan(plan),
        "decline": decline
        and {
            "code": decline.code,
            "reason": decline.reason,
            "by_id": str(decline.by_id),
            "at": decline.at.isoformat(),
            "next_review_at": decline.next_review_at.isoformat(),
        },
    }


def _to_plan(value: dict[str, Any] | None) -> VerificationPlan | None:
    if value is None:
        return None
    checks, metric = tuple(map(CheckKind, value["checks"])), value.get("metric")
    return VerificationPlan(checks, value["window_days"], value["description"], _to_metric(metric) if metric else None)


def _of_plan(plan: VerificationPlan) -> dict[str, Any]:
    return {
        "checks": list(plan.checks),
        "window_days": plan.window_days,
        "description": plan.description,
        "metric": plan.metric and asdict(plan.metric),
    }


def _to_metric(value: dict[str, Any]) -> MetricPlan:
    return MetricPlan(
        value["query"], Comparison(value["comparison"]), value["threshold"], MetricMode(value["mode"]),
        Exercise(value["exercised"]), Backend(value["backend"]),
    )  # fmt: skip


def _to_decline(value: dict[str, Any] | None) -> Decline | None:
    if value is None:
        return None
    return Decline(
        DeclineCode(value["code"]),
        value["reason"],
        UUID(value["by_id"]),
        datetime.fromisoformat(value["at"]),
        datetime.fromisoformat(value["next_review_at"]),
    )
