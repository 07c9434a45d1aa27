"""Tables of drafts with their evidence, and of uploaded transcripts: redacted before they get here."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.adapters.db.tables.columns import Versioned, at_column, json_column, ref_column, text_column

_RUNNING = sa.text("state in ('queued', 'gathering', 'writing', 'checking')")


class DraftRow(Versioned, table=True):
    __tablename__ = "drafts"
    __table_args__ = (
        sa.Index("ix_drafts_postmortem", "postmortem_id", "created_at"),
        sa.Index("ix_drafts_running", "postmortem_id", unique=True, postgresql_where=_RUNNING),
    )

    postmortem_id: UUID = ref_column("postmortems.id", ondelete="CASCADE")
    incident_id: UUID = ref_column("incidents.id", index=True, ondelete="CASCADE")
    requested_by: str = text_column()
    state: str = text_column()
    attempts: int = 0
    lease_until: datetime | None = at_column()
    error: str | None = text_column()
    # Read and written as a whole: thousands of pieces of evidence as rows would take seconds.
    evidence: list[dict[str, Any]] = json_column("[]")
    dropped: list[dict[str, Any]] = json_column("[]")
    sources: list[dict[str, Any]] = json_column("[]")
    redactions: dict[str, int] = json_column("{}")
    timeline: list[dict[str, Any]] = json_column("[]")
    contradictions: list[dict[str, Any]] = json_column("[]")
    sections: dict[str, Any] = json_column("{}")
    decisions: dict[str, Any] = json_column("{}")


class TranscriptRow(SQLModel, table=True):
    __tablename__ = "transcripts"
    __table_args__ = (sa.Index("ix_transcripts_postmortem", "postmortem_id", "created_at"),)

    id: UUID = Field(primary_key=True)
    postmortem_id: UUID = ref_column("postmortems.id", ondelete="CASCADE")
    incident_id: UUID = ref_column("incidents.id", index=True, ondelete="CASCADE")
    created_at: datetime = at_column()
    uploaded_by: str = text_column()
    name: str = text_column()
    format: str = text_column()
    starts_at: datetime = at_column()
    ends_at: datetime = at_column()
    messages: int
    left_out: int = 0
    facts: list[dict[str, Any]] = json_column("[]")
