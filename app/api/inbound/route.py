"""Signed webhooks in: one ASGI route that checks the signature, keeps the delivery, and answers.

Nothing is parsed before the signature over the raw bytes holds; what a delivery means is worked out in the worker.
"""

import json
from collections.abc import Callable

import structlog
from fastapi import FastAPI
from fastapi.routing import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.errors import HTTP_CODES, STATUS, problem
from app.api.middleware import INBOUND_PREFIX
from app.api.schemas import Out
from app.domain.errors import DomainError
from app.domain.ports import ChatSource, Ports

_log = structlog.get_logger(__name__)
_KEPT_HEADERS = frozenset(
    {
        "content-type", "user-agent", "x-github-event", "x-github-delivery", "x-github-hook-id", "linear-event",
        "linear-delivery", "linear-timestamp", "x-atlassian-webhook-identifier", "x-webhook-id",
    }
)  # fmt: skip
"""Everything else, credentials above all, is dropped."""

Refused = Callable[[str, str], None]
"""Told of each delivery that is turned away: the source and the code."""

_ACCEPTED = {new: json.dumps({"accepted": True, "new": new}).encode() for new in (True, False)}


class AcceptedOut(Out):
    """The delivery is kept; it is acted on from the queue."""

    accepted: bool
    new: bool


async def receive_webhook(request: Request, name: str) -> Response:
    """202 (for some senders 200) once the delivery is committed; a repeat of a known delivery changes nothing."""
    ports: Ports = request.app.state.ports
    request_id = request.scope.get("request_id")
    if (chat := ports.chats.get(name)) is not None and chat.secrets:
        return await _receive_from_chat(request, name, chat)
    source = ports.webhooks.get(name) or ports.signals.get(name) or ports.pages.get(name)
    if source is None or not source.secrets:
        return problem(404, *HTTP_CODES[404], request_id=request_id)
    body = await request.body()
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in request.headers.raw}
    try:
        delivery_id = source.webhooks.delivery(headers, body, source.secrets, ports.clock())
        kept = {key: headers[key] for key in _KEPT_HEADERS & headers.keys()}
        new = await ports.inbox.put(name, delivery_id, kept, body)
    except DomainError as error:
        _log.warning("webhook_refused", source=name, code=error.code, request_id=request_id)
        request.app.state.webhook_refused(name, error.code)
        return problem(STATUS[error.kind], error.code, error.message, request_id=request_id)
    return Response(_ACCEPTED[new], source.accepted_status, media_type="application/json")


async def _receive_from_chat(request: Request, name: str, chat: ChatSource) -> Response:
    """A challenge is answered as it came; events are accepted, and none makes us do anything."""
    body = await request.body()
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in request.headers.raw}
    try:
        challenge = chat.events.answer(headers, body, chat.secrets, request.app.state.ports.clock())
    except DomainError as error:
        _log.warning("webhook_refused", source=name, code=error.code, request_id=request.scope.get("request_id"))
        request.app.state.webhook_refused(name, error.code)
        return problem(STATUS[error.kind], error.code, error.message, request_id=request.scope.get("request_id"))
    answer = {"accepted": True, "new": False} if challenge is None else {"challenge": challenge}
    return Response(json.dumps(answer), 200, media_type="application/json")


class InboundRoute:
    """Takes webhooks out before the router, which would try every other route first: two thirds of a post's time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        source = _source(scope)
        if source is None:
            await self._app(scope, receive, send)
            return
        response = await receive_webhook(Request(scope, receive), source)
        await response(scope, receive, send)


def _source(scope: Scope) -> str | None:
    """`github` in a POST to `/v1/inbound/github`."""
    if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(INBOUND_PREFIX):
        return None
    source: str = scope["path"][len(INBOUND_PREFIX) :]
    return None if "/" in source else source


documented = APIRouter(prefix="/v1/inbound", tags=["webhooks in"])


@documented.post(
    "/{source}",
    status_code=202,
    response_model=AcceptedOut,
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True}},
    responses={200: {"model": AcceptedOut}},
    name="receive_webhook",
)
async def documented_webhook(source: str, request: Request) -> Response:
    """A webhook of a tracker (`github`: signed over the raw bytes), of paging (`pagerduty`: signed too), of monitoring
    (`alertmanager`: a bearer token or basic auth) or of a chat (`slack`: signed; its challenge is answered, its events
    make us do nothing). The answer comes after the delivery is committed. A source without a secret is closed (404)."""
    return await receive_webhook(request, source)


def install_inbound(app: FastAPI, *, refused: Refused) -> None:
    """The fast route first; the operation behind it is there for the contract."""
    app.state.webhook_refused = refused
    app.add_middleware(InboundRoute)
    app.include_router(documented)
