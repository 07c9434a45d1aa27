"""How long a quarter's review takes at 20,000 and 200,000 postmortems: `python -m bench.meta_review [POSTMORTEMS ...]`.

An embedded PostgreSQL is filled by SQL (twice as many incidents as postmortems, over two years, two factors each on
average, 600 characters of text), then the last whole quarter is counted as the worker does it, five times.
"""

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import asyncpg

from app.adapters.db.migrate import migrate
from app.adapters.postgres.server import EmbeddedPostgres
from app.domain.access import SYSTEM
from app.domain.meta_reviews.model import BuildStep
from app.domain.meta_reviews.use_cases.drafting import build_meta_review, compare_meta_review, create_meta_review
from app.settings import Settings
from app.wiring import open_ports

RUNS = 5
PERIOD = "2026-Q1"
SINCE = datetime(2024, 7, 1, tzinfo=UTC)
FILL = """
insert into teams (id, version, created_at, updated_at, slug, name, time_zone, working_days)
select gen_random_uuid(), 1, now(), now(), 'team-' || n, 'Team ' || n, 'UTC', '{1,2,3,4,5}'
from generate_series(1, 50) n;
insert into services (id, version, created_at, updated_at, slug, name, team_id, revenue_per_hour_usd)
select gen_random_uuid(), 1, now(), now(), 'service-' || n, 'Service ' || n,
       (select id from teams order by slug offset n % 50 limit 1), case when n % 3 = 0 then n * 100 end
from generate_series(1, 2000) n;
create temp table s as select id, row_number() over () as no from services;
insert into incidents (id, version, created_at, updated_at, title, summary, severity, mode, customer_impact,
    primary_service_id, started_at, detected_at, resolved_at, change_role, change_rollout, restricted)
select gen_random_uuid(), 1, at, at, 'Requests to service ' || n || ' fail', '', 1 + n % 5, 'standard', 'limited',
       s.id, at, at + interval '9 min', at + interval '80 min',
       case when n % 3 = 0 then 'caused' end,
       case when n % 3 = 0 then (array['canary','staged','direct'])[1 + n / 3 % 3] end,
       n % 100 = 0
from generate_series(1, %(incidents)s) n
cross join lateral (select timestamptz '2024-07-01' + n * interval '730 days' / %(incidents)s as at) a
join s on s.no = 1 + n % 2000;
insert into incident_services (incident_id, service_id, position) select id, primary_service_id, 0 from incidents;
insert into postmortems (id, version, created_at, updated_at, incident_id, status, tier, proposed_tier, sections,
    published_at, published_number, due_on)
select gen_random_uuid(), 1, started_at, started_at, id, 'published', 2, 2,
       jsonb_build_object(
           'summary', '{"machine_written": false, "reviewed": false}'::jsonb
               || jsonb_build_object('text', repeat('The pool of service ' || no || ' ran empty. ', 8)),
           'root_cause', '{"machine_written": false, "reviewed": false}'::jsonb
               || jsonb_build_object('text', repeat('Client ' || no % 997 || ' retried while the queue grew. ', 8))),
       started_at, 1, started_at::date
from (select *, row_number() over (order by started_at) as no from incidents) i where no % 2 = 0;
insert into postmortem_factors (postmortem_id, code, sub_code, why)
select p.id, f.code,
       case when f.code = 'missing-alerting' then (array['new_endpoint','third_party'])[1 + p.no::int % 2] end,
       'Nobody saw it for a while.'
from (select id, row_number() over () as no from postmortems) p
join (select code, row_number() over (order by code) as no from factors) f
  on (p.no * 7 + f.no * 13) %% 21 < 2 and p.no %% 5 <> 0;
"""


async def measured(dsn: str, postmortems: int) -> None:
    connection = await asyncpg.connect(dsn)
    text = FILL.replace("%(incidents)s", str(2 * postmortems)).replace("%%", "%")
    await connection.execute(text, timeout=1800)
    await connection.execute("vacuum analyze", timeout=600)
    counted = await connection.fetchval("select count(*) from postmortem_factors")
    await connection.close()
    async with open_ports(Settings(_env_file=None, database_url=dsn)) as opened:
        ports = opened.ports
        review = await create_meta_review(ports.uow, ports.clock, ports.policy, caller=SYSTEM, period=PERIOD)
        times, compared = [], []
        for _ in range(RUNS):
            start = time.perf_counter()
            built = await build_meta_review(ports.uow, ports.clock, ports.meta_review_policy, review_id=review.id)
            times.append(time.perf_counter() - start)
            start = time.perf_counter()
            await compare_meta_review(ports.uow, ports.clock, caller=SYSTEM, review_id=review.id)
            compared.append(time.perf_counter() - start)
    assert built is not None
    assert built.numbers is not None
    print(
        f"{postmortems:>8,} postmortems, {2 * postmortems:,} incidents, {counted:,} factors; {PERIOD} holds"
        f" {built.numbers.n:,} postmortems: {median(times):.2f} s (worst {max(times):.2f} s) in {len(BuildStep)} steps,"
        f" live against frozen {median(compared):.2f} s"
    )


def main() -> None:
    sizes = [int(one) for one in sys.argv[1:]] or [20_000, 200_000]
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            server = EmbeddedPostgres(Path(folder) / "data", durable=False)
            try:
                dsn = server.start()
                asyncio.run(migrate(dsn))
                asyncio.run(measured(dsn, size))
            finally:
                server.stop()


if __name__ == "__main__":
    main()
