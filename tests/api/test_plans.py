"""Plans: what they answer, what they leave to the executor, and what they keep."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx2
import orjson
import pytest
from fastapi import FastAPI
from graphql import get_operation_ast, parse

from app.api.graphql.context import Context
from app.api.graphql.plan.plans import Operation, Plans
from app.api.graphql.plan.selecting import uncovered_fields
from app.api.graphql.schema import SCHEMA
from app.domain.access import SYSTEM, Caller, Role
from app.domain.ports import Ports, PreparedRead
from app.domain.selection import Page, Selection
from tests.api.graphql_world import code_of, data
from tests.api.random_world import World

ADMIN = SYSTEM
LIST = """query ($first: Int, $after: String, $last: Int, $before: String, $by: ServiceOrderField = SLUG) {
  services(first: $first, after: $after, last: $last, before: $before, orderBy: {field: $by}) {
    edges { cursor node { slug } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


@pytest.fixture
async def world(ports: Ports, dsn: str) -> World:
    made = World(11)
    await made.fill(dsn)
    return made


def operation(text: str) -> Operation:
    document = parse(text)
    node = get_operation_ast(document)
    assert node is not None
    return Operation(text, document, node)


async def planned(ports: Ports, text: str, caller: Caller = ADMIN, plans: Plans | None = None, **given: Any) -> Any:
    found = await (Plans() if plans is None else plans).answer(operation(text), given, ports.reads, caller)
    return None if found is None else orjson.loads(found)


async def executed(ports: Ports, text: str, caller: Caller = ADMIN, **given: Any) -> Any:
    return await SCHEMA.execute(text, given, Context(ports, caller, parse(text)))


def test_only_fields_that_are_computed_have_no_plan() -> None:
    """These work too, only slower; whoever adds one here has seen it."""
    computed = {"Incident.changes", "MetaReview.missing_because", "Postmortem.readiness", "Service.budget"}
    assert set(uncovered_fields()) == computed


async def test_pages_go_both_ways_and_meet(ports: Ports, world: World) -> None:
    whole = [edge["node"]["slug"] for edge in (await planned(ports, LIST))["services"]["edges"]]
    for size, cursor, info, more in (
        ("first", "after", "endCursor", "hasNextPage"),
        ("last", "before", "startCursor", "hasPreviousPage"),
    ):
        seen: list[str] = []
        given: dict[str, Any] = {size: 2}
        while True:
            page = (await planned(ports, LIST, **given))["services"]
            assert page == (await executed(ports, LIST, **given)).data["services"]
            slugs = [edge["node"]["slug"] for edge in page["edges"]]
            seen = seen + slugs if size == "first" else slugs + seen
            if not page["pageInfo"][more]:
                break
            given[cursor] = page["pageInfo"][info]
        assert seen == whole


async def test_a_cursor_of_another_list_is_refused(client: httpx2.AsyncClient, world: World) -> None:
    page = (await data(client, LIST, first=1))["services"]
    for given in ({"by": "NAME"}, {"after": "nonsense"}):
        asked = {"first": 1, "after": page["pageInfo"]["endCursor"]} | given
        assert await code_of(client, LIST, **asked) == "invalid_cursor"
    assert await code_of(client, LIST, first=1, last=1) == "invalid"
    assert await code_of(client, LIST, last=0) == "invalid"


async def test_a_nested_cursor_belongs_to_its_parent(ports: Ports, world: World) -> None:
    text = """query ($after: String) { services { edges { node {
      slug postmortems(first: 1, after: $after) { edges { cursor } } } } } }"""
    nodes = [edge["node"] for edge in (await planned(ports, text))["services"]["edges"]]
    cursor = next(n["postmortems"]["edges"][0]["cursor"] for n in nodes if n["postmortems"]["edges"])
    assert await planned(ports, text, after=cursor) is None
    refused = await executed(ports, text, after=cursor)
    assert refused.errors
    one = (
        "query ($slug: String!, $after: String) { service(slug: $slug) { postmortems(after: $after) { totalCount } } }"
    )
    answers = [await planned(ports, one, slug=node["slug"], after=cursor) for node in nodes]
    assert sum(answer is not None for answer in answers) == 1


async def test_wrong_variables_are_said_by_the_executor(client: httpx2.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": LIST, "variables": {"first": "many"}})
    assert response.json()["errors"][0]["extensions"]["code"] == "invalid_request"
    assert "data" not in response.json()


async def test_null_arguments_are_absent_ones(ports: Ports, world: World) -> None:
    nothing = {"first": None, "after": None, "last": None, "before": None}
    assert await planned(ports, LIST, **nothing) == await planned(ports, LIST)


async def test_what_somebody_may_not_read_has_no_plan_for_them(ports: Ports, world: World) -> None:
    text = "{ apiKeys { totalCount } }"
    assert await planned(ports, text) is not None
    assert await planned(ports, text, Caller(Role.READER)) is None


async def test_restricted_rows_are_left_out_at_every_level(ports: Ports, world: World) -> None:
    text = "{ incidents { totalCount edges { node { id actionItems { title incident { visibility } } } } } }"
    for caller in (Caller(Role.READER), ADMIN):
        page = (await planned(ports, text, caller))["incidents"]
        seen = [item["incident"]["visibility"] for e in page["edges"] for item in e["node"]["actionItems"]]
        assert page["totalCount"] == len(page["edges"])
        assert caller is ADMIN or "RESTRICTED" not in seen
    everything, less = [
        (await planned(ports, text, who))["incidents"]["totalCount"] for who in (ADMIN, Caller(Role.READER))
    ]
    assert less < everything


class Broken:
    """Reads whose plans fail, though what the executor asks for works."""

    def __init__(self, ports: Ports) -> None:
        self.reads, self.failed = ports.reads, 0

    def prepare(self, read: Selection | Page) -> PreparedRead | None:
        prepared = self.reads.prepare(read)
        assert prepared is not None
        if not (isinstance(read, Page) and read.key == "services"):
            return prepared

        async def fails(variables: Mapping[str, object], caller: Caller) -> bytes:
            self.failed += 1
            raise RuntimeError("the plan is wrong")

        return fails

    async def count(self, *given: Any) -> int:
        return await self.reads.count(*given)


async def test_an_error_in_a_plan_is_answered_by_the_executor(
    client: httpx2.AsyncClient, application: FastAPI, ports: Ports, world: World
) -> None:
    expected = await data(client, LIST)
    broken = Broken(ports)
    application.state.ports = replace(ports, reads=broken)
    assert await data(client, LIST) == expected
    assert broken.failed == 1


async def test_the_number_of_plans_is_bounded(ports: Ports) -> None:
    plans = Plans(3)
    for n in range(9):
        assert await planned(ports, f"{{ a{n}: services {{ totalCount }} }}", plans=plans) is not None
    assert len(plans) == 3
