"""The feed of committed events by position, and one listener per process that says when there are new ones."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import structlog

from app.adapters.db.answering import SILENCE, answering
from app.adapters.db.events import CHANNEL
from app.domain.access import Caller
from app.domain.events import Event, EventFilter, EventType, PositionedEvent
from app.domain.ports import EventPage

_log = structlog.get_logger(__name__)
LOOKS_EVERY = 5.0
"""A NOTIFY can be lost with its connection; asking now and then finds out, and finds new positions."""
RECONNECTS_AFTER = 1.0

_TABLES = """
from events e
left join incidents i on i.id = e.incident_id
left join action_items a on e.type like 'action\\_item.%' and a.id = e.subject_id
left join boosts b on e.type like 'boost.%' and b.id = e.subject_id
left join services s on s.id = coalesce(a.service_id, b.service_id)
left join teams t on t.id = coalesce(a.team_id, s.team_id)
"""
_PAGE = f"""
select e.position, e.id, e.type, e.subject_id, e.incident_id, e.actor, e.data::text as data, e.occurred_at,
       coalesce(i.restricted, false) as restricted, t.slug as team, s.slug as service,
       case when i.restricted then (select array_agg(person_id) from incident_viewers where incident_id = i.id) end
           as viewer_ids
{_TABLES}
where e.position > $1 and e.position <= $2
  and (not coalesce(i.restricted, false) or $3::boolean
       or exists (select 1 from incident_viewers v where v.incident_id = i.id and v.person_id = $4))
  and ($5::text[] is null or e.type like any($5::text[]))
  and ($6::uuid is null or e.subject_id = $6)
  and ($7::text[] is null or t.slug = any($7::text[]))
  and ($8::text[] is null or s.slug = any($8::text[]))
order by e.position limit $9
"""
_LISTED = "select distinct person_id from incident_viewers where person_id = any($1::uuid[])"
_LAST = "select coalesce(max(position), 0) from events"


class SqlEventFeed:
    """The port `EventFeed` over an asyncpg pool. It listens once somebody waits, on a connection of its own."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", dsn: str) -> None:
        self._pool = pool
        self._dsn = dsn
        self._last = 0
        self._moved = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None

    async def last(self) -> int:
        with answering():
            return int(await self._pool.fetchval(_LAST))

    async def page(self, wanted: EventFilter, caller: Caller, *, after: int, limit: int) -> EventPage:
        with answering():
            # The end first: what is stamped between the two statements belongs to the next page.
            last = await self.last()
            rows = await self._pool.fetch(
                _PAGE, after, last, caller.sees_everything, caller.person_id, _patterns(wanted), wanted.subject_id,
                _any(wanted.teams), _any(wanted.services), limit,
            )  # fmt: skip
        events = tuple(_to_event(row) for row in rows)
        return EventPage(events, events[-1].position if len(events) == limit else max(last, after))

    async def on_lists(self, people: Collection[UUID]) -> frozenset[UUID]:
        if not people:
            return frozenset()
        with answering():
            rows = await self._pool.fetch(_LISTED, list(people))
        return frozenset(row["person_id"] for row in rows)

    async def wait(self, *, after: int, seconds: float) -> None:
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        moved, deadline = self._moved, asyncio.get_running_loop().time() + seconds
        while self._last <= after:
            left = deadline - asyncio.get_running_loop().time()
            try:
                await asyncio.wait_for(moved.wait(), max(left, 0))
            except TimeoutError:
                return
            moved = self._moved

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except SILENCE as error:
                _log.warning("event_listener_lost", error=type(error).__name__)
                await asyncio.sleep(RECONNECTS_AFTER)

    async def _listen_once(self) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=LOOKS_EVERY, command_timeout=LOOKS_EVERY)
        try:
            await connection.add_listener(CHANNEL, self._notified())
            while not connection.is_closed():
                self._is_at(int(await connection.fetchval(_LAST)))
                await asyncio.sleep(LOOKS_EVERY)
        finally:
            connection.terminate()

    def _notified(self) -> Callable[[Any, int, str, object], None]:
        return lambda _connection, _pid, _channel, payload: self._is_at(int(str(payload)))

    def _is_at(self, position: int) -> None:
        if position != self._last:
            self._last = position
            self._moved.set()
            self._moved = asyncio.Event()


def _patterns(wanted: EventFilter) -> list[str] | None:
    """For `like`, where an underscore would stand for any letter."""
    plain = (name.replace("_", r"\_") for name in wanted.types)
    return [name[:-1] + "%" if name.endswith(".*") else name for name in plain] or None


def _any(names: frozenset[str]) -> Sequence[str] | None:
    return list(names) or None


def _to_event(row: Any) -> PositionedEvent:
    event = Event(
        EventType(row["type"]), row["subject_id"], row["occurred_at"], row["actor"], row["incident_id"],
        orjson.loads(row["data"]), row["id"],
    )  # fmt: skip
    viewers = frozenset(row["viewer_ids"] or ())
    return PositionedEvent(row["position"], event, row["restricted"], viewers, row["team"], row["service"])
