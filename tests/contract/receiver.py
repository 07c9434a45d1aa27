"""A receiver of webhooks on localhost that answers as a test tells it, and remembers what it got."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Got:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Got], Awaitable[bytes]]


async def fine(_: Got) -> bytes:
    return b"HTTP/1.1 204 No Content\r\n\r\n"


def status(code: int, text: str = "", *headers: str) -> Answer:
    """Always this answer."""
    lines = [f"HTTP/1.1 {code} X", f"content-length: {len(text)}", "connection: close", *headers, "", text]

    async def answer(_: Got) -> bytes:
        return "\r\n".join(lines).encode()

    return answer


async def never(_: Got) -> bytes:
    await asyncio.sleep(60)
    return b""


@dataclass
class Receiver:
    """`port` is where it listens."""

    answer: Answer = fine
    got: list[Got] = field(default_factory=list)
    connections: int = 0
    most_at_once: int = 0
    _open: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Receiver"]:
        tasks: set[asyncio.Task[object] | None] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
            tasks.add(asyncio.current_task())
            try:
                while got := await _request(reader):
                    self.got.append(got)
                    answer = await self.answer(got)
                    writer.write(answer)
                    await writer.drain()
                    if b"connection: close" in answer or not answer:
                        break
            except (asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                self._open -= 1
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in tasks:
                if task is not None:
                    task.cancel()
            await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> Got | None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Got(first.split(" ")[1], headers, body)
