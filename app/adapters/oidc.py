"""OpenID Connect: access tokens of one issuer, checked with the keys it publishes, as callers."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson
import structlog
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from app.domain.access import Caller, Role
from app.domain.errors import Unauthenticated, Unavailable
from app.domain.organisation.identities import caller_behind, role_of_groups
from app.domain.ports import Clock, Credentials, OpenUnitOfWork

ALGORITHMS = ("RS256", "ES256")
"""Fixed: what a token's header says is never a reason to accept another."""

LEEWAY_SECONDS = 60
LONGEST_TOKEN = 8192
MOST_BYTES = 512 * 1024
KEYS_KEPT_SECONDS = 600.0
ASKED_AGAIN_SECONDS = 60.0
UNREACHABLE_SECONDS = 5.0
REMEMBERED_SECONDS = 5.0
REMEMBERED_TOKENS = 10_000
_KINDS: Mapping[str, type[RSAKey] | type[ECKey]] = {"RSA": RSAKey, "EC": ECKey}

Key = RSAKey | ECKey
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens are good here, and how they name people and roles."""

    url: str
    audience: str
    person_claim: str = "email"
    create_people: bool = False
    groups_claim: str | None = None
    group_roles: Mapping[str, Role] = field(default_factory=dict)


class IssuerKeys:
    """The issuer's keys: kept ten minutes, asked for again at an unknown id, though once a minute at most."""

    def __init__(self, issuer: str, client: httpx2.AsyncClient, monotonic: Callable[[], float]) -> None:
        self._issuer = issuer.rstrip("/")
        self._client = client
        self._monotonic = monotonic
        self._keys: Mapping[str | None, Key] = {}
        self._read_at = self._tried_at = float("-inf")
        self._reading = asyncio.Lock()

    async def key(self, id: str | None) -> Key | None:
        """The key with this id; where a token names none, the only one there is."""
        async with self._reading:
            await self._refresh(id)
        if id is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(id)

    async def _refresh(self, id: str | None) -> None:
        now = self._monotonic()
        is_known = id in self._keys or (id is None and bool(self._keys))
        pause = ASKED_AGAIN_SECONDS if self._keys else UNREACHABLE_SECONDS
        if (is_known and now - self._read_at < KEYS_KEPT_SECONDS) or now - self._tried_at < pause:
            if not self._keys:
                raise Unavailable("The identity provider does not answer, so no token can be checked.")
            return
        self._tried_at = now
        try:
            self._keys, self._read_at = await self._read(), now
        except (httpx2.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            _log.warning("issuer_keys_not_read", issuer=self._issuer, error=f"{type(error).__name__}: {error}")
            if not self._keys:
                raise Unavailable("The identity provider does not answer, so no token can be checked.") from error

    async def _read(self) -> Mapping[str | None, Key]:
        document = await self._json(f"{self._issuer}/.well-known/openid-configuration")
        if str(document["issuer"]).rstrip("/") != self._issuer:
            raise ValueError("the discovery document names another issuer")
        address = str(document["jwks_uri"])
        if urlsplit(address).scheme != "https" and urlsplit(self._issuer).scheme == "https":
            raise ValueError("the address of the keys is not https")
        found = (_key(one) for one in (await self._json(address))["keys"])
        keys = {key.kid: key for key in found if key is not None}
        if not keys:
            raise ValueError("the issuer publishes no RSA or EC key for signatures")
        return keys

    async def _json(self, address: str) -> Any:
        async with self._client.stream("GET", address, headers={"Accept": "application/json"}) as response:
            if response.status_code != 200:
                raise ValueError(f"{address} answers {response.status_code}")
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    raise ValueError(f"{address} answers more than {MOST_BYTES} bytes")
        return orjson.loads(body)


def _key(published: Mapping[str, Any]) -> Key | None:
    """A key for signatures of ours; a kind that we do not take, or that cannot be read, is passed over."""
    kind = _KINDS.get(str(published.get("kty")))
    if kind is None or published.get("use", "sig") != "sig":
        return None
    try:
        return kind.import_key(dict(published))
    except (JoseError, ValueError):
        return None


class OidcTokens:
    """The port `Credentials` for access tokens of one issuer."""

    def __init__(
        self,
        issuer: Issuer,
        client: httpx2.AsyncClient,
        uow: OpenUnitOfWork,
        clock: Clock,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._keys = IssuerKeys(issuer.url, client, monotonic)
        self._uow = uow
        self._clock = clock
        self._monotonic = monotonic
        self._known: dict[bytes, tuple[Caller, float, float]] = {}

    async def authenticate(self, token: str) -> Caller:
        if len(token) > LONGEST_TOKEN or token.count(".") != 2 or not token.isascii():
            raise self._refused("no token of three parts, or too long a one")
        digest = hashlib.sha256(token.encode()).digest()
        caller, expires, read_at = self._known.get(digest, (None, 0.0, 0.0))
        if caller and self._monotonic() - read_at < REMEMBERED_SECONDS and self._clock().timestamp() < expires:
            return caller
        read_at = self._monotonic()
        claims = await self._claims(token)
        caller = await self._caller(claims)
        if len(self._known) >= REMEMBERED_TOKENS:
            self._known.clear()
        self._known[digest] = (caller, float(claims["exp"]) + LEEWAY_SECONDS, read_at)
        return caller

    async def _claims(self, token: str) -> Mapping[str, Any]:
        """What a token says once its signature, issuer, audience and times are found good."""
        try:
            header = jws.extract_compact(token.encode()).headers()
            if header.get("alg") not in ALGORITHMS:
                raise self._refused("algorithm")
            key = await self._keys.key(_text(header.get("kid")))
            if key is None:
                raise self._refused("unknown key id")
            claims = jwt.decode(token, key, algorithms=ALGORITHMS).claims
            self._rules().validate(claims)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise self._refused(type(error).__name__) from error
        return claims

    def _rules(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=lambda: int(self._clock().timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer.url},
            aud={"essential": True, "value": self._issuer.audience},
            exp={"essential": True},
        )

    async def _caller(self, claims: Mapping[str, Any]) -> Caller:
        email = _text(claims.get(self._issuer.person_claim))
        if email is None or "@" not in email or len(email) > 320:
            raise self._refused(f"no e-mail address in {self._issuer.person_claim}")
        if self._issuer.person_claim == "email" and claims.get("email_verified") is not True:
            raise self._refused("e-mail address not verified")
        name = (_text(claims.get("name")) or email)[:200]
        role = self._role(claims)
        create = self._issuer.create_people
        return await caller_behind(self._uow, self._clock, email=email, name=name, create=create, role=role)

    def _role(self, claims: Mapping[str, Any]) -> Role | None:
        if self._issuer.groups_claim is None:
            return None
        given = claims.get(self._issuer.groups_claim)
        groups = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        return role_of_groups([group for group in groups if isinstance(group, str)], self._issuer.group_roles)

    def _refused(self, reason: str) -> Unauthenticated:
        """The reason is for our log alone; a forger learns nothing from the answer."""
        _log.info("token_refused", reason=reason)
        return Unauthenticated("This token is not valid here: forged, expired, or meant for somebody else.")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.isprintable() else None


class KeysAndTokens:
    """The port `Credentials` for both: what begins like a key of ours is one, everything else a token."""

    def __init__(self, keys: Credentials, tokens: Credentials) -> None:
        self._keys = keys
        self._tokens = tokens

    async def authenticate(self, token: str) -> Caller:
        return await (self._keys if token.startswith("nr_") else self._tokens).authenticate(token)
