"""Access tokens of an identity provider, over HTTP: whose they are, and every forgery that we know of."""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from structlog.testing import capture_logs

from app.adapters.oidc import Issuer, IssuerKeys, KeysAndTokens, OidcTokens
from app.domain.access import Role
from app.domain.errors import Unavailable
from app.domain.ports import Ports
from tests.conftest import ADMIN_KEY

ISSUER, AUDIENCE = "https://login.example.org/realms/one", "norepeat"
RSA, EC, STRANGER = (
    RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}),
    ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"}),
    RSAKey.generate_key(2048, {"kid": "stranger"}),
)


class Watch:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Provider:
    """An identity provider: two documents, and how often they were asked for."""

    keys: list[Any] = field(default_factory=lambda: [RSA, EC])
    issuer: str = ISSUER
    asked: int = 0
    answers: Callable[[httpx2.Request], httpx2.Response] | None = None

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        if self.answers is not None:
            return self.answers(request)
        if request.url.path.endswith("/.well-known/openid-configuration"):
            return httpx2.Response(200, json={"issuer": self.issuer, "jwks_uri": f"{ISSUER}/keys"})
        return httpx2.Response(200, json={"keys": [key.as_dict(private=False) for key in self.keys]})


@dataclass
class Door:
    """The application behind a provider."""

    http: httpx2.AsyncClient
    ports: Ports
    provider: Provider
    watch: Watch
    app: FastAPI

    def trust(self, **changes: Any) -> None:
        issuer = replace(Issuer(ISSUER, AUDIENCE), **changes)
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(self.provider))
        tokens = OidcTokens(issuer, client, self.ports.uow, self.ports.clock, monotonic=self.watch)
        self.app.state.ports = replace(self.ports, credentials=KeysAndTokens(self.ports.credentials, tokens))

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(self.ports.clock().timestamp())
        claims = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": "1", "iat": now, "exp": now + 300, "email": "Ada@example.org",
            "email_verified": True, "name": "Ada",
        }  # fmt: skip
        return {name: value for name, value in (claims | changes).items() if value is not ...}

    def token(self, key: Any = RSA, *, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        algorithm = "RS256" if isinstance(key, RSAKey) else "ES256"
        said = {"alg": algorithm, "kid": key.kid} | dict(header or {})
        return jwt.encode(said, self.claims(**changes), key)

    async def get(self, token: str, path: str = "/v1/teams") -> httpx2.Response:
        return await self.http.get(path, headers={"Authorization": f"Bearer {token}"})

    async def add(self, email: str, role: str) -> None:
        response = await self.http.post("/v1/people", json={"email": email, "name": "Ada", "role": role})
        assert response.status_code == 201, response.text


@pytest.fixture
async def door(client: httpx2.AsyncClient, ports: Ports, application: FastAPI) -> Door:
    door = Door(client, ports, Provider(), Watch(), application)
    door.trust()
    await door.add("ada@example.org", "responder")
    return door


@pytest.mark.parametrize("key", [RSA, EC])
async def test_a_token_is_the_person_with_its_verified_address(door: Door, key: Any) -> None:
    token = door.token(key)
    assert (await door.get(token)).status_code == 200
    assert (await door.get(token, "/v1/api-keys")).status_code == 403  # a responder's role, from our own database
    assert (await door.get(ADMIN_KEY, "/v1/api-keys")).status_code == 200
    query = {"query": "{ teams { edges { node { slug } } } }"}
    response = await door.http.post("/graphql", json=query, headers={"Authorization": f"Bearer {token}"})
    assert response.json() == {"data": {"teams": {"edges": []}}}


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _with_public_key(door: Door) -> str:
    """HS256 with what everybody knows of the RSA key as the secret."""
    signed = f"{_part({'alg': 'HS256', 'kid': 'rsa'})}.{_part(door.claims())}"
    digest = hmac.digest(RSA.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _other_signature(door: Door) -> str:
    """One token's claims with another's signature."""
    head, _, signature = door.token().split(".")
    return f"{head}.{_part(door.claims(email='root@example.org'))}.{signature}"


FORGERIES: Mapping[str, Callable[[Door], str]] = {
    "alg none": lambda door: f"{_part({'alg': 'none', 'kid': 'rsa'})}.{_part(door.claims())}.",
    "alg None": lambda door: f"{_part({'alg': 'None', 'kid': 'rsa'})}.{_part(door.claims())}.",
    "no alg": lambda door: f"{_part({'kid': 'rsa'})}.{_part(door.claims())}.",
    "alg is no text": lambda door: f"{_part({'alg': ['RS256'], 'kid': 'rsa'})}.{_part(door.claims())}.",
    "HS256 with the public key": _with_public_key,
    "expired": lambda door: door.token(exp=int(door.ports.clock().timestamp()) - 61),
    "no exp": lambda door: door.token(exp=...),
    "exp is text": lambda door: door.token(exp="tomorrow"),
    "not yet valid": lambda door: door.token(nbf=int(door.ports.clock().timestamp()) + 120),
    "another audience": lambda door: door.token(aud="portal"),
    "no audience": lambda door: door.token(aud=...),
    "another issuer": lambda door: door.token(iss="https://evil.example.org"),
    "no issuer": lambda door: door.token(iss=...),
    "the issuer's prefix": lambda door: door.token(iss=ISSUER + "/two"),
    "unknown key id": lambda door: door.token(STRANGER),
    "another's key under a known id": lambda door: door.token(STRANGER, header={"kid": "rsa"}),
    "the RSA key under the EC key's id": lambda door: door.token(RSA, header={"kid": "ec"}),
    "no key id though there are two": lambda door: jwt.encode({"alg": "RS256"}, door.claims(), RSA),
    "key id is no text": lambda door: f"{_part({'alg': 'RS256', 'kid': 7})}.{_part(door.claims())}.AAAA",
    "its own key in the header": lambda door: door.token(
        STRANGER, header={"kid": "mine", "jwk": STRANGER.as_dict(private=False)}
    ),
    "critical header": lambda door: (
        f"{_part({'alg': 'RS256', 'kid': 'rsa', 'crit': ['x'], 'x': 1})}.{door.token().split('.', 1)[1]}"
    ),
    "other claims": _other_signature,
    "truncated": lambda door: door.token()[:-20],
    "without a signature": lambda door: door.token().rpartition(".")[0] + ".",
    "two parts": lambda door: door.token().rpartition(".")[0],
    "ten kilobytes": lambda door: door.token(filler="x" * 10_000),
    "claims are a list": lambda door: f"{_part({'alg': 'RS256', 'kid': 'rsa'})}.{_part([1])}.AAAA",
    "address not verified": lambda door: door.token(email_verified=False),
    "address verified as text": lambda door: door.token(email_verified="true"),
    "no address": lambda door: door.token(email=...),
    "address is a list": lambda door: door.token(email=["ada@example.org"]),
    "address with a zero byte": lambda door: door.token(email="ada@example.org\x00"),
    "not base64": lambda _: "a.b.c",
    "dots": lambda _: "..",
    "nested deeply": lambda _: (
        base64.urlsafe_b64encode(b'{"alg":"RS256","kid":' + b"[" * 4000).rstrip(b"=").decode() + ".e30.AAAA"
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forgery_is_refused_and_logged_without_the_token(door: Door, name: str) -> None:
    token = FORGERIES[name](door)
    with capture_logs() as lines:
        response = await door.get(token)
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    refused = [line for line in lines if line["event"] == "token_refused"]
    assert len(refused) == 1
    assert not any(part and part in str(lines) for part in token.split(".") if len(part) > 8)


async def test_a_leeway_of_a_minute_forgives_clocks(door: Door) -> None:
    now = int(door.ports.clock().timestamp())
    assert (await door.get(door.token(exp=now - 30, nbf=now + 30))).status_code == 200


async def test_one_of_several_audiences_is_enough(door: Door) -> None:
    assert (await door.get(door.token(aud=["portal", AUDIENCE]))).status_code == 200


async def test_an_unknown_person_is_told_what_to_do(door: Door) -> None:
    response = await door.get(door.token(email="bo@example.org"))
    assert (response.status_code, response.json()["code"]) == (403, "unknown_person")
    assert "ask an admin" in response.json()["title"]


async def test_who_signs_in_first_becomes_a_reader_where_that_is_set(door: Door) -> None:
    door.trust(create_people=True)
    token = door.token(email="Bo@example.org", name="Bo")
    assert (await door.get(token)).status_code == 200
    found = (await door.get(ADMIN_KEY, "/v1/people?search=Bo")).json()["items"]
    assert [(one["email"], one["role"]) for one in found] == [("bo@example.org", "reader")]


async def test_another_claim_may_hold_the_address(door: Door) -> None:
    door.trust(person_claim="upn")
    assert (await door.get(door.token(upn="ADA@example.org", email=...))).status_code == 200


async def test_groups_decide_the_role_where_they_are_mapped(door: Door) -> None:
    door.trust(groups_claim="groups", group_roles={"sre": Role.REVIEWER, "root": Role.ADMIN})
    team = {"slug": "payments", "name": "Payments"}
    for groups, status in ((["sre", "root"], 201), (["sre"], 403), ("nobody", 403), (..., 403), ([7], 403)):
        token = door.token(groups=groups)
        response = await door.http.post("/v1/teams", json=team, headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == status, groups


async def test_a_deactivated_person_stays_out_within_seconds(door: Door) -> None:
    token = door.token()
    assert (await door.get(token)).status_code == 200
    person = (await door.get(ADMIN_KEY, "/v1/people?search=Ada")).json()["items"][0]
    headers = {"If-Match": f'"{person["version"]}"'}
    response = await door.http.patch(f"/v1/people/{person['id']}", json={"active": False}, headers=headers)
    assert response.status_code == 200, response.text
    door.watch.seconds += 5
    assert (await door.get(token)).status_code == 401


async def test_keys_are_read_once_in_ten_minutes_and_at_an_unknown_id_once_a_minute(door: Door) -> None:
    for _ in range(3):
        await door.get(door.token())
    assert door.provider.asked == 2  # the discovery document and the keys
    new = RSAKey.generate_key(2048, {"kid": "new"})
    door.provider.keys = [new]
    assert (await door.get(door.token(new))).status_code == 401  # asked a moment ago
    assert door.provider.asked == 2
    door.watch.seconds += 60
    assert (await door.get(door.token(new))).status_code == 200  # the rotated key is found
    assert (await door.get(door.token(STRANGER))).status_code == 401
    assert door.provider.asked == 4
    assert (await door.get(door.token(RSA, sub="2"))).status_code == 401  # the old key is gone
    door.watch.seconds += 600
    await door.get(door.token(new))
    assert door.provider.asked == 6


def _wrong_issuer(_: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, json={"issuer": "https://evil.example.org", "jwks_uri": "https://evil.example.org/k"})


def _down(_: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("refused")


ANSWERS: Mapping[str, Callable[[httpx2.Request], httpx2.Response]] = {
    "down": _down,
    "another issuer": _wrong_issuer,
    "an error": lambda _: httpx2.Response(500),
    "a redirect": lambda _: httpx2.Response(302, headers={"Location": "http://169.254.169.254/"}),
    "no JSON": lambda _: httpx2.Response(200, text="<html>"),
    "a list": lambda _: httpx2.Response(200, json=[]),
    "keys over plain http": lambda _: httpx2.Response(200, json={"issuer": ISSUER, "jwks_uri": "http://a.example/k"}),
    "a megabyte": lambda _: httpx2.Response(200, text=" " * 1_000_000),
    "no keys": lambda _: httpx2.Response(200, json={"issuer": ISSUER, "jwks_uri": ISSUER, "keys": [{"kty": "oct"}]}),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_provider_that_fails_is_our_fault_and_never_the_token_s(door: Door, name: str) -> None:
    door.provider.answers = ANSWERS[name]
    response = await door.get(door.token())
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert (await door.get(ADMIN_KEY)).status_code == 200
    asked = door.provider.asked
    assert (await door.get(door.token())).status_code == 503
    assert door.provider.asked == asked  # not asked again within five seconds


async def test_old_keys_stay_good_while_the_provider_is_down() -> None:
    provider, watch = Provider(), Watch()
    client = httpx2.AsyncClient(transport=httpx2.MockTransport(provider))
    keys = IssuerKeys(ISSUER, client, watch)
    assert await keys.key("rsa") is not None
    provider.answers = _down
    watch.seconds += 700
    assert await keys.key("rsa") is not None
    with pytest.raises(Unavailable):
        await IssuerKeys(ISSUER, client, watch).key("rsa")


async def test_a_key_that_is_not_for_signatures_is_passed_over() -> None:
    provider = Provider(keys=[RSAKey.generate_key(2048, {"kid": "enc", "use": "enc"}), OctKey.generate_key(256), EC])
    client = httpx2.AsyncClient(transport=httpx2.MockTransport(provider))
    keys = IssuerKeys(ISSUER, client, Watch())
    assert await keys.key("enc") is None
    only = await keys.key(None)
    assert only is not None
    assert only.kid == "ec"
