"""GraphQL over HTTP: what is refused, how, and that nothing leaks or falls over."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from graphql import get_introspection_query
from starlette.routing import Route

from app.api.graphql.route import GraphQLOverHttp
from app.domain.ports import Ports, PreparedRead
from app.domain.selection import Selection
from app.main import create_app
from app.settings import Settings
from tests.conftest import ADMIN_KEY

GRAPHQL = {"Accept": "application/graphql-response+json"}
ITEMS = "actionItems(first: %d) { edges { node { %s } } }"
FILTERED = "query ($f: ActionItemFilter) { actionItems(filter: $f) { totalCount } }"
SHORT = "{ teams { edges { node { slug } } } }"

BOMBS = {
    "deep": "{ incidents { edges { node { " + "postmortem { incident { " * 6 + "id" + " } }" * 6 + " } } } }",
    "deep by fragments": "{ incidents { edges { node { ...A } } } } fragment A on Incident { postmortem { ...B } }"
    "fragment B on Postmortem { " + "incident { postmortem { " * 5 + "id" + " } }" * 5 + " }",
    "aliases": "{" + " ".join(f"a{n}: me {{ name }}" for n in range(40)) + "}",
    "aliases by fragments": "{ me { ...A0 } }"
    + "".join(f"fragment A{n} on Caller {{ ...A{n + 1} ...A{n + 1} }}" for n in range(14))
    + "fragment A14 on Caller { a: name }",
    "tokens": "{" + " me { name }" * 700 + "}",
    "directives": "{ me { name " + "@skip(if: false) " * 700 + "} }",
    "nested beyond reason": "{" * 5_000,
    "nested values": "{ actionItems(filter: {status: " + "[" * 1_500 + "] }) { totalCount } }",
    "100 x 100 x 20": "{ services(first: 100) { edges { node { "
    + ITEMS % (100, "evidence(first: 20) { id }")
    + " } } } }",
    "wide by variable": "query ($n: Int!) { services(first: $n) { edges { node { "
    + ITEMS % (100, "evidence(first: 20) { id }")
    + " } } } }",
    "cyclic": "{ me { ...A } } fragment A on Caller { ...B } fragment B on Caller { ...A }",
    "self-cyclic": "{ me { ...A } } fragment A on Caller { person { id } ...A }",
    "introspection that fans out": "{ __schema { types { fields { type { fields { type { fields { type { fields { type"
    " { fields { name } } } } } } } } } } } }",
    "many errors": "{" + " ".join(f"x{n}" for n in range(900)) + "}",
    "overlapping": "{" + " me { name role scopes person { email name } }" * 60 + " me { name(x: 1) } }",
}


@asynccontextmanager
async def application(settings: Settings, ports: Ports) -> AsyncIterator[httpx2.AsyncClient]:
    """Another application over these ports, called by the admin that `client` made."""
    app = create_app(settings)
    app.state.ports = ports
    transport, headers = httpx2.ASGITransport(app=app), {"Authorization": f"Bearer {ADMIN_KEY}"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://norepeat.test", headers=headers) as http:
        yield http


async def post(http: httpx2.AsyncClient, body: Any, headers: dict[str, str] = GRAPHQL) -> httpx2.Response:
    return await http.post("/graphql", json=body, headers=headers)


async def test_who_also_accepts_a_stream_gets_json_unless_it_subscribes(client: httpx2.AsyncClient) -> None:
    both = {"Accept": "application/graphql-response+json, application/json, text/event-stream, multipart/mixed"}
    response = await post(client, {"query": SHORT}, both)
    assert response.headers["content-type"].startswith("application/graphql-response+json")
    assert response.json() == {"data": {"teams": {"edges": []}}}
    broken = await post(client, {"query": "{ nothing"}, both)
    assert broken.json()["errors"][0]["extensions"]["code"]
    only = await post(client, {"query": SHORT}, {"Accept": "text/event-stream"})
    assert only.json()["errors"][0]["extensions"]["code"] == "not_a_subscription"


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_is_refused_before_it_is_executed(client: httpx2.AsyncClient, name: str) -> None:
    response = await post(client, {"query": BOMBS[name], "variables": {"n": 100} if "$n" in BOMBS[name] else {}})
    assert response.status_code == 400, response.text
    body = response.json()
    assert "data" not in body
    assert all(
        error["extensions"]["code"] in ("query_too_expensive", "unreadable", "invalid_request")
        for error in body["errors"]
    )


async def test_the_shape_of_a_portal_page_is_not_a_bomb(client: httpx2.AsyncClient) -> None:
    page = (
        "{ services(first: 5) { edges { node { "
        + ITEMS % (50, "title owner { email } ticket { key } evidence { id }")
        + " } } } }"
    )
    assert (await post(client, {"query": page})).status_code == 200
    for limit in (None, 200):
        body = {"query": "query ($n: Int) { teams { edges { node { slug } } } }", "variables": {"n": limit}}
        assert (await post(client, body)).status_code == 400  # an unused variable


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"\xff\xfe", b"[]", b'[{"query": "{ me { name } }"}]', b"null", b"{}",
        b'{"query": 7}', b'{"query": ""}',
        b'{"query": "{ me { name } }", "variables": "x"}', b'{"query": "{ me { name } }", "variables": [1]}',
        b'{"query": "{ me { name } }", "operationName": 1}', b'{"query": "{ me { name } }", "extensions": []}',
        b'{"query": "\\ud800"}', b'{"query": "{ me { name } }", "variables": {"a": "\\ud800"}}',
    ],
)  # fmt: skip
async def test_a_body_that_is_not_one_object_with_a_document_is_unreadable(
    client: httpx2.AsyncClient, content: bytes
) -> None:
    response = await client.post("/graphql", content=content, headers={"Content-Type": "application/json", **GRAPHQL})
    assert (response.status_code, response.json()["code"]) == (400, "unreadable")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b'{"query": "x", "query": "{ me { name } }"}', 200),
        (b'{"query": "{ me { name } }", "variables": null, "operationName": null, "extensions": null}', 200),
        (b'{"query": "' + b"#" * 2_000_000 + b'"}', 413),
    ],
)
async def test_nulls_mean_nothing_and_a_long_body_is_refused(
    client: httpx2.AsyncClient, content: bytes, status: int
) -> None:
    response = await client.post("/graphql", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == status, response.text


@pytest.mark.parametrize(
    ("query", "variables", "operation", "code"),
    [
        ("{", {}, None, "unreadable"),
        ("{ me { name ", {}, None, "unreadable"),
        ('{ service(slug: "\\uD800") { id } }', {}, None, "unreadable"),
        ("{ nothing }", {}, None, "invalid_request"),
        ("fragment A on Team { slug }", {}, None, "invalid_request"),
        ("query A { me { name } } query B { me { role } }", {}, None, "invalid_request"),
        ("query A { me { name } }", {}, "B", "invalid_request"),
        ("query ($id: ID!) { incident(id: $id) { id } }", {}, None, "invalid_request"),
        ("query ($id: ID!) { incident(id: $id) { id } }", {"id": None}, None, "invalid_request"),
        ("query ($id: ID!) { incident(id: $id) { id } }", {"id": {"a": 1}}, None, "invalid_request"),
        ("query ($n: Int) { teams(first: $n) { totalCount } }", {"n": 10**30}, None, "invalid_request"),
        (FILTERED, {"f": {"x": 1}}, None, "invalid_request"),
        (FILTERED, {"f": {"status": ["OPE"]}}, None, "invalid_request"),
        (FILTERED, {"f": {"dueBefore": "soon"}}, None, "invalid_request"),
        (FILTERED, {"f": {"createdAfter": "2026-01-01"}}, None, "invalid_request"),
        ('{ actionItems(filter: {createdAfter: "9999-12-31T00:00:00Z"}) { totalCount } }', {}, None, "invalid_request"),
        ("subscription { x }", {}, None, "invalid_request"),
    ],
)  # fmt: skip
async def test_a_request_that_makes_no_sense_is_refused_whole(
    client: httpx2.AsyncClient, query: str, variables: dict[str, Any], operation: str | None, code: str
) -> None:
    body = {"query": query, "variables": variables, "operationName": operation}
    response = await post(client, body)
    assert response.status_code == 400, response.text
    assert response.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert "data" not in response.json()
    assert {error["extensions"]["code"] for error in response.json()["errors"]} == {code}
    legacy = await post(client, body, {"Accept": "application/json"})
    assert legacy.status_code == 200
    assert legacy.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    "query",
    [
        '{ service(slug: "a\\u0000b") { id } }',
        '{ person(email: "\\u0000") { id } }',
        '{ teams(after: "\\u0000") { totalCount } }',
        '{ teams(after: "é") { edges { cursor } } }',
        '{ teams(after: "W10") { edges { cursor } } }',
        '{ teams(filter: {search: "\\u0000"}) { edges { cursor } } }',
        '{ incident(id: "\\u0000") { id } }',
        '{ node(id: "VGVhbTp4") { id } }',
        '{ node(id: "U2VydmljZQ==") { id } }',
        '{ node(id: "RmFjdG9yOjAwMDAwMDAwLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMA==") { id } }',
        '{ sprintPlanning(team: ["\\u0000"]) { days } }',
        '{ metrics(team: "\\u0000") { severity { verdict } } }',
        'mutation { updateTeam(team: "\\u0000", input: {}, expectedVersion: 1) { id } }',
        'mutation { createTeam(input: {slug: "\\u0000", name: "x"}) { id } }',
        'mutation { createTeam(input: {slug: "x", name: "x", workingDays: [9, 9]}) { id } }',
        'mutation { createTeam(input: {slug: "x", name: "x", timeZone: "../etc/passwd"}) { id } }',
        'mutation { moveLocalTicket(number: -1, input: {status: DONE}) { key } }',
        'mutation { revokeApiKey(keyId: "\\u0000") { keyId } }',
    ],
)  # fmt: skip
async def test_nonsense_in_a_value_is_no_fault_of_ours(client: httpx2.AsyncClient, query: str) -> None:
    response = await post(client, {"query": query})
    assert response.status_code == 200, response.text
    for error in response.json().get("errors", []):
        assert error["extensions"]["code"] != "internal_error", response.text


async def test_a_wrong_content_type_or_method(client: httpx2.AsyncClient) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        response = await client.post("/graphql", content=b"{}", headers={"Content-Type": content_type})
        assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")
    assert (await client.put("/graphql", json={})).status_code == 405
    utf8 = {"Content-Type": "application/json; charset=utf-8"}
    response = await client.post("/graphql", content=b'{"query": "{ me { name } }"}', headers=utf8)
    assert response.json() == {"data": {"me": {"name": response.json()["data"]["me"]["name"]}}}


async def test_an_address_can_read_and_cannot_write(client: httpx2.AsyncClient) -> None:
    query = "query A($s: String!) { service(slug: $s) { id } } mutation B { startActionItem(itemId: 1) { id } }"
    asked = {"query": query, "variables": json.dumps({"s": "x"}), "operationName": "A"}
    response = await client.get("/graphql?" + urlencode(asked), headers=GRAPHQL)
    assert response.json() == {"data": {"service": None}}, response.text
    refused = await client.get("/graphql?" + urlencode(asked | {"operationName": "B"}), headers=GRAPHQL)
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    unreadable = await client.get("/graphql?" + urlencode(asked | {"variables": "{"}))
    assert (unreadable.status_code, unreadable.json()["code"]) == (400, "unreadable")
    assert (await client.get("/graphql")).status_code == 400


async def test_a_browser_gets_an_editor(client: httpx2.AsyncClient) -> None:
    response = await client.get("/graphql", headers={"Accept": "text/html,*/*", "Authorization": ""})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("query", [SHORT, "{ __schema { types { name } } }", "{ nothing }", "{"])
async def test_nothing_is_said_without_a_key(client: httpx2.AsyncClient, query: str) -> None:
    for value in ("", "Bearer", "Bearer x", "Basic x"):
        response = await post(client, {"query": query}, {"Authorization": value})
        assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")


class BrokenReads:
    """Reads that fail with something nobody should see."""

    def prepare(self, selection: Selection) -> PreparedRead | None:
        raise RuntimeError("the password is swordfish")

    async def count(self, *_: object) -> int:
        raise RuntimeError("the password is swordfish")


async def test_what_is_unexpected_is_masked_and_logged_under_the_request_id(
    settings: Settings, client: httpx2.AsyncClient, ports: Ports, capsys: pytest.CaptureFixture[str]
) -> None:
    async with application(settings, replace(ports, reads=BrokenReads())) as http:
        response = await post(http, {"query": '{ me { name } team(slug: "a") { id } }'})
    assert response.status_code == 200
    assert response.json()["data"]["team"] is None
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "internal_error", "requestId": response.headers["x-request-id"]}
    assert error["path"] == ["team"]
    assert "swordfish" not in response.text
    assert response.headers["x-request-id"] in capsys.readouterr().out


async def test_what_takes_too_long_is_given_up(settings: Settings, client: httpx2.AsyncClient, ports: Ports) -> None:
    app = create_app(settings)
    app.state.ports = ports
    app.router.routes.append(Route("/hasty", GraphQLOverHttp(True, deadline=0), methods=["POST"]))
    transport, headers = httpx2.ASGITransport(app=app), {"Authorization": f"Bearer {ADMIN_KEY}"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://norepeat.test", headers=headers) as http:
        response = await http.post("/hasty", json={"query": SHORT})
    assert response.status_code == 503
    assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["timeout"]


async def test_introspection_follows_a_setting(settings: Settings, client: httpx2.AsyncClient, ports: Ports) -> None:
    whole = await post(client, {"query": get_introspection_query()})
    assert whole.status_code == 200
    assert "errors" not in whole.json()
    typo = await post(client, {"query": "{ teems { totalCount } }"})
    assert "Did you mean" in typo.text

    async with application(settings.model_copy(update={"docs": False}), ports) as closed:
        for query in (get_introspection_query(), '{ __type(name: "Team") { name } }'):
            assert (await post(closed, {"query": query})).status_code == 400
        for query, variables in (
            ("{ teems { totalCount } }", {}),
            ("{ teams { edges { node { slog } } } }", {}),
            ("{ teams(furst: 1) { totalCount } }", {}),
            (FILTERED, {"f": {"statuz": 1}}),
            (FILTERED, {"f": {"status": ["OPN"]}}),
        ):
            refused = await post(closed, {"query": query, "variables": variables})
            assert refused.status_code == 400
            assert "Did you mean" not in refused.text
        assert (await post(closed, {"query": "{ __typename me { __typename } }"})).status_code == 200
