"""Incidents and causes that may be like another: found by words, services and factors in indexes, never by scanning."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from app.domain.access import Caller
from app.domain.errors import NotFound
from app.domain.learning.resemblance import Story
from app.domain.learning.suggestions import Declined, KnownCause, KnownIncident, Unfinished, UnfinishedItem

_PAIRED = 5
_PER_TERM = 60
_PER_SERVICE = 100
_MOST_MATCHES = 5000
_SERVICE_WORTH, _FACTOR_WORTH = 0.5, 0.3
_PLANNING = f"set local gin_fuzzy_search_limit = {_MOST_MATCHES}; set local enable_seqscan = off; set local jit = off"
_VISIBLE = """($1::boolean or not i.restricted or exists (
  select 1 from incident_viewers v where v.incident_id = i.id and v.person_id = $2::uuid))"""
_STORY = """
select i.id, i.title, i.summary, 'P' || i.severity as severity, i.started_at, s.slug as service, i.change_kind,
  coalesce(i.started_at, i.detected_at, i.resolved_at, i.created_at) as at, i.root_cause_id, i.root_cause_status,
  i.version || ':' || coalesce(p.version, 0) as stamp, p.sections,
  array(select service_id from incident_services where incident_id = i.id) as service_ids,
  array(select code from postmortem_factors where postmortem_id = p.id) as factors
from incidents i join services s on s.id = i.primary_service_id left join postmortems p on p.incident_id = i.id
"""
_ONE = f"{_STORY} where i.id = $3::uuid and {_VISIBLE}"
_SOME = f"{_STORY} where i.id = any($3::uuid[]) and {_VISIBLE}"
_NEAR = f"""
with asked as (select * from unnest($3::text[], $4::float8[]) as t(words, worth)),
found as (
  select h.id, a.worth from asked a cross join lateral (
    (select x.id from incidents x
      where to_tsvector('english', x.title || ' ' || x.summary) @@ plainto_tsquery('english', a.words)
      limit {_PER_TERM})
    union
    (select x.incident_id from postmortems x
      where jsonb_to_tsvector('english', x.sections, '["string"]') @@ plainto_tsquery('english', a.words)
      limit {_PER_TERM})
  ) h
  union all
  select h.id, {_SERVICE_WORTH} from unnest($5::uuid[]) as s(id) cross join lateral (
    select n.incident_id as id from incident_services n where n.service_id = s.id
    order by n.incident_id desc limit {_PER_SERVICE}) h
  union all
  select h.id, {_FACTOR_WORTH} from unnest($6::text[]) as f(code) cross join lateral (
    select p.incident_id as id from postmortem_factors c join postmortems p on p.id = c.postmortem_id
    where c.code = f.code order by c.postmortem_id desc limit {_PER_TERM}) h
)
select i.id from found join incidents i on i.id = found.id
where {_VISIBLE} and i.mode = 'standard' and i.id is distinct from $7::uuid
  and ($8::timestamptz is null or coalesce(i.started_at, i.detected_at, i.resolved_at, i.created_at) < $8)
group by i.id order by sum(found.worth) desc, i.id desc limit $9
"""
_DESCRIBED = """
select id, slug, title, description, factor_code from root_causes
where to_tsvector('english', title || ' ' || description) @@ websearch_to_tsquery('english', $1)
  and merged_into_id is null and slug <> 'undetermined'
order by ts_rank(to_tsvector('english', title || ' ' || description), websearch_to_tsquery('english', $1)) desc, id
limit $2
"""
_CAUSES = """select id, slug, title, description, factor_code from root_causes
where id = any($1::uuid[]) and merged_into_id is null and slug <> 'undetermined'"""
_UNFINISHED = """
select a.id, a.incident_id, a.title, a.status, o.email as owner, a.due_on, a.decline, d.email as declined_by,
  coalesce(a.status in ('open', 'in_progress') and a.committed_due_on < coalesce(
    (select day_in(z.time_zone) from teams z where z.id = a.team_id), current_date), false) as overdue
from action_items a left join people o on o.id = a.owner_id left join people d on d.id = (a.decline->>'by_id')::uuid
where a.incident_id = any($1::uuid[]) and a.status <> 'closed' order by a.id
"""


class SqlNeighbours:
    """The port `Neighbours` over an asyncpg pool."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", *, longest: int, candidate: int) -> None:
        self._pool = pool
        self._longest = longest
        self._candidate = candidate

    async def incident(self, id: UUID, caller: Caller) -> KnownIncident:
        row = await self._pool.fetchrow(_ONE, *_who(caller), id)
        if row is None:
            raise NotFound(f"There is no incident with the id {id}.")
        return _known(row, self._longest)

    async def near(
        self,
        terms: Sequence[str],
        story: Story,
        caller: Caller,
        *,
        but: UUID | None,
        before: datetime | None,
        most: int,
        read: int,
    ) -> tuple[KnownIncident, ...]:
        words, worths = _asked(terms)
        services = [id for id in story.service_ids if isinstance(id, UUID)]
        async with self._pool.acquire() as connection, connection.transaction(readonly=True):
            # A word that stands everywhere would fetch every row; a sample of its rows is enough, and no scan is.
            await connection.execute(_PLANNING)
            ids = await connection.fetch(
                _NEAR, *_who(caller), words, worths, services, sorted(story.factors), but, before, most
            )
            chosen = [row["id"] for row in ids[:read]]
            rows = await connection.fetch(_SOME, *_who(caller), chosen)
        return tuple(_known(row, self._candidate) for row in rows)

    async def described(self, terms: Sequence[str], most: int) -> tuple[KnownCause, ...]:
        rows = await self._pool.fetch(_DESCRIBED, " or ".join(_plain(term) for term in terms), most)
        return tuple(KnownCause(**row) for row in rows)

    async def causes(self, ids: Sequence[UUID]) -> Mapping[UUID | None, KnownCause]:
        rows = await self._pool.fetch(_CAUSES, list(ids))
        return {row["id"]: KnownCause(**row) for row in rows}

    async def unfinished(self, incident_ids: Sequence[UUID]) -> Unfinished:
        found: dict[UUID, tuple[UnfinishedItem, ...]] = {}
        for row in await self._pool.fetch(_UNFINISHED, list(incident_ids)):
            found[row["incident_id"]] = (*found.get(row["incident_id"], ()), _item(row))
        return found


def _who(caller: Caller) -> tuple[bool, UUID | None]:
    return caller.sees_everything, caller.person_id


def _asked(terms: Sequence[str]) -> tuple[list[str], list[float]]:
    """Single words, and pairs of the weightiest: two common words together are rare."""
    single = [(_plain(term), 1 - 0.5 * index / len(terms)) for index, term in enumerate(terms)]
    pairs = [
        (f"{a} {b}", worth + other)
        for i, (a, worth) in enumerate(single[:_PAIRED])
        for b, other in single[i + 1 : _PAIRED]
    ]
    return [words for words, _ in single + pairs], [worth for _, worth in single + pairs]


def _plain(term: str) -> str:
    return " ".join(part for part in term.replace("_", "-").split("-") if part)


def _known(row: Mapping[str, Any], longest: int) -> KnownIncident:
    return KnownIncident(
        row["id"],
        row["title"],
        row["severity"],
        row["started_at"],
        row["service"],
        Story(
            text="\n\n".join([row["summary"], *_sections(row)])[:longest],
            title=row["title"],
            factors=frozenset(row["factors"]),
            service_ids=frozenset(row["service_ids"]),
            change_kind=row["change_kind"],
            at=row["at"],
        ),
        row["stamp"],
        row["root_cause_id"],
        row["root_cause_status"],
    )


def _sections(row: Mapping[str, Any]) -> list[str]:
    """Under their names, which tell what they are about."""
    sections: Mapping[str, Any] = orjson.loads(row["sections"] or "{}")
    return [f"## {name.replace('_', ' ')}\n{section['text']}" for name, section in sections.items()]


def _item(row: Mapping[str, Any]) -> UnfinishedItem:
    told = orjson.loads(row["decline"]) if row["decline"] else None
    declined = (
        Declined(told["code"], told["reason"], row["declined_by"], datetime.fromisoformat(told["at"]))
        if told and row["status"] == "declined"
        else None
    )
    return UnfinishedItem(
        row["id"],
        row["incident_id"],
        row["title"],
        row["status"],
        row["owner"],
        row["due_on"],
        bool(row["overdue"]),
        declined,
    )
