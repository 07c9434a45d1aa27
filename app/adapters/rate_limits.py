"""Rate limits as moving windows of a minute: in this process, or shared by several in Redis or Valkey."""

import time
from collections.abc import Mapping
from math import ceil

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import ConfigurationError, StorageError
from limits.storage import storage_from_string

from app.adapters.rate_windows import LocalWindows
from app.domain.errors import Invalid
from app.domain.ports import Allowance, Bucket

_log = structlog.get_logger(__name__)


class StoreNotPossible(Invalid):
    """NOREPEAT_RATE_LIMIT_STORE needs the package coredis (redis://) or valkey (valkey://) beside this one."""

    code = "store_not_possible"


class MovingWindows:
    """The port `RateLimits`. A store that does not answer lets everybody in: it protects the service, not the data."""

    def __init__(self, a_minute: Mapping[Bucket, int], store: str | None = None) -> None:
        self._items = {bucket: RateLimitItemPerMinute(most) for bucket, most in a_minute.items() if most}
        self._here = LocalWindows(time.time)
        self._shared = None if store is None else _shared(store)

    async def hit(self, bucket: Bucket, who: str) -> Allowance | None:
        return await self._asked(bucket, who, counts=True)

    async def look(self, bucket: Bucket, who: str) -> Allowance | None:
        return await self._asked(bucket, who, counts=False)

    async def _asked(self, bucket: Bucket, who: str, *, counts: bool) -> Allowance | None:
        item = self._items.get(bucket)
        if item is None:
            return None
        if self._shared is None:
            ask = self._here.hit if counts else self._here.look
            seen = ask((bucket, who), item.amount)
            return _allowance(item.amount, seen.remaining, seen.reset_at, seen.is_in)
        try:
            is_in = await (self._shared.hit if counts else self._shared.test)(item, bucket, who)
            stats = await self._shared.get_window_stats(item, bucket, who)
            return _allowance(item.amount, stats.remaining, stats.reset_time, is_in)
        except StorageError as error:
            _log.warning("rate_limits_unavailable", error=str(error))
            return None


def _shared(store: str) -> MovingWindowRateLimiter:
    try:
        storage = storage_from_string(f"async+{store}", wrap_exceptions=True)
    except ConfigurationError as error:
        raise StoreNotPossible from error
    assert isinstance(storage, Storage)
    return MovingWindowRateLimiter(storage)


def _allowance(most: int, remaining: int, reset_at: float, is_in: bool) -> Allowance:
    return Allowance(most, max(0, remaining), max(1, ceil(reset_at - time.time())), is_in)
