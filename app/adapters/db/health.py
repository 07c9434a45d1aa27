"""Whether the database answers and has the tables this version needs."""

from pathlib import Path

import asyncpg

MIGRATIONS = Path(__file__).parent / "migrations"


def head() -> str:
    """The migration this version was built for: they are numbered, so no Alembic is needed to know."""
    return max(file.name for file in (MIGRATIONS / "versions").glob("[0-9]*.py")).split("_")[0]


class SqlHealth:
    """The port `Health` over an asyncpg pool; `head` is the migration this version was built for."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", head: str) -> None:
        self._pool = pool
        self._head = head

    async def problems(self) -> tuple[str, ...]:
        try:
            found = await self._pool.fetchval("select version_num from alembic_version", timeout=2)
        except asyncpg.UndefinedTableError:
            return ("the database is not migrated; run `norepeat migrate`",)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return (f"the database does not answer: {type(error).__name__}",)
        if found != self._head:
            return (f"the database is at migration {found}, this version needs {self._head}; run `norepeat migrate`",)
        return ()
