"""Tables of error budgets and what they raise."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.adapters.db.tables.columns import Versioned, at_column, json_column, ref_column, text_column

_LIVE = sa.text("state in ('active', 'stale')")


class BoostRow(SQLModel, table=True):
    __tablename__ = "boosts"
    __table_args__ = (
        sa.Index("uq_boosts_live", "service_id", "slo", "source", "signal", unique=True, postgresql_where=_LIVE),
        sa.Index("ix_boosts_key", "service_id", "slo", "source", "signal", "ended_at"),
    )

    id: UUID = Field(primary_key=True)
    version: int = 1
    created_at: datetime = at_column(sa_column_kwargs={"server_default": sa.func.now()}, index=True)
    service_id: UUID = ref_column("services.id")
    slo: str = text_column()
    source: str = text_column()
    signal: str = text_column()
    levels: int = Field(sa_type=sa.SmallInteger)
    raised_at: datetime = at_column()
    observed_at: datetime = at_column()
    vouched_until: datetime = at_column()
    raised_by: str = text_column()
    measured: bool = False
    state: str = text_column()
    clear_since: datetime | None = at_column()
    stale_since: datetime | None = at_column()
    ended_at: datetime | None = at_column()
    ended_because: str = text_column()
    reason: str = text_column()
    burn_rate: float | None = None
    remaining: float | None = None


class BudgetReadingRow(SQLModel, table=True):
    __tablename__ = "budget_readings"
    __table_args__ = (
        sa.UniqueConstraint("service_id", "slo", "source", "bucket"),
        sa.Index("ix_budget_readings_recent", "service_id", "observed_at"),
    )

    id: UUID = Field(primary_key=True)
    service_id: UUID = ref_column("services.id")
    slo: str = text_column()
    source: str = text_column()
    bucket: datetime = at_column()
    observed_at: datetime = at_column()
    remaining: float | None = None
    burn_rate: float | None = None
    rates: dict[str, float] = json_column("{}")


class SloRow(Versioned, table=True):
    __tablename__ = "slos"
    __table_args__ = (sa.UniqueConstraint("service_id", "name"),)

    service_id: UUID = ref_column("services.id")
    name: str = Field(sa_type=sa.Text, index=True)
    objective: float
    window_days: float
    source: str = text_column()
    title: str = text_column()
    description: str = text_column()
    spec: dict[str, Any] = json_column("{}")
