"""Ten thousand forged webhooks over HTTP: none is accepted, and none makes us stumble."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import pytest

from app.adapters.trackers import github_webhooks, jira_webhooks, linear_webhooks
from app.domain.ports import Ports, WebhookSource
from app.main import create_app
from app.settings import Settings

Headers = list[tuple[bytes, bytes]]
SECRETS = ("It's a Secret to Everybody", "another")
BODY = json.dumps(
    {"action": "closed", "webhookEvent": "x", "type": "Issue", "issue": {"id": 1}, "text": "Grüße"}
).encode()
EACH = 3400


@dataclass(frozen=True)
class Sender:
    """How one provider signs."""

    source: str
    signature: bytes
    id: bytes
    sign: Callable[[bytes, str], str]

    def headers(self, signature: bytes | None, *, id: bytes | None = b"72d3162e-cc78") -> Headers:
        given = [(b"content-type", b"application/json"), (b"x-github-event", b"issues")]
        given += [] if signature is None else [(self.signature, signature)]
        return given if id is None else [*given, (self.id, id)]


SENDERS = (
    Sender("github", b"x-hub-signature-256", b"x-github-delivery", github_webhooks.sign),
    Sender("jira", b"x-hub-signature", b"x-atlassian-webhook-identifier", jira_webhooks.sign),
    Sender("linear", b"linear-signature", b"linear-delivery", linear_webhooks.sign),
)


def forged(sender: Sender, chance: random.Random) -> Iterator[tuple[Headers, bytes]]:
    """Posts that differ from an authentic one in signature, headers or body."""
    good = sender.sign(BODY, SECRETS[0]).encode()
    plain = good.removeprefix(b"sha256=")
    other = b"sha256=" + plain if good == plain else plain
    for signature in (
        None, b"", b"sha256=", good.upper(), other, b"sha1=" + plain, b"sha512=" + plain, good + b",", b"0" * 64,
        good * 2, b"," + good, good[:-1], good + b"0", good + b"\xff", b"\xff" * 64, b"\x00" + good, good[::-1],
        b"null", b"\xf0\x9f\x92\xa9",
        sender.sign(BODY, "").encode(), sender.sign(BODY, "guess").encode(), sender.sign(b"", SECRETS[0]).encode(),
    ):  # fmt: skip
        yield sender.headers(signature), BODY
    for name in (b"x-signature", b"x-hub-signature-1", b"signature", b"authorization"):
        yield [*sender.headers(None), (name, good)], BODY
    for id in (None, b"", b"x" * 201, b"a\x01b", b"\xff\xfe", b"a\tb"):
        yield sender.headers(good, id=id), BODY
    for body in (b"", b"\x00", BODY * 2, BODY + b" ", b" " + BODY, BODY[:-1], b"[" * 10_000, b"\xff" * 500):
        yield sender.headers(good), body
    while True:
        kind, at = chance.randrange(4), chance.randrange(len(BODY))
        if kind == 0:
            yield sender.headers(good), BODY[:at] + bytes([BODY[at] ^ 1 << chance.randrange(8)]) + BODY[at + 1 :]
        elif kind == 1:
            yield sender.headers(good), BODY[:at] + chance.randbytes(chance.randrange(1, 9)) + BODY[at:]
        elif kind == 2:
            where = chance.randrange(len(good))
            letter = chance.choice([c for c in range(1, 256) if c != good[where]])
            yield sender.headers(good[:where] + bytes([letter]) + good[where + 1 :]), BODY
        else:
            yield sender.headers(chance.randbytes(chance.randrange(0, 100)), id=chance.randbytes(8)), BODY


async def post(app: Any, path: str, headers: Headers, body: bytes) -> int:
    """The status that an ASGI server would send; raw, because clients refuse to send such headers."""
    said: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            said.append(message["status"])

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": path,
        "scheme": "http",
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("norepeat.test", 80),
    }  # fmt: skip
    await app(scope, receive, send)
    return said[0]


@pytest.fixture
def app(ports: Ports, settings: Settings) -> Any:
    webhooks = {
        "github": WebhookSource(github_webhooks.GitHubWebhooks(), SECRETS),
        "jira": WebhookSource(jira_webhooks.JiraWebhooks(), SECRETS),
        "linear": WebhookSource(linear_webhooks.LinearWebhooks(), SECRETS, 200),
    }
    app = create_app(settings)
    app.state.ports = replace(ports, webhooks=webhooks)
    return app


async def test_no_forgery_of_ten_thousand_is_accepted_or_fails(app: Any, dsn: str) -> None:
    chance, answers = random.Random(20261123), Counter[int]()
    for sender in SENDERS:
        path = f"/v1/inbound/{sender.source}"
        for (headers, body), _ in zip(forged(sender, chance), range(EACH), strict=False):
            answers[await post(app, path, headers, body)] += 1
    assert sum(answers.values()) == EACH * len(SENDERS) >= 10_000
    assert set(answers) <= {400, 401, 413, 422}, answers
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("select count(*) from inbox") == 0
    await connection.close()


@pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.source)
async def test_the_authentic_post_that_they_were_made_from_is_accepted(app: Any, sender: Sender) -> None:
    for secret in SECRETS:
        headers = sender.headers(sender.sign(BODY, secret).encode(), id=secret[:5].encode())
        assert await post(app, f"/v1/inbound/{sender.source}", headers, BODY) == (
            200 if sender.source == "linear" else 202
        )
