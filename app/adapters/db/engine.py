"""Connections: a SQLAlchemy engine for writing, an asyncpg pool for reading; both in UTC with a time-out."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
from sqlalchemy.ext import asyncio as sqlalchemy_asyncio
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

CLOSING = 1.0
UNREACHABLE = (
    OSError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, asyncpg.TooManyConnectionsError,
)  # fmt: skip
"""The database is away, starting or full: it may be there in a moment. A wrong password is none of these."""
_SERVER_SETTINGS = {"timezone": "UTC", "application_name": "norepeat", "jit": "off"}


def open_engine(dsn: str, *, pool_size: int, command_timeout: float) -> AsyncEngine:
    """The engine for units of work. Without `command_timeout` a dead connection would hold the worker for ever."""
    # Looked up when it is called: tracing replaces it, and would not reach a name that was imported before.
    return sqlalchemy_asyncio.create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(
            dsn, command_timeout=command_timeout, server_settings=_SERVER_SETTINGS, timeout=command_timeout
        ),
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
    )


async def started(engine: AsyncEngine) -> AsyncConnection:
    """A connection that answers. One that does not in time is dead, and then so may be the others in the pool: none of
    them is waited for."""
    try:
        return await engine.connect().start()
    except TimeoutError:
        await engine.dispose(close=False)
        return await engine.connect().start()


async def open_metrics_pool(dsn: str, *, size: int, command_timeout: float) -> "asyncpg.Pool[asyncpg.Record]":
    """Apart from the pool for reads, so that long windows never keep short reads waiting; plans fit large scans.

    What a window holds differs too much from question to question for one plan, so each is planned anew.
    """
    settings = {
        "random_page_cost": "1.1", "work_mem": "64MB", "hash_mem_multiplier": "4",
        "plan_cache_mode": "force_custom_plan",
    }  # fmt: skip
    return await open_pool(dsn, size=size, command_timeout=command_timeout, idle=0, settings=settings)


@asynccontextmanager
async def answered(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection that answers; one that stops doing so is thrown away instead of being waited for again."""
    connection = await started(engine)
    try:
        yield connection
    except TimeoutError:
        await connection.invalidate()
        raise
    finally:
        await connection.close()


async def open_pool(
    dsn: str, *, size: int, command_timeout: float, idle: int = 1, settings: Mapping[str, str] = MappingProxyType({})
) -> "asyncpg.Pool[asyncpg.Record]":
    """The pool for reads; it skips asyncpg's reset, which would double every round trip."""
    return await asyncpg.create_pool(
        dsn,
        min_size=idle,
        max_size=size,
        command_timeout=command_timeout,
        timeout=command_timeout,
        server_settings={**_SERVER_SETTINGS, **settings},
        reset=_keep,
    )


async def close(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    """Politely, but a connection that died is not waited for."""
    try:
        await asyncio.wait_for(pool.close(), CLOSING)
    except TimeoutError:
        pool.terminate()


async def _keep(connection: asyncpg.Connection) -> None:
    """Reads leave nothing behind, so there is nothing to reset."""


def without_password(dsn: str) -> str:
    """For messages and logs."""
    parts = urlsplit(dsn)
    host = parts.hostname or unquote(parse_qs(parts.query).get("host", [""])[0])
    return f"{parts.scheme}://{host}/{parts.path.lstrip('/')}"
