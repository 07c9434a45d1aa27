"""Connections: a SQLAlchemy engine for writing, an asyncpg pool for reading; both in UTC with a time-out."""

from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_SERVER_SETTINGS = {"timezone": "UTC", "application_name": "norepeat", "jit": "off"}


def open_engine(dsn: str, *, pool_size: int, command_timeout: float) -> AsyncEngine:
    """The engine for units of work. Without `command_timeout` a dead connection would hold the worker for ever."""
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(
            dsn, command_timeout=command_timeout, server_settings=_SERVER_SETTINGS, timeout=command_timeout
        ),
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
    )


async def open_pool(dsn: str, *, size: int, command_timeout: float) -> "asyncpg.Pool[asyncpg.Record]":
    """The pool for reads; it skips asyncpg's reset, which would double every round trip."""
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        command_timeout=command_timeout,
        timeout=command_timeout,
        server_settings=_SERVER_SETTINGS,
        reset=_keep,
    )


async def _keep(connection: asyncpg.Connection) -> None:
    """Reads leave nothing behind, so there is nothing to reset."""


def without_password(dsn: str) -> str:
    """For messages and logs."""
    parts = urlsplit(dsn)
    host = parts.hostname or unquote(parse_qs(parts.query).get("host", [""])[0])
    return f"{parts.scheme}://{host}/{parts.path.lstrip('/')}"
