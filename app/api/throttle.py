"""Rate limits, before anything else is done for a request: by address, by credential, and for credentials that fail."""

import hashlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import HTTP_CODES, problem
from app.api.middleware import INBOUND_PREFIX
from app.domain.ports import Allowance, Bucket, Ports, RateLimits

_FREE = ("/health/", "/metrics")
"""Probes and Prometheus: refusing them would take the service out of rotation."""


class Throttle:
    """429 where a bucket is empty, and on every other answer what is left in it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_FREE):
            await self._app(scope, receive, send)
            return
        ports: Ports = scope["app"].state.ports
        limits, address = ports.rate_limits, _address(scope)
        is_webhook = scope["path"].startswith(INBOUND_PREFIX)
        left = await _left(limits, scope, address, is_webhook=is_webhook)
        if left is not None and not left.is_in:
            await _refuse(scope, receive, send, left)
            return
        status = 0

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if left is not None:
                    message["headers"] = [*message.get("headers", []), *_headers(left)]
            await send(message)

        await self._app(scope, receive, told)
        if status == 401 and not is_webhook:
            await limits.hit(Bucket.FAILURES, address)


async def _left(limits: RateLimits, scope: Scope, address: str, *, is_webhook: bool) -> Allowance | None:
    """The first bucket that is empty, else what is left in the one that stands for the caller."""
    if is_webhook:
        return await limits.hit(Bucket.WEBHOOKS, f"{address} {scope['path']}")
    failures = await limits.look(Bucket.FAILURES, address)
    if failures is not None and not failures.is_in:
        return failures
    left = await limits.hit(Bucket.ADDRESS, address)
    credential = _credential(scope)
    if credential is None or (left is not None and not left.is_in):
        return left
    return await limits.hit(Bucket.CREDENTIAL, credential)


def _address(scope: Scope) -> str:
    """What the server says it is; behind a proxy that is trusted, what the proxy says."""
    client = scope.get("client")
    return client[0] if client else "unknown"


def _credential(scope: Scope) -> str | None:
    """A digest of what the caller shows, whether it is good or not: a forged one empties nobody else's bucket."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return hashlib.blake2b(value, digest_size=16).hexdigest()
    return None


def _headers(left: Allowance) -> list[tuple[bytes, bytes]]:
    return [
        (b"ratelimit-policy", b'"default";q=%d;w=60' % left.limit),
        (b"ratelimit", b'"default";r=%d;t=%d' % (left.remaining, left.seconds)),
    ]


async def _refuse(scope: Scope, receive: Receive, send: Send, left: Allowance) -> None:
    response = problem(
        429, *HTTP_CODES[429], request_id=scope.get("request_id"), headers={"Retry-After": str(left.seconds)}
    )
    response.raw_headers.extend(_headers(left))
    await response(scope, receive, send)
