"""Idempotency-Key, on PostgreSQL: one effect however often it is asked for, and the first answer again."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI

from app.domain.once import Done, OnceKey
from app.domain.ports import Once, OpenUnitOfWork, Ports
from tests.api.callers import Person, staff

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
TEAM = {"slug": "payments", "name": "Payments"}


@pytest.fixture
async def database(dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


@dataclass
class Forgetful:
    """The port `Once` of a process that is killed between its commit and its answer."""

    once: Once

    async def find(self, key: OnceKey) -> Done | None:
        return await self.once.find(key)

    def unit_of_work(self, key: OnceKey) -> OpenUnitOfWork:
        return self.once.unit_of_work(key)

    async def keep(self, key: OnceKey, done: Done) -> None:
        pass

    async def forget(self, before: Any) -> None:
        pass


async def create(client: httpx2.AsyncClient, body: Any = TEAM, path: str = "/v1/teams", **more: str) -> httpx2.Response:
    return await client.post(path, json=body, headers=KEY | more)


async def count(client: httpx2.AsyncClient, path: str = "/v1/teams") -> int:
    return len((await client.get(path)).json()["items"])


async def test_the_first_answer_comes_again(client: httpx2.AsyncClient) -> None:
    first, again = await create(client), await create(client)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert first.headers["etag"] == again.headers["etag"]
    assert first.headers["content-type"] == again.headers["content-type"]
    assert await count(client) == 1


async def test_twenty_at_once_have_one_effect(client: httpx2.AsyncClient) -> None:
    await client.post("/v1/people", json={"email": "ada@example.org", "name": "Ada"})
    answers = await asyncio.gather(*(create(client, {"person": "ada@example.org"}, "/v1/api-keys") for _ in range(20)))
    seen = Counter(answer.status_code for answer in answers)
    assert set(seen) <= {201, 409}
    assert seen[201] >= 1
    assert all(answer.headers["retry-after"] == "1" for answer in answers if answer.status_code == 409)
    assert await count(client, "/v1/api-keys") == 2  # the admin's and this one
    again = await create(client, {"person": "ada@example.org"}, "/v1/api-keys")
    assert again.json()["token"] in {answer.json().get("token") for answer in answers}


async def test_another_body_is_refused(client: httpx2.AsyncClient) -> None:
    await create(client)
    response = await create(client, {"slug": "search", "name": "Search"})
    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    assert await count(client) == 1


async def test_another_caller_and_another_address_have_keys_of_their_own(client: httpx2.AsyncClient) -> None:
    admin = Person(client, client.headers["Authorization"])
    reviewer, owner = await staff(admin, "reviewer", "owner")
    cause = {"slug": "dns", "title": "DNS"}
    first = await create(client, cause, "/v1/root-causes", Authorization=owner.headers["Authorization"])
    assert first.status_code == 201, first.text
    other = await create(client, cause, "/v1/root-causes", Authorization=reviewer.headers["Authorization"])
    assert (other.status_code, other.json()["code"]) == (409, "already_exists")
    assert (await create(client)).status_code == 201


async def test_a_refusal_leaves_the_key_free(client: httpx2.AsyncClient, database: Any) -> None:
    await client.post("/v1/teams", json=TEAM)
    assert (await create(client)).status_code == 409
    assert (await create(client, {"slug": "Not a slug"})).status_code == 422
    assert await database.fetchval("select count(*) from idempotency_keys") == 0
    assert (await create(client, {"slug": "search", "name": "Search"})).status_code == 201


async def test_who_is_not_known_is_answered_nothing(client: httpx2.AsyncClient) -> None:
    await create(client)
    for authorization in ("", "Bearer nr_x_" + "y" * 43, "Basic eDp5"):
        assert (await create(client, Authorization=authorization)).status_code == 401


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "é", "\t"])
async def test_a_key_that_is_none_is_refused(client: httpx2.AsyncClient, key: str) -> None:
    response = await client.post("/v1/teams", json=TEAM, headers={b"Idempotency-Key": key.encode("latin-1")})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_idempotency_key")
    assert await count(client) == 0


async def test_a_process_killed_before_it_answered_is_made_up_for(
    client: httpx2.AsyncClient, ports: Ports, application: FastAPI, database: Any
) -> None:
    application.state.ports = replace(ports, once=Forgetful(ports.once))
    first = await create(client)
    application.state.ports = ports
    waiting = await create(client)
    assert (waiting.status_code, waiting.json()["code"]) == (409, "request_in_flight")
    assert waiting.headers["retry-after"] == "1"
    await database.execute("update idempotency_keys set created_at = created_at - interval '11 seconds'")
    again = await create(client)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert await count(client) == 1


async def test_a_secret_that_was_lost_is_not_made_twice(
    client: httpx2.AsyncClient, ports: Ports, application: FastAPI, database: Any
) -> None:
    await client.post("/v1/service-accounts", json={"slug": "ci", "name": "CI", "role": "responder"})
    body = {"service_account": "ci"}
    application.state.ports = replace(ports, once=Forgetful(ports.once))
    verb = await create(client, {"summary": "x"}, "/v1/api-keys")
    assert verb.status_code == 422
    assert (await create(client, body, "/v1/api-keys")).status_code == 201
    application.state.ports = ports
    await database.execute("update idempotency_keys set created_at = created_at - interval '11 seconds'")
    again = await create(client, body, "/v1/api-keys")
    assert again.status_code == 201
    assert "token" not in again.json()  # the key as it is read; its token is gone
    assert await count(client, "/v1/api-keys") == 2


async def test_a_key_is_forgotten_after_a_day(client: httpx2.AsyncClient, ports: Ports, database: Any) -> None:
    await create(client)
    await database.execute("update idempotency_keys set created_at = created_at - interval '25 hours'")
    assert (await create(client)).json()["code"] == "already_exists"  # it ran again
    assert (await create(client, {"slug": "search", "name": "Search"})).status_code == 201
    await ports.once.forget(ports.clock())
    assert await database.fetchval("select count(*) from idempotency_keys") == 0


async def test_who_holds_the_key_makes_the_others_wait(client: httpx2.AsyncClient, database: Any) -> None:
    await create(client)
    scope = await database.fetchval("delete from idempotency_keys returning scope")
    await client.get("/v1/teams")
    async with database.transaction():
        await database.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", scope)
        response = await create(client)
    assert (response.status_code, response.json()["code"]) == (409, "request_in_flight")


async def test_a_token_is_kept_sealed(client: httpx2.AsyncClient, database: Any) -> None:
    await client.post("/v1/service-accounts", json={"slug": "ci", "name": "CI", "role": "responder"})
    first = await create(client, {"service_account": "ci"}, "/v1/api-keys")
    again = await create(client, {"service_account": "ci"}, "/v1/api-keys")
    assert again.json()["token"] == first.json()["token"]
    kept = await database.fetchval("select answer from idempotency_keys")
    assert first.json()["token"] not in kept
    assert again.headers["cache-control"] == "no-store"


MUTATION = """mutation($slug: String!, $key: String) {
  createTeam(input: {slug: $slug, name: "Payments"}, idempotencyKey: $key) { id slug }
}"""


async def mutate(client: httpx2.AsyncClient, slug: str = "payments", query: str = MUTATION) -> Any:
    variables = {"slug": slug, "key": "one"}
    return (await client.post("/graphql", json={"query": query, "variables": variables})).json()


async def test_a_mutation_under_a_key_happens_once(client: httpx2.AsyncClient) -> None:
    first, again = await mutate(client), await mutate(client)
    assert first == again
    assert first["data"]["createTeam"]["slug"] == "payments"
    other = await mutate(client, "search")
    assert other["errors"][0]["extensions"]["code"] == "idempotency_key_reused"
    assert await count(client) == 1


async def test_a_mutation_that_shows_a_secret_shows_it_again(client: httpx2.AsyncClient) -> None:
    await client.post("/v1/service-accounts", json={"slug": "payments", "name": "CI", "role": "responder"})
    query = """mutation($slug: String!, $key: String) {
      issueApiKey(input: {serviceAccount: $slug}, idempotencyKey: $key) { token }
    }"""
    first, again = await mutate(client, query=query), await mutate(client, query=query)
    assert first == again
    assert first["data"]["issueApiKey"]["token"].startswith("nr_")
    assert await count(client, "/v1/api-keys") == 2


async def test_a_mutation_whose_answer_was_lost_shows_the_record(
    client: httpx2.AsyncClient, ports: Ports, application: FastAPI, database: Any
) -> None:
    application.state.ports = replace(ports, once=Forgetful(ports.once))
    first = await mutate(client)
    application.state.ports = ports
    assert (await mutate(client))["errors"][0]["extensions"]["code"] == "request_in_flight"
    await database.execute("update idempotency_keys set created_at = created_at - interval '11 seconds'")
    assert await mutate(client) == first
