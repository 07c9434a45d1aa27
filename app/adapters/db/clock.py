"""The time that all processes agree on: the database's, told by this process's clock and a measured difference."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import structlog

_log = structlog.get_logger(__name__)
MEASURED_EVERY = 60.0
AGREES = timedelta(seconds=1)
"""Less than this cannot be told from the time that asking takes."""


class DatabaseClock:
    """The port `Clock`. Leases and settle times are compared by several processes, whose own clocks may be wrong."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", *, every: float = MEASURED_EVERY) -> None:
        self._pool = pool
        self._every = every
        self._ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    async def measure(self) -> timedelta:
        """How far the database is ahead of this process."""
        before = datetime.now(UTC)
        there: datetime = await self._pool.fetchval("select clock_timestamp()")
        ahead = there - (before + (datetime.now(UTC) - before) / 2)
        self._ahead = ahead if abs(ahead) >= AGREES else timedelta(0)
        return ahead

    async def keep(self) -> None:
        """Measure now and again; a database that is away changes nothing."""
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.measure()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _log.warning("clock_not_measured", error=type(error).__name__)
