"""What happened after postmortems: the first time their cause struck again, counted by bucket and gathered by cause."""

import asyncpg

from app.adapters.db.facts.scope import CONFIRMED, STANDARD, UNDETERMINED, Rows, Scope, bucket, whole_days
from app.domain.learning.facts import FactFilter
from app.domain.learning.measures import Window
from app.domain.learning.recurrence_rate import CauseFollowUps, RecurrenceCounts, Recurrences

_FIRST = f"""select j.started_at from incidents j where j.root_cause_id = p.cause and {CONFIRMED}
  and j.started_at > {{}} and j.started_at <= $2 order by j.started_at limit 1"""


def _statement(scope: Scope, days: str) -> str:
    # `offset 0` keeps each look-up done once; as expressions, unlike as joins, they can be shared out to workers.
    horizon = f"interval '1 day' * {days}::int"
    return f"""
with f as materialized (
  select bucket, cause, origin, {whole_days("origin", "$2")} as seen, next_at <= origin + {horizon} as recurred,
    {whole_days("origin", "next_at")} as days,
    -- What comes first after the origin mostly comes after the creation too; only where not, the index is asked again.
    case when origin <= created_at and next_at > created_at then next_at
      when next_at is null and origin <= created_at then null
      else ({_FIRST.format("p.created_at")}) end <= created_at + {horizon} as recurred_created
  from (
    select p.*, ({_FIRST.format("p.origin")}) as next_at from (
      select {bucket("p.created_at")} as bucket, p.created_at, coalesce(i.resolved_at, i.started_at) as origin,
        case when i.root_cause_status = 'confirmed' and i.root_cause_id <> {UNDETERMINED}
          then i.root_cause_id end as cause
      from postmortems p join incidents i on i.id = p.incident_id
      where {STANDARD} and p.status not in ('required', 'waived') and p.created_at >= $1 and p.created_at < $2
        {scope.incidents()} offset 0
    ) p offset 0
  ) p
)
select bucket, null::uuid as cause, count(*) as n, count(*) filter (where cause is null) as undetermined,
  count(*) filter (where cause is not null and origin is null) as no_start,
  count(*) filter (where recurred) as recurred,
  count(*) filter (where cause is not null and seen < {days} and recurred is not true) as young,
  count(*) filter (where recurred_created) as recurred_created,
  null::int[] as events, null::int[] as censored, 0 as followed, 0 as to_the_end
from f group by bucket
union all
select null, cause, count(*), 0, 0, 0, 0, 0, array_agg(days) filter (where recurred),
  array_agg(greatest(seen, 0)) filter (where recurred is not true and seen < {days}),
  count(*) filter (where recurred is not true and seen >= {days}), count(*) filter (where seen >= {days})
from f where cause is not null and origin is not null group by cause"""


async def recurrences(
    pool: "asyncpg.Pool[asyncpg.Record]", where: FactFilter, window: Window, days: int
) -> Recurrences:
    scope = Scope(where, window)
    rows = await scope.fetch(pool, _statement(scope, scope.value(days)))
    counted = [row for row in rows if row["cause"] is None]
    return Recurrences({row["bucket"]: _counts(row) for row in counted}, _causes(rows))


def _counts(row: "asyncpg.Record") -> RecurrenceCounts:
    determined = row["n"] - row["undetermined"]
    return RecurrenceCounts(
        n=determined - row["no_start"],
        recurred=row["recurred"],
        young=row["young"],
        missing={"cause_undetermined": row["undetermined"], "no_start": row["no_start"]},
        n_created=determined,
        recurred_created=row["recurred_created"],
        missing_created={"cause_undetermined": row["undetermined"]},
    )


def _causes(rows: Rows) -> tuple[CauseFollowUps, ...]:
    found = [
        CauseFollowUps(row["cause"], row["events"] or (), row["censored"] or (), row["followed"], row["to_the_end"])
        for row in rows
        if row["cause"] is not None
    ]
    return tuple(sorted(found, key=lambda one: one.root_cause_id))
