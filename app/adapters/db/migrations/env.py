"""Alembic's environment: one connection, lock and statement time-outs, no ini file."""

import asyncio

import asyncpg
import sqlalchemy as sa
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine

from app.adapters.db.tables import METADATA as _OURS


def _include(name: str | None, kind: str, _parents: object) -> bool:
    """The queue's tables are its own business."""
    return not (kind == "table" and name is not None and name.startswith("pgqueuer"))


def _run(connection: sa.Connection) -> None:
    connection.execute(sa.text("set lock_timeout = '10s'"))
    connection.execute(sa.text("set statement_timeout = '15min'"))
    connection.commit()
    context.configure(connection=connection, target_metadata=_OURS, include_name=_include, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


async def _migrate(dsn: str) -> None:
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(dsn))
    async with engine.connect() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


asyncio.run(_migrate(context.config.attributes["url"]))
