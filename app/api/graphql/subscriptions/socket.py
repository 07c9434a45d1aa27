"""Subscriptions over WebSockets: the protocol graphql-transport-ws, a connection with many subscriptions.

client                                     we
connection_init {Authorization: Bearer}  → connection_ack
subscribe {id, payload: {query}}         → next {id, payload} …   error {id} and nothing more   complete {id}
complete {id}                              (stops it)
ping                                     → pong
"""

import asyncio
import contextlib
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from app.api.graphql.subscriptions.asking import Refused, Subscriptions, TooManySubscriptions
from app.api.graphql.subscriptions.following import Following
from app.api.graphql.subscriptions.outbox import Outbox
from app.domain.access import Action, Caller, authorize
from app.domain.errors import DomainError
from app.domain.ports import Ports

PROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 30.0
MOST_PER_CONNECTION = 50
LONGEST_MESSAGE = 100_000
ENDINGS = {"slow": (1013, "Too slow; connect again with the last position."), "refused": (4403, "Forbidden")}


class Closed(Exception):
    """The connection ends with this code."""

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(reason)


class Socket:
    """One connection."""

    __slots__ = (
        "_caller",
        "_following",
        "_joining",
        "_outbox",
        "_ports",
        "_receive",
        "_send",
        "_subscriptions",
        "_token",
    )

    def __init__(self, subscriptions: Subscriptions, ports: Ports, receive: Receive, send: Send) -> None:
        self._subscriptions, self._ports = subscriptions, ports
        self._receive, self._send = receive, send
        self._outbox = Outbox()
        self._following: dict[str, Following] = {}
        self._joining: dict[str, asyncio.Task[None]] = {}
        self._token = ""
        self._caller: Caller | None = None

    async def run(self) -> None:
        """Until the client goes, or something is not as it should be."""
        sending: asyncio.Task[None] | None = None
        try:
            await self._initialised()
            sending = asyncio.create_task(self._send_all())
            while (message := await self._heard()) is not None:
                await self._act(message)
        except Closed as closed:
            await self._close(closed.code, closed.reason)
        finally:
            for task in self._joining.values():
                task.cancel()
            for one in self._following.values():
                self._subscriptions.hub(self._ports).leave(one)
            if sending is not None:
                sending.cancel()

    # ── Subscriptions tell us ────────────────────────────────────────────────────────────────────────────────────

    def offer(self, id: str, payload: bytes, position: int) -> bool:  # noqa: ARG002
        return self._outbox.offer(_next(id, payload))

    async def put(self, id: str, payload: bytes, position: int) -> None:  # noqa: ARG002
        await self._outbox.put(_next(id, payload))

    def refuse(self) -> None:
        self._outbox.end("refused")

    # ── The client tells us ──────────────────────────────────────────────────────────────────────────────────────

    async def _initialised(self) -> None:
        """Accepted, and introduced with a token."""
        try:
            async with asyncio.timeout(INIT_SECONDS):
                message = await self._heard()
        except TimeoutError as error:
            raise Closed(4408, "Connection initialisation timeout") from error
        if message is None or message.get("type") != "connection_init":
            raise Closed(4401, "Unauthorized")
        self._token = _token_in(message.get("payload"))
        self._caller = await self._authenticated()
        await self._write({"type": "connection_ack"})

    async def _authenticated(self) -> Caller:
        try:
            caller = await self._ports.credentials.authenticate(self._token)
            authorize(caller, Action.READ)
        except DomainError as error:
            raise Closed(4403, "Forbidden") from error
        return caller

    async def _heard(self) -> dict[str, Any] | None:
        """The next message; None when the client has gone. In silence we ask whether somebody is there."""
        while True:
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    event = await self._receive()
            except TimeoutError:
                if self._caller is not None:
                    self._caller = await self._authenticated()
                    self._outbox.offer(b'{"type":"ping"}')
                continue
            if event["type"] == "websocket.disconnect":
                return None
            return _message(event.get("text"))

    async def _act(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "subscribe":
                self._subscribe(message)
            case "complete":
                self._stop(str(message.get("id")))
            case "ping":
                self._outbox.offer(b'{"type":"pong"}')
            case "pong":
                pass
            case "connection_init":
                raise Closed(4429, "Too many initialisation requests")
            case _:
                raise Closed(4400, "This is not a message of graphql-transport-ws.")

    def _subscribe(self, message: dict[str, Any]) -> None:
        id, asked = message.get("id"), message.get("payload")
        if not isinstance(id, str) or not id or not isinstance(asked, dict):
            raise Closed(4400, "subscribe has an id and a payload with a query.")
        query, name = asked.get("query"), asked.get("operationName")
        variables = asked.get("variables") or {}
        if not isinstance(query, str) or not isinstance(name, str | None) or not isinstance(variables, dict):
            raise Closed(4400, "subscribe has an id and a payload with a query.")
        if id in self._following:
            raise Closed(4409, f"Subscriber for {id[:100]} already exists")
        assert self._caller is not None, "the connection was initialised"
        try:
            if len(self._following) >= MOST_PER_CONNECTION:
                raise Closed(4429, TooManySubscriptions().message)
            plan = self._subscriptions.plan(query, variables, name)
        except Refused as refused:
            errors = self._subscriptions.presented(refused)
            self._outbox.offer(orjson.dumps({"id": id, "type": "error", "payload": errors}))
            return
        one = self._following[id] = Following(id, plan, self._token, self._caller, self)
        self._joining[id] = joining = asyncio.create_task(self._join(one))
        joining.add_done_callback(lambda _: self._joining.pop(id, None))

    async def _join(self, one: Following) -> None:
        try:
            await self._subscriptions.hub(self._ports).join(one)
            if self._following.get(one.id) is not one:
                self._subscriptions.hub(self._ports).leave(one)
        except DomainError as error:
            self._following.pop(one.id, None)
            errors = [{"message": error.message, "extensions": {"code": error.code}}]
            self._outbox.offer(orjson.dumps({"id": one.id, "type": "error", "payload": errors}))

    def _stop(self, id: str) -> None:
        one = self._following.pop(id, None)
        if one is not None:
            self._subscriptions.hub(self._ports).leave(one)

    # ── We tell the client ───────────────────────────────────────────────────────────────────────────────────────

    async def _send_all(self) -> None:
        with contextlib.suppress(OSError):
            while (frame := await self._outbox.next()) is not None:
                await self._send({"type": "websocket.send", "text": frame.decode()})
            await self._close(*ENDINGS[self._outbox.ended or "slow"])

    async def _write(self, message: dict[str, Any]) -> None:
        await self._send({"type": "websocket.send", "text": orjson.dumps(message).decode()})

    async def _close(self, code: int, reason: str) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            await self._send({"type": "websocket.close", "code": code, "reason": reason[:120]})


async def serve_socket(subscriptions: Subscriptions, scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI side: accept the protocol, give it a place, run it."""
    event = await receive()
    assert event["type"] == "websocket.connect", "a WebSocket begins with connecting"
    if PROTOCOL not in scope.get("subprotocols", ()):
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4406, "reason": "Subprotocol not acceptable"})
        return
    await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
    try:
        with subscriptions.place():
            await Socket(subscriptions, scope["app"].state.ports, receive, send).run()
    except TooManySubscriptions:
        await send({"type": "websocket.close", "code": 1013, "reason": "Too many connections; try again later."})


def _next(id: str, payload: bytes) -> bytes:
    return b'{"id":' + orjson.dumps(id) + b',"type":"next","payload":' + payload + b"}"


def _message(text: str | None) -> dict[str, Any]:
    try:
        message = orjson.loads(text) if text is not None and len(text) <= LONGEST_MESSAGE else None
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict):
        raise Closed(4400, "A message is a JSON object.")
    return message


def _token_in(payload: object) -> str:
    """`{"Authorization": "Bearer nr_…"}`, in any case; the word may be left out."""
    given = payload if isinstance(payload, dict) else {}
    text = next((value for name, value in given.items() if str(name).lower() == "authorization"), None)
    if not isinstance(text, str):
        raise Closed(4401, "Unauthorized")
    return text.removeprefix("Bearer ").removeprefix("bearer ").strip()
