"""Signatures of webhooks: the published vectors are accepted, and nothing that differs in a single bit."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from app.adapters.trackers.github_webhooks import GitHubWebhooks, sign
from app.domain.errors import Invalid, Unauthenticated
from tests.contract.github_contract import contract_file

NOW = datetime(2026, 6, 15, tzinfo=UTC)
WEBHOOKS = GitHubWebhooks()
MUTATIONS = 2000


def vectors() -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(contract_file("webhooks/signature-vectors.json").read_text())["github"]
    return found


def headers(signature: str, **more: str) -> dict[str, str]:
    return {"x-hub-signature-256": signature, "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958", **more}


def test_the_published_vectors_are_accepted() -> None:
    for vector in vectors():
        given = headers(vector["signature"])
        assert WEBHOOKS.delivery(given, vector["body"].encode(), [vector["secret"]], NOW) == given["x-github-delivery"]


def test_every_live_secret_is_tried_and_header_names_have_no_case() -> None:
    body = b'{"zen": "Keep it logically awesome."}'
    given = {"X-Hub-Signature-256": sign(body, "new"), "X-GitHub-Delivery": "1"}
    assert WEBHOOKS.delivery(given, body, ["old", "new"], NOW) == "1"
    with pytest.raises(Unauthenticated):
        WEBHOOKS.delivery(given, body, ["old"], NOW)


@pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
def test_without_a_secret_nothing_is_authentic(secrets: list[str]) -> None:
    """Anybody can compute an HMAC with an empty key."""
    with pytest.raises(Unauthenticated):
        WEBHOOKS.delivery(headers(sign(b"{}", "")), b"{}", secrets, NOW)


@pytest.mark.parametrize("id", [None, "", "x" * 201, "a\x00b", "a\nb"])
def test_an_authentic_delivery_without_a_usable_id_is_malformed(id: str | None) -> None:
    given = {"x-hub-signature-256": sign(b"{}", "s")} | ({} if id is None else {"x-github-delivery": id})
    with pytest.raises(Invalid):
        WEBHOOKS.delivery(given, b"{}", ["s"], NOW)


def mutated(chance: random.Random) -> Iterator[tuple[dict[str, str], bytes]]:
    """Signatures, headers and bodies that differ from an authentic delivery in one place."""
    secret = "It's a Secret to Everybody"
    body = json.dumps({"action": "closed", "issue": {"id": 1}, "text": "Grüße"}).encode()
    good = sign(body, secret)
    odd = ["", "sha256=", good.upper(), good[7:], f"sha1={good[7:]}", f"{good} ", f" {good}", f"{good},{good}",
           good.replace("sha256", "SHA256"), "sha256=" + "0" * 64, good + "\x00", "sha256=ü", "\udcff" * 8]  # fmt: skip
    for signature in odd:
        yield headers(signature), body
    yield {"x-github-delivery": "1"}, body
    yield {"x-hub-signature": good, "x-github-delivery": "1"}, body
    for _ in range(MUTATIONS - len(odd) - 2):
        if chance.random() < 0.5:
            at, bit = chance.randrange(len(body)), 1 << chance.randrange(8)
            changed = bytearray(body)
            changed[at] ^= bit
            yield headers(good), bytes(changed) if chance.random() < 0.8 else body[:at] + body[at + 1 :]
        else:
            at = chance.randrange(len(good))
            other = chance.choice([c for c in "0123456789abcdefABCDEF=g ü" if c != good[at]])
            yield headers(good[:at] + other + good[at + 1 :]), body


def test_no_forgery_of_two_thousand_is_accepted() -> None:
    count = 0
    for given, body in mutated(random.Random(20261123)):
        count += 1
        with pytest.raises(Unauthenticated):
            WEBHOOKS.delivery(given, body, ["It's a Secret to Everybody", "another"], NOW)
    assert count == MUTATIONS
