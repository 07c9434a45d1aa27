"""Table of idempotency keys."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from app.adapters.db.tables.columns import at_column, text_column


class IdempotencyKeyRow(SQLModel, table=True):
    """Written by the transaction that does the thing; the answer comes once it is rendered, sealed."""

    __tablename__ = "idempotency_keys"

    scope: str = text_column(primary_key=True)
    body_hash: bytes
    created_at: datetime = at_column(index=True)
    record: str | None = text_column()
    status: int | None = Field(default=None)
    answer: str | None = text_column()
