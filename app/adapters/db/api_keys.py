"""API keys as rows; the secret itself is never here."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import ApiKeyRow, PersonRow, ServiceAccountRow
from app.domain.access import Role
from app.domain.errors import NotFound
from app.domain.organisation.model import ApiKey

_keys, _people, _accounts = table(ApiKeyRow), table(PersonRow), table(ServiceAccountRow)
_PLAIN = (
    "id", "secret_hash", "created_at", "person_id", "service_account_id", "expires_at", "revoked_at", "last_used_at",
    "parent_id",
)  # fmt: skip


class SqlApiKeys:
    """API keys in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def get(self, id: str) -> ApiKey:
        row = await self._run.first(sa.select(_keys).where(_keys.c.id == id).with_for_update())
        if row is None:
            raise NotFound(f"There is no API key with the id {id}.")
        return _to_key(row)

    async def find(self, id: str) -> ApiKey | None:
        row = await self._run.first(sa.select(_keys).where(_keys.c.id == id))
        return None if row is None else _to_key(row)

    async def any_admin(self) -> bool:
        """Whether a key opens the door to configuring: live, not narrowed, of an active admin."""
        live = _keys.c.revoked_at.is_(None) & (_keys.c.expires_at.is_(None) | (_keys.c.expires_at > sa.func.now()))
        wide = (_keys.c.scopes == sa.text("'[]'::jsonb")) | _keys.c.scopes.contains(["admin"])
        by_person = _people.c.active & (_people.c.role == Role.ADMIN)
        by_account = _accounts.c.active & (_accounts.c.role == Role.ADMIN)
        holders = _keys.outerjoin(_people, _people.c.id == _keys.c.person_id).outerjoin(
            _accounts, _accounts.c.id == _keys.c.service_account_id
        )
        found = sa.select(_keys.c.id).select_from(holders).where(live, wide, by_person | by_account).limit(1)
        return await self._run.first(found) is not None

    async def forget_sessions(self, before: datetime) -> int:
        return await self._run.execute(
            sa.delete(_keys).where(_keys.c.parent_id.is_not(None), _keys.c.expires_at < before)
        )

    async def add(self, key: ApiKey) -> None:
        await self._run.insert(_keys, _of_key(key))

    async def save(self, key: ApiKey) -> None:
        """All but the last use, which is written beside the requests (`app/adapters/identity.py`)."""
        values = {name: value for name, value in _of_key(key).items() if name != "last_used_at"}
        await self._run.execute(sa.update(_keys).where(_keys.c.id == key.id).values(values))


def _to_key(row: Row) -> ApiKey:
    return ApiKey(**{name: row[name] for name in _PLAIN}, scopes=frozenset(row["scopes"]))


def _of_key(key: ApiKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in _PLAIN} | {"scopes": sorted(key.scopes)}
