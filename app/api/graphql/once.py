"""The argument `idempotencyKey` of mutations: the route runs at most once, and a repetition shows what it made."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any

import orjson
from fastapi import Response
from pydantic import BaseModel, TypeAdapter

from app.api.graphql.context import Context
from app.domain.once import AnswerLost, Done, once_key
from app.domain.ports import Ports

KEY_NAME = "idempotency_key"
KEY_SAID = "At most once under this key: 1 to 255 visible ASCII characters, remembered for a day."
Route = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Call:
    """A route with what it is called with."""

    route: Route
    context: Context
    given: Mapping[str, Any]

    async def __call__(self, ports: Ports | None = None) -> Any:
        from_request = {"ports": ports or self.context.ports, "caller": self.context.caller, "response": Response()}
        taken = signature(self.route).parameters
        return await self.route(**{name: one for name, one in from_request.items() if name in taken}, **self.given)

    @property
    def digestible(self) -> bytes:
        return orjson.dumps(self.given, default=_plain, option=orjson.OPT_SORT_KEYS)


async def once(call: Call, given_key: str) -> Any:
    """The route's answer, now or from before."""
    ports, name = call.context.ports, call.route.__name__
    key = once_key(call.context.caller, f"mutation {name}", given_key, call.digestible)
    done = await ports.once.find(key)
    if done is not None:
        return _again(call.route, done)
    answer = await call(replace(ports, uow=ports.once.unit_of_work(key)))
    await ports.once.keep(key, Done(None, 200, {}, _text(answer)))
    return answer


def _again(route: Route, done: Done) -> Any:
    """The answer as the route gave it; where it was lost, no more than which record it made."""
    made = signature(route, eval_str=True).return_annotation
    is_model = isinstance(made, type) and issubclass(made, BaseModel)
    if done.status is None:
        if is_model or done.record is None:
            raise AnswerLost
        return Response(orjson.dumps({"id": done.record}))
    return TypeAdapter[Any](made).validate_json(done.body) if is_model else Response(done.body)


def _text(answer: Any) -> str:
    if isinstance(answer, BaseModel):
        return answer.model_dump_json()
    return bytes(answer.body).decode() if isinstance(answer, Response) else ""


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
