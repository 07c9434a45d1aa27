"""What others tell us, over REST and GraphQL: imports, deployments, annotations, and who may see what of it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from app.adapters.incidents.pagerduty import PagerDuty
from app.domain.ports import Ports
from app.worker.reactions import handle_events
from tests import make
from tests.contract.faults import Fault
from tests.contract.pagerduty_simulator import PagerDutySimulator, log_entry, person

PAST = datetime.now(UTC) - timedelta(days=1)


class World:
    """An admin's client, a service, and a simulated PagerDuty."""

    def __init__(self, ports: Ports, client: httpx2.AsyncClient, pagerduty: PagerDutySimulator) -> None:
        self.ports, self.client, self.pagerduty = ports, client, pagerduty
        self.service = make.service("checkout", name="Checkout")

    async def send(self, method: str, path: str, expect: int, body: Any = None, **headers: str) -> Any:
        answer = await self.client.request(method, path, json=body, headers=headers)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def graphql(self, document: str, **variables: Any) -> Any:
        answer = await self.send("POST", "/graphql", 200, {"query": document, "variables": variables})
        assert "errors" not in answer, answer
        return answer["data"]

    async def react(self) -> None:
        while await handle_events(self.ports):
            continue


@pytest.fixture
async def world(ports: Ports, client: httpx2.AsyncClient, application: Any) -> AsyncIterator[World]:
    simulator = PagerDutySimulator()
    async with httpx2.AsyncClient(transport=simulator.transport()) as http:
        paging = {"pagerduty": PagerDuty(simulator.client(http))}
        world = World(replace(ports, paging=paging), client, simulator)
        application.state.ports = world.ports
        async with ports.uow() as u:
            await u.services.add(world.service)
            await u.commit()
        yield world


async def bearer(world: World, name: str, *scopes: str) -> dict[str, str]:
    """The header of a responder of this name, whose key has these scopes, or all."""
    email = f"{name}@example.org"
    await world.send("POST", "/v1/people", 201, {"email": email, "name": name, "role": "responder"})
    key = await world.send("POST", "/v1/api-keys", 201, {"person": email, "scopes": list(scopes)})
    return {"Authorization": f"Bearer {key['token']}"}


def resolved(world: World, id: str = "PT4KHLK") -> None:
    world.pagerduty.add(
        id, status="resolved", resolved_at="2026-06-14T13:00:00Z", priority={"id": "P", "summary": "P2"}
    )
    world.pagerduty.log[id] = [
        log_entry(f"{id}-1", "trigger", "2026-06-14T12:00:00Z"),
        log_entry(f"{id}-2", "acknowledge", "2026-06-14T12:05:00Z", person("PADA", "Ada")),
    ]


async def test_an_import_by_url_is_201_and_the_same_again_200(world: World) -> None:
    resolved(world)
    url = "https://acme.pagerduty.com/incidents/PT4KHLK"
    first = await world.send("POST", "/v1/incidents/import", 201, {"id": url})
    again = await world.send("POST", "/v1/incidents/import", 200, {"provider": "pagerduty", "id": "PT4KHLK"})
    assert (first["id"], first["version"]) == (again["id"], again["version"])
    assert (first["severity"], first["responders"][0]["name"]) == ("P2", "Ada")
    assert first["moment_sources"] == {
        "started_at": "pagerduty-trigger", "detected_at": "pagerduty", "acknowledged_at": "pagerduty",
        "resolved_at": "pagerduty",
    }  # fmt: skip
    facts = await world.send("GET", f"/v1/incidents/{first['id']}/facts", 200)
    assert [one["kind"] for one in facts["items"]] == ["detection", "response"]


async def test_graphql_imports_alike_and_shows_facts_changes_and_responders(world: World) -> None:
    resolved(world)
    at = "2026-06-14T11:50:00Z"
    body = {"external_id": "1", "services": ["checkout"], "deployed_at": at, "revision": "abc"}
    await world.send("POST", "/v1/deployments", 201, body)
    shown = await world.graphql(
        'mutation { importIncident(input: {id: "PT4KHLK"}) { title responders { name personId } '
        "facts { id kind } changes { minutesBefore deployment { revision services { slug } } } } }"
    )
    incident = shown["importIncident"]
    assert incident["responders"] == [{"name": "Ada", "personId": None}]
    assert [one["kind"] for one in incident["facts"]] == ["DETECTION", "RESPONSE"]
    (hint,) = incident["changes"]
    deployed = {"revision": "abc", "services": [{"slug": "checkout"}]}
    assert hint == {"minutesBefore": 10.0, "deployment": deployed}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"id": "PNOSUCH"}, 404, "not_found"), ({"id": "what?"}, 404, "not_found"),
        ({"id": "PT4KHLK", "provider": "opsgenie"}, 422, "provider_not_configured"),
        ({}, 422, None), ({"id": "PT4KHLK", "services": ["nowhere"]}, 422, "unknown_reference"),
    ],
)  # fmt: skip
async def test_what_cannot_be_imported_says_why(world: World, body: Any, status: int, code: str | None) -> None:
    resolved(world)
    answer = await world.send("POST", "/v1/incidents/import", status, body)
    assert code in (None, answer["code"])
    assert (await world.send("GET", "/v1/incidents", 200))["items"] == []


async def test_an_unknown_service_is_refused_and_can_be_said(world: World) -> None:
    resolved(world)
    world.pagerduty.incidents["PT4KHLK"]["service"] = {"id": "PX", "summary": "Chekout"}
    answer = await world.send("POST", "/v1/incidents/import", 422, {"id": "PT4KHLK"})
    assert (answer["code"], "checkout" in answer["title"]) == ("unknown_paged_service", True)
    body = {"id": "PT4KHLK", "services": ["checkout"]}
    assert (await world.send("POST", "/v1/incidents/import", 201, body))["primary_service"]["slug"] == "checkout"


async def test_a_paging_system_that_is_away_is_503(world: World) -> None:
    resolved(world)
    world.pagerduty.faults.plan(Fault.BEFORE_500)
    answer = await world.send("POST", "/v1/incidents/import", 503, {"id": "PT4KHLK"})
    assert answer["code"] == "provider_unavailable"


async def test_what_is_restricted_is_not_there_for_others(world: World) -> None:
    resolved(world)
    incident = await world.send("POST", "/v1/incidents/import", 201, {"id": "PT4KHLK"})
    path = f"/v1/incidents/{incident['id']}"
    await world.send("PATCH", path, 200, {"visibility": "restricted"}, **{"If-Match": '"1"'})
    other = await bearer(world, "bob")
    await world.send("GET", f"{path}/changes", 404, **other)
    assert (await world.send("GET", f"{path}/facts", 200, **other))["items"] == []
    hidden = await world.send("POST", "/v1/incidents/import", 404, {"id": "PT4KHLK"}, **other)
    assert incident["id"] not in str(hidden)
    assert len((await world.send("GET", f"{path}/facts", 200))["items"]) == 2


async def test_a_deployment_is_recorded_once_listed_and_read(world: World) -> None:
    body = {
        "source": "ci", "external_id": "42", "services": ["checkout"], "state": "in_progress",
        "started_at": PAST.isoformat(), "revision": "abc", "references": ["SHOP-1"],
    }  # fmt: skip
    first = await world.send("POST", "/v1/deployments", 201, body)
    again = await world.send("POST", "/v1/deployments", 200, body)
    assert first == again
    done = await world.send("POST", "/v1/deployments", 200, {"source": "ci", "external_id": "42"})
    assert (done["state"], done["services"][0]["slug"], done["references"]) == ("succeeded", "checkout", ["SHOP-1"])
    assert done["deployed_at"] is not None
    for path in ("?service=checkout", "?environment=production&state=succeeded&source=ci", "?sort=-created_at"):
        found = await world.send("GET", f"/v1/deployments{path}", 200)
        assert [one["id"] for one in found["items"]] == [first["id"]]
    for path in ("?service=search", "?state=failed", f"?ended_before={PAST:%Y-%m-%d}T00:00:00Z"):
        assert (await world.send("GET", f"/v1/deployments{path}", 200))["items"] == []
    assert (await world.send("GET", f"/v1/deployments/{first['id']}", 200)) == done


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"external_id": "1"}, "no_service"), ({"services": ["checkout"]}, None),
        ({"external_id": "1", "services": ["nowhere"]}, "unknown_reference"),
        ({"external_id": "1", "services": ["checkout"], "state": "exploded"}, None),
        (
            {"external_id": "1", "services": ["checkout"], "deployed_at": "2199-01-01T00:00:00Z"},
            "contradictory_deployment",
        ),
        ({"external_id": "1\u0000", "services": ["checkout"]}, None),
    ],
)  # fmt: skip
async def test_a_deployment_that_makes_no_sense_is_refused(world: World, body: Any, code: str | None) -> None:
    answer = await world.send("POST", "/v1/deployments", 422, body)
    assert code in (None, answer["code"])


async def test_a_key_needs_the_scope_for_deployments(world: World) -> None:
    body = {"external_id": "1", "services": ["checkout"]}
    refused = await bearer(world, "one", "boosts:write", "read")
    await world.send("POST", "/v1/deployments", 403, body, **refused)
    allowed = await bearer(world, "two", "deployments:write", "read")
    await world.send("POST", "/v1/deployments", 201, body, **allowed)


async def test_changes_before_an_incident_are_hints(world: World) -> None:
    start = PAST.replace(microsecond=0)
    for hours in (1, 30):
        body = {"external_id": str(hours), "services": ["checkout"], "deployed_at": str(start - timedelta(hours=hours))}
        await world.send("POST", "/v1/deployments", 201, body)
    incident = await world.send(
        "POST", "/v1/incidents", 201,
        {"title": "Errors", "severity": "P3", "services": ["checkout"], "started_at": start.isoformat()},
    )  # fmt: skip
    path = f"/v1/incidents/{incident['id']}/changes"
    near = (await world.send("GET", path, 200))["items"]
    assert [one["minutes_before"] for one in near] == [60.0]
    assert len((await world.send("GET", f"{path}?hours=48", 200))["items"]) == 2
    await world.send("GET", f"{path}?hours=0", 422)


async def test_annotations_and_deployments_go_into_a_timeline_when_gathered(world: World) -> None:
    start = PAST.replace(microsecond=0)
    note = {
        "external_id": "flag-7",
        "services": ["checkout"],
        "at": start.isoformat(),
        "text": "New flow on",
        "kind": "trigger",
    }
    first = await world.send("POST", "/v1/annotations", 201, note)
    assert (await world.send("POST", "/v1/annotations", 200, note)) == first
    assert [one["id"] for one in (await world.send("GET", "/v1/annotations?service=checkout", 200))["items"]] == [
        first["id"]
    ]
    assert (await world.send("GET", f"/v1/annotations?at_after={start:%Y-%m-%d}T23:59:59Z", 200))["items"] in (
        [],
        [first],
    )
    await world.send(
        "POST", "/v1/deployments", 201, {"external_id": "1", "services": ["checkout"], "deployed_at": str(start)}
    )
    incident = await world.send(
        "POST", "/v1/incidents", 201,
        {"title": "Errors", "severity": "P3", "services": ["checkout"], "started_at": start.isoformat()},
    )  # fmt: skip
    postmortem = await world.send("POST", "/v1/postmortems", 201, {"incident_id": incident["id"]})
    path = f"/v1/postmortems/{postmortem['id']}"
    assert await world.send("POST", f"{path}/timeline/gather", 200) == {"facts": 2, "failed": {}}
    await world.send("POST", f"{path}/timeline/gather", 200)
    timeline = (await world.send("GET", path, 200))["timeline"]
    assert sorted(entry["text"] for entry in timeline) == ["Deployed: checkout", "New flow on"]
    shown = await world.graphql(
        "mutation ($id: ID!) { gatherTimeline(postmortemId: $id) { timeline { source } publications { state } } }",
        id=postmortem["id"],
    )
    assert len(shown["gatherTimeline"]["timeline"]) == 2


async def test_graphql_records_and_lists_deployments_and_annotations(world: World) -> None:
    shown = await world.graphql(
        'mutation { recordDeployment(input: {externalId: "9", services: ["checkout"], state: SUCCEEDED}) '
        '{ state environment } recordAnnotation(input: {externalId: "9", at: "2026-06-14T12:00:00Z", text: "On"}) '
        "{ text services { slug } } }"
    )
    assert shown["recordDeployment"] == {"state": "SUCCEEDED", "environment": "production"}
    assert shown["recordAnnotation"] == {"text": "On", "services": []}
    listed = await world.graphql(
        '{ deployments(filter: {service: ["checkout"]}) { edges { node { externalId } } } '
        "annotations { edges { node { externalId } } } }"
    )
    assert [len(listed[name]["edges"]) for name in ("deployments", "annotations")] == [1, 1]
