"""Tables of tickets, what is sent to trackers and what they send."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.adapters.db.tables.columns import Versioned, at_column, json_column, ref_column, text_column


class TicketRow(Versioned, table=True):
    __tablename__ = "tickets"
    __table_args__ = (sa.UniqueConstraint("provider", "external_id"),)

    action_item_id: UUID = ref_column("action_items.id", unique=True, ondelete="CASCADE")
    provider: str = text_column()
    route: dict[str, Any] = json_column()
    external_id: str | None = text_column()
    key: str | None = text_column()
    url: str | None = text_column()
    status: str = text_column()
    status_text: str = text_column()
    assignee: str | None = text_column()
    due_on: date | None = None
    priority: str | None = text_column()
    defended_priority: str | None = text_column()
    planned: dict[str, Any] | None = json_column()
    plan_seen_over: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    sync_state: str = text_column()
    adopted: bool = False
    source_updated_at: datetime | None = at_column()
    last_synced_at: datetime | None = at_column()
    last_error: str | None = text_column()
    dropped: list[str] = json_column("[]")


class LocalTicketRow(SQLModel, table=True):
    __tablename__ = "local_tickets"

    number: int = Field(sa_column=sa.Column(sa.BigInteger, sa.Identity(), primary_key=True))
    marker: UUID = Field(unique=True)
    title: str = text_column()
    body: str = text_column()
    status: str = text_column()
    assignee: str | None = text_column()
    due_on: date | None = None
    priority: str = text_column()
    labels: list[str] = json_column("[]")
    comments: list[dict[str, Any]] = json_column("[]")
    created_at: datetime = at_column()
    updated_at: datetime = at_column()


class DeliveryRow(SQLModel, table=True):
    __tablename__ = "deliveries"
    __table_args__ = (
        sa.Index("ix_deliveries_unfinished", "created_at", postgresql_where=sa.text("state in ('pending', 'sending')")),
    )

    id: UUID = Field(primary_key=True)
    key: str = text_column(unique=True)
    kind: str = text_column()
    ticket_id: UUID = ref_column("tickets.id", index=True, ondelete="CASCADE")
    provider: str = text_column()
    marker: UUID = Field(index=True)
    created_at: datetime = at_column()
    state: str = text_column()
    attempts: int = 0
    attempt_at: datetime | None = at_column()
    lease_until: datetime | None = at_column()
    not_before: datetime | None = at_column()
    last_error: str | None = text_column()
    update: dict[str, Any] = json_column("{}")
    finished_at: datetime | None = at_column()


class InboxRow(SQLModel, table=True):
    __tablename__ = "inbox"
    __table_args__ = (
        sa.UniqueConstraint("source", "delivery_id"),
        sa.Index("ix_inbox_unhandled", "received_at", postgresql_where=sa.text("handled_at is null")),
    )

    id: UUID = Field(primary_key=True)
    source: str = text_column()
    delivery_id: str = text_column()
    headers: dict[str, str] = json_column()
    body: bytes
    received_at: datetime = at_column()
    handled_at: datetime | None = at_column()
    attempts: int = 0
    not_before: datetime | None = at_column()
    note: str | None = text_column()
    error: str | None = text_column()
