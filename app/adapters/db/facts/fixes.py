"""What happened after evidence was accepted: the first time the cause struck the item's service again."""

from collections import defaultdict

import asyncpg

from app.adapters.db.facts.scope import Scope, bucket, whole_days
from app.domain.learning.effectiveness import FixCounts, Fixes, FixFollowUps
from app.domain.learning.facts import FactFilter
from app.domain.learning.measures import Window


def _statement(scope: Scope, days: str) -> str:
    horizon = f"a.since + interval '1 day' * {days}::int"
    return f"""
with f as materialized (
  select {bucket("a.accepted_at")} as bucket, a.control_type, a.root_cause_id as cause,
    a.root_cause_id is not null and a.service_id is not null as known, {whole_days("a.since", "$2")} as seen,
    case when a.struck_at <= $2 and a.struck_at <= {horizon} then {whole_days("a.since", "a.struck_at")} end as days
  from acceptances a where a.accepted_at >= $1 and a.accepted_at < $2 {scope.items()}
)
select bucket, null as control_type, null::uuid as cause, count(*) as n, count(*) filter (where not known) as unknown,
  count(days) as recurred,
  count(*) filter (where known and days is null and seen < {days}) as young,
  null::int[] as events, null::int[] as censored, 0 as followed, 0 as to_the_end
from f group by bucket
union all
select null, control_type, cause, count(*), count(*) filter (where not known), 0, 0,
  array_agg(days) filter (where days is not null),
  array_agg(greatest(seen, 0)) filter (where known and days is null and seen < {days}),
  count(*) filter (where known and days is null and seen >= {days}), count(*) filter (where known and seen >= {days})
from f group by control_type, cause"""


async def fixes(pool: "asyncpg.Pool[asyncpg.Record]", where: FactFilter, window: Window, days: int) -> Fixes:
    scope = Scope(where, window)
    rows = await scope.fetch(pool, _statement(scope, scope.value(days)))
    groups = [row for row in rows if row["control_type"] is not None]
    missing: defaultdict[str, int] = defaultdict(int)
    for row in groups:
        missing[row["control_type"]] += row["unknown"]
    counts = {
        row["bucket"]: FixCounts(row["n"] - row["unknown"], row["recurred"], row["young"], {"no_cause": row["unknown"]})
        for row in rows
        if row["control_type"] is None
    }
    found = [
        FixFollowUps(
            row["control_type"], row["events"] or (), row["censored"] or (), row["followed"], row["to_the_end"]
        )
        for row in groups
        if row["n"] > row["unknown"]
    ]
    return Fixes(counts, tuple(found), {kind: {"no_cause": n} for kind, n in missing.items()})
