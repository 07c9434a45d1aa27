"""Who stands behind a bearer token: API keys, looked up at most every five seconds per process."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import structlog

from app.adapters.clock import utc_now
from app.adapters.db.answering import answering
from app.domain.access import Caller, Role
from app.domain.errors import Unauthenticated
from app.domain.organisation.keys import is_secret, parse_token
from app.domain.organisation.model import ApiKey
from app.domain.ports import Clock

REMEMBERED_SECONDS = 5.0
REMEMBERED_KEYS = 10_000
USE_NOTED_EVERY = timedelta(minutes=1)

_SELECT = """
select k.id, k.secret_hash, k.scopes::text as scopes, k.created_at, k.expires_at,
       coalesce(k.revoked_at, o.revoked_at) as revoked_at, k.last_used_at,
       k.person_id, k.service_account_id, coalesce(p.name, a.name) as name, coalesce(p.role, a.role) as role,
       coalesce(p.active, a.active) as active
  from api_keys k left join people p on p.id = k.person_id left join service_accounts a on a.id = k.service_account_id
       left join api_keys o on o.id = k.parent_id
 where k.id = $1
"""
_NOTE_USE = "update api_keys set last_used_at = greatest(last_used_at, $2) where id = $1"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Known:
    """A key with its holder, as it was when it was read."""

    key: ApiKey
    caller: Caller
    active: bool
    read_at: float


class SqlCredentials:
    """The port `Credentials` over an asyncpg pool. A malformed token costs no query, an unknown key one."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        *,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._monotonic = monotonic
        self._known: dict[str, _Known] = {}
        self._notes: dict[str, asyncio.Task[None]] = {}
        self._noted: dict[str, datetime] = {}

    async def authenticate(self, token: str) -> Caller:
        parsed = parse_token(token)
        if parsed is None:
            raise Unauthenticated
        id, secret = parsed
        known = self._remembered(id) or await self._read(id)
        now = self._clock()
        if known is None or not is_secret(secret, known.key.secret_hash):
            raise Unauthenticated
        if not (known.active and known.key.is_live(now)):
            raise Unauthenticated("This key is expired or revoked, or its holder was deactivated.")
        self._note_use(known.key, now)
        return known.caller

    def _remembered(self, id: str) -> _Known | None:
        known = self._known.get(id)
        fresh = known is not None and self._monotonic() - known.read_at < REMEMBERED_SECONDS
        return known if fresh else None

    async def _read(self, id: str) -> _Known | None:
        read_at = self._monotonic()
        with answering():
            row = await self._pool.fetchrow(_SELECT, id)
        self._known.pop(id, None)
        if row is None:
            return None
        if len(self._known) >= REMEMBERED_KEYS:
            del self._known[next(iter(self._known))]
        known = self._known[id] = _to_known(row, read_at)
        return known

    def _note_use(self, key: ApiKey, now: datetime) -> None:
        """Write when it was last used beside the request, which does not wait for it."""
        noted = max(filter(None, (key.last_used_at, self._noted.get(key.id))), default=None)
        if key.id in self._notes or (noted is not None and now - noted < USE_NOTED_EVERY):
            return
        if len(self._noted) >= REMEMBERED_KEYS:
            self._noted.clear()
        self._noted[key.id] = now
        self._notes[key.id] = asyncio.create_task(self._write_use(key.id, now))

    async def _write_use(self, id: str, now: datetime) -> None:
        try:
            await self._pool.execute(_NOTE_USE, id, now)
            self._known.pop(id, None)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            _log.warning("last_use_not_written", key_id=id, error=str(error))
        finally:
            del self._notes[id]

    async def close(self) -> None:
        """Wait for what is being written, and forget every key."""
        await asyncio.gather(*self._notes.values())
        self._known.clear()


def _to_known(row: Any, read_at: float) -> _Known:
    person_id, account_id = _plain_id(row["person_id"]), _plain_id(row["service_account_id"])
    scopes = frozenset(orjson.loads(row["scopes"]))
    key = ApiKey(
        row["id"], row["secret_hash"], row["created_at"], person_id, account_id, scopes, row["expires_at"],
        row["revoked_at"], row["last_used_at"],
    )  # fmt: skip
    caller = Caller(Role(row["role"]), person_id, account_id, row["name"], row["id"], scopes)
    return _Known(key, caller, row["active"], read_at)


def _plain_id(id: UUID | None) -> UUID | None:
    """The driver's own UUID type as the standard one."""
    return None if id is None else UUID(bytes=id.bytes)
