"""What the records of a quarter say: set-based statements, one a question, whatever the number of postmortems."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.adapters.db.statements import Row, Statements
from app.domain.meta_reviews.counting import Quotes, Seen, Span, Struck, Totals
from app.domain.meta_reviews.model import MetaReviewPolicy
from app.domain.meta_reviews.pattern import Exposed, Part, PatternKind, Quote
from app.domain.meta_reviews.wording import Wording

_CHANGE_KEY = "deployment"
_CHANGE_TITLE = "Deployment-caused incidents"
_UNSPECIFIED = "unspecified"

# `published_number`, not the status: while a revision is written the signed version still counts.
_REVIEWED = """
reviewed as materialized (
    select i.id, i.title, i.severity, i.started_at, i.restricted, i.change_role, i.change_rollout,
           p.id as postmortem_id, i.started_at >= :starts_at as here
    from incidents i join postmortems p on p.incident_id = i.id
    where i.mode = 'standard' and i.started_at >= :previous_starts_at and i.started_at < :ends_at
      and p.published_number > 0
)"""
_MARKS = f"""
{_REVIEWED},
marks as (
    select r.id, r.here, f.code as key, f.sub_code as part, f.why
    from reviewed r join postmortem_factors f on f.postmortem_id = r.postmortem_id
    union all
    select id, here, '{_CHANGE_KEY}', change_rollout, null from reviewed where change_role in ('caused', 'worsened')
)"""
_SEEN = sa.text(f"""
with {_MARKS}
select m.key, f.title, coalesce(m.part, '{_UNSPECIFIED}') as part,
       count(*) filter (where m.here) as n, count(*) filter (where not m.here) as previous_n,
       coalesce(array_agg(m.id) filter (where m.here), '{{}}') as incident_ids
from marks m left join factors f on f.code = m.key
group by m.key, f.title, coalesce(m.part, '{_UNSPECIFIED}')
order by m.key, n desc, part
""")
_TOTALS = sa.text("""
select count(*) filter (where counts and p.published_number > 0 and here) as n,
       count(*) filter (where counts and p.published_number > 0 and not here) as previous_n,
       count(*) filter (where counts and here and due and p.due_on < cast(:as_of as date)) as overdue,
       count(*) filter (where counts and here and due and p.due_on >= cast(:as_of as date)) as not_due_yet,
       count(*) filter (where counts and here and p.status = 'waived') as waived,
       count(*) filter (where not counts and here and p.published_number > 0) as other_modes
from (
    select i.id, i.mode = 'standard' as counts, i.started_at >= :starts_at as here
    from incidents i where i.started_at >= :previous_starts_at and i.started_at < :ends_at
) i
join postmortems p on p.incident_id = i.id
cross join lateral (select p.published_number = 0 and p.status <> 'waived' and p.due_on is not null as due) d
""")
_QUOTES = sa.text(f"""
with {_MARKS},
ranked as (
    select m.key, r.id, r.postmortem_id, r.title, nullif(trim(m.why), '') as why,
           row_number() over (partition by m.key order by nullif(trim(m.why), '') is null, r.severity,
                              r.started_at desc, r.id) as place
    from marks m join reviewed r on r.id = m.id where not r.restricted
)
select k.key, k.id, k.postmortem_id, k.title, left(coalesce(k.why, p.sections->'root_cause'->>'text',
       p.sections->'summary'->>'text', ''), :length + 1) as said
from ranked k join postmortems p on p.id = k.postmortem_id where k.place <= 2 * :quotes
order by k.key, k.place
""")
_SERVICES = sa.text(f"""
with {_MARKS},
struck as (
    select m.key, s.service_id, count(*) as n
    from marks m join incident_services s on s.incident_id = m.id where m.here group by m.key, s.service_id
),
most as (
    select service_id from struck where key <> '{_CHANGE_KEY}' group by service_id
    order by sum(n) desc, service_id limit :heat
),
ranked as (
    select *, row_number() over (partition by key order by n desc, service_id) as place from struck
)
select k.key, v.slug, v.name, k.n, v.revenue_per_hour_usd
from ranked k join services v on v.id = k.service_id
where k.place <= :exposed or k.service_id in (select service_id from most)
order by k.key, k.n desc, v.slug
""")
_WORDING = sa.text(f"""
with {_REVIEWED},
ranked as (
    select r.id, exists (select 1 from postmortem_factors f where f.postmortem_id = r.postmortem_id) as has_factor,
           r.postmortem_id, r.started_at
    from reviewed r where r.here and not r.restricted
),
chosen as (
    (select * from ranked where not has_factor order by started_at desc, id limit :texts)
    union all (select * from ranked where has_factor order by started_at desc, id limit :texts)
)
select c.id, c.has_factor,
       left(concat_ws('. ', p.sections->'summary'->>'text', p.sections->'root_cause'->>'text'), :length) as said
from chosen c join postmortems p on p.id = c.postmortem_id order by c.id
""")
_SAYING = sa.text(f"""
with {_REVIEWED}
select count(*) filter (where r.here) as n, count(*) filter (where not r.here) as previous_n,
       coalesce(array_agg(r.id order by r.id) filter (where r.here), '{{}}') as incident_ids
from reviewed r join postmortems p on p.id = r.postmortem_id
where not r.restricted and not exists (select 1 from postmortem_factors f where f.postmortem_id = p.id)
  and position(:phrase in regexp_replace(lower(concat_ws('. ', p.sections->'summary'->>'text',
      p.sections->'root_cause'->>'text')), '\\s+', ' ', 'g')) > 0
""")
_NAMES = sa.text("""
select i.id, p.id as postmortem_id, i.title,
       concat_ws('. ', p.sections->'summary'->>'text', p.sections->'root_cause'->>'text') as said
from incidents i join postmortems p on p.incident_id = i.id
where i.id = any(:ids) and not i.restricted order by i.severity, i.started_at desc, i.id limit :quotes
""").bindparams(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid)))
_STRUCK_BY = sa.text("""
select v.slug, v.name, count(*) as n, v.revenue_per_hour_usd
from incident_services s join services v on v.id = s.service_id
where s.incident_id = any(:ids) group by v.id order by n desc, v.slug
""").bindparams(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid)))
_INCIDENTS = sa.text("""
select exists (select 1 from incidents where mode = 'standard' and started_at >= :starts_at and started_at < :ends_at)
""")


class SqlQuarters:
    """The port `Quarters`: counts include restricted incidents, texts never come from one."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def has_incidents(self, span: Span) -> bool:
        return bool(await self._run.scalar(_INCIDENTS.bindparams(starts_at=span.starts_at, ends_at=span.ends_at)))

    async def totals(self, span: Span) -> Totals:
        (row,) = await self._rows(_TOTALS, span, as_of=span.as_of)
        missing = {name: row[name] for name in ("overdue", "not_due_yet") if row[name]}
        return Totals(row["n"], row["previous_n"], missing, row["waived"], row["other_modes"])

    async def seen(self, span: Span) -> tuple[Seen, ...]:
        grouped: defaultdict[str, list[Row]] = defaultdict(list)
        for row in await self._rows(_SEEN, span):
            grouped[row["key"]].append(row)
        return tuple(_to_seen(key, rows) for key, rows in grouped.items())

    async def quotes(self, span: Span, policy: MetaReviewPolicy) -> Quotes:
        rows = await self._rows(_QUOTES, _alone(span), length=policy.quote_length, quotes=policy.quotes)
        said = [row for row in rows if row["said"].strip()]
        found = _grouped(said, lambda row: _to_quote(row, policy))
        return {key: quotes[: policy.quotes] for key, quotes in found.items()}

    async def services(self, span: Span, policy: MetaReviewPolicy) -> Struck:
        rows = await self._rows(_SERVICES, _alone(span), heat=policy.heat_services, exposed=policy.exposed_services)
        return _grouped(rows, _to_exposed)

    async def wording(self, span: Span, policy: MetaReviewPolicy) -> tuple[Wording, ...]:
        rows = await self._rows(_WORDING, _alone(span), texts=policy.theme_texts, length=policy.theme_text_length)
        return tuple(Wording(row["id"], row["said"], row["has_factor"]) for row in rows)

    async def saying(self, phrase: str, span: Span) -> tuple[int, int, tuple[UUID, ...]]:
        (row,) = await self._rows(_SAYING, span, phrase=phrase)
        return row["n"], row["previous_n"], tuple(row["incident_ids"])

    async def quoted(self, ids: Sequence[UUID], phrase: str, policy: MetaReviewPolicy) -> tuple[Quote, ...]:
        rows = await self._run.all(_NAMES.bindparams(ids=list(ids), quotes=policy.quotes))
        return tuple(
            _to_quote({**row, "said": _around(row["said"], phrase, policy.quote_length)}, policy) for row in rows
        )

    async def struck_by(self, ids: Sequence[UUID]) -> tuple[Exposed, ...]:
        return tuple(_to_exposed(row) for row in await self._run.all(_STRUCK_BY.bindparams(ids=list(ids))))

    async def _rows(self, statement: sa.TextClause, span: Span, **values: Any) -> Sequence[Row]:
        bounds = {
            "previous_starts_at": span.previous_starts_at, "starts_at": span.starts_at, "ends_at": span.ends_at,
        }  # fmt: skip
        return await self._run.all(statement.bindparams(**bounds, **values))


def _alone(span: Span) -> Span:
    """Without the quarter before, where nothing is compared."""
    return replace(span, previous_starts_at=span.starts_at)


def _to_seen(key: str, rows: Sequence[Row]) -> Seen:
    kind = PatternKind.CHANGE if key == _CHANGE_KEY else PatternKind.FACTOR
    parts = tuple(Part(row["part"], row["n"], row["previous_n"]) for row in rows)
    ids = tuple(id for row in rows for id in row["incident_ids"])
    return Seen(kind, key, rows[0]["title"] or _CHANGE_TITLE, parts, ids)


def _grouped(rows: Sequence[Row], made: Any) -> Mapping[str, tuple[Any, ...]]:
    grouped: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[row["key"]].append(made(row))
    return {key: tuple(found) for key, found in grouped.items()}


def _to_quote(row: Mapping[str, Any] | Row, policy: MetaReviewPolicy) -> Quote:
    return Quote(_cut(row["said"], policy.quote_length), row["id"], row["postmortem_id"], row["title"])


def _to_exposed(row: Row) -> Exposed:
    return Exposed(row["slug"], row["name"], row["n"], row["revenue_per_hour_usd"])


def _cut(text: str, length: int) -> str:
    """One line, ending at a word."""
    flat = " ".join(text.split())
    return flat if len(flat) <= length else flat[:length].rpartition(" ")[0] + " …"


def _around(text: str, phrase: str, length: int) -> str:
    """The sentence that holds the phrase."""
    flat = " ".join(text.split())
    at = max(0, flat.lower().find(phrase))
    start = max(flat.rfind(". ", 0, at) + 2 if ". " in flat[:at] else 0, at - length // 2)
    return flat[start : start + length + 1]
