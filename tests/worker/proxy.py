"""A TCP proxy in front of PostgreSQL, whose connections can be made to die silently: a black hole."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, unquote, urlsplit

CHUNK = 65_536


@dataclass
class Proxy:
    """`swallow` drops what comes over the connections that are open; new ones work."""

    target: str
    port: int = 0
    connections: int = 0
    swallowing: set[int] = field(default_factory=set)
    _live: set[int] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def dsn(self, direct: str) -> str:
        """The same database by way of this proxy."""
        parts = urlsplit(direct)
        user = parse_qs(parts.query).get("user", [parts.username or "postgres"])[0]
        return f"postgresql://{quote(user)}@127.0.0.1:{self.port}{parts.path}"

    def swallow(self) -> int:
        """From now on nothing comes through the connections that are open; how many those are."""
        self.swallowing |= self._live
        return len(self._live)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        try:
            there, back = await asyncio.open_unix_connection(self.target)
        except OSError:  # The server is away; so is this connection.
            writer.close()
            return
        self._live.add(number)
        pipes = [asyncio.create_task(self._pipe(number, *pipe)) for pipe in ((reader, back), (there, writer))]
        self._tasks |= {*pipes}
        await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
        self._live.discard(number)
        for task in pipes:
            task.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)
        for end in (writer, back):
            end.close()

    async def _pipe(self, number: int, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(CHUNK):
            if number not in self.swallowing:
                sink.write(data)
                await sink.drain()


def proxy_for(dsn: str, port: int = 0) -> Proxy:
    """In front of the test cluster, which listens on a Unix socket."""
    query = parse_qs(urlsplit(dsn).query)
    folder, server_port = unquote(query["host"][0]), query["port"][0]
    return Proxy(f"{folder}/.s.PGSQL.{server_port}", port)
