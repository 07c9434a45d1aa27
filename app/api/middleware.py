"""What every request passes: a request id, a limit for its body, headers for browsers. Pure ASGI, so nearly free."""

import asyncio
import re
from collections.abc import Sequence
from secrets import token_hex

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from app.api.errors import HTTP_CODES, problem

_PORT = re.compile(r":\d{1,5}$", re.ASCII)
INBOUND_PREFIX = "/v1/inbound/"
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")
CORS_TAKEN = ("Authorization", "Content-Type", "Idempotency-Key", "If-Match")
CORS_SHOWN = ("ETag", "Idempotency-Replayed", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id")
"""What a page of another site may send and read; cookies are never among it."""


class RequestFrame:
    """Names the request and adds the headers that the answer does not have yet."""

    def __init__(self, app: ASGIApp, *, https: bool = False) -> None:
        self._app = app
        self._headers = (*_HEADERS, _HTTPS_ONLY) if https else _HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["request_id"] = request_id = token_hex(8)

        async def framed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"] = list(message.get("headers", []))
                known = {name for name, _ in headers}
                headers.append((b"x-request-id", request_id.encode()))
                headers.extend(pair for pair in self._headers if pair[0] not in known)
            await send(message)

        with bound_contextvars(request_id=request_id):
            await self._app(scope, receive, framed)


class Deadline:
    """503 where an answer has not begun in time; one that has begun, such as a stream of events, may go on."""

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds) as timeout:

                async def begun(message: Message) -> None:
                    timeout.reschedule(None)
                    await send(message)

                await self._app(scope, receive, begun)
        except TimeoutError:
            if not timeout.expired():
                raise
            said = "The answer took too long; ask for less, or again later."
            response = problem(503, "timeout", said, request_id=scope.get("request_id"), headers={"Retry-After": "1"})
            await response(scope, receive, send)


class TrustedHosts:
    """Answers requests to the names it knows; a Host that somebody made up reaches nothing."""

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith("/health/") and not self._is_known(scope):
            response = problem(400, HTTP_CODES[400][0], "This host is not served.", request_id=scope.get("request_id"))
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_known(self, scope: Scope) -> bool:
        given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        return len(given) == 1 and _PORT.sub("", given[0].lower()) in self._hosts


class TooLarge(Exception):
    """The body went over its limit while it was streamed."""


class BodyLimit:
    """Refuses a body over the limit: by its announced length, and while it streams."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit * 2 if scope["path"].startswith(INBOUND_PREFIX) else self._limit
        if _announced(scope) > limit or await self._goes_over(scope, receive, send, limit):
            response = problem(413, *HTTP_CODES[413], request_id=scope.get("request_id"))
            await response(scope, receive, send)

    async def _goes_over(self, scope: Scope, receive: Receive, send: Send, limit: int) -> bool:
        """Run the application; true if its body was too large and nothing was answered yet.

        FastAPI turns what is raised while it reads a body into its own 400, so what it says then is dropped.
        """
        seen, answered = 0, False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise TooLarge
            return message

        async def unless_over(message: Message) -> None:
            nonlocal answered
            if seen <= limit or answered:
                answered = True
                await send(message)

        try:
            await self._app(scope, counted, unless_over)
        except TooLarge:
            return not answered
        return seen > limit and not answered


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
