"""Moving windows in this process: the times of the last requests, oldest first, and no thread that tidies up."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

_KEYS = 50_000
"""Callers that are remembered; who was silent for a window is forgotten first."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether there was room, how much there is now, and when the oldest request leaves the window."""

    is_in: bool
    remaining: int
    reset_at: float


class LocalWindows:
    """What each key did within the last `seconds`. A refused request is not counted."""

    def __init__(self, now: Callable[[], float], seconds: float = 60.0, most_keys: int = _KEYS) -> None:
        self._most_keys = most_keys
        self._now = now
        self._seconds = seconds
        self._times: dict[tuple[str, str], deque[float]] = {}

    def __len__(self) -> int:
        return len(self._times)

    def hit(self, key: tuple[str, str], most: int) -> Seen:
        return self._seen(key, most, counts=True)

    def look(self, key: tuple[str, str], most: int) -> Seen:
        return self._seen(key, most, counts=False)

    def _seen(self, key: tuple[str, str], most: int, *, counts: bool) -> Seen:
        now = self._now()
        times = self._times.get(key)
        if times is None:
            if not counts:
                return Seen(True, most, now)
            if len(self._times) >= self._most_keys:
                self._tidy(now)
            times = self._times[key] = deque()
        while times and times[0] <= now - self._seconds:
            times.popleft()
        is_in = len(times) < most
        if is_in and counts:
            times.append(now)
        return Seen(is_in, most - len(times), times[0] + self._seconds if times else now)

    def _tidy(self, now: float) -> None:
        """Forget the silent; if all were heard lately, the one that has been known for longest."""
        silent = [key for key, times in self._times.items() if not times or times[-1] <= now - self._seconds]
        for key in silent or [next(iter(self._times))]:
            del self._times[key]
