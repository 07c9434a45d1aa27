"""Where webhooks arrive: kept once and the worker woken, in one statement for all that arrive together."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from app.adapters.queue import wake_if
from app.adapters.trace_context import job_headers
from app.domain.errors import Invalid, Unavailable
from app.domain.ids import new_id

LARGEST_GROUP = 200
STATEMENT = f"""
with given as (
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::bytea[])
        as given(id, source, delivery_id, headers, body)
),
kept as (
    insert into inbox (id, source, delivery_id, headers, body, received_at, attempts)
    select id, source, delivery_id, headers, body, now(), 0 from given order by source, delivery_id
    on conflict (source, delivery_id) do nothing
    returning id
),
{wake_if("kept", "inbox", "$6::jsonb")}
select id from kept
"""


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """A delivery whose sender waits for our answer: true if it was new."""

    source: str
    delivery_id: str
    headers: str
    body: bytes
    id: UUID
    answer: asyncio.Future[bool]


class SqlInbox:
    """Group commit: what arrives while one group is written forms the next."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._waiting: list[Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    async def put(self, source: str, delivery_id: str, headers: Mapping[str, str], body: bytes) -> bool:
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        given = json.dumps(dict(headers))
        self._waiting.append(Waiting(source, delivery_id, given, body, new_id(), answer))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await answer

    async def _write(self) -> None:
        while self._waiting:
            # What the network has brought meanwhile joins this group instead of waiting for the next: a sixth more.
            await asyncio.sleep(0)
            group, self._waiting = self._waiting[:LARGEST_GROUP], self._waiting[LARGEST_GROUP:]
            if await self._keep(group) and len(group) > 1:
                for waiting in group:
                    await self._keep([waiting])

    async def _keep(self, group: Sequence[Waiting]) -> bool:
        """Write one group and answer its senders; true if it failed, and only a single one learns why."""
        try:
            new = await self._insert(group)
        except Exception as error:
            if len(group) == 1:
                _answer(group[0], _readable(error))
            return True
        for waiting in group:
            _answer(waiting, waiting.id in new)
        return False

    async def _insert(self, group: Sequence[Waiting]) -> set[UUID]:
        rows = await self._pool.fetch(
            STATEMENT,
            [waiting.id for waiting in group],
            [waiting.source for waiting in group],
            [waiting.delivery_id for waiting in group],
            [waiting.headers for waiting in group],
            [waiting.body for waiting in group],
            _trace(),
        )
        return {UUID(bytes=row["id"].bytes) for row in rows}


def _answer(waiting: Waiting, answer: bool | Exception) -> None:
    if waiting.answer.done():  # The sender has gone.
        return
    if isinstance(answer, Exception):
        waiting.answer.set_exception(answer)
    else:
        waiting.answer.set_result(answer)


def _trace() -> str | None:
    """A group's job continues the trace of the delivery that its writer was started for."""
    headers = job_headers()
    return None if headers is None else json.dumps(headers)


def _readable(error: Exception) -> Exception:
    if isinstance(error, asyncpg.DataError):
        return Invalid("The delivery holds a character that text cannot hold.")
    return Unavailable("The delivery could not be kept; send it again.")
