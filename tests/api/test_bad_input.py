"""Nonsense gets a 4xx with a stable code and changes nothing; nothing gets a 500."""

import json
from typing import Any

import httpx2
import pytest

from app.api.errors import every_code

SERVICE = {"slug": "checkout", "name": "Checkout"}


async def refused(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["code"] == code
    assert body["request_id"] == response.headers["x-request-id"]
    assert code in every_code()
    return body


async def test_an_unknown_field_is_named(client: httpx2.AsyncClient) -> None:
    body = await refused(await client.post("/v1/services", json=SERVICE | {"wings": 2}), 422, "invalid_request")
    assert body["errors"][0]["pointer"] == "/wings"


@pytest.mark.parametrize(
    "change",
    [
        {"title": 7},
        {"title": ""},
        {"title": "x" * 301},
        {"title": "a\x00b"},
        {"title": "\ud800"},
        {"severity": "P9"},
        {"severity": "\u0000"},
        {"customer_impact": "dire"},
        {"started_at": "yesterday"},
        {"started_at": "2026-01-01T00:00:00"},
        {"started_at": "9999-12-31T23:59:59Z"},
        {"started_at": 1e300},
        {"services": []},
        {"services": "checkout"},
        {"services": ["\x00"]},
    ],
)
async def test_a_wrong_value_is_refused_and_nothing_is_stored(
    client: httpx2.AsyncClient, change: dict[str, Any]
) -> None:
    await client.post("/v1/services", json=SERVICE)
    incident = {"title": "Checkout is down", "severity": "P2", "services": ["checkout"]} | change
    content = json.dumps(incident).encode("utf-8", "surrogatepass")
    response = await client.post("/v1/incidents", content=content, headers={"content-type": "application/json"})
    await refused(response, 422, "invalid_request")
    assert (await client.get("/v1/incidents")).json()["items"] == []


async def test_contradicting_times_are_stored_and_flagged(client: httpx2.AsyncClient) -> None:
    await client.post("/v1/services", json=SERVICE)
    incident = {
        "title": "Clocks", "severity": "P3", "services": ["checkout"],
        "started_at": "2026-03-01T10:00:00Z", "detected_at": "2026-03-01T09:00:00Z",
    }  # fmt: skip
    response = await client.post("/v1/incidents", json=incident)
    assert response.status_code == 201, response.text
    assert response.json()["contradictions"] == ["detected_at<started_at"]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [(b"{", 400, "unreadable"), (b"\xff\xfe", 400, "unreadable"), (b"[]", 422, "invalid_request")],
)
async def test_a_body_that_cannot_be_read(client: httpx2.AsyncClient, content: bytes, status: int, code: str) -> None:
    response = await client.post("/v1/services", content=content, headers={"content-type": "application/json"})
    await refused(response, status, code)


async def test_a_body_over_the_limit_is_refused_announced_or_not(client: httpx2.AsyncClient) -> None:
    async def stream() -> Any:
        for _ in range(40):
            yield b" " * 65_536

    headers = {"content-type": "application/json"}
    for content in (b" " * 2_000_000, stream()):
        response = await client.post("/v1/services", content=content, headers=headers)
        await refused(response, 413, "body_too_large")


async def test_a_wrong_address_method_or_id(client: httpx2.AsyncClient) -> None:
    await refused(await client.get("/v1/dragons"), 404, "not_found")
    await refused(await client.put("/v1/services"), 405, "method_not_allowed")
    await refused(await client.get("/v1/services/nothing"), 404, "not_found")
    await refused(await client.get("/v1/incidents/not-an-id"), 422, "invalid_request")
    await refused(await client.get("/v1/incidents/00000000-0000-7000-8000-000000000000"), 404, "not_found")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=99999999999999999999", "after=x", "sort=wings"])
async def test_a_list_refuses_nonsense(client: httpx2.AsyncClient, query: str) -> None:
    response = await client.get(f"/v1/action-items?{query}")
    assert response.status_code == 422, response.text


async def test_a_change_needs_the_version_that_was_seen(client: httpx2.AsyncClient) -> None:
    created = await client.post("/v1/services", json=SERVICE)
    assert created.headers["etag"] == '"1"'
    path, change = "/v1/services/checkout", {"name": "Check-out"}
    await refused(await client.patch(path, json=change), 428, "if_match_required")
    await refused(await client.patch(path, json=change, headers={"If-Match": "soon"}), 400, "unreadable")
    changed = await client.patch(path, json=change, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    await refused(await client.patch(path, json=change, headers={"If-Match": '"1"'}), 412, "stale_version")


async def test_without_a_valid_key_nothing_is_shown(client: httpx2.AsyncClient) -> None:
    for value in ("", "Bearer", "Bearer x", "Basic x", "Bearer nr_tests_wrong", "Bearer nr_x_" + "y" * 43):
        response = await client.get("/v1/services", headers={"Authorization": value})
        await refused(response, 401, "unauthenticated")
        assert response.headers["www-authenticate"] == "Bearer"


async def test_a_name_that_is_taken(client: httpx2.AsyncClient) -> None:
    await client.post("/v1/services", json=SERVICE)
    await refused(await client.post("/v1/services", json=SERVICE), 409, "already_exists")


async def test_a_reference_to_nothing(client: httpx2.AsyncClient) -> None:
    incident = {"title": "Down", "severity": "P2", "services": ["nowhere"]}
    await refused(await client.post("/v1/incidents", json=incident), 422, "unknown_reference")
