"""Random valid queries give the same bytes from a plan and from Strawberry's own executor."""

import os
from collections import Counter
from collections.abc import Iterator

import orjson
import pytest
from graphql import get_operation_ast, parse, validate
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import DataObject, data, sampled_from

from app.api.graphql.context import Context
from app.api.graphql.cost import MAX_OBJECTS, cost_of
from app.api.graphql.plan.plans import Operation, Plans
from app.api.graphql.schema import SCHEMA
from app.domain.access import Caller, Role
from app.domain.ports import Ports
from tests.api.random_queries import queries
from tests.api.random_world import World

QUERIES = int(os.environ.get("NOREPEAT_PLAN_QUERIES", "300"))
PLANS = Plans()


@pytest.fixture
async def world(ports: Ports, dsn: str) -> World:
    made = World(7)
    await made.fill(dsn)
    return made


def callers(world: World) -> dict[str, Caller]:
    people = world.ids["people"]
    return {
        "admin": Caller(Role.ADMIN, person_id=people[0]),
        "responder": Caller(Role.RESPONDER, person_id=people[1]),
        "reader": Caller(Role.READER, service_account_id=world.ids["service_accounts"][0]),
    }


@pytest.fixture
def seen() -> Iterator[Counter[str]]:
    """How many queries had a plan: a comparison of the executor with itself would show nothing."""
    counted: Counter[str] = Counter()
    yield counted
    assert counted["planned"] > 0.6 * counted.total(), counted


@settings(
    max_examples=QUERIES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(drawn=data())
async def test_a_plan_answers_what_the_executor_answers(
    world: World, ports: Ports, seen: Counter[str], drawn: DataObject
) -> None:
    query = drawn.draw(queries(world))
    caller = callers(world)[drawn.draw(sampled_from(["admin", "responder", "reader"]))]
    document = parse(query.text)
    assert not validate(SCHEMA._schema, document), query.text
    operation = get_operation_ast(document)
    assert operation is not None
    planned = await PLANS.answer(Operation(query.text, document, operation), query.variables, ports.reads, caller)
    too_much = cost_of(SCHEMA._schema, document, operation, query.variables) > MAX_OBJECTS
    context = Context(ports, caller, document)
    expected = await SCHEMA.execute(query.text, dict(query.variables), context)
    if planned is None:
        assert expected.errors or query.unplanned or too_much, f"no plan: {query.text} {query.variables}"
        seen["error" if expected.errors else "unplanned"] += 1
        return
    seen["planned"] += 1
    assert not expected.errors, (expected.errors, query)
    assert planned == orjson.dumps(expected.data), query
