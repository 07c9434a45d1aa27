"""The address /graphql: GraphQL over HTTP by POST and GET, and an editor for browsers."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from fastapi.security.utils import get_authorization_scheme_param
from graphql import GraphQLError, OperationType, get_operation_ast
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.deps import caller_of
from app.api.errors import ApiError
from app.api.graphql.context import Context
from app.api.graphql.cost import TooExpensive, require_cost
from app.api.graphql.documents import Documents
from app.api.graphql.errors import DeadlineExceeded, present
from app.api.graphql.plan.plans import Operation, Plans
from app.api.graphql.schema import SCHEMA
from app.api.graphql.subscriptions.asking import NeedsStream, Refused, Subscriptions
from app.api.graphql.subscriptions.socket import serve_socket
from app.api.graphql.subscriptions.stream import EVENT_STREAM, EventStream
from app.api.graphql.trusted import Trusted, UnknownDigest, digest_in
from app.api.pages import graphql_page
from app.domain.access import Action, Caller, authorize
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

    def __init__(
        self,
        introspection: bool,
        *,
        deadline: float = DEADLINE_SECONDS,
        compiled: bool = True,
        subscriptions: int = 2000,
        trusted: Mapping[str, str] | None = None,
        trusted_only: bool = False,
    ) -> None:
        self._trusted = Trusted(trusted or {}, trusted_only)
        self._documents = Documents(SCHEMA._schema, introspection=introspection, trusted=self._trusted)
        self._plans = Plans() if compiled else None
        self._hide_suggestions = not introspection
        self._deadline = deadline
        self._subscriptions = Subscriptions(self._documents, not introspection, subscriptions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await serve_socket(self._subscriptions, scope, receive, send)
            return
        request = Request(scope, receive)
        response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> ASGIApp:
        accepted = request.headers.get("accept", "")
        if request.method == "GET" and "query" not in request.query_params and "text/html" in accepted:
            return graphql_page(request)
        ports: Ports = request.app.state.ports
        caller = await caller_of(request, ports)
        posted = request.method == "POST"
        try:
            given = await _posted(request) if posted else _queried(request.query_params)
            ask = _asked(given, self._trusted)
        except UnknownDigest as unknown:
            return self._said(request, Answer([_located(unknown)], refused=True))
        if EVENT_STREAM in accepted and (JSON not in accepted or self._subscribes(ask)):
            return self._streamed(request, ask, ports, caller)
        return self._said(request, await self._answer(ask, ports, caller, may_write=posted))

    def _said(self, request: Request, answer: Answer) -> Response:
        legacy = GRAPHQL not in request.headers.get("accept", "")
        body: dict[str, Any] = {} if answer.refused else {"data": answer.data}
        if answer.errors:
            request_id = request.scope.get("request_id")
            body["errors"] = present(answer.errors, request_id=request_id, hide_suggestions=self._hide_suggestions)
        status = 400 if answer.refused and not legacy and answer.status == 200 else answer.status
        return Response(orjson.dumps(body), status, media_type=f"{JSON if legacy else GRAPHQL}; charset=utf-8")

    def _subscribes(self, ask: Ask) -> bool:
        """Some clients accept a stream beside JSON whatever they ask; only a subscription gets one."""
        document = self._documents.read(ask.query).ast
        operation = None if document is None else get_operation_ast(document, ask.operation_name)
        return operation is not None and operation.operation is OperationType.SUBSCRIPTION

    def _streamed(self, request: Request, ask: Ask, ports: Ports, caller: Caller) -> ASGIApp:
        """A subscription's events, one after the other."""
        authorize(caller, Action.READ)
        _, token = get_authorization_scheme_param(request.headers.get("authorization"))
        try:
            plan = self._subscriptions.plan(ask.query, ask.variables, ask.operation_name)
            return EventStream(self._subscriptions, ports, caller, token, plan, request)
        except Refused as refused:
            return Response(orjson.dumps({"errors": self._subscriptions.presented(refused)}), 400, media_type=JSON)

    async def _answer(self, ask: Ask, ports: Ports, caller: Caller, *, may_write: bool) -> Answer:
        document = self._documents.read(ask.query)
        if document.ast is None or document.errors:
            return Answer(document.errors, refused=True)
        operation = get_operation_ast(document.ast, ask.operation_name)
        if operation is None:
            return Answer([GraphQLError(_which(ask.operation_name))], refused=True)
        if operation.operation is OperationType.SUBSCRIPTION:
            return Answer([_located(NeedsStream())], refused=True)
        if operation.operation is not OperationType.QUERY and not may_write:
            raise ApiError(405, "GET takes queries only.", {"Allow": "POST"})
        try:
            async with asyncio.timeout(self._deadline):
                if self._plans is not None and operation.operation is OperationType.QUERY:
                    asked = Operation(ask.query, document.ast, operation)
                    written = await self._plans.answer(asked, ask.variables, ports.reads, caller)
                    if written is not None:
                        return Answer((), orjson.Fragment(written))
                require_cost(SCHEMA._schema, document.ast, operation, ask.variables)
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


async def _posted(request: Request) -> Any:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise ApiError(415)
    try:
        return orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise ApiError(400, "The body is not JSON.") from error


def _queried(params: Mapping[str, str]) -> Any:
    try:
        objects = {name: orjson.loads(params[name]) for name in ("variables", "extensions") if params.get(name)}
    except orjson.JSONDecodeError as error:
        raise ApiError(400, "`variables` and `extensions` are JSON.") from error
    return {name: params.get(name) for name in ("query", "operationName", "documentId")} | objects


def _asked(given: Any, trusted: Trusted) -> Ask:
    if not isinstance(given, dict):
        raise ApiError(400, "Send one JSON object; batches are not taken.")
    query, name = given.get("query"), given.get("operationName")
    variables, extensions = _or_empty(given, "variables"), _or_empty(given, "extensions")
    if isinstance(extensions, dict) and (digest := digest_in(given, extensions)) is not None:
        query = trusted.text(query, digest)
    if not isinstance(query, str) or not query.strip():
        raise ApiError(400, "`query` is the text of a GraphQL document.")
    if not isinstance(name, str | None) or not isinstance(variables, dict) or not isinstance(extensions, dict):
        raise ApiError(400, "`operationName` is a string, `variables` and `extensions` are objects.")
    return Ask(query, variables, name or None)


def _or_empty(given: Mapping[str, Any], name: str) -> Any:
    value = given.get(name)
    return {} if value is None else value
