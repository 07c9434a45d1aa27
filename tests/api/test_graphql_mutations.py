"""Mutations write by the use cases of REST: the same names, rules and codes."""

import base64
from typing import Any

import httpx2
import pytest

from app.domain.ports import Ports
from app.domain.tracking.use_cases.deliver_due import deliver_due
from tests.api.graphql_world import ask, code_of, data, make_world


@pytest.fixture
async def world(client: httpx2.AsyncClient) -> dict[str, Any]:
    return await make_world(client)


async def test_mutations_make_what_they_say(world: dict[str, Any]) -> None:
    assert world["person"]["handles"] == [{"provider": "github", "handle": "octo"}]
    assert world["person"]["team"] == {"slug": "payments"}
    assert world["incident"]["severity"] == "P1"
    assert world["incident"]["change"] == {"role": "CAUSED"}
    assert world["postmortem"]["status"] == "DRAFT"
    assert world["item"]["status"] == "CANDIDATE"
    assert world["item"]["basePriority"] == "MEDIUM"
    assert world["item"]["owner"] == {"email": "owner@example.org"}


async def test_an_item_goes_its_way_by_mutations(client: httpx2.AsyncClient, world: dict[str, Any]) -> None:
    item = world["item"]
    changed = await data(
        client,
        """mutation ($id: ID!, $version: Int!) {
          accepted: acceptActionItem(itemId: $id, input: {}) { status committedDueOn }
          edited: updateActionItem(itemId: $id, input: {description: "x", plannedIn: "S1"}, expectedVersion: $version) {
            version description plannedIn title history { field new } }
          started: startActionItem(itemId: $id) { status }
        }""",
        id=item["id"],
        version=item["version"] + 1,
    )
    assert changed["accepted"] == {"status": "OPEN", "committedDueOn": "2026-12-31"}
    assert (changed["edited"]["description"], changed["edited"]["title"]) == ("x", "Set a timeout")
    assert {"field": "description", "new": "x"} in changed["edited"]["history"]
    assert changed["started"] == {"status": "IN_PROGRESS"}


async def test_absent_and_null_differ(client: httpx2.AsyncClient, world: dict[str, Any]) -> None:
    query = """mutation ($input: ServicePatchInput!, $version: Int!) {
      updateService(service: "checkout", input: $input, expectedVersion: $version) { name version team { slug } } }"""
    kept = (await data(client, query, input={"name": "Check-out"}, version=1))["updateService"]
    assert kept == {"name": "Check-out", "version": 2, "team": {"slug": "payments"}}
    gone = (await data(client, query, input={"team": None}, version=2))["updateService"]
    assert gone == {"name": "Check-out", "version": 3, "team": None}


async def test_refusals_carry_the_codes_of_rest(client: httpx2.AsyncClient, world: dict[str, Any]) -> None:
    item = world["item"]
    update = """mutation ($id: ID!, $input: ActionItemPatchInput!, $version: Int!) {
      updateActionItem(itemId: $id, input: $input, expectedVersion: $version) { id } }"""
    assert await code_of(client, update, id=item["id"], input={"title": "y"}, version=7) == "stale_version"
    assert (
        await code_of(client, update, id=item["id"], input={"owner": "nobody@example.org"}, version=1)
        == "unknown_reference"
    )
    implement = "mutation ($id: ID!) { implementActionItem(itemId: $id, input: {}) { id } }"
    assert await code_of(client, implement, id=item["id"]) == "verification_plan_required"
    missing = "00000000-0000-7000-8000-000000000000"
    assert (
        await code_of(client, "mutation ($id: ID!) { startActionItem(itemId: $id) { id } }", id=missing) == "not_found"
    )
    for title in ("", "a\x00b", "x" * 301):
        body = await ask(client, update, id=item["id"], input={"title": title}, version=1)
        (error,) = body["errors"]
        assert error["extensions"]["code"] == "invalid_request"
        assert error["extensions"]["problems"][0]["pointer"] == "/title"
        assert error["path"] == ["updateActionItem"]
    publish = "mutation ($id: ID!) { publishPostmortem(postmortemId: $id) { id } }"
    body = await ask(client, publish, id=world["postmortem"]["id"])
    assert body["data"] is None
    assert {"section_missing"} <= {p["code"] for p in body["errors"][0]["extensions"]["problems"]}


async def test_a_postmortem_is_written_by_mutations(client: httpx2.AsyncClient, world: dict[str, Any]) -> None:
    id = world["postmortem"]["id"]
    added = await data(
        client,
        """mutation ($id: ID!) { addTimelineEntry(postmortemId: $id, input: {
          occurredAt: "2026-01-01T00:05:00Z", kind: DETECTION, text: "Noticed" }) { id occurredAt kind source } }""",
        id=id,
    )
    entry = added["addTimelineEntry"]
    assert (entry["occurredAt"], entry["kind"], entry["source"]) == ("2026-01-01T00:05:00+00:00", "DETECTION", "manual")
    version = (await data(client, "query ($id: ID!) { postmortem(id: $id) { version } }", id=id))["postmortem"][
        "version"
    ]
    written = await data(
        client,
        """mutation ($id: ID!, $version: Int!) { updatePostmortem(postmortemId: $id, expectedVersion: $version, input: {
          sections: [{name: SUMMARY, value: {text: "It broke."}}], whys: ["Because."],
          factors: [{code: "missing-alerting"}], phaseExplanations: [{name: MITIGATION, value: "None."}]
        }) { version sections { name text } whys { text } factors { code } phaseExplanations { phase text } } }""",
        id=id,
        version=version,
    )
    postmortem = written["updatePostmortem"]
    assert postmortem["sections"] == [{"name": "SUMMARY", "text": "It broke."}]
    assert postmortem["phaseExplanations"] == [{"phase": "MITIGATION", "text": "None."}]
    assert postmortem["factors"] == [{"code": "missing-alerting"}]
    removed = await data(
        client,
        """mutation ($id: ID!, $entry: ID!, $version: Int!) { removeTimelineEntry(
          postmortemId: $id, entryId: $entry, expectedVersion: $version) { timeline { id } } }""",
        id=id,
        entry=entry["id"],
        version=postmortem["version"],
    )
    assert removed["removeTimelineEntry"] == {"timeline": []}


async def test_a_new_key_is_shown_once_and_can_be_revoked(client: httpx2.AsyncClient, world: dict[str, Any]) -> None:
    made = await data(
        client, 'mutation { issueApiKey(input: {person: "owner@example.org", scopes: ["read"]}) { id token scopes } }'
    )
    key = made["issueApiKey"]
    owner = {"Authorization": f"Bearer {key['token']}"}
    me = (await client.post("/graphql", json={"query": "{ me { role person { email } } }"}, headers=owner)).json()
    assert me["data"]["me"] == {"role": "RESPONDER", "person": {"email": "owner@example.org"}}
    delivery = base64.b64encode(b"Delivery:00000000-0000-7000-8000-000000000000").decode()
    for query in (
        "{ deliveries { edges { cursor } } }",
        "{ deliveries { totalCount } }",
        "{ apiKeys { edges { cursor } } }",
        f'{{ node(id: "{delivery}") {{ id }} }}',
    ):
        refused = (await client.post("/graphql", json={"query": query}, headers=owner)).json()
        assert refused["errors"][0]["extensions"]["code"] == "forbidden"
    revoked = await data(
        client, "mutation ($id: String!) { revokeApiKey(keyId: $id) { keyId revokedAt } }", id=key["id"]
    )
    assert revoked["revokeApiKey"]["revokedAt"] is not None


async def test_a_key_that_may_only_write_is_shown_what_it_wrote(
    client: httpx2.AsyncClient, world: dict[str, Any]
) -> None:
    issue = 'mutation { issueApiKey(input: {person: "owner@example.org", scopes: ["action-items:write"]}) { token } }'
    key = (await data(client, issue))["issueApiKey"]["token"]
    query = """mutation ($id: ID!) { acceptActionItem(itemId: $id, input: {}) { status owner { email } } }"""
    asked = {"query": query, "variables": {"id": world["item"]["id"]}}
    shown = (await client.post("/graphql", json=asked, headers={"Authorization": f"Bearer {key}"})).json()
    assert shown["data"] == {"acceptActionItem": {"status": "OPEN", "owner": None}}
    (error,) = shown["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["acceptActionItem", "owner"], "forbidden")


async def test_a_ticket_of_our_own_tracker_is_shown_and_moves(
    client: httpx2.AsyncClient, world: dict[str, Any], ports: Ports
) -> None:
    item = {"id": world["item"]["id"]}
    await data(client, "mutation ($id: ID!) { acceptActionItem(itemId: $id, input: {}) { id } }", **item)
    await deliver_due(ports.uow, ports.clock, ports.policy, ports.trackers)
    found = await data(
        client,
        """query ($id: ID!) { actionItem(id: $id) { ticket {
          key url provider syncState status route { provider project } actionItem { title } } }
          localTickets { totalCount edges { node { number key title comments { at } } } }
          deliveries { edges { node { state kind } } } }""",
        **item,
    )
    ticket = found["actionItem"]["ticket"]
    assert (ticket["provider"], ticket["syncState"], ticket["status"]) == ("LOCAL", "SYNCED", "TODO")
    assert ticket["actionItem"] == {"title": "Set a timeout"}
    (local,) = (edge["node"] for edge in found["localTickets"]["edges"])
    assert local["key"] == ticket["key"]
    assert found["deliveries"]["edges"] == [{"node": {"state": "SENT", "kind": "CREATE"}}]
    move = "mutation ($n: Int!) { moveLocalTicket(number: $n, input: {status: IN_PROGRESS}) { key status } }"
    moved = await data(client, move, n=local["number"])
    assert moved["moveLocalTicket"] == {"key": local["key"], "status": "IN_PROGRESS"}
    assert await code_of(client, move, n=local["number"] + 1) == "not_found"
