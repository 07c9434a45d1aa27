"""Our compiled reads without what surrounds them in production: no authentication, limits, log or metrics."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import orjson
from graphql import get_operation_ast
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.graphql.documents import Documents
from app.api.graphql.plan.plans import Operation, Plans
from app.api.graphql.schema import SCHEMA
from app.domain.access import Caller, Role
from app.settings import Settings
from app.wiring import open_ports
from bench.graphql_data import ACCOUNT

_CALLER = Caller(Role.READER, service_account_id=UUID(str(ACCOUNT)))
_DOCUMENTS = Documents(SCHEMA._schema, introspection=True)
_PLANS = Plans()


async def answer(request: Request) -> Response:
    asked = orjson.loads(await request.body())
    ast = _DOCUMENTS.read(asked["query"]).ast
    assert ast is not None
    operation = get_operation_ast(ast, asked["operationName"])
    assert operation is not None
    reads = request.app.state.ports.reads
    data = await _PLANS.answer(Operation(asked["query"], ast, operation), asked["variables"], reads, _CALLER)
    assert data is not None
    return Response(b'{"data":' + data + b"}", media_type="application/json")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with open_ports(Settings()) as opened:
        app.state.ports = opened.ports
        yield


app = Starlette(routes=[Route("/graphql", answer, methods=["POST"])], lifespan=lifespan)
