"""An organisation of any size, made by SQL: incidents, postmortems, action items and accepted evidence.

Every year holds the same: 20,000 postmortems are one year of the organisation, 200,000 are ten. So the last 180 days
hold the same rows whatever the size, and what differs is how much history lies behind them.
"""

import asyncpg

from app.adapters.db.acceptances import following

SERVICES, TEAMS, PEOPLE = 200, 40, 200
PER_YEAR = 20_000
END = "timestamptz '2026-11-01'"
ZONES = "array['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Tokyo', 'Australia/Sydney']"


def statements(postmortems: int) -> list[str]:
    """In order; the tables are emptied first. 2 incidents and 5 items a postmortem, a root cause for every 20."""
    causes, incidents, items = postmortems // 20, postmortems * 2, postmortems * 5
    days = 365.0 * postmortems / PER_YEAR
    return [
        "set session_replication_role = replica",
        "delete from root_causes where slug <> 'undetermined'",
        "truncate teams, people, services, incidents, incident_services, postmortems, action_items, checks, tickets,"
        " acceptances, action_item_changes, publications cascade",
        f"""insert into teams (id, version, created_at, updated_at, slug, name, time_zone, working_days)
        select md5('t' || n)::uuid, 1, {END}, {END}, 'team-' || n, 'Team ' || n, ({ZONES})[1 + n % 5],
               array[1,2,3,4,5]::smallint[] from generate_series(1, {TEAMS}) n""",
        f"""insert into people (id, version, created_at, updated_at, email, name, role, team_id, handles, active)
        select md5('h' || n)::uuid, 1, {END}, {END}, 'p' || n || '@example.org', 'Person ' || n, 'responder',
               md5('t' || 1 + n % {TEAMS})::uuid, '{{}}', true from generate_series(1, {PEOPLE}) n""",
        f"""insert into services (id, version, created_at, updated_at, slug, name, team_id)
        select md5('s' || n)::uuid, 1, {END}, {END}, 'service-' || n, 'Service ' || n, md5('t' || 1 + n % {TEAMS})::uuid
        from generate_series(1, {SERVICES}) n""",
        f"""insert into root_causes (id, version, created_at, updated_at, slug, title, description)
        select md5('c' || n)::uuid, 1, {END}, {END}, 'cause-' || n, 'Cause ' || n, ''
        from generate_series(1, {causes}) n""",
        # A cause strikes for about a year: the newest causes belong to the newest incidents.
        f"""insert into incidents (id, version, created_at, updated_at, title, summary, severity, mode, customer_impact,
          detection_source, primary_service_id, started_at, detected_at, acknowledged_at, mitigated_at, resolved_at,
          moment_sources, contradictions, external_refs, root_cause_id, root_cause_status, restricted)
        select md5('i' || n)::uuid, 1, t + interval '1 hour', t + interval '1 day', 'Incident ' || n,
          repeat('What happened and why. ', 8), (array[1,2,2,3,3,3,3,4,4,5])[1 + n * 7 % 10],
          case when n % 100 = 0 then 'test' else 'standard' end, 'limited', 'alert',
          md5('s' || 1 + (n * 31) % {SERVICES})::uuid, t, t + d, t + d * 1.5,
          case when n % 10 <> 3 then t + d * 6 end, case when n % 20 <> 3 then t + d * 12 end,
          '{{}}', '[]', '[]',
          case when n % 8 <> 0 then md5('c' || greatest(1, least({causes},
            ceil(n::float8 / {incidents} * {causes} + ({PER_YEAR} / 20.0) * (random() ^ 2 - 0.5)))))::uuid end,
          case when n % 8 <> 0 then 'confirmed' end, n % 50 = 0
        from (select n, {END} - interval '1 day' * {days} * (1 - (n - random())::float8 / {incidents}) as t,
                interval '1 minute' * (3 + 240 * random() ^ 3) as d
              from generate_series(1, {incidents}) n) x""",
        f"""insert into incident_services (incident_id, service_id, position)
        select md5('i' || n)::uuid, md5('s' || 1 + (n * 31) % {SERVICES})::uuid, 0
        from generate_series(1, {incidents}) n
        union all select md5('i' || n)::uuid, md5('s' || 1 + (n * 31 + 1) % {SERVICES})::uuid, 1
        from generate_series(4, {incidents}, 4) n""",
        f"""insert into postmortems (id, version, created_at, updated_at, incident_id, status, tier, proposed_tier,
          tier_reasons, sections, whys, phase_explanations, linked_item_ids, due_on, published_at, published_number)
        select md5('p' || n)::uuid, 1, at, at, md5('i' || n * 2)::uuid,
          (array['published','published','published','published','published','published','draft','approved','required',
                 'waived'])[1 + n % 10],
          2, 2, '[]', jsonb_build_object('summary', repeat('Because of this. ', 30)), '[]', '{{}}', '[]',
          at::date + 7,
          case when n % 10 < 6 then at + interval '5 days' end, (n % 10 < 6)::int
        from (select n, i.started_at + interval '1 day' * (0.5 + 2 * random()) as at
              from generate_series(1, {postmortems}) n
              join incidents i on i.id = md5('i' || n * 2)::uuid) x""",
        f"""insert into action_items (id, version, created_at, updated_at, postmortem_id, incident_id, title,
          description, control_type, systemic, status, owner_id, team_id, service_id, root_cause_id,
          committed_due_on, due_on, slips,
          base_priority, effective_priority, opened_at, implemented_at, deployed_at, evidence_due_on, closed_at,
          decline, times_passed_over, risk, risk_as_of)
        select md5('a' || n)::uuid, 1, at, at, pid, iid, 'Set a timeout on call ' || n, repeat('So that it ends. ', 6),
          (array['prevent','detect','mitigate','process'])[1 + n % 4], n % 9 = 0, status,
          md5('h' || 1 + n % {PEOPLE})::uuid, md5('t' || 1 + sno % {TEAMS})::uuid, md5('s' || sno)::uuid, cause,
          at::date + 30, at::date + 30 + 14 * (n % 5 = 0)::int, (n % 5 = 0)::int, 1 + n % 4, 1 + n % 4, at,
          case when status in ('implemented', 'closed') then at + took end,
          case when status in ('implemented', 'closed') then at + took end,
          case when status in ('implemented', 'closed') then (at + took)::date + 30 end,
          case when status = 'closed' then at + took + interval '29 days' + interval '1 day' * (n % 3) end,
          case when status = 'declined' then jsonb_build_object('code', 'obsolete', 'reason', 'No longer there.', 'at',
            at + interval '20 days', 'by_id', md5('h1')::uuid, 'next_review_at', at + interval '120 days') end,
          0, case when status in ('open', 'in_progress', 'implemented') then random() end, {END}
        from (select n, p.id as pid, i.id as iid, p.created_at as at, i.root_cause_id as cause,
                1 + (p.no * 62) % {SERVICES} as sno, interval '1 day' * (60 * random() ^ 2) as took,
                case when p.created_at > {END} - interval '95 days'
                     then (array['open','open','open','in_progress','implemented'])[1 + n % 5]
                     when n % 50 = 7 then 'open' when n % 50 = 13 then 'implemented' when n % 10 = 4 then 'declined'
                     else 'closed' end as status
              from generate_series(1, {items}) n
              join (select *, row_number() over (order by created_at, id) as no from postmortems) p
                on p.no = 1 + (n - 1) / 5
              join incidents i on i.id = p.incident_id) x""",
        f"""insert into checks (id, action_item_id, kind, ran_at, window_start, window_end, verdict, statement,
          review_comment, detail, closed_item_at, implemented_at, deployed_at)
        select md5('k' || a.id)::uuid, a.id, 'no_recurrence', a.closed_at, a.deployed_at, a.closed_at, 'passed', '', '',
          '{{}}', a.closed_at, a.implemented_at, a.deployed_at
        from action_items a where a.closed_at is not null and a.closed_at < {END}""",
        "analyze",
        f"""insert into acceptances (check_id, accepted_at, since, control_type, root_cause_id, service_id, team_id,
          incident_id, struck_at) {following()} order by 2, 1""",
        "set session_replication_role = origin",
    ]


async def fill(dsn: str, postmortems: int) -> None:
    """Make the organisation, and let PostgreSQL learn what it holds."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("select setseed(0.5)")
    for statement in statements(postmortems):
        await connection.execute(statement)
    await connection.execute("vacuum analyze")
    await connection.close()
