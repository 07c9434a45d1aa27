"""What a connection needs of the rest: valid documents that are not too expensive, a place, and the hub."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError, OperationType, get_operation_ast

from app.api.graphql.cost import require_cost
from app.api.graphql.documents import Documents
from app.api.graphql.errors import present
from app.api.graphql.schema import SCHEMA
from app.api.graphql.subscriptions.following import Plan, plan_of
from app.api.graphql.subscriptions.hub import Hub
from app.domain.errors import DomainError, Exhausted, Invalid
from app.domain.ports import Ports


class TooManySubscriptions(Exhausted):
    """Too many connections or subscriptions are open; close some, or try again later."""

    code = "too_many_subscriptions"


class NotASubscription(Invalid):
    """This takes subscriptions; send queries and mutations by POST."""

    code = "not_a_subscription"


class NeedsStream(Invalid):
    """Subscribe by WebSocket (graphql-transport-ws), or with `Accept: text/event-stream`."""

    code = "subscription_needs_stream"


@dataclass
class Subscriptions:
    """Those of this process."""

    documents: Documents
    hide_suggestions: bool
    most: int
    connections: int = 0
    _hubs: dict[int, Hub] = field(default_factory=dict)

    def hub(self, ports: Ports) -> Hub:
        """The one of these ports on this loop."""
        key = id(ports.feed) ^ id(asyncio.get_running_loop())
        if key not in self._hubs:
            self._hubs = {key: Hub(ports)}
        return self._hubs[key]

    @contextmanager
    def place(self) -> Iterator[None]:
        """One connection. Raises TooManySubscriptions."""
        if self.connections >= self.most:
            raise TooManySubscriptions
        self.connections += 1
        try:
            yield
        finally:
            self.connections -= 1

    def plan(self, query: str, variables: Mapping[str, Any], operation_name: str | None) -> Plan:
        """A subscription that may run. Raises Refused."""
        document = self.documents.read(query)
        if document.ast is None or document.errors:
            raise Refused(document.errors)
        operation = get_operation_ast(document.ast, operation_name)
        try:
            if operation is None or operation.operation is not OperationType.SUBSCRIPTION:
                raise NotASubscription
            require_cost(SCHEMA._schema, document.ast, operation, variables)
            return plan_of(
                query, document.ast, operation, variables, operation_name, hide_suggestions=self.hide_suggestions
            )
        except GraphQLError as error:
            raise Refused((error,)) from error
        except DomainError as error:
            raise Refused((GraphQLError(error.message, original_error=error),)) from error

    def presented(self, refused: "Refused") -> list[dict[str, Any]]:
        return present(refused.errors, request_id=None, hide_suggestions=self.hide_suggestions)


class Refused(Exception):
    """A document that does not run."""

    def __init__(self, errors: tuple[GraphQLError, ...]) -> None:
        self.errors = errors
        super().__init__(errors[0].message)
