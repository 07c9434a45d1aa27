"""How the service itself is doing, as the database knows it: one statement, asked for when somebody scrapes.

The processes come and go; what waits, what is held and what was found twice stands in tables, so that every API process
shows the same and a worker that is dead cannot hide it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

STATEMENT = """
with delivering as (
  select 'ticket' as kind, provider as target, state, created_at from deliveries where state in ('pending', 'sending')
  union all
  select 'announcement', target, state, created_at from announcements where state in ('pending', 'sending')
  union all
  select 'webhook', '', d.state, d.created_at from webhook_deliveries d
    join webhook_endpoints e on e.id = d.endpoint_id and e.state = 'active' where d.state = 'pending'
),
samples as (
  select 'delivery_oldest_undelivered_seconds' as name, jsonb_build_object('kind', kind) as labels,
    coalesce((select extract(epoch from now() - min(created_at)) from delivering d where d.kind = k.kind), 0) as value
  from unnest(array['ticket', 'announcement', 'webhook']) as k(kind)
  union all
  select 'deliveries', jsonb_build_object('provider', provider, 'state', state), count(*)
  from deliveries group by provider, state
  union all
  select 'delivery_attempts', jsonb_build_object('provider', provider, 'attempts', attempts), count(*)
  from deliveries where state in ('sent', 'dead') group by provider, attempts
  union all
  select 'deliveries_ambiguous', jsonb_build_object('provider', p.provider), count(d.id)
  from (select distinct provider from tickets) p left join deliveries d
    on d.provider = p.provider and d.state = 'sending' and coalesce(d.lease_until, '-infinity') <= now()
  group by p.provider
  union all
  select 'tickets_doubled_total', '{}', count(*) from findings where code = 'ticket_doubled'
  union all
  select 'findings_open', jsonb_build_object('code', code), count(*) from findings where closed_at is null group by code
  union all
  select 'inbox_oldest_unhandled_seconds', '{}', coalesce(extract(epoch from now() - min(received_at)), 0)
  from inbox where handled_at is null
  union all
  select 'inbox_unhandled', '{}', count(*) from inbox where handled_at is null
  union all
  select 'events_oldest_unhandled_seconds', '{}', coalesce(extract(epoch from now() - min(occurred_at)), 0)
  from events where handled_at is null
  union all
  select 'audit_unsealed', '{}', count(*) from audit_log where position is null
  union all
  select 'jobs_held', '{}', count(*) from pgqueuer where status = 'failed'
  union all
  select 'jobs', jsonb_build_object('status', status), count(*) from pgqueuer group by status
  union all
  select 'schedule_last_success_timestamp_seconds', jsonb_build_object('schedule', s.name),
    extract(epoch from coalesce(max(l.created), min(s.created)))
  from (select replace(entrypoint, 'wake_', '') as name, created from pgqueuer_schedules) s
  left join pgqueuer_log l on l.entrypoint = s.name and l.status = 'successful'
  group by s.name
  union all
  select 'boost_quota_left', jsonb_build_object('source', source),
    greatest(0, $1::int - count(*) filter (where created_at > now() - interval '1 day'))
  from boosts where created_at > now() - interval '30 days' group by source
  union all
  select 'postgres_start_timestamp_seconds', '{}', extract(epoch from pg_postmaster_start_time())
  union all
  select 'postgres_connections', '{}', count(*) from pg_stat_activity where datname = current_database()
  union all
  select 'postgres_database_bytes', '{}', pg_database_size(current_database())
)
select name, labels::text, value::float8 from samples where value is not null order by name, labels::text
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One number, under its name without prefix."""

    name: str
    labels: Mapping[str, str]
    value: float


class SqlOperations:
    """What the tables say; `quota` is how many new boosts a source may raise a day."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", *, quota: int) -> None:
        self._pool = pool
        self._quota = quota

    async def samples(self) -> tuple[Sample, ...]:
        rows = await self._pool.fetch(STATEMENT, self._quota)
        return tuple(
            Sample(row["name"], {k: str(v) for k, v in json.loads(row["labels"]).items()}, row["value"]) for row in rows
        )
