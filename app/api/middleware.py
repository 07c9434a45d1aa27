"""What every request passes: a request id, a limit for its body, headers for browsers. Pure ASGI, so nearly free."""

from secrets import token_hex

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import HTTP_CODES, problem

INBOUND_PREFIX = "/v1/inbound/"
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
)


class RequestFrame:
    """Names the request and adds the headers that the answer does not have yet."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

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
                headers.extend(pair for pair in _HEADERS if pair[0] not in known)
            await send(message)

        await self._app(scope, receive, framed)


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
