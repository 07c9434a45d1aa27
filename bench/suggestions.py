"""Suggestions among many incidents: similar incidents and root causes at 200,000, on a database of its own."""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import asyncpg

from app.adapters.db.migrate import migrate
from app.adapters.db.neighbours import SqlNeighbours
from app.adapters.models.weights import shipped_models
from app.adapters.postgres.server import EmbeddedPostgres
from app.domain.access import Caller, Role
from app.domain.learning.cues import CUES
from app.domain.learning.remembering import Accounts
from app.domain.learning.resemblance import Story
from app.domain.learning.suggestions import SuggestionPolicy
from app.domain.learning.use_cases.suggesting import find_similar_incidents, suggest_root_causes

INCIDENTS, SERVICES, CAUSES, ASKED = 200_000, 2_000, 500, 40
PLACES = ("checkout", "search", "ledger", "gateway", "mailer", "catalogue", "billing", "sessions", "uploads", "proxy")
EVENTS = (
    "the database ran out of connections after a deployment", "the certificate expired and nobody was alerted",
    "DNS records were deleted by a pipeline", "memory was exhausted because traffic doubled",
    "a timeout was too short for slow starts", "the provider had an outage in one region",
    "a misconfigured rule blocked every request", "a node stopped responding and was rebooted",
    "retries overloaded the queue", "a migration locked the largest table",
)  # fmt: skip


async def fill(dsn: str) -> None:
    """Text as organisations have it: few topics, many names, a few words that stand everywhere."""
    dice = random.Random(7)
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        """insert into services (id, version, created_at, updated_at, slug, name)
           select gen_random_uuid(), 1, now(), now(), 'service-' || n, 'Service ' || n from generate_series(1, $1) n""",
        SERVICES,
    )
    await connection.execute(
        """insert into root_causes (id, version, created_at, updated_at, slug, title, description)
           select gen_random_uuid(), 1, now(), now(), 'cause-' || n, 'Cause number ' || n, ''
           from generate_series(1, $1) n""",
        CAUSES,
    )
    services = [row["id"] for row in await connection.fetch("select id from services order by slug")]
    causes = [row["id"] for row in await connection.fetch("select id from root_causes where slug like 'cause-%'")]
    rows = []
    for n in range(INCIDENTS):
        what, where = dice.choice(EVENTS), dice.choice(PLACES)
        summary = (
            f"{where} failed: {what}. Component unit{dice.randrange(3000)} of cell{dice.randrange(400)} was affected."
        )
        rows.append(
            (UUID(int=(1 << 100) + n), f"{where} is down", summary, dice.choice(services), dice.choice(causes), n)
        )
    await connection.executemany(
        """insert into incidents (id, version, created_at, updated_at, title, summary, severity, mode, customer_impact,
             primary_service_id, root_cause_id, root_cause_status, restricted, started_at)
           values ($1, 1, now(), now(), $2, $3, 2, 'standard', 'none', $4, $5, 'confirmed', false,
             now() - make_interval(mins => 300000 - $6))""",
        rows,
    )
    await connection.execute(
        """insert into incident_services (incident_id, service_id, position)
           select id, primary_service_id, 0 from incidents"""
    )
    await connection.execute("vacuum analyze")
    await connection.close()


async def measured(what: str, ask: Callable[[int], Awaitable[object]]) -> None:
    times = []
    for n in range(ASKED):
        start = time.perf_counter()
        await ask(n)
        times.append(1000 * (time.perf_counter() - start))
    times.sort()
    print(
        f"{what}: p50 {statistics.median(times):.0f} ms, p90 {times[int(0.9 * ASKED)]:.0f} ms, worst {times[-1]:.0f} ms"
    )


async def measure(dsn: str) -> None:
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=2)
    policy, caller = SuggestionPolicy(), Caller(role=Role.RESPONDER, person_id=UUID(int=1))
    neighbours = SqlNeighbours(pool, longest=policy.longest_text, candidate=policy.candidate_text)
    accounts = Accounts()
    dice = random.Random(8)
    asked = [UUID(int=(1 << 100) + dice.randrange(INCIDENTS)) for _ in range(ASKED)]

    async def similar(n: int) -> object:
        return await find_similar_incidents(
            neighbours, shipped_models, accounts, policy, caller=caller, incident_id=asked[n], limit=10
        )

    async def causes(n: int) -> object:
        story = Story(f"{PLACES[n % 10]} failed: {EVENTS[n % 10]}. Component unit{n} was affected.")
        return await suggest_root_causes(
            neighbours, shipped_models, accounts, policy, caller=caller, story=story, limit=10
        )

    await similar(0)
    print(f"{INCIDENTS:,} incidents, {SERVICES:,} services, {len(CUES)} factors")
    await measured("similar incidents, stories not read before", similar)
    await measured("similar incidents again", similar)
    await measured("root causes for a text", causes)
    await pool.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "data", durable=False)
        try:
            dsn = server.start()
            asyncio.run(migrate(dsn))
            asyncio.run(fill(dsn))
            asyncio.run(measure(dsn))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
