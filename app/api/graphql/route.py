"""The address /graphql: GraphQL over HTTP by POST and GET, and an editor for browsers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.security import HTTPAuthorizationCredentials
from fastapi.security.utils import get_authorization_scheme_param
from graphql import GraphQLError, OperationDefinitionNode, OperationType, get_operation_ast
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.api.deps import get_caller
from app.api.errors import ApiError
from app.api.graphql.context import Context
from app.api.graphql.cost import require_cost
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


def install_graphql(app: FastAPI, *, introspection: bool) -> None:
    """Serve GraphQL at /graphql."""
    app.router.routes.append(Route("/graphql", GraphQLOverHttp(introspection), methods=["GET", "POST"]))


@dataclass(frozen=True, slots=True)
class Ask:
    """What a request asks for."""

    query: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    operation_name: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What it gets; a refused request was not executed at all."""

    body: dict[str, Any]
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
        ask = _queried(request.query_params) if request.method == "GET" else await _posted(request)
        answer = await self._answer(ask, ports, caller, may_write=request.method == "POST")
        legacy = GRAPHQL not in accepted
        status = 400 if answer.refused and not legacy else answer.status
        media_type = f"{JSON if legacy else GRAPHQL}; charset=utf-8"
        return Response(orjson.dumps(answer.body), status, media_type=media_type)

    async def _answer(self, ask: Ask, ports: Ports, caller: Caller, *, may_write: bool) -> Answer:
        document = self._documents.read(ask.query)
        if document.ast is None or document.errors:
            return self._refused(document.errors, request_id)
        operation = get_operation_ast(document.ast, ask.operation_name)
        if operation is None:
            return self._refused([GraphQLError(_which(ask.operation_name))], caller)
        if operation.operation is not OperationType.QUERY and not may_write:
            raise ApiError(405, "GET takes queries only.", {"Allow": "POST"})
        try:
            require_cost(SCHEMA._schema, document.ast, operation, ask.variables)
            return await self._executed(ask, Context(ports, caller, document.ast), operation)
        except DomainError as error:
            return self._refused([GraphQLError(error.message, original_error=error)], caller)

    async def _executed(self, ask: Ask, context: Context, operation: OperationDefinitionNode) -> Answer:
        name = operation.name.value if operation.name else None
        try:
            async with asyncio.timeout(self._deadline):
                result = await SCHEMA.execute(ask.query, dict(ask.variables), context, operation_name=name)
        except TimeoutError:
            error = DeadlineExceeded()
            late = self._refused([GraphQLError(error.message, original_error=error)], context)
            return Answer(late.body, status=503)
        errors = result.errors or []
        if result.data is None and errors and all(error.path is None for error in errors):
            return self._refused(errors, context)
        shown = {"errors": self._present(errors, context)} if errors else {}
        return Answer({"data": result.data, **shown})

    def _refused(self, errors: Any, caller: Caller) -> Answer:
        return Answer({"errors": self._present(errors, request_id)}, refused=True)

    def _present(self, errors: Any, caller: Caller) -> list[dict[str, Any]]:
        return present(errors, request_id=caller.request_id, hide_suggestions=self._hide_suggestions)


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
