"""Webhook endpoints over REST and GraphQL: what an admin can set, and that nobody else can."""

from typing import Any

import httpx2
import orjson
import pytest

from tests.api.callers import Person, staff
from tests.api.graphql_world import code_of, data

PUBLIC = "https://93.184.216.34/hook"


async def made(client: httpx2.AsyncClient, **fields: Any) -> Any:
    answer = await client.post("/v1/webhook-endpoints", json={"url": PUBLIC, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_the_secret_is_shown_once(client: httpx2.AsyncClient) -> None:
    endpoint = await made(client, event_types=["boost.*"], description="Lake")
    assert endpoint["secret"].startswith("whsec_")
    read = await client.get(f"/v1/webhook-endpoints/{endpoint['id']}")
    assert read.json()["event_types"] == ["boost.*"]
    for path in ("/v1/webhook-endpoints", f"/v1/webhook-endpoints/{endpoint['id']}", "/v1/audit-log"):
        assert endpoint["secret"] not in (await client.get(path)).text
    changed = await client.patch(
        f"/v1/webhook-endpoints/{endpoint['id']}", json={"active": False}, headers={"If-Match": '"1"'}
    )
    assert changed.json()["state"] == "paused"
    rotated = await client.post(f"/v1/webhook-endpoints/{endpoint['id']}/rotate-secret")
    assert rotated.json()["secret"] != endpoint["secret"]
    assert (await client.delete(f"/v1/webhook-endpoints/{endpoint['id']}")).status_code == 204
    (kept,) = (await client.get("/v1/webhook-endpoints?state=removed")).json()["items"]
    assert kept["id"] == endpoint["id"]
    gone = await client.post(f"/v1/webhook-endpoints/{endpoint['id']}/rotate-secret")
    assert (gone.status_code, gone.json()["code"]) == (409, "webhook_endpoint_removed")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "http://example.com/"}, "url_not_allowed"),
        ({"url": "https://127.0.0.1/"}, "url_not_allowed"),
        ({"url": "https://u:p@example.com/"}, "url_not_allowed"),
        ({"url": PUBLIC, "event_types": ["nothing.v1"]}, "unknown_event_type"),
        ({"url": "not a url"}, "invalid_request"),
        ({"url": PUBLIC, "secret": "mine"}, "invalid_request"),
    ],
)
async def test_what_cannot_be_an_endpoint_is_refused(client: httpx2.AsyncClient, body: Any, code: str) -> None:
    answer = await client.post("/v1/webhook-endpoints", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_nobody_but_admins_knows_of_endpoints(client: httpx2.AsyncClient) -> None:
    endpoint = await made(client)
    one = f"/v1/webhook-endpoints/{endpoint['id']}"
    ping = (await client.post(f"{one}/ping")).json()
    delivery = f"/v1/webhook-deliveries/{ping['id']}"
    admin = Person(client, client.headers["authorization"])
    time = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}
    for who in await staff(admin, "reader", "owner", "reviewer"):
        for path in ("/v1/webhook-endpoints", one, "/v1/webhook-deliveries", delivery):
            await who.call("GET", path, expect=403)
        await who.call("POST", "/v1/webhook-endpoints", {"url": PUBLIC}, expect=403)
        await who.call("PATCH", one, {}, expect=403, etag='"1"')
        await who.call("DELETE", one, expect=403)
        for path, body in ((f"{one}/ping", None), (f"{one}/rotate-secret", None), (f"{one}/redeliver", time)):
            await who.call("POST", path, body, expect=403)
        await who.call("POST", f"{delivery}/redeliver", expect=403)
        query = {"query": "{ webhookEndpoints { edges { node { url } } } }"}
        assert "forbidden" in (await client.post("/graphql", json=query, headers=who.headers)).text


async def test_graphql_does_all_that_rest_does(client: httpx2.AsyncClient) -> None:
    create = """mutation ($url: String!) { createWebhookEndpoint(input: {url: $url}) { id secret } }"""
    endpoint = (await data(client, create, url=PUBLIC))["createWebhookEndpoint"]
    assert endpoint["secret"].startswith("whsec_")
    changed = await data(
        client,
        """mutation ($id: ID!) {
          updateWebhookEndpoint(endpointId: $id, input: {description: "Lake"}, expectedVersion: 1) { description state }
          rotateWebhookSecret(endpointId: $id) { secret }
          pingWebhookEndpoint(endpointId: $id) { databaseId eventType state attemptsMade attempts { status } }
          redeliverWebhooks(endpointId: $id, input: {since: "2026-01-01T00:00:00Z", until: "2026-01-02T00:00:00Z"}) {
            events } }""",
        id=endpoint["id"],
    )
    assert changed["updateWebhookEndpoint"] == {"description": "Lake", "state": "ACTIVE"}
    ping = changed["pingWebhookEndpoint"]
    assert (ping["eventType"], ping["state"], ping["attempts"]) == ("ping.v1", "PENDING", [])
    assert changed["redeliverWebhooks"] == {"events": 0}
    again = """mutation ($id: ID!) { redeliverWebhook(webhookDeliveryId: $id) { state } }"""
    assert (await data(client, again, id=ping["databaseId"]))["redeliverWebhook"] == {"state": "PENDING"}
    listed = await data(
        client,
        """query ($id: ID!) {
          webhookEndpoints(filter: {state: [ACTIVE]}) { edges { node { url } } }
          webhookDeliveries(filter: {endpointId: $id}) { edges { node { eventType } } } }""",
        id=endpoint["id"],
    )
    assert listed["webhookEndpoints"]["edges"] == [{"node": {"url": PUBLIC}}]
    assert listed["webhookDeliveries"]["edges"] == [{"node": {"eventType": "ping.v1"}}]
    remove = """mutation ($id: ID!) { removeWebhookEndpoint(endpointId: $id) { state } }"""
    assert (await data(client, remove, id=endpoint["id"]))["removeWebhookEndpoint"] == {"state": "REMOVED"}
    assert await code_of(client, again, id=ping["databaseId"]) == "webhook_endpoint_removed"
    assert b"whsec" not in orjson.dumps(listed)
