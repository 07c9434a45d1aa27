"""The rows that metrics are computed from: one set-based query each, on the pool for reads."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import asyncpg

from app.domain.learning.facts import FactFilter, Phase
from app.domain.learning.metrics import ItemRow, PhaseRow, SeverityRow
from app.domain.learning.recurrence_rate import OccurrenceRow, PostmortemRow

_END_OF = "({0} + 1)::timestamp at time zone coalesce(m.time_zone, 'UTC')"
_ITEMS = f"""
select a.id as item_id, a.created_at, {_END_OF.format("a.committed_due_on")} as committed_until,
       {_END_OF.format("a.due_on")} as due_until, {_END_OF.format("a.evidence_due_on")} as evidence_until,
       a.implemented_at, a.closed_at, (a.decline->>'at')::timestamptz as declined_at, a.slips
from action_items a left join teams m on m.id = a.team_id left join services s on s.id = a.service_id
left join incidents i on i.id = a.incident_id
where a.status <> 'candidate' and (i.mode is null or i.mode = 'standard')
  and a.created_at >= $1 and a.created_at < $2
  and ($3::text is null or m.slug = $3) and ($4::text is null or s.slug = $4)
  and ($5::int[] is null or i.severity = any($5))
"""
_INCIDENT_SCOPE = """
  and ($3::text is null or m.slug = $3)
  and ($4::text is null or exists (select 1 from incident_services x join services y on y.id = x.service_id
       where x.incident_id = i.id and y.slug = $4))
  and ($5::int[] is null or i.severity = any($5))
"""
_INCIDENTS = f"""
from incidents i join services s on s.id = i.primary_service_id left join teams m on m.id = s.team_id
where i.mode = 'standard' and coalesce(i.started_at, i.created_at) >= $1
  and coalesce(i.started_at, i.created_at) < $2 {_INCIDENT_SCOPE}
"""
_POSTMORTEMS = f"""
select p.id as postmortem_id, p.created_at, i.started_at, i.resolved_at,
       case when i.root_cause_status = 'confirmed' and c.slug <> 'undetermined' then i.root_cause_id end
         as root_cause_id
from postmortems p join incidents i on i.id = p.incident_id left join root_causes c on c.id = i.root_cause_id
join services s on s.id = i.primary_service_id left join teams m on m.id = s.team_id
where i.mode = 'standard' and p.status not in ('required', 'waived') and p.created_at >= $1 and p.created_at < $2
  {_INCIDENT_SCOPE}
"""
_OCCURRENCES = """
select i.id as incident_id, i.root_cause_id, i.started_at from incidents i
where i.mode = 'standard' and i.root_cause_status = 'confirmed' and i.started_at is not null and i.started_at < $2
  and i.root_cause_id in (select j.root_cause_id from postmortems p join incidents j on j.id = p.incident_id
       where p.created_at >= $1 and p.created_at < $2)
"""


class SqlFacts:
    """The port `Facts` over an asyncpg pool."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def items(self, where: FactFilter) -> tuple[ItemRow, ...]:
        return tuple(ItemRow(**row) for row in await self._rows(_ITEMS, where))

    async def postmortems(self, where: FactFilter) -> tuple[PostmortemRow, ...]:
        return tuple(PostmortemRow(**row) for row in await self._rows(_POSTMORTEMS, where))

    async def occurrences(self, where: FactFilter) -> tuple[OccurrenceRow, ...]:
        rows = await self._pool.fetch(_OCCURRENCES, *_window(where))
        return tuple(OccurrenceRow(**row) for row in rows)

    async def phases(self, where: FactFilter, phase: Phase) -> tuple[PhaseRow, ...]:
        columns = f"i.id as incident_id, i.created_at as recorded_at, i.started_at, i.{phase} as reached_at"
        return tuple(PhaseRow(**row) for row in await self._rows(f"select {columns} {_INCIDENTS}", where))

    async def severities(self, where: FactFilter) -> tuple[SeverityRow, ...]:
        columns = "i.id as incident_id, i.created_at as recorded_at, i.started_at, i.severity::int as rank"
        return tuple(SeverityRow(**row) for row in await self._rows(f"select {columns} {_INCIDENTS}", where))

    async def _rows(self, sql: str, where: FactFilter) -> Sequence[Mapping[str, Any]]:
        severities = list(where.severities) or None
        rows: Sequence[Mapping[str, Any]] = await self._pool.fetch(
            sql, *_window(where), where.team, where.service, severities
        )
        return rows


def _window(where: FactFilter) -> tuple[Any, Any]:
    return where.as_of - timedelta(days=where.lookback_days), where.as_of
