"""Bringing a database to this version: Alembic, the queue's own tables, the audit log's triggers; under one lock."""

import asyncio

import asyncpg
from alembic import command
from alembic.config import Config

from app.adapters.db.audit import install_audit
from app.adapters.db.health import MIGRATIONS
from app.adapters.queue import install

_LOCK = 7_246_019
"""An arbitrary number: two migrations of one database wait for each other."""


def alembic_config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    return config


async def migrate(dsn: str) -> None:
    """Migrate the database behind a `postgresql://` DSN; doing it twice changes nothing."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        await _upgrade(dsn)
        await install(dsn)
        await install_audit(dsn)
    finally:
        await connection.close()


async def _upgrade(dsn: str) -> None:
    config = alembic_config(dsn)
    # Alembic's environment is synchronous: it runs on a thread with an engine and a loop of its own.
    await asyncio.to_thread(command.upgrade, config, "head")
