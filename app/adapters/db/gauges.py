"""The last computed gauges: written by the worker, read by a scrape."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from app.domain.learning.gauges import Gauge

_STORE = """
with dropped as (
  delete from gauges g
  where not exists (select from unnest($1::text[], $2::text[]) x(m, t) where x.m = metric and x.t = team)
)
insert into gauges (metric, team, value, n, n_missing, computed_at)
select m, t, v, n, missing, $6
from unnest($1::text[], $2::text[], $3::float8[], $4::int[], $5::int[]) x(m, t, v, n, missing)
on conflict (metric, team) do update set value = excluded.value, n = excluded.n, n_missing = excluded.n_missing,
  computed_at = excluded.computed_at
"""


class SqlGauges:
    """The port `Gauges`: one statement each."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def teams(self) -> tuple[str, ...]:
        return tuple(row["slug"] for row in await self._pool.fetch("select slug from teams order by slug"))

    async def store(self, gauges: Sequence[Gauge], at: datetime) -> None:
        columns = [[getattr(g, name) for g in gauges] for name in ("metric", "team", "value", "n", "n_missing")]
        await self._pool.execute(_STORE, *columns, at)

    async def load(self) -> tuple[tuple[Gauge, ...], datetime | None]:
        """The gauges, and when they were computed."""
        rows = await self._pool.fetch("select metric, team, value, n, n_missing, computed_at from gauges order by 1, 2")
        found = tuple(Gauge(r["metric"], r["team"], r["value"], r["n"], r["n_missing"]) for r in rows)
        return found, min((row["computed_at"] for row in rows), default=None)
