"""Tables of action items and their evidence."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.adapters.db.tables.columns import Versioned, at_column, json_column, ref_column, text_column

_RISK = sa.text("coalesce(risk, '-1'::integer::double precision)")
"""As lists sort by it."""


class ActionItemRow(Versioned, table=True):
    __tablename__ = "action_items"
    __table_args__ = (
        sa.Index("ix_action_items_status_risk", "status", "risk"),
        sa.Index("ix_action_items_newest", "created_at", "id"),
        sa.Index("ix_action_items_risk", _RISK, "id"),
        sa.Index("ix_action_items_team_risk", "team_id", _RISK, "id"),
        sa.Index("ix_action_items_cause_service", "root_cause_id", "service_id"),
        sa.Index("ix_action_items_service", "service_id", "status"),
        # For metrics: all that they need of a window, without the rows themselves.
        sa.Index(
            "ix_action_items_created",
            "created_at",
            postgresql_include=[
                "status",
                "team_id",
                "service_id",
                "incident_id",
                "committed_due_on",
                "due_on",
                "evidence_due_on",
                "implemented_at",
                "closed_at",
                "slips",
            ],
        ),
        sa.Index(
            "ix_action_items_open",
            "created_at",
            postgresql_include=["status", "team_id", "service_id", "incident_id", "committed_due_on", "implemented_at"],
            postgresql_where=sa.text("status in ('open', 'in_progress', 'implemented')"),
        ),
        sa.Index("ix_action_items_closed", "closed_at", postgresql_where=sa.text("closed_at is not null")),
        sa.Index("ix_action_items_declined", "updated_at", postgresql_where=sa.text("status = 'declined'")),
        sa.Index("ix_action_items_declined_created", "created_at", postgresql_where=sa.text("status = 'declined'")),
        sa.Index("ix_action_items_team", "team_id", "status"),
        sa.Index(
            "ix_action_items_priority_due", "priority_due_at", postgresql_where=sa.text("priority_due_at is not null")
        ),
        sa.Index("ix_action_items_pattern", "pattern_id", postgresql_where=sa.text("pattern_id is not null")),
    )

    postmortem_id: UUID | None = ref_column("postmortems.id", index=True)
    incident_id: UUID | None = ref_column("incidents.id", index=True)
    pattern_id: UUID | None = ref_column("meta_review_patterns.id")
    title: str = text_column()
    description: str = text_column()
    control_type: str = text_column()
    systemic: bool = False
    status: str = text_column()
    owner_id: UUID | None = ref_column("people.id", index=True)
    team_id: UUID | None = ref_column("teams.id")
    service_id: UUID | None = ref_column("services.id")
    root_cause_id: UUID | None = ref_column("root_causes.id")
    committed_due_on: date | None = None
    due_on: date | None = None
    slips: int = 0
    base_priority: int = Field(sa_type=sa.SmallInteger)
    effective_priority: int = Field(sa_type=sa.SmallInteger)
    boost_id: UUID | None = ref_column("boosts.id")
    priority_due_at: datetime | None = at_column()
    plan: dict[str, Any] | None = json_column()
    opened_at: datetime | None = at_column()
    implemented_at: datetime | None = at_column()
    deployed_at: datetime | None = at_column()
    evidence_due_on: date | None = None
    closed_at: datetime | None = at_column()
    reopened_at: datetime | None = at_column()
    decline: dict[str, Any] | None = json_column()
    refuted_by_id: UUID | None = ref_column("incidents.id")
    planned_in: str | None = text_column()
    times_passed_over: int = 0
    risk: float | None = None
    risk_detail: dict[str, Any] | None = json_column()
    risk_as_of: datetime | None = at_column()
    cause_recurred_at: datetime | None = at_column()


class ActionItemChangeRow(SQLModel, table=True):
    __tablename__ = "action_item_changes"
    __table_args__ = (sa.Index("ix_action_item_changes_item", "action_item_id", "at", "id"),)

    id: UUID = Field(primary_key=True)
    action_item_id: UUID = ref_column("action_items.id", ondelete="CASCADE")
    at: datetime = at_column()
    actor: str = text_column()
    source: str = text_column()
    field: str = text_column()
    old: str | None = text_column()
    new: str | None = text_column()


class CheckRow(SQLModel, table=True):
    __tablename__ = "checks"
    __table_args__ = (
        sa.Index("ix_checks_item", "action_item_id", "ran_at", "id"),
        sa.Index(
            "ix_checks_closed_item",
            "closed_item_at",
            postgresql_include=["action_item_id", "deployed_at", "id"],
            postgresql_where=sa.text("closed_item_at is not null"),
        ),
    )

    id: UUID = Field(primary_key=True)
    action_item_id: UUID = ref_column("action_items.id", ondelete="CASCADE")
    kind: str = text_column()
    ran_at: datetime = at_column()
    window_start: datetime = at_column()
    window_end: datetime = at_column()
    verdict: str | None = text_column()
    observation: str | None = text_column()
    statement: str = text_column()
    link: str | None = text_column()
    attested_by_id: UUID | None = ref_column("people.id")
    reviewed_by_id: UUID | None = ref_column("people.id")
    reviewed_at: datetime | None = at_column()
    review_comment: str = text_column()
    detail: dict[str, Any] = json_column("{}")
    closed_item_at: datetime | None = at_column()
    implemented_at: datetime | None = at_column()
    deployed_at: datetime | None = at_column()
    refuted_by_id: UUID | None = ref_column("incidents.id", index=True)
    refuted_at: datetime | None = at_column()
