"""Tables of what others tell us happened: facts of incidents, deployments, annotations; and of what we tell them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.adapters.db.tables.columns import Versioned, at_column, json_column, ref_column, text_column

_WAITING = sa.text("state = 'pending'")


class IncidentFactRow(SQLModel, table=True):
    __tablename__ = "incident_facts"

    incident_id: UUID = ref_column("incidents.id", primary_key=True, ondelete="CASCADE")
    fact_id: str = text_column(primary_key=True)
    occurred_at: datetime = at_column()
    recorded_at: datetime = at_column()
    kind: str = text_column()
    text: str = text_column()
    url: str | None = text_column()
    machine: bool = True
    taken: bool = False


class IncidentAccountRow(SQLModel, table=True):
    __tablename__ = "incident_accounts"

    incident_id: UUID = ref_column("incidents.id", primary_key=True, ondelete="CASCADE")
    source: str = text_column(primary_key=True)
    told_at: datetime = at_column()
    title: str = text_column()
    severity: int = Field(sa_type=sa.SmallInteger)
    moments: dict[str, Any] = json_column("{}")


class DeploymentRow(Versioned, table=True):
    __tablename__ = "deployments"
    __table_args__ = (sa.UniqueConstraint("source", "external_id"), sa.Index("ix_deployments_ended", "ended_at"))

    source: str = text_column()
    external_id: str = text_column()
    recorded_by: str = text_column()
    state: str = text_column()
    environment: str = text_column()
    revision: str | None = text_column()
    ref: str | None = text_column()
    repository: str | None = text_column()
    url: str | None = text_column()
    description: str = text_column()
    references: list[str] = json_column("[]")
    started_at: datetime | None = at_column()
    deployed_at: datetime | None = at_column()
    told_at: datetime | None = at_column()
    began_at: datetime = at_column()
    ended_at: datetime = at_column()


class DeploymentServiceRow(SQLModel, table=True):
    __tablename__ = "deployment_services"

    deployment_id: UUID = ref_column("deployments.id", primary_key=True, ondelete="CASCADE")
    service_id: UUID = ref_column("services.id", primary_key=True, index=True)
    position: int = Field(sa_type=sa.SmallInteger)


class DeploymentReferenceRow(SQLModel, table=True):
    __tablename__ = "deployment_references"

    deployment_id: UUID = ref_column("deployments.id", primary_key=True, ondelete="CASCADE")
    reference: str = Field(sa_type=sa.Text, primary_key=True, index=True)


class AnnotationRow(Versioned, table=True):
    __tablename__ = "annotations"
    __table_args__ = (sa.UniqueConstraint("source", "external_id"),)

    source: str = text_column()
    external_id: str = text_column()
    recorded_by: str = text_column()
    at: datetime = at_column(index=True)
    ends_at: datetime | None = at_column()
    kind: str = text_column()
    text: str = text_column()
    url: str | None = text_column()


class AnnotationServiceRow(SQLModel, table=True):
    __tablename__ = "annotation_services"

    annotation_id: UUID = ref_column("annotations.id", primary_key=True, ondelete="CASCADE")
    service_id: UUID = ref_column("services.id", primary_key=True, index=True)
    position: int = Field(sa_type=sa.SmallInteger)


class AnnouncementRow(SQLModel, table=True):
    __tablename__ = "announcements"
    __table_args__ = (
        sa.UniqueConstraint("postmortem_id", "target", "place"),
        sa.Index("ix_announcements_pending", "target", "created_at", postgresql_where=_WAITING),
    )

    id: UUID = Field(primary_key=True)
    postmortem_id: UUID = ref_column("postmortems.id", ondelete="CASCADE")
    incident_id: UUID = ref_column("incidents.id", index=True, ondelete="CASCADE")
    target: str = text_column()
    place: str = text_column()
    marker: UUID
    created_at: datetime = at_column()
    state: str = text_column()
    attempts: int = 0
    attempt_at: datetime | None = at_column()
    lease_until: datetime | None = at_column()
    not_before: datetime | None = at_column()
    last_error: str | None = text_column()
    posted_as: str | None = text_column()
    finished_at: datetime | None = at_column()
