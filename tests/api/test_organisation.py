"""Services, teams, people, service accounts and keys through HTTP."""

from typing import Any

import httpx2
import pytest

from tests.api.callers import Person, staff
from tests.conftest import ADMIN_KEY


@pytest.fixture
def admin(client: httpx2.AsyncClient) -> Person:
    return Person(client, f"Bearer {ADMIN_KEY}")


async def test_a_team_with_its_lead_its_people_and_its_service(admin: Person) -> None:
    await admin.post("/v1/people", {"email": "Ada@Example.org", "name": "Ada"}, expect=201)
    route = {"provider": "github", "project": "acme/pay", "labels": ["x"]}
    team = {
        "slug": "payments", "name": "Payments", "lead": "ada@example.org", "time_zone": "Asia/Tokyo",
        "working_days": [7, 1], "route": route,
    }  # fmt: skip
    created = await admin.post("/v1/teams", team, expect=201)
    assert created["lead"]["email"] == "ada@example.org"
    unset = {"restricted": False, "issue_type": None, "due_field": None}
    priorities = dict.fromkeys(("urgent", "high", "medium", "low"))
    assert created["route"] == route | unset | {"priorities": priorities}
    assert await admin.get("/v1/teams/payments") == await admin.get(f"/v1/teams/{created['id']}") == created
    service = {"slug": "checkout", "name": "Checkout", "team": "payments", "revenue_per_hour_usd": 1200.5}
    assert (await admin.post("/v1/services", service, expect=201))["team"]["slug"] == "payments"
    await admin.patch("/v1/people/ADA@example.org", {"team": "payments", "handles": {"slack": "U1"}})
    for path in ("/v1/people?team=payments&role=reader,admin&active=true", "/v1/services?team=payments"):
        assert len((await admin.get(path))["items"]) == 1
    bare = await admin.patch("/v1/services/checkout", {"team": None, "revenue_per_hour_usd": None, "name": None})
    assert (bare["team"], bare["revenue_per_hour_usd"], bare["name"]) == (None, None, "Checkout")
    without = await admin.patch("/v1/teams/payments", {"lead": None, "route": None})
    assert (without["lead"], without["route"], without["working_days"]) == (None, None, [7, 1])


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("teams", {"time_zone": "Moon/Base"}, "invalid_time_zone"),
        ("teams", {"time_zone": "a\x00b"}, "invalid_request"),
        ("teams", {"working_days": []}, "invalid_working_days"),
        ("teams", {"working_days": [1, 10**30]}, "invalid_working_days"),
        ("teams", {"lead": "nobody@example.org"}, "unknown_reference"),
        ("teams", {"route": {"provider": "github", "project": "pay"}}, "invalid_route"),
        ("teams", {"route": {"provider": "pigeon", "project": "pay"}}, "invalid_request"),
        ("teams", {"slug": "Not A Slug"}, "invalid_request"),
        ("services", {"team": "nobody"}, "unknown_reference"),
        ("services", {"revenue_per_hour_usd": -1}, "invalid_request"),
        ("services", {"revenue_per_hour_usd": 1e300}, "invalid_request"),
        ("people", {"email": "nobody"}, "invalid_request"),
        ("people", {"handles": {"pigeon": "p"}}, "invalid_request"),
        ("people", {"role": "king"}, "invalid_request"),
    ],
)
async def test_nonsense_is_refused(admin: Person, path: str, body: dict[str, Any], code: str) -> None:
    named = {"email": "x@example.org", "name": "X"} if path == "people" else {"slug": "x", "name": "X"}
    assert (await admin.post(f"/v1/{path}", named | body, expect=422))["code"] == code


@pytest.mark.parametrize("path", ["teams", "services", "people", "service-accounts", "root-causes"])
async def test_a_strange_address_is_not_found(admin: Person, path: str) -> None:
    for ref in ("nothing", "00000000-0000-7000-8000-00000000dead", "%F0%9F%90%89", "x" * 254, "'; drop"):
        await admin.call("GET", f"/v1/{path}/{ref}", expect=404)
        await admin.call("PATCH", f"/v1/{path}/{ref}", {}, expect=404, etag='"1"')
    for ref in ("a%00b", "x" * 255):
        await admin.call("GET", f"/v1/{path}/{ref}", expect=422)


async def test_lists_can_be_searched_sorted_and_paged(admin: Person) -> None:
    for number in range(5):
        await admin.post("/v1/services", {"slug": f"s{number}", "name": f"Service {number}"}, expect=201)
    page, slugs = await admin.get("/v1/services?limit=2&sort=-name"), []
    while True:
        slugs += [item["slug"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        page = await admin.get(f"/v1/services?limit=2&sort=-name&after={page['next_cursor']}")
    assert slugs == ["s4", "s3", "s2", "s1", "s0"]
    assert [item["slug"] for item in (await admin.get("/v1/services?search=VICE 3"))["items"]] == ["s3"]
    for query in ("sort=route", "search=a%00b", "team=a%00b", "after=!!"):
        await admin.call("GET", f"/v1/services?{query}", expect=422)
    assert (await admin.call("GET", "/v1/people?role=king", expect=422))["code"] == "invalid"


async def test_a_handle_and_the_last_admin_are_protected(admin: Person) -> None:
    await admin.post("/v1/people", {"email": "a@example.org", "name": "A", "handles": {"github": "a"}}, expect=201)
    twice = {"email": "b@example.org", "name": "B", "handles": {"github": "A"}}
    assert (await admin.post("/v1/people", twice, expect=409))["code"] == "handle_taken"
    me = await admin.get("/v1/me")
    for change in ({"role": "reader"}, {"active": False}):
        assert (await admin.patch(f"/v1/people/{me['id']}", change, expect=409))["code"] == "last_admin"


async def test_only_admins_configure(admin: Person) -> None:
    reviewer, reader = await staff(admin, "reviewer", "reader")
    for caller in (reviewer, reader):
        for path, body in (
            ("teams", {"slug": "x", "name": "X"}), ("services", {"slug": "x", "name": "X"}),
            ("people", {"email": "x@example.org", "name": "X"}), ("service-accounts", {"slug": "x", "name": "X"}),
            ("api-keys", {"person": "reader@example.org"}),
        ):  # fmt: skip
            assert (await caller.post(f"/v1/{path}", body, expect=403))["code"] == "forbidden"
        await caller.call("GET", "/v1/api-keys", expect=403)
        await caller.get("/v1/people")


async def test_a_key_is_shown_once_narrowed_and_revoked(admin: Person) -> None:
    await admin.post("/v1/service-accounts", {"slug": "ci", "name": "CI", "role": "responder"}, expect=201)
    key = await admin.post("/v1/api-keys", {"service_account": "ci", "scopes": ["read"]}, expect=201)
    ci = Person(admin.http, f"Bearer {key['token']}")
    me = await ci.get("/v1/me")
    assert (me["kind"], me["name"], me["role"], me["scopes"]) == ("service_account", "CI", "responder", ["read"])
    incident = {"title": "Down", "severity": "P1", "services": ["x"]}
    assert "scope" in (await ci.post("/v1/incidents", incident, expect=403))["title"]
    listed = await admin.get(f"/v1/api-keys/{key['id']}")
    assert (listed["service_account"]["slug"], listed["person"]) == ("ci", None)
    assert "token" not in listed
    assert "secret_hash" not in listed
    await admin.call("DELETE", f"/v1/api-keys/{key['id']}", expect=204)
    await admin.call("DELETE", f"/v1/api-keys/{key['id']}", expect=204)
    assert (await admin.get(f"/v1/api-keys/{key['id']}"))["revoked_at"] is not None
    assert len((await admin.get("/v1/api-keys"))["items"]) == 2
    for bad in ("unknown", "a.b"):
        await admin.call("DELETE", f"/v1/api-keys/{bad}", expect=404 if bad == "unknown" else 422)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "not_one_holder"),
        ({"person": "admin@localhost", "service_account": "ci"}, "not_one_holder"),
        ({"person": "nobody@example.org"}, "unknown_reference"),
        ({"person": "admin@localhost", "scopes": ["dragons"]}, "unknown_scope"),
        ({"person": "admin@localhost", "expires_at": "2020-01-01T00:00:00Z"}, "invalid"),
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(admin: Person, body: dict[str, Any], code: str) -> None:
    await admin.post("/v1/service-accounts", {"slug": "ci", "name": "CI"}, expect=201)
    assert (await admin.post("/v1/api-keys", body, expect=422))["code"] == code


async def test_a_service_account_is_switched_off(admin: Person) -> None:
    await admin.post("/v1/service-accounts", {"slug": "ci", "name": "CI"}, expect=201)
    off = await admin.patch("/v1/service-accounts/ci", {"active": False})
    assert (off["active"], off["version"]) == (False, 2)
    assert (await admin.get("/v1/service-accounts?active=false"))["items"] == [off]
    assert (await admin.post("/v1/api-keys", {"service_account": "ci"}, expect=422))["code"] == "unknown_reference"
