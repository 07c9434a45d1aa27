"""What waits to be sent on one connection: bounded, so that a slow client costs us no more than a quick one."""

import asyncio
from collections import deque

WAITING = 100


class Outbox:
    """Frames in their order. One that overflows is emptied and ends with `slow`; `refused` ends it too."""

    __slots__ = ("_changed", "_frames", "ended")

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self.ended: str | None = None

    def offer(self, frame: bytes) -> bool:
        """Queue it; false where there is no room, or nothing is sent any more."""
        if self.ended is None and len(self._frames) >= WAITING:
            self._frames.clear()
            self.end("slow")
        if self.ended is not None:
            return False
        self._frames.append(frame)
        self._changed.set()
        return True

    async def put(self, frame: bytes) -> None:
        """Queue it, waiting for room."""
        while self.ended is None and len(self._frames) >= WAITING:
            self._changed.clear()
            await self._changed.wait()
        self.offer(frame)

    def end(self, why: str) -> None:
        """Nothing more is taken; what waits is still sent."""
        self.ended = self.ended or why
        self._changed.set()

    async def next(self) -> bytes | None:
        """The next frame; None once it has ended and nothing waits."""
        while not self._frames:
            if self.ended is not None:
                return None
            self._changed.clear()
            await self._changed.wait()
        frame = self._frames.popleft()
        self._changed.set()
        return frame
