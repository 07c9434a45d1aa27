"""One reader of the feed per process, which tells every subscription; equal subscriptions are answered once."""

import asyncio
from collections.abc import Collection, Sequence
from uuid import UUID

import structlog

from app.api.graphql.subscriptions.following import Following, Plan
from app.domain.access import SYSTEM, Action, Caller, authorize
from app.domain.errors import Forbidden, Unauthenticated, Unavailable
from app.domain.events import EventFilter, PositionedEvent
from app.domain.ports import Ports

_log = structlog.get_logger(__name__)
PAGE = 200
LOOKS_EVERY = 20.0
PAUSE = 1.0
AT_ONCE = 8
"""Payloads made at the same time: the pool of connections for reading has few."""


class Hub:
    """Reads as long as there is a subscription."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._known: set[Following] = set()
        self._live: set[Following] = set()
        self._position = 0
        self._reading: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._room = asyncio.Semaphore(AT_ONCE)

    async def join(self, one: Following) -> None:
        """Tell it what came after its position, then everything that comes."""
        self._known.add(one)
        await self._start()
        one.position = self._position if one.plan.after is None else one.plan.after
        # Between this look and the joining nothing is awaited, so that no event can come in between.
        while one.position < self._position:
            page = await self._ports.feed.page(one.plan.wanted, one.caller, after=one.position, limit=PAGE)
            for event in page.events:
                payload = await one.plan.payload(self._ports, one.caller, event)
                await one.receiver.put(one.id, payload, event.position)
            one.position = page.upto
        if one in self._known:
            self._live.add(one)

    def leave(self, one: Following) -> None:
        """Tell it no more; the last one ends the reading."""
        self._live.discard(one)
        self._known.discard(one)
        if not self._known and self._reading is not None:
            self._reading.cancel()
            self._reading = None

    async def _start(self) -> None:
        async with self._starting:
            if self._reading is None:
                self._position = await self._ports.feed.last()
                self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while True:
            try:
                await self._ports.feed.wait(after=self._position, seconds=LOOKS_EVERY)
                page = await self._ports.feed.page(EventFilter(), SYSTEM, after=self._position, limit=PAGE)
                await self._tell_all(page.events)
                self._position = max(self._position, page.upto)
            except Exception as error:
                _log.warning("events_not_read", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(PAUSE)

    async def _tell_all(self, events: Sequence[PositionedEvent]) -> None:
        callers: dict[str, Caller | None] = {}
        for event in events:
            self._position = event.position
            takers = [one for one in self._live if one.position < event.position and one.plan.wanted.takes(event)]
            try:
                for token in {one.token for one in takers} - callers.keys():
                    callers[token] = await self._caller(token)
                people = {caller.person_id for caller in callers.values() if caller and caller.person_id}
                listed = await self._ports.feed.on_lists(people)
            except Unavailable:
                self._position = event.position - 1  # told once the database answers again
                raise
            seeing = [one for one in takers if self._may(one, callers[one.token], event)]
            await self._tell(event, seeing, listed)

    def _may(self, one: Following, caller: Caller | None, event: PositionedEvent) -> bool:
        """Whether it may see the event now; who may not read any more is shown out."""
        one.position = event.position
        if caller is None:
            self.leave(one)
            one.receiver.refuse()
            return False
        one.caller = caller
        return event.is_visible_to(caller)

    async def _caller(self, token: str) -> Caller | None:
        """Who that is by now: keys are revoked, roles change. None for somebody who may not read."""
        try:
            caller = await self._ports.credentials.authenticate(token)
            authorize(caller, Action.READ)
        except (Unauthenticated, Forbidden):
            return None
        return caller

    async def _tell(self, event: PositionedEvent, takers: Sequence[Following], listed: Collection[UUID]) -> None:
        groups: dict[tuple[Plan, Caller], list[Following]] = {}
        for one in takers:
            groups.setdefault((one.plan, one.face(listed)), []).append(one)
        await asyncio.gather(*(self._tell_group(event, *key, group) for key, group in groups.items()))

    async def _tell_group(self, event: PositionedEvent, plan: Plan, face: Caller, group: Sequence[Following]) -> None:
        async with self._room:
            try:
                payload = await plan.payload(self._ports, face, event)
            except Exception:
                _log.exception("event_not_told", position=event.position)
                return
        for one in group:
            if not one.receiver.offer(one.id, payload, event.position):
                self.leave(one)
