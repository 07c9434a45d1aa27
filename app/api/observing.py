"""What is seen of every request from outside: how long its answer took by route, and a line of log where wanted."""

import time
from collections.abc import Callable

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.middleware import INBOUND_PREFIX

_log = structlog.get_logger(__name__)
_V1 = "/v1/"
_INBOUND = f"{INBOUND_PREFIX}{{source}}"
_PROBES = frozenset({"/health/live", "/health/ready", "/metrics"})
Answered = Callable[[str, str, int, float], None]
"""Told of each answer: method, route as a template, status, seconds until it began."""


class Observed:
    """Measures until the answer begins: a stream of events may last for hours."""

    def __init__(self, app: ASGIApp, *, answered: Answered, log_requests: bool) -> None:
        self._app = app
        self._answered = answered
        self._log_requests = log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def seen(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(scope, message["status"], time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, seen)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method, route = scope["method"], route_of(scope)
        self._answered(method, route, status, seconds)
        if self._log_requests and route not in _PROBES:
            _log.info(
                "request", method=method, route=route, status=status, ms=round(seconds * 1000, 1),
                request_id=scope.get("request_id"), actor=scope.get("actor"),
            )  # fmt: skip


def route_of(scope: Scope) -> str:
    """The template of what answered, such as `/v1/incidents/{incident_id}`."""
    template = getattr(scope.get("route"), "path", None)
    if template is not None:
        # A route knows its path below the router it is in, and all of ours but the plain ones are below /v1.
        below = scope["path"].startswith(_V1) and not template.startswith(_V1)
        return f"{_V1.rstrip('/')}{template}" if below else str(template)
    if scope["path"] == "/graphql":
        return "/graphql"
    return _INBOUND if scope["path"].startswith(INBOUND_PREFIX) else "unmatched"
