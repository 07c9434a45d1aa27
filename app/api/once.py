"""Idempotency-Key on POSTs under /v1: the first answer again, and never the same thing twice.

The key goes to the unit of work by way of `get_ports`; no route and no use case knows of it. Answers are kept here,
once they are rendered.
"""

from fastapi.security.utils import get_authorization_scheme_param
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import STATUS, problem
from app.api.middleware import INBOUND_PREFIX
from app.domain.errors import DomainError
from app.domain.once import AnswerLost, Done, OnceKey, once_key
from app.domain.ports import Ports

NAME = "idempotency-key"
REPLAYED = "Idempotency-Replayed"
_KEPT_HEADERS = ("content-type", "etag", "location", "cache-control")


class AtMostOnce:
    """Answers a repeated POST with what the first one got."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not _may_have_key(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if NAME not in headers:
            await self._app(scope, receive, send)
            return
        try:
            response = await self._answered(scope, headers, receive)
        except DomainError as error:
            response = _refusal(scope, error)
        await response(scope, receive, send)

    async def _answered(self, scope: Scope, headers: Headers, receive: Receive) -> ASGIApp:
        ports: Ports = scope["app"].state.ports
        scheme, token = get_authorization_scheme_param(headers.get("authorization"))
        if scheme.lower() != "bearer":
            return self._app
        caller = await ports.credentials.authenticate(token)
        body = await _whole(receive)
        if body is None:
            return _nothing
        key = once_key(caller, f"POST {scope['path']}", headers[NAME], body)
        done = await ports.once.find(key)
        if done is None:
            scope["once"] = key
            return await self._first(scope, key, body, ports)
        return await self._again(scope, done)

    async def _first(self, scope: Scope, key: OnceKey, body: bytes, ports: Ports) -> Response:
        response = await self._asked(scope, body)
        if 200 <= response.status_code < 300:
            kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
            await ports.once.keep(key, Done(None, response.status_code, kept, bytes(response.body).decode()))
        return response

    async def _again(self, scope: Scope, done: Done) -> Response:
        """The first answer; where that was lost, the record that was created as it is now."""
        if done.status is not None:
            return Response(done.body, done.status, {**done.headers, REPLAYED: "true"})
        if done.record is not None:
            path = f"{scope['path']}/{done.record}"
            reading = dict(scope) | {"method": "GET", "path": path, "raw_path": path.encode(), "query_string": b""}
            response = await self._asked(reading, b"")
            if response.status_code == 200:
                response.status_code = 201
                response.headers[REPLAYED] = "true"
                return response
        raise AnswerLost

    async def _asked(self, scope: Scope, body: bytes) -> Response:
        """What the application answers, as a whole: it answers POSTs under /v1 with one JSON document."""
        found = Response()
        parts: list[bytes] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                found.status_code, found.raw_headers = message["status"], list(message.get("headers", []))
            else:
                parts.append(message.get("body", b""))

        await self._app(scope, receive, send)
        found.body = b"".join(parts)
        return found


def _may_have_key(path: str) -> bool:
    return path.startswith("/v1/") and not path.startswith(INBOUND_PREFIX)


async def _whole(receive: Receive) -> bytes | None:
    """The body; None if the caller went away."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Nobody listens any more."""


def _refusal(scope: Scope, error: DomainError) -> Response:
    again = {} if error.wait_seconds is None else {"Retry-After": str(error.wait_seconds)}
    status = STATUS[error.kind]
    return problem(
        status, error.code, error.message, request_id=scope.get("request_id"), problems=error.problems, headers=again
    )
