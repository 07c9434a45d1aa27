"""The clock that all processes agree on: the database's, whatever their own ones say."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import asyncpg
import pytest

from app.adapters.db import clock
from app.adapters.db.clock import DatabaseClock
from tests.worker.conftest import Shop


class Elsewhere:
    """A database whose clock is this far ahead; None is one that does not answer."""

    def __init__(self, ahead: timedelta | None) -> None:
        self.ahead, self.asked = ahead, 0

    async def fetchval(self, _: str) -> datetime:
        self.asked += 1
        if self.ahead is None:
            raise asyncpg.InterfaceError("the pool is closed")
        return datetime.now(UTC) + self.ahead


def clock_of(elsewhere: Elsewhere) -> DatabaseClock:
    return DatabaseClock(cast(Any, elsewhere))


async def test_the_databases_clock_is_read_from_the_database(shop: Shop) -> None:
    pool = await asyncpg.create_pool(shop.dsn, min_size=1, max_size=1)
    ours = DatabaseClock(pool)
    assert abs(await ours.measure()) < timedelta(seconds=1)
    assert abs(ours() - datetime.now(UTC)) < timedelta(seconds=1)
    await pool.close()


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_process_whose_own_clock_is_wrong_goes_by_the_databases(hours: int) -> None:
    ours = clock_of(Elsewhere(timedelta(hours=hours)))
    await ours.measure()
    assert abs(ours() - datetime.now(UTC) - timedelta(hours=hours)) < timedelta(seconds=1)


async def test_less_than_a_second_counts_as_the_same() -> None:
    ours = clock_of(Elsewhere(timedelta(milliseconds=-400)))
    await ours.measure()
    assert abs(ours() - datetime.now(UTC)) < timedelta(milliseconds=100)


async def test_it_is_measured_again_and_again_past_a_database_that_is_away() -> None:
    elsewhere = Elsewhere(None)
    ours = DatabaseClock(cast(Any, elsewhere), every=0.001)
    keeping = asyncio.create_task(ours.keep())
    while elsewhere.asked < 2:
        await asyncio.sleep(0.001)
    elsewhere.ahead = timedelta(hours=1)
    while ours() - datetime.now(UTC) < timedelta(minutes=59):
        await asyncio.sleep(0.001)
    keeping.cancel()
    assert clock.MEASURED_EVERY == 60
