"""What people of this organisation decided, as examples to learn from, in the format of `norepeat train`."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import orjson

_INCIDENTS = """
select i.id, i.title, i.summary, i.started_at, p.sections from incidents i
left join postmortems p on p.incident_id = i.id where not i.restricted and i.mode = 'standard' order by i.id
"""
_PUBLISHED = """
select i.id, array(select f.code from postmortem_factors f where f.postmortem_id = p.id order by f.code) as codes
from postmortems p join incidents i on i.id = p.incident_id
where p.published_number > 0 and not i.restricted and i.mode = 'standard' order by i.id
"""
_ANSWERED = """
select i.id, array_agg(a.factor_code order by a.factor_code) as codes from suggestion_answers a
join incidents i on i.id = a.incident_id
where a.kind = 'factor' and a.verdict = 'accepted' and not i.restricted and i.mode = 'standard'
  and not exists (select 1 from postmortems p where p.incident_id = i.id and p.published_number > 0)
group by i.id order by i.id
"""
_PAIRS = """
select a.similar_incident_id as a, a.incident_id as b,
  case a.verdict when 'accepted' then 'same-root-cause' else 'not-same-cause' end as relation
from suggestion_answers a join incidents i on i.id = a.incident_id join incidents o on o.id = a.similar_incident_id
where not i.restricted and not o.restricted
union
select c.a, c.b, 'same-root-cause' from (
  select lag(i.id) over (partition by i.root_cause_id order by i.started_at, i.id) as a, i.id as b from incidents i
  join root_causes r on r.id = i.root_cause_id
  where i.root_cause_status = 'confirmed' and r.slug <> 'undetermined' and not i.restricted and i.mode = 'standard'
) c where c.a is not null
order by 1, 2
"""


async def taught(pool: "asyncpg.Pool[asyncpg.Record]", organisation: str) -> AsyncIterator[bytes]:
    """One JSON object a line: incidents, then labels, then pairs. Restricted incidents are not among them."""
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        async for row in connection.cursor(_INCIDENTS):
            yield orjson.dumps(_incident(row, organisation))
        for query, read in ((_PUBLISHED, "whole"), (_ANSWERED, "partly")):
            async for row in connection.cursor(query):
                line = {"id": str(row["id"]), "codes": row["codes"], "sampling": "random", "read": read}
                yield orjson.dumps(line)
        async for row in connection.cursor(_PAIRS):
            yield orjson.dumps({"a": str(row["a"]), "b": str(row["b"]), "relation": row["relation"]})


def _incident(row: Any, organisation: str) -> dict[str, Any]:
    sections = orjson.loads(row["sections"] or "{}")
    parts = [f"## {name.replace('_', ' ')}\n{section['text']}" for name, section in sections.items()]
    return {
        "id": str(row["id"]),
        "title": row["title"],
        "company": organisation,
        "date": row["started_at"].date().isoformat() if row["started_at"] else None,
        "labels": {},
        "text": "\n\n".join([row["summary"], *parts]),
    }
