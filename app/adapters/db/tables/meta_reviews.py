"""Tables of the quarter's review."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from app.adapters.db.tables.columns import Versioned, at_column, json_column, ref_column, text_column


class MetaReviewRow(Versioned, table=True):
    __tablename__ = "meta_reviews"

    period: str = text_column(unique=True)
    time_zone: str = text_column()
    starts_at: datetime = at_column()
    ends_at: datetime = at_column()
    status: str = text_column()
    build_state: str = text_column()
    build_done: int = Field(sa_type=sa.SmallInteger)
    build_of: int = Field(sa_type=sa.SmallInteger)
    build_step: str | None = text_column()
    build_error: str | None = text_column()
    built_at: datetime | None = at_column()
    content_hash: str | None = text_column()
    numbers: dict[str, Any] | None = json_column()
    submitted_by_id: UUID | None = ref_column("people.id")
    published_by_id: UUID | None = ref_column("people.id")
    published_at: datetime | None = at_column()


class MetaReviewPatternRow(SQLModel, table=True):
    __tablename__ = "meta_review_patterns"
    __table_args__ = (sa.UniqueConstraint("review_id", "key"),)

    id: UUID = Field(primary_key=True)
    review_id: UUID = ref_column("meta_reviews.id", ondelete="CASCADE")
    kind: str = text_column()
    key: str = text_column()
    title: str = text_column()
    n: int
    of: int
    previous_n: int
    previous_of: int
    low: float | None = None
    high: float | None = None
    p: float | None = None
    direction: str = text_column()
    fix: str = text_column()
    fix_is_edited: bool = False
    revenue_per_hour_usd: float | None = None
    parts: list[dict[str, Any]] = json_column("[]")
    quotes: list[dict[str, Any]] = json_column("[]")
    services: list[dict[str, Any]] = json_column("[]")
    # Thousands of ids written and read as one value: a row each would take seconds for a large quarter.
    incident_ids: list[UUID] = Field(sa_type=ARRAY(sa.Uuid))


class MetaReviewThemeRow(SQLModel, table=True):
    __tablename__ = "meta_review_themes"
    __table_args__ = (sa.UniqueConstraint("review_id", "phrase"),)

    id: UUID = Field(primary_key=True)
    review_id: UUID = ref_column("meta_reviews.id", ondelete="CASCADE")
    phrase: str = text_column()
    n: int
    n_elsewhere: int
    z: float
    status: str = text_column()
    factor_code: str | None = ref_column("factors.code", sa_type=sa.Text)
    reason: str = text_column()
    decided_by_id: UUID | None = ref_column("people.id")
    decided_at: datetime | None = at_column()
    quotes: list[dict[str, Any]] = json_column("[]")
    incident_ids: list[UUID] = Field(sa_type=ARRAY(sa.Uuid))
