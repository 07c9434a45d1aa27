"""A database that does not answer is a state to tell the caller about, not an accident."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.domain.errors import Unavailable

SILENCE = (
    OSError,
    TimeoutError,
    PoolTimeoutError,
    OperationalError,
    InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.TooManyConnectionsError,
)


@contextmanager
def answering() -> Iterator[None]:
    """Raise Unavailable where the database is away, restarting, or out of connections."""
    try:
        yield
    except SILENCE as error:
        raise Unavailable("The database does not answer at the moment; try again.") from error
