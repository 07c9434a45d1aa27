"""Starting while the database is away: the worker waits for it, as it does later when the database goes."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import structlog

from app.adapters.db.engine import UNREACHABLE
from app.wiring import Opened

log = structlog.get_logger()
FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0


async def open_when_reachable(
    stack: AsyncExitStack,
    open_all: Callable[[], AbstractAsyncContextManager[Opened]],
    stop: asyncio.Event,
    *,
    first_wait: float = FIRST_WAIT,
) -> Opened | None:
    """Everything opened, as soon as the database answers; None if it is asked to stop before."""
    wait = first_wait
    while not stop.is_set():
        try:
            return await stack.enter_async_context(open_all())
        except UNREACHABLE as error:
            log.warning("database_unreachable", error=f"{type(error).__name__}: {error}", next_try_in=wait)
        try:
            await asyncio.wait_for(stop.wait(), wait)
        except TimeoutError:
            wait = min(2 * wait, LONGEST_WAIT)
    return None
