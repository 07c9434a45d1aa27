"""Incidents, root causes and factors through HTTP."""

from typing import Any

import httpx2
import pytest

from tests.api.callers import Person, staff
from tests.conftest import ADMIN_KEY

INCIDENT = {"title": "Checkout is down", "severity": "P2", "services": ["checkout"]}


@pytest.fixture
async def admin(client: httpx2.AsyncClient) -> Person:
    admin = Person(client, f"Bearer {ADMIN_KEY}")
    for slug in ("checkout", "search"):
        await admin.post("/v1/services", {"slug": slug, "name": slug.title()}, expect=201)
    await admin.post("/v1/root-causes", {"slug": "pool", "title": "Pool", "factor_code": "capacity"}, expect=201)
    return admin


async def test_all_that_is_said_comes_back(admin: Person) -> None:
    said: dict[str, Any] = {
        "title": "Down", "severity": "P1", "summary": "It fell over.", "mode": "standard",
        "started_at": "2026-03-01T11:00:00+02:00", "detected_at": "2026-03-01T09:10:00Z",
        "detection_source": "alert", "customer_impact": "moderate", "visibility": "organization",
        "external_refs": [{"source": "pagerduty", "id": "Q1", "url": "https://pd.example/Q1"}],
        "root_cause_status": "confirmed",
    }  # fmt: skip
    given = said | {
        "services": ["checkout", "search"], "primary_service": "search", "root_cause": "pool",
        "moment_sources": {"detected_at": "pagerduty"}, "change": {"role": "caused", "kind": "flag"},
    }  # fmt: skip
    incident = await admin.post("/v1/incidents", given, expect=201)
    said["started_at"] = "2026-03-01T09:00:00Z"
    assert {
        name: incident[name].replace("+00:00", "Z") if name.endswith("_at") else incident[name] for name in said
    } == said
    assert [service["slug"] for service in incident["services"]] == ["search", "checkout"]
    assert incident["moment_sources"] == {"started_at": "manual", "detected_at": "pagerduty"}
    assert incident["change"] == {"role": "caused", "kind": "flag", "rollout": None}
    assert incident["root_cause"]["slug"] == "pool"
    assert await admin.get(f"/v1/incidents/{incident['id']}") == incident


async def test_an_incident_is_resolved_explained_and_corrected(admin: Person) -> None:
    path = f"/v1/incidents/{(await admin.post('/v1/incidents', INCIDENT, expect=201))['id']}"
    assert (await admin.patch(path, {"root_cause": "pool"}))["root_cause_status"] == "proposed"
    assert (await admin.patch(path, {"root_cause_status": "confirmed"}))["root_cause_status"] == "confirmed"
    assert (await admin.patch(path, {"root_cause": "undetermined", "root_cause_status": "confirmed"}))["version"] == 4
    assert (await admin.patch(path, {"root_cause": None}))["root_cause_status"] is None
    assert (await admin.patch(path, {"resolved_at": "2026-03-01T10:00:00Z"}))["moment_sources"] == {
        "resolved_at": "manual"
    }
    assert (await admin.patch(path, {"resolved_at": None, "change": None}))["resolved_at"] is None
    refused = await admin.patch(path, {"root_cause_status": "confirmed"}, expect=422)
    assert refused["code"] == "confirmed_without_cause"
    assert (await admin.patch(path, {"primary_service": "search"}, expect=422))["code"] == "no_service"


async def test_incidents_can_be_filtered(admin: Person) -> None:
    await admin.post("/v1/teams", {"slug": "shop", "name": "Shop"}, expect=201)
    await admin.patch("/v1/services/search", {"team": "shop"})
    old = INCIDENT | {"started_at": "2026-01-01T00:00:00Z", "resolved_at": "2025-12-01T00:00:00Z"}
    await admin.post("/v1/incidents", old | {"external_refs": [{"source": "x", "id": "Q1"}]}, expect=201)
    new = {"services": ["search", "checkout"], "severity": "P4", "root_cause": "pool", "customer_impact": "limited"}
    await admin.post("/v1/incidents", INCIDENT | new | {"started_at": "2026-02-01T00:00:00Z"}, expect=201)
    first = ("severity=P1,P2", "resolved=true", "contradicting=true", "external_id=Q1",
             "started_before=2026-01-02T00:00:00Z")  # fmt: skip
    second = ("severity=P4", "resolved=false", "root_cause=pool", "root_cause_status=proposed", "team=shop",
              "service=search", "customer_impact=limited", "started_after=2026-01-02T00:00:00Z")  # fmt: skip
    for queries, title in ((first, "P2"), (second, "P4")):
        for query in queries:
            found = (await admin.get(f"/v1/incidents?{query}"))["items"]
            assert [item["severity"] for item in found] == [title], query
    for query in ("service=checkout", "mode=standard", "search=CHECKOUT", "created_after=2020-01-01T00:00:00Z"):
        assert len((await admin.get(f"/v1/incidents?{query}"))["items"]) == 2, query
    for query in ("severity=P9", "mode=x", "started_after=2026-01-01", "resolved=maybe", "search=a%00b"):
        await admin.call("GET", f"/v1/incidents?{query}", expect=422)


async def test_a_restricted_incident_exists_for_few(admin: Person) -> None:
    author, owner, reviewer = await staff(admin, "author", "owner", "reviewer")
    restricted = INCIDENT | {"visibility": "restricted", "viewers": ["owner@example.org"]}
    incident = await author.post("/v1/incidents", restricted, expect=201)
    path = f"/v1/incidents/{incident['id']}"
    assert [viewer["email"] for viewer in incident["viewers"]] == ["author@example.org", "owner@example.org"]
    for caller in (author, owner, admin):
        assert len((await caller.get("/v1/incidents"))["items"]) == 1
    assert (await reviewer.get("/v1/incidents"))["items"] == []
    await reviewer.call("GET", path, expect=404)
    await reviewer.call("PATCH", path, {"title": "x"}, expect=404, etag='"1"')
    assert (await owner.patch(path, {"viewers": []}))["viewers"][0]["email"] == "owner@example.org"
    await author.call("GET", path, expect=404)


async def test_a_name_elsewhere_names_one_incident(admin: Person) -> None:
    named = INCIDENT | {"external_refs": [{"source": "pagerduty", "id": "Q1"}]}
    await admin.post("/v1/incidents", named, expect=201)
    assert (await admin.post("/v1/incidents", named, expect=409))["code"] == "already_exists"


@pytest.mark.parametrize(
    "change",
    [
        {"moment_sources": {"lunch_at": "x"}},
        {"moment_sources": {"resolved_at": "x"}},
        {"change": {"role": "x"}},
        {"external_refs": [{"source": "A B", "id": "1"}]},
        {"external_refs": [{"source": "a", "id": "1", "url": "javascript:x"}]},
        {"viewers": ["nobody@example.org"]},
        {"root_cause": "nothing"},
        {"root_cause": "a\x00b"},
        {"visibility": "secret"},
        {"primary_service": "nowhere"},
    ],
)
async def test_nonsense_is_refused(admin: Person, change: dict[str, Any]) -> None:
    await admin.post("/v1/incidents", INCIDENT | change, expect=422)
    assert (await admin.get("/v1/incidents"))["items"] == []


async def test_root_causes_are_merged(admin: Person) -> None:
    (author,) = await staff(admin, "author")
    await author.post("/v1/root-causes", {"slug": "pool-2", "title": "Pool again"}, expect=201)
    confirmed = INCIDENT | {"root_cause": "pool-2", "root_cause_status": "confirmed"}
    incident = await author.post("/v1/incidents", confirmed, expect=201)
    await author.post("/v1/root-causes/pool-2/merge", {"into": "pool"}, expect=403)
    assert (await admin.post("/v1/root-causes/pool-2/merge", {"into": "pool"}))["slug"] == "pool"
    assert (await admin.get(f"/v1/incidents/{incident['id']}"))["root_cause"]["slug"] == "pool"
    assert (await admin.get("/v1/root-causes/pool-2"))["merged_into"]["slug"] == "pool"
    assert [c["slug"] for c in (await admin.get("/v1/root-causes?merged=true"))["items"]] == ["pool-2"]
    for refused in ({"title": "x"}, {"description": "y"}):
        assert (await admin.patch("/v1/root-causes/pool-2", refused, expect=409))["code"] == "root_cause_merged"
    assert (await admin.post("/v1/root-causes/pool/merge", {"into": "pool-2"}, expect=422))["code"] == "invalid"
    again = await author.post("/v1/incidents", INCIDENT | {"root_cause": "pool-2"}, expect=201)
    assert again["root_cause"]["slug"] == "pool"


async def test_the_reserved_cause_stays(admin: Person) -> None:
    path = "/v1/root-causes/undetermined"
    assert (await admin.patch(path, {"title": "Known"}, expect=409))["code"] == "reserved_root_cause"
    for source, into in (("pool", "undetermined"), ("undetermined", "pool")):
        refused = await admin.post(f"/v1/root-causes/{source}/merge", {"into": into}, expect=409)
        assert refused["code"] == "reserved_root_cause"


async def test_factors_are_listed(admin: Person) -> None:
    factors = (await admin.get("/v1/factors"))["items"]
    assert len(factors) == 21
    assert (await admin.get("/v1/factors/timeout-misconfiguration"))["sub_codes"] == ["too_short", "not_configured"]
    await admin.call("GET", "/v1/factors/bad-luck", expect=404)
    assert (await admin.patch("/v1/root-causes/pool", {"factor_code": "bad-luck"}, expect=422))[
        "code"
    ] == "unknown_factor"
    assert (await admin.patch("/v1/root-causes/pool", {"factor_code": None}))["factor_code"] is None
    assert (await admin.get("/v1/root-causes?factor_code=capacity,dns"))["items"] == []
