"""A server of the Messages API: answers come from a list, as streams, errors, drips or broken lines."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """`pause` seconds lie between its pieces; one that breaks off is closed before its end."""

    body: bytes
    status: int = 200
    kind: str = "text/event-stream"
    headers: tuple[tuple[str, str], ...] = ()
    pieces: int = 1
    pause: float = 0.0
    breaks_off: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, with headers in lower case."""

    line: str
    headers: dict[str, str]
    body: dict[str, Any]


def events(*every: dict[str, Any]) -> bytes:
    return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in every)


def stream(
    text: str,
    *,
    stop: str = "end_turn",
    tokens: tuple[int, int] = (1000, 200),
    details: dict[str, Any] | None = None,
    parts: int = 4,
) -> Answer:
    """A text in the events of a message stream."""
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": {"input_tokens": tokens[0], "output_tokens": 1},
    }  # fmt: skip
    size = max(len(text) // parts, 1)
    deltas = [text[n : n + size] for n in range(0, len(text), size)]
    body = events(
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": one}} for one in deltas),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop, "stop_sequence": None, "stop_details": details},
            "usage": {"output_tokens": tokens[1]},
        },
        {"type": "message_stop"},
    )
    return Answer(body)


def error(status: int, kind: str, message: str = "no", *headers: tuple[str, str]) -> Answer:
    body = json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()
    return Answer(body, status, "application/json", headers)


@dataclass(slots=True)
class FakeClaude:
    """Answers in turn, the last one again and again; keeps what was asked."""

    answers: Sequence[Answer] = ()
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await self._read(reader)
            answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
            self.asked.append(asked)
            await self._write(writer, answer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Asked:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:]) if name}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return Asked(head[0], headers, json.loads(body) if body else {})

    async def _write(self, writer: asyncio.StreamWriter, answer: Answer) -> None:
        length = len(answer.body) + 100 * answer.breaks_off
        head = [f"HTTP/1.1 {answer.status} X", f"Content-Type: {answer.kind}", f"Content-Length: {length}"]
        head += [f"{name}: {value}" for name, value in answer.headers]
        writer.write(("\r\n".join([*head, "Connection: close"]) + "\r\n\r\n").encode())
        size = -(-len(answer.body) // answer.pieces)
        for start in range(0, len(answer.body), size):
            writer.write(answer.body[start : start + size])
            await writer.drain()
            await asyncio.sleep(answer.pause)


@asynccontextmanager
async def serving(*answers: Answer) -> AsyncIterator[FakeClaude]:
    fake = FakeClaude(answers)
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield fake
    server.close()
    await server.wait_closed()
