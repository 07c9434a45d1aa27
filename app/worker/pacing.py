"""When work runs: again and again, or once more when it was woken meanwhile."""

import asyncio
from collections.abc import Callable, Coroutine

import structlog

from app.adapters import queue

log = structlog.get_logger()


class Coalesced:
    """Work that is woken while it runs runs once more instead of twice at the same time."""

    def __init__(self, work: queue.Work) -> None:
        self._work = work
        self._running = False
        self._again = False

    async def __call__(self) -> None:
        self._again = True
        if self._running:
            return
        self._running = True
        try:
            while self._again:
                self._again = False
                await self._work()
        finally:
            self._running = False


async def every(seconds: float, stop: asyncio.Event, act: Callable[[], Coroutine[None, None, object]]) -> None:
    """Now and again until stopped; a database that is away for a moment stops nothing."""
    while not stop.is_set():
        try:
            await act()
        except Exception as error:
            log.warning("periodic_work_failed", error=f"{type(error).__name__}: {error}")
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            continue
