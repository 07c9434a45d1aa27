"""The limit: one hand-written statement behind a bare ASGI function, without authentication, limits or visibility."""

import os
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from bench.graphql_queries import ITEMS_SQL, ONE_SQL, POSTMORTEMS_SQL, REST_SQL

_SQL = {"Items": ITEMS_SQL, "Postmortems": POSTMORTEMS_SQL, "One": ONE_SQL}
_POOL: list[Any] = []


async def _keep(connection: Any) -> None:
    """No reset."""


def _asked(body: bytes) -> tuple[str, object]:
    asked = orjson.loads(body)
    variables = asked["variables"]
    return _SQL[asked["operationName"]], variables["team"][0] if "team" in variables else UUID(variables["id"])


def _listed(scope: Any) -> tuple[str, object]:
    return REST_SQL, scope["query_string"].partition(b"team=")[2].partition(b"&")[0].decode()


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        settings = {"timezone": "UTC", "jit": "off"}
        _POOL.append(
            await asyncpg.create_pool(
                os.environ["DATABASE_URL"], min_size=5, max_size=5, reset=_keep, server_settings=settings
            )
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await _POOL[0].close()
        await send({"type": "lifespan.shutdown.complete"})
        return
    text = await _POOL[0].fetchval(*(_listed(scope) if scope["method"] == "GET" else _asked((await receive())["body"])))
    body = text.encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
