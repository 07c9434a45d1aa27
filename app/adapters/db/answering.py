"""A database that does not answer is a state to tell the caller about, not an accident."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
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


_GONE_STATES = ("08", "57P", "53300")
_GONE_CAUSES = (
    OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
)  # fmt: skip


def is_gone(error: DBAPIError) -> bool:
    """Whether the connection ended under the statement: the statement is not at fault, and trying again may help."""
    cause = getattr(error.orig, "__cause__", None)
    state = str(getattr(error.orig, "sqlstate", None) or getattr(cause, "sqlstate", None) or "")
    return error.connection_invalidated or state.startswith(_GONE_STATES) or isinstance(cause, _GONE_CAUSES)


@contextmanager
def answering() -> Iterator[None]:
    """Raise Unavailable where the database is away, restarting, or out of connections."""
    try:
        yield
    except (*SILENCE, DBAPIError) as error:
        if isinstance(error, DBAPIError) and not isinstance(error, SILENCE) and not is_gone(error):
            raise
        raise Unavailable("The database does not answer at the moment; try again.") from error
