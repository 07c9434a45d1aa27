"""Tables of incidents, their causes and factors."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.adapters.db.tables.columns import Versioned, at_column, json_column, ref_column, text_column


class FactorRow(SQLModel, table=True):
    __tablename__ = "factors"

    code: str = text_column(primary_key=True)
    title: str = text_column()
    description: str = text_column()
    sub_codes: list[str] = json_column("[]")


class RootCauseRow(Versioned, table=True):
    __tablename__ = "root_causes"
    __table_args__ = (
        sa.Index(
            "ix_root_causes_words",
            sa.text("to_tsvector('english', (title || ' ') || description)"),
            postgresql_using="gin",
        ),
    )

    slug: str = text_column(unique=True)
    title: str = text_column()
    description: str = text_column()
    factor_code: str | None = ref_column("factors.code", sa_type=sa.Text)
    merged_into_id: UUID | None = ref_column("root_causes.id", index=True)


class IncidentRow(Versioned, table=True):
    __tablename__ = "incidents"
    __table_args__ = (
        sa.CheckConstraint("severity between 1 and 5", name="severity"),
        sa.Index("ix_incidents_cause_started", "root_cause_id", "started_at"),
        sa.Index("ix_incidents_started", "started_at"),
        sa.Index(
            "ix_incidents_words", sa.text("to_tsvector('english', (title || ' ') || summary)"), postgresql_using="gin"
        ),
        sa.Index("ix_incidents_newest", "created_at", "id"),
        sa.Index("ix_incidents_restricted", "id", postgresql_where=sa.text("restricted")),
        # For metrics: all that they need of a window, without the rows themselves.
        sa.Index(
            "ix_incidents_begun",
            sa.text("coalesce(started_at, created_at)"),
            postgresql_include=[
                "started_at",
                "created_at",
                "detected_at",
                "acknowledged_at",
                "mitigated_at",
                "resolved_at",
                "severity",
                "primary_service_id",
                "id",
            ],
            postgresql_where=sa.text("mode = 'standard'"),
        ),
        sa.Index(
            "ix_incidents_occurrences",
            "root_cause_id",
            "started_at",
            postgresql_include=["id"],
            postgresql_where=sa.text("mode = 'standard' and root_cause_status = 'confirmed'"),
        ),
        sa.Index(
            "ix_incidents_facts",
            "id",
            postgresql_include=[
                "started_at",
                "resolved_at",
                "root_cause_id",
                "root_cause_status",
                "severity",
                "primary_service_id",
            ],
            postgresql_where=sa.text("mode = 'standard'"),
        ),
        sa.Index("ix_incidents_not_standard", "id", postgresql_where=sa.text("mode <> 'standard'")),
    )

    title: str = text_column()
    summary: str = text_column()
    severity: int = Field(sa_type=sa.SmallInteger)
    mode: str = text_column()
    customer_impact: str = text_column()
    detection_source: str | None = text_column()
    primary_service_id: UUID = ref_column("services.id", index=True)
    started_at: datetime | None = at_column()
    detected_at: datetime | None = at_column()
    acknowledged_at: datetime | None = at_column()
    mitigated_at: datetime | None = at_column()
    resolved_at: datetime | None = at_column()
    moment_sources: dict[str, str] = json_column("{}")
    contradictions: list[str] = json_column("[]")
    change_role: str | None = text_column()
    change_kind: str | None = text_column()
    change_rollout: str | None = text_column()
    external_refs: list[dict[str, Any]] = json_column("[]")
    responders: list[dict[str, Any]] = json_column("[]")
    root_cause_id: UUID | None = ref_column("root_causes.id")
    root_cause_status: str | None = text_column()
    restricted: bool = False


class IncidentServiceRow(SQLModel, table=True):
    __tablename__ = "incident_services"

    incident_id: UUID = ref_column("incidents.id", primary_key=True, ondelete="CASCADE")
    service_id: UUID = ref_column("services.id", primary_key=True, index=True)
    position: int = Field(sa_type=sa.SmallInteger)


class IncidentViewerRow(SQLModel, table=True):
    __tablename__ = "incident_viewers"

    incident_id: UUID = ref_column("incidents.id", primary_key=True, ondelete="CASCADE")
    person_id: UUID = ref_column("people.id", primary_key=True)


class IncidentRefRow(SQLModel, table=True):
    __tablename__ = "incident_refs"

    source: str = text_column(primary_key=True)
    external_id: str = text_column(primary_key=True)
    incident_id: UUID = ref_column("incidents.id", index=True, ondelete="CASCADE")
