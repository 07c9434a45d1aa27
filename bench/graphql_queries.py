# ruff: noqa: E501
"""The measured reads: as GraphQL, with variables that change from request to request, and as hand-written SQL."""

import hashlib
from uuid import UUID

from bench.graphql_data import RESTRICTED_EVERY, TEAMS

ITEMS = """query Items($team: [String!]) {
  actionItems(first: 50, filter: {status: [OPEN, IN_PROGRESS], team: $team}, orderBy: {field: RISK, descending: true}) {
    edges { node { id title status effectivePriority dueOn risk riskDetail { reasons { code text } }
      ticket { key url status } postmortem { id status incident { title severity } } service { name } } }
    pageInfo { hasNextPage endCursor } } }"""
POSTMORTEMS_OF_A_TEAM = """query Postmortems($team: [String!]) {
  postmortems(first: 10, filter: {team: $team}) {
    edges { node { id status tier dueOn createdAt incident { title severity primaryService { name } } author { name }
      actionItems(first: 5) { id title status dueOn ticket { key url status } }
      timeline(first: 5) { occurredAt kind text } } }
    pageInfo { hasNextPage endCursor } } }"""
ONE = "query One($id: ID!) { postmortem(id: $id) { id status tier createdAt } }"

_EDGES = """'{"data":{"%s":{"edges":[' || string_agg('{"node":' || x.j || '}', ',' order by x.n) filter (where x.n <= %d)
  || '],"pageInfo":{"hasNextPage":' || (count(*) > %d)::text || ',"endCursor":"' || max(x.c) filter (where x.n = %d) || '"}}}}'"""
_ID = "encode(convert_to('%s:' || %s, 'UTF8'), 'base64')"
_CURSOR = "translate(encode(convert_to('[\"' || 'scope' || '\",\"' || {} || '\",\"' || {} || '\"]', 'UTF8'), 'base64'), E'+/=\\n', '-_')"

ITEMS_SQL = f"""select {_EDGES % ("actionItems", 50, 50, 50)} from (
 select row_number() over (order by coalesce(a.risk, -1) desc, a.id desc) n, {_CURSOR.format("a.risk::text", "a.id::text")} c,
  '{{"id":"' || {_ID % ("ActionItem", "a.id::text")} || '","title":' || to_json(a.title)::text || ',"status":"' || upper(a.status)
  || '","effectivePriority":"' || (array['URGENT','HIGH','MEDIUM','LOW'])[a.effective_priority]
  || '","dueOn":"' || a.due_on || '","risk":' || a.risk || ',"riskDetail":{{"reasons":' || (a.risk_detail->'reasons')::text
  || '}},"ticket":{{"key":' || to_json(t.key)::text || ',"url":' || to_json(t.url)::text || ',"status":"' || upper(t.status)
  || '"}},"postmortem":{{"id":"' || {_ID % ("Postmortem", "p.id::text")} || '","status":"' || upper(p.status)
  || '","incident":{{"title":' || to_json(i.title)::text || ',"severity":"P' || i.severity
  || '"}}}},"service":{{"name":' || to_json(s.name)::text || '}}}}' as j
 from (select * from action_items a where a.status in ('open', 'in_progress') and a.team_id =
        (select id from teams where slug = $1) order by coalesce(a.risk, -1) desc, a.id desc limit 51) a
  left join tickets t on t.action_item_id = a.id left join postmortems p on p.id = a.postmortem_id
  left join incidents i on i.id = p.incident_id left join services s on s.id = a.service_id) x"""

POSTMORTEMS_SQL = f"""select {_EDGES % ("postmortems", 10, 10, 10)} from (
 select row_number() over (order by p.created_at desc, p.id desc) n, {_CURSOR.format("p.created_at::text", "p.id::text")} c,
  '{{"id":"' || {_ID % ("Postmortem", "p.id::text")} || '","status":"' || upper(p.status) || '","tier":' || p.tier
  || ',"dueOn":"' || p.due_on || '","createdAt":' || to_json(p.created_at)::text || ',"incident":{{"title":'
  || to_json(i.title)::text || ',"severity":"P' || i.severity || '","primaryService":{{"name":' || to_json(s.name)::text
  || '}}}},"author":{{"name":' || to_json(u.name)::text || '}},"actionItems":[' || (
     select string_agg('{{"id":"' || {_ID % ("ActionItem", "a.id::text")} || '","title":' || to_json(a.title)::text
       || ',"status":"' || upper(a.status) || '","dueOn":"' || a.due_on || '","ticket":{{"key":' || to_json(t.key)::text
       || ',"url":' || to_json(t.url)::text || ',"status":"' || upper(t.status) || '"}}}}', ',' order by a.id)
     from (select * from action_items a where a.postmortem_id = p.id order by a.id limit 5) a
      left join tickets t on t.action_item_id = a.id)
  || '],"timeline":[' || (
     select string_agg('{{"occurredAt":' || to_json(e.occurred_at)::text || ',"kind":"' || upper(e.kind) || '","text":'
       || to_json(e.text)::text || '}}', ',' order by e.occurred_at, e.id)
     from (select * from timeline_entries e where e.postmortem_id = p.id order by e.occurred_at, e.id limit 5) e)
  || ']}}' as j
 from (select p.* from postmortems p where p.incident_id in (select i.id from incidents i join services s
         on s.id = i.primary_service_id join teams m on m.id = s.team_id where m.slug = $1)
       order by p.created_at desc, p.id desc limit 11) p
  left join incidents i on i.id = p.incident_id left join services s on s.id = i.primary_service_id
  left join people u on u.id = p.author_id) x"""

ONE_SQL = f"""select '{{"data":{{"postmortem":{{"id":"' || {_ID % ("Postmortem", "p.id::text")} || '","status":"' || upper(p.status)
 || '","tier":' || p.tier || ',"createdAt":' || to_json(p.created_at)::text || '}}}}}}' from postmortems p where p.id = $1"""

TEAMS_SHOWN = [f"team-{n}" for n in range(1, TEAMS + 1) if n % 10 != 1]
"""Teams without restricted incidents: the peers show everything to everybody, and the answers have to be the same."""
IDS = [
    str(UUID(hashlib.md5(f"postmortem{n * 97 + 1}".encode()).hexdigest()))
    for n in range(200)
    if (n * 97 + 1) % RESTRICTED_EVERY
]

REST_PATH = "/v1/action-items?team={team}&status=open,in_progress&sort=-risk&limit=50"


def _text(name: str) -> str:
    return f"coalesce(to_json({name})::text, 'null')"


def _plain(name: str) -> str:
    return f"coalesce({name}::text, 'null')"


def _object(alias: str, *fields: tuple[str, str]) -> str:
    inner = " || ',".join(f'"{name}":\' || {sql}' for name, sql in fields)
    return f"case when {alias}.id is null then 'null' else '{{{inner} || '}}' end"


_REST_ITEM = _object(
    "a",
    ("id", "'\"' || a.id || '\"'"), ("version", "a.version"), ("title", _text("a.title")),
    ("description", _text("a.description")), ("status", "'\"' || a.status || '\"'"),
    ("control_type", "'\"' || a.control_type || '\"'"), ("systemic", "a.systemic::text"),
    ("owner", _object("u", ("id", "'\"' || u.id || '\"'"), ("email", _text("u.email")), ("name", _text("u.name")))),
    ("team", _object("m", ("id", "'\"' || m.id || '\"'"), ("slug", _text("m.slug")), ("name", _text("m.name")))),
    ("service", _object("s", ("id", "'\"' || s.id || '\"'"), ("slug", _text("s.slug")), ("name", _text("s.name")))),
    ("root_cause", _object("c", ("id", "'\"' || c.id || '\"'"), ("slug", _text("c.slug")), ("title", _text("c.title")))),
    ("incident", _object("i", ("id", "'\"' || i.id || '\"'"), ("title", _text("i.title")), ("severity", "'\"P' || i.severity || '\"'"))),
    ("postmortem", _object("p", ("id", "'\"' || p.id || '\"'"), ("status", "'\"' || p.status || '\"'"), ("tier", "p.tier::text"))),
    ("pattern", _object("h", ("id", "'\"' || h.id || '\"'"), ("key", _text("h.key")), ("title", _text("h.title")),
                        ("period", _text("(select period from meta_reviews where id = h.review_id)")))),
    ("committed_due_on", _text("a.committed_due_on")), ("due_on", _text("a.due_on")), ("slips", "a.slips::text"),
    ("overdue", "coalesce(a.committed_due_on < (now() at time zone m.time_zone)::date, false)::text"),
    ("base_priority", "'\"' || (array['urgent','high','medium','low'])[a.base_priority] || '\"'"),
    ("effective_priority", "'\"' || (array['urgent','high','medium','low'])[a.effective_priority] || '\"'"),
    ("boost", _object("b", ("id", "'\"' || b.id || '\"'"), ("slo", _text("b.slo")), ("source", _text("b.source")),
                      ("signal", _text("b.signal")), ("state", _text("b.state")), ("levels", "b.levels::text"),
                      ("reason", _text("b.reason")), ("raised_at", _text("b.raised_at")))),
    ("plan", _plain("a.plan")),
    *((name, _text(f"a.{name}")) for name in ("opened_at", "implemented_at", "deployed_at", "evidence_due_on", "closed_at", "reopened_at", "refuted_by_id")),
    ("decline", _plain("a.decline")), ("planned_in", _text("a.planned_in")), ("times_passed_over", "a.times_passed_over::text"),
    ("risk", _plain("a.risk")), ("risk_as_of", _text("a.risk_as_of")),
    ("ticket", _object("t", ("id", "'\"' || t.id || '\"'"), ("provider", "'\"' || t.provider || '\"'"), ("key", _text("t.key")),
                       ("url", _text("t.url")), ("status", "'\"' || t.status || '\"'"), ("status_text", _text("t.status_text")),
                       ("assignee", _text("t.assignee")), ("sync_state", "'\"' || t.sync_state || '\"'"),
                       ("last_synced_at", _text("t.last_synced_at")), ("last_error", _text("t.last_error")), ("dropped", "t.dropped::text"))),
    ("evidence", "(select coalesce('[' || string_agg(to_json(k)::text, ',' order by k.ran_at, k.id) || ']', '[]') from checks k where k.action_item_id = a.id)"),
    ("created_at", _text("a.created_at")), ("updated_at", _text("a.updated_at")),
)  # fmt: skip

REST_SQL = f"""select '{{"items":[' || string_agg(x.j, ',' order by x.n) filter (where x.n <= 50) || '],"next_cursor":"'
  || max(x.c) filter (where x.n = 50) || '"}}' from (
 select row_number() over (order by coalesce(a.risk, -1) desc, a.id desc) n, {_CURSOR.format("a.risk::text", "a.id::text")} c, {_REST_ITEM} j
 from (select * from action_items a where a.status in ('open', 'in_progress') and a.team_id =
        (select id from teams where slug = $1) order by coalesce(a.risk, -1) desc, a.id desc limit 51) a
  left join people u on u.id = a.owner_id left join teams m on m.id = a.team_id left join services s on s.id = a.service_id
  left join root_causes c on c.id = a.root_cause_id left join incidents i on i.id = a.incident_id
  left join postmortems p on p.id = a.postmortem_id left join meta_review_patterns h on h.id = a.pattern_id
  left join boosts b on b.id = a.boost_id left join tickets t on t.action_item_id = a.id) x"""
