"""Signatures of webhooks: the published vectors are accepted, and nothing that differs in a single bit."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from hmac import new as hmac

import pytest

from app.adapters.trackers import github_webhooks, jira_webhooks, linear_webhooks
from app.domain.errors import Invalid, Unauthenticated
from app.domain.ports import Webhooks
from tests.contract.openapi_contract import contract_file

NOW = datetime(2026, 6, 15, tzinfo=UTC)
MUTATIONS = 2000
ID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"


@dataclass(frozen=True)
class Scheme:
    """How one provider signs what it sends."""

    name: str
    webhooks: Webhooks
    sign: Callable[[bytes, str], str]
    signature: str
    id: str

    def headers(self, signature: str) -> dict[str, str]:
        return {self.signature.lower(): signature, self.id.lower(): ID}


SCHEMES = [
    Scheme(
        "github", github_webhooks.GitHubWebhooks(), github_webhooks.sign, "X-Hub-Signature-256", "X-GitHub-Delivery"
    ),
    Scheme(
        "jira", jira_webhooks.JiraWebhooks(), jira_webhooks.sign, "X-Hub-Signature", "X-Atlassian-Webhook-Identifier"
    ),
    Scheme("linear", linear_webhooks.LinearWebhooks(), linear_webhooks.sign, "Linear-Signature", "Linear-Delivery"),
]


@pytest.fixture(params=SCHEMES, ids=lambda scheme: scheme.name)
def scheme(request: pytest.FixtureRequest) -> Scheme:
    found: Scheme = request.param
    return found


def test_the_published_vectors_are_accepted(scheme: Scheme) -> None:
    """Linear publishes none; its rule is a bare hexadecimal HMAC."""
    published = json.loads(contract_file("webhooks/signature-vectors.json").read_text())[scheme.name]
    bare = {"secret": "s", "body": "{}", "signature": hmac(b"s", b"{}", sha256).hexdigest()}
    for vector in published if scheme.name != "linear" else [bare]:
        given, body = scheme.headers(vector["signature"]), vector["body"].encode()
        assert scheme.webhooks.delivery(given, body, [vector["secret"]], NOW) == ID


def test_every_live_secret_is_tried_and_header_names_have_no_case(scheme: Scheme) -> None:
    body = b'{"zen": "Keep it logically awesome."}'
    given = {scheme.signature: scheme.sign(body, "new"), scheme.id.upper(): "1"}
    assert scheme.webhooks.delivery(given, body, ["old", "new"], NOW) == "1"
    with pytest.raises(Unauthenticated):
        scheme.webhooks.delivery(given, body, ["old"], NOW)


def test_a_delivery_is_as_good_after_hours(scheme: Scheme) -> None:
    """Linear repeats one after an hour and after six; the id is what keeps it from counting twice."""
    body = b'{"webhookTimestamp": 1}'
    assert scheme.webhooks.delivery(scheme.headers(scheme.sign(body, "s")), body, ["s"], NOW) == ID


@pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
def test_without_a_secret_nothing_is_authentic(scheme: Scheme, secrets: list[str]) -> None:
    """Anybody can compute an HMAC with an empty key."""
    with pytest.raises(Unauthenticated):
        scheme.webhooks.delivery(scheme.headers(scheme.sign(b"{}", "")), b"{}", secrets, NOW)


@pytest.mark.parametrize("id", [None, "", "x" * 201, "a\x00b", "a\nb"])
def test_an_authentic_delivery_without_a_usable_id_is_malformed(scheme: Scheme, id: str | None) -> None:
    given = {scheme.signature: scheme.sign(b"{}", "s")} | ({} if id is None else {scheme.id: id})
    with pytest.raises(Invalid):
        scheme.webhooks.delivery(given, b"{}", ["s"], NOW)


def mutated(scheme: Scheme, chance: random.Random) -> Iterator[tuple[dict[str, str], bytes]]:
    """Signatures, headers and bodies that differ from an authentic delivery in one place."""
    secret = "It's a Secret to Everybody"
    body = json.dumps({"action": "closed", "issue": {"id": 1}, "text": "Grüße"}).encode()
    good = scheme.sign(body, secret)
    bare = good.removeprefix("sha256=")
    odd = ["", "sha256=", good.upper(), f"sha1={bare}", f"{good} ", f" {good}", f"{good},{good}", f"SHA256={bare}",
           "sha256=" + "0" * 64, "0" * 64, good + "\x00", "sha256=ü", "\udcff" * 8,
           bare if bare != good else f"sha256={bare}"]  # fmt: skip
    for signature in odd:
        yield scheme.headers(signature), body
    yield {scheme.id: ID}, body
    yield {"x-other-signature": good, scheme.id: ID}, body
    for _ in range(MUTATIONS - len(odd) - 2):
        if chance.random() < 0.5:
            at, bit = chance.randrange(len(body)), 1 << chance.randrange(8)
            changed = bytearray(body)
            changed[at] ^= bit
            yield scheme.headers(good), bytes(changed) if chance.random() < 0.8 else body[:at] + body[at + 1 :]
        else:
            at = chance.randrange(len(good))
            other = chance.choice([c for c in "0123456789abcdefABCDEF=g ü" if c != good[at]])
            yield scheme.headers(good[:at] + other + good[at + 1 :]), body


def test_no_forgery_of_two_thousand_is_accepted(scheme: Scheme) -> None:
    count = 0
    for given, body in mutated(scheme, random.Random(20261123)):
        count += 1
        with pytest.raises(Unauthenticated):
            scheme.webhooks.delivery(given, body, ["It's a Secret to Everybody", "another"], NOW)
    assert count == MUTATIONS
