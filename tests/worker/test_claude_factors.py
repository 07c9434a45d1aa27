"""Claude as a reader of factors: over HTTP to a server of our own that answers as the published streams do."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.adapters.models.claude import ClaudeSuggester, ModelUnavailable, believed
from tests.conftest import CONTRACTS

TEXT = "The certificate expired. Nobody was alerted."
FACTORS = [
    {"code": "cert-credential-expiry", "phrase": "certificate expired", "confidence": 0.9},
    {"code": "missing-alerting", "phrase": "Nobody was alerted", "confidence": 1.7},
    {"code": "missing-alerting", "phrase": "Nobody was alerted", "confidence": 0.2},
    {"code": "dns", "phrase": "DNS was down", "confidence": 0.8},
    {"code": "aliens", "phrase": "certificate expired", "confidence": 0.8},
    {"code": "network", "phrase": " ", "confidence": 0.8},
    {"code": "network", "phrase": "certificate", "confidence": "much"},
    "nonsense",
]


def stream(told: object) -> bytes:
    """A tool call in the events of a message stream."""
    usage = {"input_tokens": 9, "output_tokens": 1}
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    block = {"type": "tool_use", "id": "toolu_1", "name": "name_factors", "input": {}}
    text = json.dumps(told)
    half = len(text) // 2
    events: list[dict[str, object]] = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": part}}
            for part in (text[:half], text[half:])
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]
    return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events)


class FakeClaude:
    """Answers every request with `answer`; keeps what was asked."""

    def __init__(self) -> None:
        self.answer: tuple[int, str, bytes] = (200, "text/event-stream", stream({"factors": FACTORS}))
        self.asked: list[dict[str, object]] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        self.asked.append(json.loads(await reader.readexactly(length)))
        status, kind, body = self.answer
        head = (
            f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def claude() -> AsyncIterator[FakeClaude]:
    fake = FakeClaude()
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield fake
    server.close()
    await server.wait_closed()


@pytest.fixture
async def suggester(claude: FakeClaude) -> AsyncIterator[ClaudeSuggester]:
    made = ClaudeSuggester("sk-test", "claude-test", claude.url, 5.0)
    yield made
    await made.close()


async def test_only_what_the_text_bears_out_is_believed(claude: FakeClaude, suggester: ClaudeSuggester) -> None:
    found = await suggester.suggest(TEXT)
    assert [(one.code, one.confidence) for one in found] == [("missing-alerting", 1.0), ("cert-credential-expiry", 0.9)]
    assert all(TEXT[one.start : one.end] == one.phrase for one in found)
    (asked,) = claude.asked
    assert asked["model"] == "claude-test"
    assert asked["tool_choice"] == {"type": "tool", "name": "name_factors"}


@pytest.mark.parametrize("told", [None, [], "x", {}, {"factors": None}, {"factors": "x"}, {"factors": [1, None]}])
def test_an_answer_of_another_shape_suggests_nothing(told: object) -> None:
    assert believed(told, TEXT) == ()


async def test_a_model_that_does_not_answer_is_said_to_be_unavailable(
    claude: FakeClaude, suggester: ClaudeSuggester
) -> None:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}
    claude.answer = (400, "application/json", json.dumps(error).encode())
    with pytest.raises(ModelUnavailable):
        await suggester.suggest(TEXT)


@pytest.mark.parametrize(
    "name", ["basic_response", "tool_use_response", "refusal_response", "incomplete_partial_json_response"]
)
async def test_published_streams_never_break_it(name: str, claude: FakeClaude, suggester: ClaudeSuggester) -> None:
    file: Path = CONTRACTS / "anthropic" / f"{name}.sse.txt"
    if not file.exists():
        pytest.skip(f"{file.name} of the official contracts is not here")
    claude.answer = (200, "text/event-stream", file.read_bytes())
    try:
        assert await suggester.suggest(TEXT) == ()
    except ModelUnavailable:
        assert name == "incomplete_partial_json_response"
