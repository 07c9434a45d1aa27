"""Who stands behind a token, on PostgreSQL: what is remembered, how long, and what is written beside the request."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from app.adapters import identity
from app.adapters.identity import SqlCredentials
from app.domain.access import Role
from app.domain.errors import Unauthenticated
from app.domain.organisation.keys import hash_secret, token_of
from app.domain.organisation.model import ApiKey, Person, ServiceAccount
from app.domain.ports import Ports
from tests import make

SECRET = "s" * 43


class Watch:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class CountingPool:
    """A pool that counts what is asked of it."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self.reads = 0
        self.writes = 0

    async def fetchrow(self, *query: Any) -> Any:
        self.reads += 1
        return await self._pool.fetchrow(*query)

    async def execute(self, *query: Any) -> Any:
        self.writes += 1
        return await self._pool.execute(*query)


class Door:
    """Credentials with a clock, a watch and a counting pool of their own."""

    def __init__(self, ports: Ports, pool: Any) -> None:
        self.uow, self.pool, self.watch = ports.uow, CountingPool(pool), Watch()
        self.clock = make.FixedClock(datetime.now(UTC))
        self.credentials = SqlCredentials(self.pool, clock=self.clock, monotonic=self.watch)

    async def key(self, holder: Person | ServiceAccount, **fields: Any) -> tuple[ApiKey, str]:
        key = make.api_key(holder, secret_hash=hash_secret(SECRET), **fields)
        async with self.uow() as u:
            await (u.people.add(holder) if isinstance(holder, Person) else u.service_accounts.add(holder))
            await u.api_keys.add(key)
            await u.commit()
        return key, token_of(key.id, SECRET)

    async def last_used_at(self, id: str) -> datetime | None:
        await self.credentials.close()  # and forgets, so that the next use is a fresh look
        async with self.uow() as u:
            return (await u.api_keys.get(id)).last_used_at

    async def refuses(self, token: str) -> None:
        with pytest.raises(Unauthenticated):
            await self.credentials.authenticate(token)


@pytest.fixture
async def door(ports: Ports, dsn: str) -> AsyncIterator[Door]:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool:
        door = Door(ports, pool)
        yield door
        await door.credentials.close()


async def test_a_key_is_its_holder_with_role_and_scopes(door: Door) -> None:
    ada = make.person("ada", Role.REVIEWER)
    key, token = await door.key(ada, scopes=frozenset({"read", "findings:write"}))
    caller = await door.credentials.authenticate(token)
    assert (caller.person_id, caller.role, caller.name, caller.key_id) == (ada.id, Role.REVIEWER, "Ada", key.id)
    assert caller.scopes == {"read", "findings:write"}
    account = make.service_account("ci")
    _, token = await door.key(account, id="other")
    caller = await door.credentials.authenticate(token)
    assert (caller.person_id, caller.service_account_id, caller.scopes) == (None, account.id, frozenset())


async def test_a_malformed_token_costs_no_query(door: Door) -> None:
    for token in ("", "x", "nr_id_short", "nr_" + "x" * 500, "\x00", "nr_id_" + "\ud800" * 43):
        await door.refuses(token)
    assert door.pool.reads == 0


async def test_a_wrong_secret_or_an_unknown_key_is_refused(door: Door) -> None:
    key, _ = await door.key(make.person())
    await door.refuses(token_of(key.id, "t" * 43))
    await door.refuses(token_of("unknown", SECRET))


async def test_a_key_is_looked_up_every_five_seconds(door: Door) -> None:
    _, token = await door.key(make.person(), last_used_at=door.clock())
    for _ in range(3):
        await door.credentials.authenticate(token)
    assert door.pool.reads == 1
    door.watch.seconds += identity.REMEMBERED_SECONDS
    await door.credentials.authenticate(token)
    assert door.pool.reads == 2


async def test_who_is_deactivated_or_revoked_stays_out_five_seconds_later(door: Door) -> None:
    ada, bo = make.person("ada"), make.person("bo")
    _, of_ada = await door.key(ada)
    key, of_bo = await door.key(bo, id="other")
    for token in (of_ada, of_bo):
        await door.credentials.authenticate(token)
    async with door.uow() as u:
        await u.people.save(replace(ada, active=False))
        await u.api_keys.save(key.revoke(door.clock()))
        await u.commit()
    door.watch.seconds += identity.REMEMBERED_SECONDS
    for token in (of_ada, of_bo):
        await door.refuses(token)


async def test_a_remembered_key_expires_in_time(door: Door) -> None:
    _, token = await door.key(make.person(), expires_at=door.clock() + timedelta(seconds=1))
    await door.credentials.authenticate(token)
    door.clock.forward(seconds=1)
    await door.refuses(token)


async def test_the_last_use_is_noted_once_a_minute(door: Door) -> None:
    key, token = await door.key(make.person())
    await asyncio.gather(*(door.credentials.authenticate(token) for _ in range(5)))
    first = await door.last_used_at(key.id)
    assert (first, door.pool.writes) == (door.clock(), 1)
    door.clock.forward(seconds=59)
    await door.credentials.authenticate(token)
    assert await door.last_used_at(key.id) == first
    door.clock.forward(seconds=1)
    await door.credentials.authenticate(token)
    assert (await door.last_used_at(key.id), door.pool.writes) == (door.clock(), 2)


async def test_a_refused_use_is_not_noted(door: Door) -> None:
    key, _ = await door.key(make.person())
    await door.refuses(token_of(key.id, "t" * 43))
    assert await door.last_used_at(key.id) is None


async def test_only_so_many_keys_are_remembered(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "REMEMBERED_KEYS", 1)
    _, first = await door.key(make.person("ada"), last_used_at=door.clock())
    _, second = await door.key(make.person("bo"), id="other", last_used_at=door.clock())
    for token in (first, second, first):
        await door.credentials.authenticate(token)
    assert door.pool.reads == 3


async def test_a_use_that_cannot_be_written_stops_nobody(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*query: Any) -> None:
        raise asyncpg.InterfaceError("closed")

    monkeypatch.setattr(door.pool, "execute", fails)
    _, token = await door.key(make.person())
    await door.credentials.authenticate(token)
    await door.credentials.close()
