"""Load: wrk where it is installed, else connections of our own in Python, which cost the machine more."""

import asyncio
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import uvloop

from bench.graphql_data import KEY

CONNECTIONS = 8
WRK = shutil.which("wrk")
_STAMPS = count(int(time.time()) % 100_000 * 1000)


@dataclass(frozen=True, slots=True)
class Load:
    """What was answered."""

    requests: int
    seconds: float
    p50: float
    p99: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def load(port: int, asked: list[str], seconds: float) -> Load:
    """Ask for so long. A request is a path, or a body for /graphql; `@@` in it becomes what nobody asked before."""
    return _by_wrk(port, asked, seconds) if WRK else uvloop.run(_by_ourselves(port, asked, seconds))


def _by_wrk(port: int, asked: list[str], seconds: float) -> Load:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(asked))
        file.flush()
        script = str(Path(__file__).with_name("rotate.lua"))
        line = [str(WRK), "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--timeout", "60s", "-s", script]
        line += [f"http://127.0.0.1:{port}", "--", file.name, KEY, f"x{next(_STAMPS)}x"]
        said = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    requests, micros, p50, p99, failed = map(int, said.rpartition("@")[2].split())
    assert not failed, f"{failed} of {requests} requests failed"
    return Load(requests, micros / 1e6, p50 / 1e6, p99 / 1e6)


async def _by_ourselves(port: int, asked: list[str], seconds: float) -> Load:
    times: list[float] = []
    began, loop = time.perf_counter(), asyncio.get_running_loop()
    stamp = f"x{next(_STAMPS)}x"
    askers = [Asker(asked, n * 5, began + seconds, times, stamp) for n in range(CONNECTIONS)]
    for asker in askers:
        await loop.create_connection(lambda asker=asker: asker, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*(asker.done.wait() for asker in askers))
    times.sort()
    return Load(len(times), time.perf_counter() - began, times[len(times) // 2], times[int(len(times) * 0.99)])


class Asker(asyncio.Protocol):
    """One connection: the next request goes out when the last one is answered."""

    def __init__(self, asked: list[str], start: int, until: float, times: list[float], stamp: str) -> None:
        self._asked, self._next, self._until, self._times, self._stamp = asked, start, until, times, f"{stamp}{start}x"
        self._received, self._parts, self._awaited = 0, b"", 0
        self.done = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._received, self._parts, self._awaited = 0, b"", 0
        self._sent = time.perf_counter()
        self._next += 7
        text = self._asked[self._next % len(self._asked)].replace("@@", f"{self._stamp}{self._next}")
        self._transport.write(request(text))  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if not self._awaited:
            self._parts += data
            head, found, _ = self._parts.partition(b"\r\n\r\n")
            if not found:
                return
            assert head.startswith(b"HTTP/1.1 200"), self._parts[:500]
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            self._awaited = len(head) + 4 + length
        if self._received < self._awaited:
            return
        now = time.perf_counter()
        self._times.append(now - self._sent)
        if now < self._until:
            self._ask()
        else:
            self._transport.close()
            self.done.set()


def request(text: str) -> bytes:
    """The whole request that a path or a body stands for."""
    headers = (
        f"Host: x\r\nAuthorization: Bearer {KEY}\r\nAccept: application/json\r\nContent-Type: application/json\r\n"
    )
    if text.startswith("/"):
        return f"GET {text} HTTP/1.1\r\n{headers}\r\n".encode()
    body = text.encode()
    return f"POST /graphql HTTP/1.1\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body
