"""Idempotency keys on PostgreSQL: the row is part of the transaction that does the thing, whatever use case that is."""

from datetime import datetime

import asyncpg
import orjson
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from app.adapters.db.answering import answering
from app.adapters.db.statements import Statements, table
from app.adapters.db.tables import IdempotencyKeyRow
from app.adapters.db.uow import open_unit_of_work
from app.domain.errors import Unavailable
from app.domain.once import ANSWERING, KEPT, Done, InFlight, KeyReused, OnceKey
from app.domain.ports import Clock, OpenUnitOfWork, Vault

_keys = table(IdempotencyKeyRow)
_SELECT = "select body_hash, created_at, record, status, answer from idempotency_keys where scope = $1"
_KEEP = "update idempotency_keys set status = $2, answer = $3 where scope = $1 and status is null"
_FORGET = "delete from idempotency_keys where created_at < $1"
_log = structlog.get_logger(__name__)


class HeldKey:
    """One request's key: held while a transaction of it is open, recorded by the first one that commits."""

    def __init__(self, key: OnceKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock
        self._is_recorded = False

    async def hold(self, statements: Statements) -> None:
        """Raises InFlight where another request has it, or had it a moment ago."""
        if self._is_recorded:
            return
        lock = sa.func.pg_try_advisory_xact_lock(sa.func.hashtextextended(self._key.scope, 0))
        if not await statements.scalar(sa.select(lock)):
            raise InFlight
        now = self._clock()
        await statements.execute(sa.delete(_keys).where(self._is_it(), _keys.c.created_at < now - KEPT))
        if await statements.first(sa.select(_keys.c.scope).where(self._is_it())):
            raise InFlight

    async def record(self, statements: Statements) -> None:
        """With the rest of the transaction, or not at all."""
        if self._is_recorded:
            return
        values = {
            "scope": self._key.scope, "body_hash": self._key.body, "created_at": self._clock(),
            "record": statements.created,
        }  # fmt: skip
        if not await statements.execute(insert(_keys).values(values).on_conflict_do_nothing()):
            raise InFlight  # The use case let go between two transactions, and another request was faster.
        self._is_recorded = True

    def _is_it(self) -> sa.ColumnElement[bool]:
        return _keys.c.scope == self._key.scope


class SqlOnce:
    """The port `Once`. Answers are sealed: some hold a secret that is shown once."""

    def __init__(self, engine: AsyncEngine, pool: "asyncpg.Pool[asyncpg.Record]", vault: Vault, clock: Clock) -> None:
        self._engine = engine
        self._pool = pool
        self._vault = vault
        self._clock = clock

    async def find(self, key: OnceKey) -> Done | None:
        with answering():
            row = await self._pool.fetchrow(_SELECT, key.scope)
        now = self._clock()
        if row is None or row["created_at"] < now - KEPT:
            return None
        if row["body_hash"] != key.body:
            raise KeyReused
        if row["status"] is None:
            if row["created_at"] > now - ANSWERING:
                raise InFlight
            return Done(row["record"])
        return self._opened(row["record"], row["status"], row["answer"])

    def _opened(self, record: str | None, status: int, sealed: str) -> Done:
        try:
            answer = orjson.loads(self._vault.open(sealed))
        except Unavailable:  # sealed with a key that is gone
            return Done(record)
        return Done(record, status, answer["headers"], answer["body"])

    def unit_of_work(self, key: OnceKey) -> OpenUnitOfWork:
        return open_unit_of_work(self._engine, HeldKey(key, self._clock))

    async def keep(self, key: OnceKey, done: Done) -> None:
        sealed = self._vault.seal(orjson.dumps({"headers": done.headers, "body": done.body}).decode())
        try:
            await self._pool.execute(_KEEP, key.scope, done.status, sealed)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            _log.warning("answer_not_kept", error=str(error))

    async def forget(self, before: datetime) -> None:
        await self._pool.execute(_FORGET, before)
