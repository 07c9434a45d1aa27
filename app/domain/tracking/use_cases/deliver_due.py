"""Everything that trackers wait for and may get now; a slow tracker holds up nobody but itself."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from app.domain.organisation.model import Provider
from app.domain.policy import Policy
from app.domain.ports import Clock, OpenUnitOfWork, Tracker
from app.domain.tracking.backoff import Jitter
from app.domain.tracking.use_cases.deliver import Attempted, deliver

T = TypeVar("T")
AT_ONCE = 4
"""Calls to one provider at the same time; GitHub's secondary limits dislike bursts."""
LOOKED_UP = 5 * AT_ONCE


async def deliver_due(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    trackers: Mapping[Provider, Tracker],
    *,
    go_on: Callable[[], bool] = lambda: True,
    jitter: Jitter = random.random,
) -> int:
    """Attempt what is due until nothing is, or `go_on` says no; how many attempts that took."""

    async def one(delivery_id: UUID) -> Attempted | None:
        return await deliver(uow, clock, policy, trackers, delivery_id=delivery_id, jitter=jitter)

    return sum(await _all(Lane(uow, clock, provider, one, go_on).run() for provider in Provider))


async def _all(works: Iterable[Awaitable[T]]) -> list[T]:
    """Every result; an error is raised only when all have ended, so that none is left behind running."""
    results = await asyncio.gather(*works, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


class Lane:
    """One provider's deliveries, a few at a time: one that hangs delays no other, one told to wait delays all."""

    def __init__(
        self,
        uow: OpenUnitOfWork,
        clock: Clock,
        provider: Provider,
        attempt: Callable[[UUID], Awaitable[Attempted | None]],
        go_on: Callable[[], bool],
    ) -> None:
        self._uow, self._clock, self._provider = uow, clock, provider
        self._attempt, self._go_on = attempt, go_on
        self._waiting: list[UUID] = []
        self._running: dict[asyncio.Future[Attempted | None], UUID] = {}
        self._error: BaseException | None = None

    async def run(self) -> int:
        """Until nothing is due; how many attempts that took."""
        count = 0
        try:
            while await self._fill():
                done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                count += await self._take(done)
        finally:
            for task in self._running:
                task.cancel()
        if self._error is not None:
            raise self._error
        return count

    async def _fill(self) -> bool:
        """Start as many as may run; false when none runs any more."""
        if self._error is None and self._go_on():
            if not self._waiting:
                due = await self._due()
                self._waiting = [id for id in due if id not in self._running.values()]
            while self._waiting and len(self._running) < AT_ONCE:
                id = self._waiting.pop(0)
                self._running[asyncio.ensure_future(self._attempt(id))] = id
        return bool(self._running)

    async def _take(self, done: Iterable[asyncio.Future[Attempted | None]]) -> int:
        """Attempts that have ended: how many there were; the longest wait that was asked for is everybody's."""
        count, waits = 0, []
        for task in done:
            del self._running[task]
            self._error = self._error or task.exception()
            attempted = None if task.exception() else task.result()
            if attempted is not None:
                count += 1
                waits += [attempted.retry_after] if attempted.retry_after is not None else []
        if waits:
            self._waiting = []
            await self._hold(max(waits))
        return count

    async def _due(self) -> tuple[UUID, ...]:
        async with self._uow() as u:
            return await u.deliveries.due(self._clock(), self._provider, LOOKED_UP)

    async def _hold(self, seconds: float) -> None:
        """A tracker that asks one delivery to wait means all of them."""
        async with self._uow() as u:
            await u.deliveries.hold(self._provider, self._clock() + timedelta(seconds=seconds))
            await u.commit()
