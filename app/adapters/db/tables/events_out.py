"""Tables of the audit log, of webhook endpoints, and of what is sent to them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.adapters.db.tables.columns import Versioned, at_column, json_column, ref_column, text_column


class AuditRow(SQLModel, table=True):
    """Written by triggers only (`app/adapters/db/audit.py`); position and hash come once it is committed."""

    __tablename__ = "audit_log"
    __table_args__ = (
        sa.Index("ix_audit_log_object", "object_id", "id"),
        sa.Index("ix_audit_log_actor", "actor", "id"),
        sa.Index("ix_audit_log_unsealed", "id", postgresql_where=sa.text("position is null")),
    )

    id: int = Field(sa_type=sa.BigInteger, sa_column_args=(sa.Identity(always=True),), primary_key=True)
    position: int | None = Field(default=None, sa_type=sa.BigInteger, unique=True)
    at: datetime = at_column()
    actor: str = text_column()
    action: str = text_column()
    object_kind: str = text_column()
    object_id: str = text_column()
    request_id: str | None = text_column()
    before: dict[str, Any] | None = json_column()
    after: dict[str, Any] | None = json_column()
    hash: bytes | None = None


class WebhookEndpointRow(Versioned, table=True):
    __tablename__ = "webhook_endpoints"

    url: str = text_column()
    description: str = text_column()
    event_types: list[str] = json_column("[]")
    sees_restricted: bool = False
    state: str = text_column()
    state_reason: str = text_column()
    failing_since: datetime | None = at_column()
    position: int = Field(sa_type=sa.BigInteger)
    secrets: list[dict[str, Any]] = json_column("[]")


class WebhookDeliveryRow(SQLModel, table=True):
    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        sa.Index("uq_webhook_deliveries_event", "endpoint_id", "event_id", unique=True),
        sa.Index(
            "ix_webhook_deliveries_due", "endpoint_id", "not_before", postgresql_where=sa.text("state = 'pending'")
        ),
        sa.Index("ix_webhook_deliveries_created", "created_at", "id"),
    )  # fmt: skip

    id: UUID = Field(primary_key=True)
    endpoint_id: UUID = ref_column("webhook_endpoints.id")
    event_id: UUID | None = None
    event_type: str = text_column()
    created_at: datetime = at_column()
    state: str = text_column()
    attempts: int = 0
    not_before: datetime = at_column()
    finished_at: datetime | None = at_column()
    last_error: str | None = text_column()


class WebhookAttemptRow(SQLModel, table=True):
    __tablename__ = "webhook_attempts"

    id: UUID = Field(primary_key=True)
    delivery_id: UUID = ref_column("webhook_deliveries.id", index=True)
    at: datetime = at_column()
    status: int | None = Field(default=None, sa_type=sa.SmallInteger)
    milliseconds: int
    response: str = text_column()
    error: str | None = text_column()
