"""A load generator: keep-alive connections that post signed webhooks, each with an id of its own."""

import asyncio
import json
import sys
import time
from typing import cast
from uuid import uuid4

import uvloop

from app.adapters.trackers.github_webhooks import sign

SECRET = "whsec-bench"
CONNECTIONS = 16


def issue_event(size: int = 7000) -> bytes:
    """An event of the size that GitHub's have."""
    issue = {"id": 1, "number": 1, "title": "Add a timeout", "state": "closed", "body": "x" * (size - 300)}
    return json.dumps({"action": "closed", "issue": issue, "repository": {"full_name": "acme/shop"}}).encode()


class Poster(asyncio.Protocol):
    """One connection: the next post goes out when the last one is answered."""

    def __init__(self, head: bytes, body: bytes, until: float, times: list[float], done: asyncio.Event) -> None:
        self._head, self._body, self._until, self._times, self._done = head, body, until, times, done
        self.refused = 0
        self._sent_at = 0.0
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._post()

    def _post(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(b"".join((self._head, str(uuid4()).encode(), b"\r\n\r\n", self._body)))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._received = b""
        now = time.perf_counter()
        self._times.append(now - self._sent_at)
        self.refused += not head.startswith(b"HTTP/1.1 202")
        if now < self._until:
            self._post()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._done.set()


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0])


async def post_for(port: int, seconds: float) -> dict[str, float]:
    """Post over all connections for so long: how many a second, their waits in milliseconds."""
    body, times = issue_event(), list[float]()
    head = (
        f"POST /v1/inbound/github HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nuser-agent: GitHub-Hookshot/1\r\nx-github-event: issues\r\n"
        f"x-hub-signature-256: {sign(body, SECRET)}\r\nx-github-delivery: "
    ).encode()
    start, loop = time.perf_counter(), asyncio.get_running_loop()
    posters, ends = [], []
    for _ in range(CONNECTIONS):
        done = asyncio.Event()
        poster = Poster(head, body, start + seconds, times, done)
        await loop.create_connection(lambda poster=poster: poster, "127.0.0.1", port)  # type: ignore[misc]
        posters.append(poster)
        ends.append(done.wait())
    await asyncio.gather(*ends)
    took = time.perf_counter() - start
    times.sort()
    return {
        "rate": len(times) / took,
        "p50": times[len(times) // 2] * 1000,
        "p99": times[int(len(times) * 0.99)] * 1000,
        "refused": sum(poster.refused for poster in posters),
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(post_for(int(sys.argv[1]), float(sys.argv[2])))))
