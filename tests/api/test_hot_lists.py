"""Lists that are answered before FastAPI: the same answers, and the same refusals."""

import httpx2
import pytest
from fastapi import FastAPI
from starlette.routing import Match

from app.api.rest.action_items import HOT

PATH = "/v1/action-items"
PLAIN = ["", "limit=1", "status=open,closed&sort=-risk", "team=a,b&owner=x%40y&limit=100", "service=%C3%A4&root_cause="]
OTHER = [
    "limit=0", "limit=101000", "limit=1&limit=2", "limit=%C2%B2", "overdue=true", "created_after=2026-01-01T00:00:00Z",
    "search=x", "status=open&status=closed", "unknown=1", f"sort={'x' * 101}", f"after={'x' * 2001}", "team=%ff",
]  # fmt: skip


def matches(query: str, method: str = "GET") -> bool:
    scope = {"type": "http", "path": PATH, "method": method, "query_string": query.encode(), "headers": []}
    return HOT.matches(scope)[0] is Match.FULL


@pytest.mark.parametrize("query", PLAIN)
def test_a_list_of_plain_texts_is_answered_at_once(query: str) -> None:
    assert matches(query)


@pytest.mark.parametrize("query", OTHER)
def test_whatever_needs_checking_is_left_to_the_operation(query: str) -> None:
    assert not matches(query)


@pytest.mark.parametrize("method", ["POST", "HEAD", "OPTIONS"])
def test_other_methods_are_left_to_the_operation(method: str) -> None:
    assert not matches("", method)


@pytest.mark.parametrize("query", [*PLAIN, *OTHER, "sort=nonsense", "after=nonsense", "status=nonsense", "team=%00"])
async def test_both_ways_answer_the_same(application: FastAPI, client: httpx2.AsyncClient, query: str) -> None:
    """With the route out of the way, FastAPI's operation answers."""
    hot = await client.get(f"{PATH}?{query}")
    application.router.routes.remove(HOT)
    try:
        cold = await client.get(f"{PATH}?{query}")
    finally:
        application.router.routes.insert(0, HOT)
    assert hot.status_code == cold.status_code < 500
    kept = {"content-type", "etag"}
    assert {k: v for k, v in hot.headers.items() if k in kept} == {k: v for k, v in cold.headers.items() if k in kept}
    bodies = [{k: v for k, v in answer.json().items() if k != "request_id"} for answer in (hot, cold)]
    assert bodies[0] == bodies[1]


async def test_a_list_needs_a_key(client: httpx2.AsyncClient) -> None:
    refused = await client.get(PATH, headers={"Authorization": ""})
    assert refused.status_code == 401
    assert refused.json()["code"] == "unauthenticated"
