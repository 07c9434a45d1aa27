"""Tables of postmortems and what belongs to them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.adapters.db.tables.columns import Versioned, at_column, json_column, ref_column, text_column


class PostmortemRow(Versioned, table=True):
    __tablename__ = "postmortems"
    __table_args__ = (
        sa.Index("ix_postmortems_newest", "created_at", "id"),
        sa.Index(
            "ix_postmortems_words",
            sa.text("jsonb_to_tsvector('english', sections, '[\"string\"]')"),
            postgresql_using="gin",
        ),
        # For metrics: all that they need of a window, without the rows themselves.
        sa.Index(
            "ix_postmortems_created", "created_at", postgresql_include=["status", "incident_id", "published_at", "id"]
        ),
    )

    incident_id: UUID = ref_column("incidents.id", unique=True)
    status: str = Field(sa_type=sa.Text, index=True)
    tier: int = Field(sa_type=sa.SmallInteger)
    proposed_tier: int = Field(sa_type=sa.SmallInteger)
    tier_reasons: list[str] = json_column("[]")
    override: dict[str, Any] | None = json_column()
    author_id: UUID | None = ref_column("people.id", index=True)
    facilitator_id: UUID | None = ref_column("people.id")
    sections: dict[str, Any] = json_column("{}")
    whys: list[dict[str, Any]] = json_column("[]")
    phase_explanations: dict[str, str] = json_column("{}")
    linked_item_ids: list[str] = json_column("[]")
    review: dict[str, Any] | None = json_column()
    waiver: dict[str, Any] | None = json_column()
    due_on: date | None = Field(default=None, index=True)
    published_at: datetime | None = at_column()
    published_number: int = 0


class TimelineEntryRow(SQLModel, table=True):
    __tablename__ = "timeline_entries"
    __table_args__ = (sa.Index("ix_timeline_entries_postmortem", "postmortem_id", "occurred_at", "id"),)

    id: UUID = Field(primary_key=True)
    postmortem_id: UUID = ref_column("postmortems.id", ondelete="CASCADE")
    occurred_at: datetime = at_column()
    recorded_at: datetime = at_column()
    kind: str = text_column()
    text: str = text_column()
    source: str = text_column()
    machine_written: bool = False
    pinned: bool = False


class PostmortemFactorRow(SQLModel, table=True):
    __tablename__ = "postmortem_factors"
    __table_args__ = (sa.Index("ix_postmortem_factors_code", "code"),)

    postmortem_id: UUID = ref_column("postmortems.id", primary_key=True, ondelete="CASCADE")
    code: str = ref_column("factors.code", primary_key=True, sa_type=sa.Text)
    sub_code: str | None = text_column()
    why: str = text_column()


class SignOffRow(SQLModel, table=True):
    __tablename__ = "sign_offs"

    id: UUID = Field(primary_key=True)
    postmortem_id: UUID = ref_column("postmortems.id", index=True, ondelete="CASCADE")
    person_id: UUID = ref_column("people.id")
    content_hash: str = text_column()
    at: datetime = at_column()


class PublicationRow(SQLModel, table=True):
    __tablename__ = "publications"

    postmortem_id: UUID = ref_column("postmortems.id", primary_key=True, ondelete="CASCADE")
    number: int = Field(primary_key=True)
    content_hash: str = text_column()
    content: dict[str, Any] = json_column()
    audience: str = text_column()
    signed_by_id: UUID = ref_column("people.id")
    published_at: datetime = at_column()
