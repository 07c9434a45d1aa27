"""What a live check needs from the database: its version, and the projects that tickets go to."""

import asyncpg

from app.adapters.db.engine import open_pool, without_password
from app.adapters.db.health import SqlHealth
from app.adapters.diagnosis import Diagnosis

OLDEST, NEWEST = 15, 18
ROUTES = """
select distinct route ->> 'provider' as provider, route ->> 'project' as project
from (select route from services union all select route from teams) as routed where route ->> 'provider' is not null
union
select distinct provider, route ->> 'project' from tickets where sync_state = 'pending'
order by provider, project
"""


async def version_problem(pool: "asyncpg.Pool[asyncpg.Record]") -> tuple[bool, str]:
    """Whether this PostgreSQL is one that we support, in words."""
    number = int(await pool.fetchval("show server_version_num")) // 10_000
    name = str(await pool.fetchval("show server_version"))
    fine = OLDEST <= number <= NEWEST
    return fine, f"PostgreSQL {name}" + ("" if fine else f" is not supported. Use {OLDEST} to {NEWEST}.")


async def check_database(dsn: str, head: str, seconds: float) -> tuple[list[Diagnosis], dict[str, list[str]]]:
    """Whether it answers, is supported and migrated; and where tickets go, as far as it can say."""
    try:
        pool = await open_pool(dsn, size=1, command_timeout=seconds)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        remedy = f"{without_password(dsn)} does not answer ({type(error).__name__}). Start it, or correct DATABASE_URL."
        return [Diagnosis("database", False, remedy)], {}
    async with pool:
        problems = await SqlHealth(pool, head).problems()
        migrated = Diagnosis("database migration", not problems, "; ".join(problems) or f"It is at {head}.")
        found = [Diagnosis("database version", *await version_problem(pool)), migrated]
        return found, {} if problems else await projects_in_use(pool)


async def projects_in_use(pool: "asyncpg.Pool[asyncpg.Record]") -> dict[str, list[str]]:
    """Where routes and waiting tickets lead, by provider."""
    projects: dict[str, list[str]] = {}
    for row in await pool.fetch(ROUTES):
        projects.setdefault(row["provider"], []).append(row["project"])
    return projects
