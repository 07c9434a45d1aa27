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

    async def lane(provider: Provider) -> int:
        count = 0
        while go_on() and (ids := await _due(uow, clock, provider)):
            attempts = await _all(map(one, ids))
            count += len(ids)
            waits = [a.retry_after for a in attempts if a is not None and a.retry_after is not None]
            if waits:
                await _hold(uow, clock, provider, max(waits))
        return count

    return sum(await _all(map(lane, Provider)))


async def _all(works: Iterable[Awaitable[T]]) -> list[T]:
    """Every result; an error is raised only when all have ended, so that none is left behind running."""
    results = await asyncio.gather(*works, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


async def _due(uow: OpenUnitOfWork, clock: Clock, provider: Provider) -> tuple[UUID, ...]:
    async with uow() as u:
        return await u.deliveries.due(clock(), provider, AT_ONCE)


async def _hold(uow: OpenUnitOfWork, clock: Clock, provider: Provider, seconds: float) -> None:
    """A tracker that asks one delivery to wait means all of them."""
    async with uow() as u:
        await u.deliveries.hold(provider, clock() + timedelta(seconds=seconds))
        await u.commit()
