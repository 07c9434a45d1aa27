"""Plans: compiled once for a document and its booleans, remembered up to a bound, run for each request."""

import asyncio
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
import structlog
from graphql import DocumentNode, GraphQLError, GraphQLNonNull, OperationDefinitionNode, get_variable_values
from graphql.execution.values import VariableValues

from app.api.graphql.cost import fragments_of, require_cost
from app.api.graphql.fields import NodeField
from app.api.graphql.loaders import action_for
from app.api.graphql.plan.arguments import Arguments, Bound, key_of, keyword_arguments, takes_arguments
from app.api.graphql.plan.collecting import Collector, Uncovered, Use, deciding_variables
from app.api.graphql.plan.remembering import Remembered
from app.api.graphql.plan.selecting import Selecting, type_of
from app.api.graphql.schema import SCHEMA
from app.domain.access import Action, Caller, authorize
from app.domain.errors import DomainError
from app.domain.ports import PreparedRead, Reads
from app.domain.selection import Constant, IncompleteRecord

_OPERATIONS = 512
_SHAPES = 64
"""Statements kept for one root field (its filters, orders and page sizes as they come), and plans for one operation."""
_VALUES = 128
"""Sets of variables whose meaning is kept for one operation."""
_LONGEST_KEY = 2_000
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Operation:
    """A valid query."""

    text: str
    document: DocumentNode
    node: OperationDefinitionNode


@dataclass(frozen=True, slots=True)
class Given:
    """The variables of a request, coerced, and what they are remembered by; very long ones are not."""

    key: bytes | None
    values: VariableValues


@dataclass(frozen=True, slots=True)
class _Statement:
    read: PreparedRead
    needs: frozenset[Action]


class Branch:
    """One root field: a statement for each shape of its arguments."""

    def __init__(self, use: Use, kind: str | None = None, inner: tuple[Use | Constant, ...] | None = None) -> None:
        self._use, self._kind, self._inner = use, kind, use.inner if inner is None else inner
        below = [one for part in self._inner if isinstance(part, Use) for one in part.all()]
        argued = [one for one in ([] if kind else [use]) + below if takes_arguments(one)]
        self._arguments = [Arguments(one, f"a{n}") for n, one in enumerate(argued)]
        self._bounds: Remembered[bytes, list[Bound]] = Remembered(_VALUES)
        self._statements: Remembered[Hashable, _Statement | None] = Remembered(_SHAPES)

    async def read(self, reads: Reads, caller: Caller, given: Given, more: Mapping[str, object] | None = None) -> bytes:
        make = partial(self._bound, given.values)
        bounds = make() if given.key is None else self._bounds.get(given.key, make)
        statement = self._statements.get((reads, key_of(bounds)), partial(self._prepared, reads, bounds))
        if statement is None:
            raise Uncovered
        for action in statement.needs:
            authorize(caller, action)
        values = dict(more or {})
        for bound in bounds:
            values |= bound.values
        found = await statement.read(values, caller)
        if found == b"null" and isinstance(self._use.definition.type, GraphQLNonNull):
            raise IncompleteRecord
        return found

    def _bound(self, variables: VariableValues) -> list[Bound]:
        return [arguments.bound(variables) for arguments in self._arguments]

    def _prepared(self, reads: Reads, bounds: list[Bound]) -> _Statement | None:
        selecting = Selecting({a.use: bound.shape for a, bound in zip(self._arguments, bounds, strict=True)})
        try:
            selection = (
                selecting.root(self._use, "a0")
                if self._kind is None
                else selecting.record(self._kind, "id", self._inner, "node")
            )
        except Uncovered:
            return None
        read = reads.prepare(selection)
        return None if read is None else _Statement(read, frozenset(map(action_for, selecting.kinds)))


class NodeBranch:
    """The root field `node`: a branch for each type of record that was asked for."""

    def __init__(self, use: Use, collector: Collector) -> None:
        self._use, self._collector = use, collector
        self._branches: dict[str, Branch] = {}

    async def read(self, reads: Reads, caller: Caller, given: Given) -> bytes:
        shown = self._use.shown
        assert isinstance(shown, NodeField)
        kind, id = shown.named(keyword_arguments(self._use, given.values))
        if kind not in self._branches:
            type = type_of(kind, SCHEMA._schema.type_map)
            inner = self._collector.of(type, (node.selection_set for node in self._use.nodes))
            self._branches[kind] = Branch(self._use, kind, inner)
        return await self._branches[kind].read(reads, caller, given, {"node": id})


@dataclass(frozen=True, slots=True)
class Plan:
    """The root fields of an operation, each with its key."""

    parts: tuple[tuple[bytes, Branch | NodeBranch | Constant], ...]

    async def run(self, reads: Reads, caller: Caller, given: Given) -> bytes:
        """The `data` of the answer."""
        branches = [part for _, part in self.parts if not isinstance(part, Constant)]
        if len(branches) == 1:
            found = iter([await branches[0].read(reads, caller, given)])
        else:
            found = iter(await asyncio.gather(*(one.read(reads, caller, given) for one in branches)))
        texts = (key + (p.json.encode() if isinstance(p, Constant) else next(found)) for key, p in self.parts)
        return b"{" + b",".join(texts) + b"}"


@dataclass(frozen=True, slots=True)
class _Known:
    """An operation: the variables that decide `@skip` and `@include`, and a plan for each way they can be."""

    deciding: tuple[str, ...]
    plans: Remembered[tuple[object, ...], Plan | None] = field(default_factory=lambda: Remembered(_SHAPES))
    given: Remembered[bytes, Given | None] = field(default_factory=lambda: Remembered(_VALUES))


class Plans:
    """The plans of the schema."""

    def __init__(self, most: int = _OPERATIONS) -> None:
        self._operations: Remembered[tuple[str, str | None], _Known] = Remembered(most)

    def __len__(self) -> int:
        return len(self._operations)

    async def answer(self, asked: Operation, raw: Mapping[str, Any], reads: Reads, caller: Caller) -> bytes | None:
        """The `data` of a valid query; None where the ordinary executor has to answer."""
        name = asked.node.name.value if asked.node.name else None
        try:
            known = self._operations.get((asked.text, name), partial(_known, asked))
            given = _given(known, asked, raw)
            if given is None:
                return None
            decided = tuple(given.values.coerced.get(name) for name in known.deciding)
            booleans = dict(zip(known.deciding, decided, strict=True))
            plan = known.plans.get(decided, partial(_compiled, asked, booleans))
            return None if plan is None else await plan.run(reads, caller, given)
        except (DomainError, GraphQLError, IncompleteRecord, Uncovered):
            return None
        except Exception:
            _log.warning("plan_failed", operation=name, exc_info=True)
            return None


def _known(asked: Operation) -> _Known:
    return _Known(tuple(sorted(deciding_variables(asked.document.definitions))))


def _given(known: _Known, asked: Operation, raw: Mapping[str, Any]) -> Given | None:
    key = orjson.dumps(raw)
    if len(key) > _LONGEST_KEY:
        return _coerced(None, asked, raw)
    return known.given.get(key, partial(_coerced, key, asked, raw))


def _coerced(key: bytes | None, asked: Operation, raw: Mapping[str, Any]) -> Given | None:
    require_cost(SCHEMA._schema, asked.document, asked.node, raw)
    values = get_variable_values(SCHEMA._schema, asked.node.variable_definitions or (), dict(raw))
    return None if isinstance(values, list) else Given(key, values)


def _compiled(asked: Operation, booleans: Mapping[str, Any]) -> Plan | None:
    collector = Collector(SCHEMA._schema, fragments_of(asked.document), booleans)
    query = SCHEMA._schema.query_type
    assert query is not None
    try:
        used = collector.of(query, [asked.node.selection_set])
        return Plan(tuple((f'"{use.key}":'.encode(), _part(use, collector)) for use in used))
    except Uncovered:
        return None


def _part(use: Use | Constant, collector: Collector) -> Branch | NodeBranch | Constant:
    if isinstance(use, Constant):
        return use
    return NodeBranch(use, collector) if isinstance(use.shown, NodeField) else Branch(use)
