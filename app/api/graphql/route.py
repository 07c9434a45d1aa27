"""The address /graphql: GraphQL over HTTP by POST and GET, and an editor for browsers."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from fastapi.security import HTTPAuthorizationCredentials
from fastapi.security.utils import get_authorization_scheme_param
from graphql import GraphQLError, OperationType, get_operation_ast
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.deps import get_caller
from app.api.errors import ApiError
from app.api.graphql.context import Context
from app.api.graphql.cost import TooExpensive, require_cost
from app.api.graphql.documents import Documents
from app.api.graphql.errors import DeadlineExceeded, present
from app.api.graphql.schema import SCHEMA
from app.api.pages import graphql_page
from app.domain.access import Caller
from app.domain.errors import DomainError
from app.domain.ports import Ports

DEADLINE_SECONDS = 10.0
GRAPHQL = "application/graphql-response+json"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Ask:
    """What a request asks for."""

    query: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    operation_name: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What it gets; a refused request was not executed to its end, so it has no data at all."""

    errors: Sequence[GraphQLError]
    data: Any = None
    refused: bool = False
    status: int = 200


class GraphQLOverHttp:
    """The ASGI application behind the address."""

    def __init__(self, introspection: bool, *, deadline: float = DEADLINE_SECONDS) -> None:
        self._documents = Documents(SCHEMA._schema, introspection=introspection)
        self._hide_suggestions = not introspection
        self._deadline = deadline

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        accepted = request.headers.get("accept", "")
        if request.method == "GET" and "query" not in request.query_params and "text/html" in accepted:
            return graphql_page(request)
        ports: Ports = request.app.state.ports
        caller = await _caller(request, ports)
        posted = request.method == "POST"
        ask = await _posted(request) if posted else _queried(request.query_params)
        answer = await self._answer(ask, ports, caller, may_write=posted)
        legacy = GRAPHQL not in accepted
        body: dict[str, Any] = {} if answer.refused else {"data": answer.data}
        if answer.errors:
            request_id = request.scope.get("request_id")
            body["errors"] = present(answer.errors, request_id=request_id, hide_suggestions=self._hide_suggestions)
        status = 400 if answer.refused and not legacy and answer.status == 200 else answer.status
        return Response(orjson.dumps(body), status, media_type=f"{JSON if legacy else GRAPHQL}; charset=utf-8")

    async def _answer(self, ask: Ask, ports: Ports, caller: Caller, *, may_write: bool) -> Answer:
        document = self._documents.read(ask.query)
        if document.ast is None or document.errors:
            return Answer(document.errors, refused=True)
        operation = get_operation_ast(document.ast, ask.operation_name)
        if operation is None:
            return Answer([GraphQLError(_which(ask.operation_name))], refused=True)
        if operation.operation is not OperationType.QUERY and not may_write:
            raise ApiError(405, "GET takes queries only.", {"Allow": "POST"})
        try:
            require_cost(SCHEMA._schema, document.ast, operation, ask.variables)
            async with asyncio.timeout(self._deadline):
                return await _executed(ask, Context(ports, caller, document.ast))
        except TooExpensive as error:
            return Answer([_located(error)], refused=True)
        except TimeoutError:
            return Answer([_located(DeadlineExceeded())], refused=True, status=503)


async def _executed(ask: Ask, context: Context) -> Answer:
    result = await SCHEMA.execute(ask.query, dict(ask.variables), context, operation_name=ask.operation_name)
    errors = result.errors or []
    refused = result.data is None and bool(errors) and all(error.path is None for error in errors)
    return Answer(errors, result.data, refused=refused)


def _located(error: DomainError) -> GraphQLError:
    return GraphQLError(error.message, original_error=error)


def _which(name: str | None) -> str:
    if name is None:
        return "Say which operation to run: operationName."
    return "The document has no operation of this name."


async def _caller(request: Request, ports: Ports) -> Caller:
    scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
    given = HTTPAuthorizationCredentials(scheme=scheme, credentials=token) if scheme.lower() == "bearer" else None
    return await get_caller(request, ports, given)


async def _posted(request: Request) -> Ask:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise ApiError(415)
    try:
        return _asked(orjson.loads(await request.body()))
    except orjson.JSONDecodeError as error:
        raise ApiError(400, "The body is not JSON.") from error


def _queried(params: Mapping[str, str]) -> Ask:
    try:
        objects = {name: orjson.loads(params[name]) for name in ("variables", "extensions") if params.get(name)}
    except orjson.JSONDecodeError as error:
        raise ApiError(400, "`variables` and `extensions` are JSON.") from error
    return _asked({"query": params.get("query"), "operationName": params.get("operationName"), **objects})


def _asked(given: Any) -> Ask:
    if not isinstance(given, dict):
        raise ApiError(400, "Send one JSON object; batches are not taken.")
    query, name = given.get("query"), given.get("operationName")
    variables, extensions = _or_empty(given, "variables"), _or_empty(given, "extensions")
    if not isinstance(query, str) or not query.strip():
        raise ApiError(400, "`query` is the text of a GraphQL document.")
    if not isinstance(name, str | None) or not isinstance(variables, dict) or not isinstance(extensions, dict):
        raise ApiError(400, "`operationName` is a string, `variables` and `extensions` are objects.")
    return Ask(query, variables, name or None)


def _or_empty(given: Mapping[str, Any], name: str) -> Any:
    value = given.get(name)
    return {} if value is None else value
