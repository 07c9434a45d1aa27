"""Tables of findings and events."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.adapters.db.tables.columns import at_column, json_column, ref_column, text_column


class FindingRow(SQLModel, table=True):
    __tablename__ = "findings"
    __table_args__ = (
        sa.Index("uq_findings_open", "code", "subject_id", unique=True, postgresql_where=sa.text("closed_at is null")),
    )

    id: UUID = Field(primary_key=True)
    version: int = 1
    code: str = text_column()
    subject_kind: str = text_column()
    subject_id: UUID
    message: str = text_column()
    remedy: str = text_column()
    opened_at: datetime = at_column()
    incident_id: UUID | None = ref_column("incidents.id")
    team_id: UUID | None = ref_column("teams.id", index=True)
    owner_id: UUID | None = ref_column("people.id")
    closed_at: datetime | None = at_column()
    dismissed_by_id: UUID | None = ref_column("people.id")
    dismissed_reason: str | None = text_column()
    step: int = Field(default=0, sa_type=sa.SmallInteger, sa_column_kwargs={"server_default": "0"})
    escalated_at: datetime | None = at_column()


class ChatPostRow(SQLModel, table=True):
    __tablename__ = "chat_posts"
    __table_args__ = (
        sa.UniqueConstraint("period_key"),
        sa.Index("ix_chat_posts_pending", "created_at", postgresql_where=sa.text("state = 'pending'")),
    )

    id: UUID = Field(primary_key=True)
    kind: str = text_column()
    period_key: str = text_column()
    period_end: datetime = at_column()
    team_id: UUID | None = ref_column("teams.id", index=True, ondelete="CASCADE")
    place: str = text_column()
    marker: UUID
    created_at: datetime = at_column()
    state: str = text_column()
    attempts: int = 0
    lease_until: datetime | None = at_column()
    not_before: datetime | None = at_column()
    last_error: str | None = text_column()
    posted_as: str | None = text_column()
    finished_at: datetime | None = at_column()


class EventRow(SQLModel, table=True):
    __tablename__ = "events"
    __table_args__ = (
        sa.Index("ix_events_unhandled", "id", postgresql_where=sa.text("handled_at is null")),
        sa.Index("ix_events_unstamped", "id", postgresql_where=sa.text("position is null")),
    )

    id: UUID = Field(primary_key=True)
    position: int | None = Field(default=None, sa_type=sa.BigInteger, unique=True)
    type: str = text_column()
    subject_id: UUID
    incident_id: UUID | None = None
    actor: str = text_column()
    data: dict[str, Any] = json_column("{}")
    occurred_at: datetime = at_column()
    handled_at: datetime | None = at_column()
    attempts: int = 0
    not_before: datetime | None = at_column()
    error: str | None = text_column()
