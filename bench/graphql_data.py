# ruff: noqa: E501
"""A large organisation, made by SQL: 200 services, 20,000 postmortems, five items, tickets and timeline entries each."""

from uuid import UUID

import asyncpg

from app.domain.organisation.keys import hash_secret

ACCOUNT = UUID("01900000-0000-7000-8000-000000000001")
KEY = "nr_bench_0123456789abcdefghijABCDEFGHIJ0123456789"
POSTMORTEMS = 20_000
TEAMS = 40
RESTRICTED_EVERY = 50


def _id(kind: str, n: str) -> str:
    """Ids that follow from numbers, in an order that is not that of the rows."""
    return f"md5('{kind}' || ({n})::text)::uuid"


_PEER = """
create schema bench;
create function bench.open_items(team text) returns setof public.action_items language sql stable as $$
 select a.* from public.action_items a where a.status in ('open', 'in_progress')
    and a.team_id = (select t.id from public.teams t where t.slug = open_items.team)
  order by coalesce(a.risk, -1) desc, a.id desc $$;
create function bench.team_postmortems(team text) returns setof public.postmortems language sql stable as $$
 select p.* from public.postmortems p where p.incident_id in (select i.id from public.incidents i
    join public.services s on s.id = i.primary_service_id join public.teams m on m.id = s.team_id
   where m.slug = team_postmortems.team)
  order by p.created_at desc, p.id desc $$;
create function bench.action_items_reasons(a public.action_items) returns jsonb language sql stable as $$
 select a.risk_detail->'reasons' $$;
"""
"""What PostGraphile needs to filter and sort as we do: functions that PostgreSQL puts inline."""


def _statements(postmortems: int) -> str:
    return f"""
set session_replication_role = replica;
insert into teams (id, version, created_at, updated_at, slug, name, time_zone, working_days)
select {_id("team", "n")}, 1, now(), now(), 'team-' || n, 'Team ' || n, 'UTC', '{{1,2,3,4,5}}' from generate_series(1, {TEAMS}) n;
insert into people (id, version, created_at, updated_at, email, name, role, team_id, active)
select {_id("person", "n")}, 1, now(), now(), 'person-' || n || '@example.org', 'Person ' || n, 'responder',
       {_id("team", f"n % {TEAMS} + 1")}, true from generate_series(1, 400) n;
insert into services (id, version, created_at, updated_at, slug, name, team_id)
select {_id("service", "n")}, 1, now(), now(), 'service-' || n, 'Service ' || n, {_id("team", f"n % {TEAMS} + 1")}
  from generate_series(1, 200) n;
insert into root_causes (id, version, created_at, updated_at, slug, title, description)
select {_id("cause", "n")}, 1, now(), now(), 'cause-' || n, 'Cause ' || n, '' from generate_series(1, 300) n;
insert into incidents (id, version, created_at, updated_at, title, summary, severity, mode, customer_impact,
                       primary_service_id, started_at, root_cause_id, root_cause_status, restricted)
select {_id("incident", "n")}, 1, now() - n * interval '30 minutes', now(), 'Incident ' || n || ': checkout "slow"', '',
       1 + n % 5, 'standard', 'minor', {_id("service", "n % 200 + 1")}, now() - n * interval '31 minutes',
       {_id("cause", "n % 300 + 1")}, 'confirmed', n % {RESTRICTED_EVERY} = 0 from generate_series(1, {postmortems}) n;
insert into incident_services (incident_id, service_id, position) select id, primary_service_id, 0 from incidents;
insert into postmortems (id, version, created_at, updated_at, incident_id, status, tier, proposed_tier, author_id, due_on,
                         published_number)
select {_id("postmortem", "n")}, 1, now() - n * interval '30 minutes', now(), {_id("incident", "n")}, 'draft', 1 + n % 3,
       2, {_id("person", "n % 400 + 1")}, current_date, 0 from generate_series(1, {postmortems}) n;
insert into timeline_entries (id, postmortem_id, occurred_at, recorded_at, kind, text, source, machine_written, pinned)
select {_id("entry", "n * 5 + k")}, {_id("postmortem", "n")}, now() - n * interval '30 minutes' + k * interval '1 minute',
       now(), 'detection', 'It was noticed by step ' || k || ' of the check', 'manual', false, false
  from generate_series(1, {postmortems}) n, generate_series(1, 5) k;
insert into action_items (id, version, created_at, updated_at, postmortem_id, incident_id, title, description, control_type,
                          systemic, status, owner_id, team_id, service_id, root_cause_id, due_on, committed_due_on, slips,
                          base_priority, effective_priority, times_passed_over, risk, risk_detail, risk_as_of)
select {_id("item", "n * 5 + k")}, 1, now() - n * interval '30 minutes' + k * interval '1 minute', now(),
       {_id("postmortem", "n")}, {_id("incident", "n")}, 'Add a timeout to call ' || n * 5 + k, 'More about it', 'prevent',
       false, (array['open','in_progress','closed','closed','declined'])[k], {_id("person", "n % 400 + 1")},
       {_id("team", f"n % 200 % {TEAMS} + 1")}, {_id("service", "n % 200 + 1")}, {_id("cause", "n % 300 + 1")},
       current_date + k, current_date + k, 0, 2, 1 + k % 4, 0, (n * 7919 % 10007) / 10007.0,
       jsonb_build_object('p', 0.25, 'n', 2, 'exposure_days', 300.5, 'severity_weight', 1, 'budget_factor', 1.25, 'reasons',
         jsonb_build_array(jsonb_build_object('code', 'recurred', 'text', 'The same cause struck 2 times in 300 days.'),
                           jsonb_build_object('code', 'severe', 'text', 'It was a P1.'))), now()
  from generate_series(1, {postmortems}) n, generate_series(1, 5) k;
insert into tickets (id, version, created_at, updated_at, action_item_id, provider, route, external_id, key, url, status,
                     status_text, sync_state, adopted)
select {_id("ticket", "n")}, 1, now(), now(), {_id("item", "n")}, 'github', '{{}}', n::text, 'acme/shop#' || n,
       'https://github.com/acme/shop/issues/' || n, 'todo', 'open', 'synced', false
  from generate_series(6, {postmortems * 5 + 5}) n;
"""


async def fill(dsn: str, postmortems: int = POSTMORTEMS) -> None:
    """Into an empty, migrated database; a program with the role of a reader has the key KEY."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(_statements(postmortems))
    await connection.execute(_PEER)
    await connection.execute("reset session_replication_role")
    await connection.execute("vacuum analyze")
    await connection.execute(
        "insert into service_accounts (id, version, created_at, updated_at, slug, name, role, active)"
        " values ($1, 1, now(), now(), 'portal', 'Portal', 'reader', true)",
        ACCOUNT,
    )
    id, secret = KEY.split("_")[1:]
    await connection.execute(
        "insert into api_keys (id, secret_hash, created_at, service_account_id, last_used_at)"
        " values ($1, $2, now(), $3, now())",
        id,
        hash_secret(secret),
        ACCOUNT,
    )
    await connection.close()
