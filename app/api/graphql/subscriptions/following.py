"""One subscription: what it wants, who asks, and how an event becomes a payload for it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, Protocol
from uuid import UUID

import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
    execute,
    get_argument_values,
)
from graphql.execution import get_variable_values

from app.api.graphql.context import Context
from app.api.graphql.cost import fragments_of, operations_of
from app.api.graphql.errors import present
from app.api.graphql.schema import SCHEMA
from app.api.graphql.subscriptions.schema import RECORDS, position_of, wanted_by
from app.domain.access import Caller
from app.domain.errors import Invalid
from app.domain.events import EventFilter, PositionedEvent
from app.domain.ports import Ports


@dataclass(frozen=True, slots=True)
class Plan:
    """A valid subscription. Plans that are equal give equal payloads, to equal callers where they read records."""

    text: str
    operation_name: str | None
    variables_text: bytes
    document: DocumentNode = field(compare=False)
    variables: Mapping[str, Any] = field(compare=False)
    wanted: EventFilter = field(compare=False)
    after: int | None = field(compare=False)
    reads_records: bool = field(compare=False)
    hide_suggestions: bool = field(compare=False, default=False)

    async def payload(self, ports: Ports, caller: Caller, one: PositionedEvent) -> bytes:
        """The event as this subscription shows it, with the position to go on from."""
        context = Context(ports, caller, self.document)
        made = execute(SCHEMA._schema, self.document, one, context, dict(self.variables), self.operation_name)
        result = await made if isawaitable(made) else made
        assert isinstance(result, ExecutionResult), "nothing here is deferred"
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            body["errors"] = present(result.errors, request_id=None, hide_suggestions=self.hide_suggestions)
        return orjson.dumps(body | {"extensions": {"position": str(one.position)}})


def plan_of(
    text: str,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    operation_name: str | None,
    *,
    hide_suggestions: bool,
) -> Plan:
    """What a validated document asks for. Raises GraphQLError for wrong variables, Invalid for wrong arguments."""
    root = SCHEMA._schema.subscription_type
    assert root is not None, "the schema has subscriptions"
    values = get_variable_values(SCHEMA._schema, operation.variable_definitions or (), dict(variables))
    if isinstance(values, list):
        raise values[0]
    fragments = fragments_of(document)
    node = next(_fields(operation.selection_set, fragments))
    definition = root.fields.get(node.name.value)
    if definition is None:
        raise Invalid("Subscribe to one of the fields of Subscription.")
    arguments = get_argument_values(definition, node, values)
    return Plan(
        text, operation_name, orjson.dumps(variables, option=orjson.OPT_SORT_KEYS), document, variables,
        wanted_by(node.name.value, arguments), position_of(arguments.get("after")),
        any(name in RECORDS for name in _names(document)), hide_suggestions,
    )  # fmt: skip


def _fields(selected: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]) -> Iterator[FieldNode]:
    for part in selected.selections:
        if isinstance(part, FieldNode):
            yield part
        elif isinstance(part, FragmentSpreadNode):
            yield from _fields(fragments[part.name.value].selection_set, fragments)
        else:
            yield from _fields(part.selection_set, fragments)  # type: ignore[attr-defined]


def _names(document: DocumentNode) -> Iterator[str]:
    """Every field's name, wherever it stands."""
    waiting: list[Any] = [one.selection_set for one in operations_of(document)]
    waiting += [one.selection_set for one in fragments_of(document).values()]
    while waiting:
        for part in waiting.pop().selections:
            if isinstance(part, FieldNode):
                yield part.name.value
            if getattr(part, "selection_set", None):
                waiting.append(part.selection_set)


class Receiver(Protocol):
    """Where payloads go: a connection, which knows the subscription by its id."""

    def offer(self, id: str, payload: bytes, position: int) -> bool:
        """Queue it; false where too much waits already, and the connection is closed."""
        ...

    async def put(self, id: str, payload: bytes, position: int) -> None:
        """Queue it, waiting for room."""
        ...

    def refuse(self) -> None:
        """The caller may not read any more: the connection is closed."""
        ...


@dataclass(eq=False, slots=True)
class Following:
    """A subscription of a connection, and how far it has come."""

    id: str
    plan: Plan
    token: str
    caller: Caller
    receiver: Receiver
    position: int = 0

    def face(self, listed: Collection[UUID]) -> Caller:
        """Whose eyes the event is seen with: people who are on no incident's list see what nobody in particular of
        their role does, so that a thousand of them are answered by one read."""
        nobody = Caller(self.caller.role, scopes=self.caller.scopes)
        is_listed = self.caller.person_id in listed and not self.caller.sees_everything
        return self.caller if self.plan.reads_records and is_listed else nobody


__all__ = ["Following", "GraphQLError", "Plan", "Receiver", "plan_of"]
