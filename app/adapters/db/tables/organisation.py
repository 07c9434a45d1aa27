"""Tables of teams, people, services and their keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from app.adapters.db.tables.columns import Versioned, at_column, json_column, ref_column, text_column


class TeamRow(Versioned, table=True):
    __tablename__ = "teams"

    slug: str = text_column(unique=True)
    name: str = text_column()
    # Teams and people name each other, so one of the two constraints is added after both tables exist.
    lead_id: UUID | None = Field(sa_column=sa.Column(sa.Uuid, sa.ForeignKey("people.id", use_alter=True), index=True))
    chat_channel: str | None = text_column()
    time_zone: str = text_column()
    working_days: list[int] = Field(sa_type=ARRAY(sa.SmallInteger))
    route: dict[str, Any] | None = json_column()


class PersonRow(Versioned, table=True):
    __tablename__ = "people"

    email: str = text_column(unique=True)
    name: str = text_column()
    role: str = text_column()
    team_id: UUID | None = ref_column("teams.id", index=True)
    handles: dict[str, str] = json_column("{}")
    active: bool = True


class ServiceRow(Versioned, table=True):
    __tablename__ = "services"

    slug: str = text_column(unique=True)
    name: str = text_column()
    team_id: UUID | None = ref_column("teams.id", index=True)
    revenue_per_hour_usd: float | None = None
    route: dict[str, Any] | None = json_column()


class ServiceAccountRow(Versioned, table=True):
    __tablename__ = "service_accounts"

    slug: str = text_column(unique=True)
    name: str = text_column()
    role: str = text_column()
    active: bool = True


class ApiKeyRow(SQLModel, table=True):
    __tablename__ = "api_keys"
    __table_args__ = (sa.CheckConstraint("(person_id is null) <> (service_account_id is null)", name="one_holder"),)

    id: str = text_column(primary_key=True)
    secret_hash: bytes
    created_at: datetime = at_column()
    person_id: UUID | None = ref_column("people.id", index=True)
    service_account_id: UUID | None = ref_column("service_accounts.id", index=True)
    parent_id: str | None = ref_column("api_keys.id", sa_type=sa.Text)
    scopes: list[str] = json_column("[]")
    expires_at: datetime | None = at_column()
    revoked_at: datetime | None = at_column()
    last_used_at: datetime | None = at_column()
