"""What a query costs: first × children, counted before anything is executed."""

from typing import Any

import pytest
from graphql import GraphQLObjectType, GraphQLSchema, build_schema, parse

from app.api.graphql.cost import TooExpensive, cost_of, operations_of, require_cost, require_shape

SCHEMA: GraphQLSchema = build_schema(
    """
    type Query { items(first: Int! = 50): Items!, one: Item, things: [Item!]!, node: Node }
    interface Node { id: ID }
    type Items { edges: [Edge!]!, total: Int }
    type Edge { node: Item! }
    type Item implements Node { id: ID, one: Item, many(first: Int! = 100): [Item!]!, items(first: Int! = 50): Items! }
    """
)
QUERY: GraphQLObjectType = SCHEMA.query_type  # type: ignore[assignment]
QUERY.fields["items"].args["first"].default_value = 50  # as Strawberry keeps it


DOUBLING = (
    "{ ...A0 } fragment A40 on Query { x: one { id } }"
    + "".join(f"fragment A{n} on Query {{ ...A{n + 1} ...A{n + 1} }}" for n in range(40))
)  # fmt: skip


def cost(text: str, **variables: Any) -> int:
    document = parse(text)
    (operation,) = operations_of(document)
    return cost_of(SCHEMA, document, operation, variables)


@pytest.mark.parametrize(
    ("text", "objects"),
    [
        ("{ one { id } }", 1),
        ("{ one { one { id } } }", 2),
        ("{ things { id } }", 1),
        ("{ items { edges { node { id } } } }", 1 + 50),
        ("{ items(first: 2) { total edges { node { id one { id } } } } }", 1 + 2 * 2),
        ("{ one { many(first: 3) { one { id } } } }", 1 + 3 * 2),
        ("{ one { many { id } } }", 1 + 10),
        ("{ node { id ... on Item { one { id } } ... { id } } }", 2),
        (
            "{ items(first: 2) { ...A } } fragment A on Items { edges { node { ...B ...B } } }"
            "fragment B on Item { one { id } }",
            7,
        ),
        ("{ __typename __schema { types { fields { name } } } }", 0),
        ("query ($n: Int! = 4) { items(first: $n) { edges { node { id } } } }", 5),
        ("{ items(first: -1) { edges { node { id } } } }", 2),
    ],
)
def test_the_objects_a_query_can_lead_to(text: str, objects: int) -> None:
    assert cost(text) == objects


def test_a_variable_counts_as_it_is_and_as_the_longest_page_if_it_is_no_number() -> None:
    text = "query ($n: Int!) { items(first: $n) { edges { node { id } } } }"
    assert cost(text, n=7) == 8
    assert cost(text, n="many") == 201
    assert cost(text) == 51


def test_a_hundred_by_a_hundred_by_twenty_is_too_much() -> None:
    inner = "items(first: 100) { edges { node { many(first: 20) { id } } } }"
    text = "{ items(first: 100) { edges { node { " + inner + " } } } }"
    assert cost(text) == 1 + 100 * (1 + 1 + 100 * (1 + 20))
    document = parse(text)
    (operation,) = operations_of(document)
    with pytest.raises(TooExpensive, match=r"210201 objects; 5000 are allowed"):
        require_cost(SCHEMA, document, operation, {})


@pytest.mark.parametrize(
    "text",
    [
        "{ items { edges { node { " + "one { " * 8 + "id" + " }" * 8 + " } } } }",
        "{" + " ".join(f"a{n}: one {{ id }}" for n in range(30)) + "}",
        "{ one { id } ... { one { id } } ...A } fragment A on Query { one { id } }",
        "{ __schema { types { fields { type { " + "ofType { " * 9 + "name" + " }" * 9 + " } } } } }",
        "{ one { id } } fragment A on Item { ...B } fragment B on Item { ...A }",
        "{ ...Missing }",
    ],
)
def test_an_ordinary_shape_is_taken(text: str) -> None:
    require_shape(parse(text))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{ items { edges { node { " + "one { " * 9 + "id" + " }" * 9 + " } } } }", "11 levels"),
        ("{" + " ".join(f"a{n}: one {{ id }}" for n in range(31)) + "}", "31 aliases"),
        ("{ one { " + "id " * 22 + "} }", "21 repeated fields"),
        ("{ one { id } }" + " ".join(f"fragment F{n} on Item {{ id }}" for n in range(61)), "61 fragments"),
        (DOUBLING, f"{2**40} aliases"),
    ],
)  # fmt: skip
def test_an_unreasonable_shape_is_refused(text: str, what: str) -> None:
    with pytest.raises(TooExpensive, match=what):
        require_shape(parse(text))
