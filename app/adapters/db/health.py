"""Whether the database answers and has the tables this version needs."""

from pathlib import Path

import asyncpg

MIGRATIONS = Path(__file__).parent / "migrations"
_STATE = "select version_num, exists(select 1 from api_keys) from alembic_version"


def head() -> str:
    """The migration this version was built for: they are numbered, so no Alembic is needed to know."""
    return max(file.name for file in (MIGRATIONS / "versions").glob("[0-9]*.py")).split("_")[0]


class SqlHealth:
    """The port `Health` over an asyncpg pool; `head` is the migration this version was built for.

    With `needs_key` a database that nobody could call us with is a problem too.
    """

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", head: str, *, needs_key: bool = False) -> None:
        self._pool = pool
        self._head = head
        self._needs_key = needs_key

    async def problems(self) -> tuple[str, ...]:
        try:
            found, has_key = await self._pool.fetchrow(_STATE, timeout=2)
        except asyncpg.UndefinedTableError:
            return ("the database is not migrated; run `norepeat migrate`",)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return (f"the database does not answer: {type(error).__name__}",)
        if found != self._head:
            return (f"the database is at migration {found}, this version needs {self._head}; run `norepeat migrate`",)
        return () if has_key or not self._needs_key else ("there is no key to call with yet; run `norepeat migrate`",)
