"""What every table is made of: naming of constraints, kinds of columns, the versioned row."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

CONVENTION = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
METADATA = SQLModel.metadata
METADATA.naming_convention = CONVENTION


def at_column(**options: Any) -> Any:
    return Field(sa_type=sa.DateTime(timezone=True), **options)


def json_column(default: str | None = None, **options: Any) -> Any:
    column = {"server_default": sa.text(f"'{default}'")} if default else {}
    return Field(sa_type=JSONB(none_as_null=True), sa_column_kwargs=column, **options)


def ref_column(target: str, **options: Any) -> Any:
    return Field(foreign_key=target, **options)


def text_column(**options: Any) -> Any:
    return Field(sa_type=sa.Text, **options)


class Versioned(SQLModel):
    id: UUID = Field(primary_key=True)
    version: int = 1
    created_at: datetime = at_column()
    updated_at: datetime = at_column()
