"""How long the postmortems of a window took from the end of the incident to their publication."""

from collections.abc import Mapping
from typing import Any

import asyncpg

from app.adapters.db.facts.scope import STANDARD, Scope, bucket
from app.domain.learning.durations import Spread
from app.domain.learning.facts import FactFilter
from app.domain.learning.follow_through import Published
from app.domain.learning.measures import Window


def _statement(scope: Scope) -> str:
    return f"""
select bucket, grouping(bucket) = 1 as is_overall, count(*) as n, count(*) filter (where waived) as waived,
  count(*) filter (where took >= 0) as counted, count(*) filter (where took < 0) as before_end,
  count(*) filter (where not waived and origin is null) as no_start,
  count(*) filter (where not waived and origin is not null and took is null) as not_published,
  percentile_cont(array[0.5, 0.9]) within group (order by took) filter (where took >= 0) as spread,
  avg(took) filter (where took >= 0) as mean
from (
  select {bucket("p.created_at")} as bucket, p.status = 'waived' as waived,
    coalesce(i.resolved_at, i.started_at) as origin,
    case when p.status <> 'waived' and p.published_at <= $2
      then date_part('epoch', p.published_at - coalesce(i.resolved_at, i.started_at)) / 86400 end as took
  from postmortems p join incidents i on i.id = p.incident_id
  where {STANDARD} and p.created_at >= $1 and p.created_at < $2 {scope.incidents()}
) x group by grouping sets ((bucket), ())"""


async def publications(
    pool: "asyncpg.Pool[asyncpg.Record]", where: FactFilter, window: Window
) -> tuple[Spread, Mapping[int, Published]]:
    """Days over the window, and by bucket."""
    scope = Scope(where, window)
    rows = await scope.fetch(pool, _statement(scope))
    overall = next(_spread(row) for row in rows if row["is_overall"])
    by_bucket = {
        row["bucket"]: Published(row["n"], row["waived"], _spread(row)) for row in rows if not row["is_overall"]
    }
    return overall, by_bucket


def _spread(row: Mapping[str, Any]) -> Spread:
    middle, tail = row["spread"] or (None, None)
    reasons = ("waived", "no_start", "not_published", "before_end")
    return Spread(row["counted"], middle, row["mean"], tail, {reason: row[reason] for reason in reasons})
