"""Subscriptions over server-sent events: graphql-sse in its mode of distinct connections, a request for each.

event: next      data: {"data": …}     id: the position, which a browser sends back as Last-Event-ID
event: complete  when it is over
"""

import asyncio
import contextlib
from dataclasses import replace

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from app.api.graphql.subscriptions.asking import Subscriptions
from app.api.graphql.subscriptions.following import Following, Plan
from app.api.graphql.subscriptions.outbox import Outbox
from app.api.graphql.subscriptions.schema import position_of
from app.domain.access import Caller
from app.domain.errors import Unauthenticated
from app.domain.ports import Ports

EVENT_STREAM = "text/event-stream"
KEEP_ALIVE_SECONDS = 15.0
_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


class EventStream:
    """The answer to a subscription that came by HTTP."""

    def __init__(
        self, subscriptions: Subscriptions, ports: Ports, caller: Caller, token: str, plan: Plan, request: Request
    ) -> None:
        last = request.headers.get("last-event-id")
        self._subscriptions, self._ports, self._token = subscriptions, ports, token
        self._outbox = Outbox()
        resumed = replace(plan, after=position_of(last)) if last else plan
        self._one = Following("", resumed, token, caller, self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        with self._subscriptions.place():
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            tasks = [asyncio.create_task(self._send_all(send)), asyncio.create_task(_gone(receive))]
            hub = self._subscriptions.hub(self._ports)
            joining = asyncio.create_task(hub.join(self._one))
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                hub.leave(self._one)
                for task in (*tasks, joining):
                    task.cancel()
                await asyncio.gather(*tasks, joining, return_exceptions=True)
                hub.leave(self._one)

    def offer(self, id: str, payload: bytes, position: int) -> bool:  # noqa: ARG002
        return self._outbox.offer(_next(payload, position))

    async def put(self, id: str, payload: bytes, position: int) -> None:  # noqa: ARG002
        await self._outbox.put(_next(payload, position))

    def refuse(self) -> None:
        self._outbox.end("refused")

    async def _send_all(self, send: Send) -> None:
        """A comment now and then keeps proxies from closing it, and shows us who has gone."""
        with contextlib.suppress(OSError):
            await _write(send, b":\n\n")
            while True:
                try:
                    async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                        frame = await self._outbox.next()
                except TimeoutError:
                    await self._still_may()
                    frame = b":\n\n"
                if frame is None:
                    break
                await _write(send, frame)
            await _write(send, b"event: complete\ndata:\n\n", more=False)

    async def _still_may(self) -> None:
        try:
            await self._ports.credentials.authenticate(self._token)
        except Unauthenticated:
            self.refuse()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _write(send: Send, frame: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": frame, "more_body": more})


def _next(payload: bytes, position: int) -> bytes:
    return b"event: next\nid: %d\ndata: %b\n\n" % (position, payload)
