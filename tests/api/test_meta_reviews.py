"""The quarter's review over REST and GraphQL: counted, compared, discussed, published, frozen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from app.domain.incidents.model import Mode, Rollout, Severity
from app.domain.meta_reviews.use_cases.drafting import build_meta_review, draft_due_reviews
from app.domain.meta_reviews.use_cases.risk import score_pattern_items
from app.domain.ports import Ports
from tests import make
from tests.api.callers import Person, staff
from tests.meta_review_world import BEFORE, Quarter


@pytest.fixture
async def world(ports: Ports, application: FastAPI, client: httpx2.AsyncClient) -> Quarter:
    quarter = Quarter(ports)
    await quarter.open()
    application.state.ports = quarter.ports
    return quarter


@pytest.fixture
def admin(client: httpx2.AsyncClient) -> Person:
    return Person(client, client.headers["Authorization"])


async def begun(admin: Person, world: Quarter, period: str = "2026-Q1") -> Any:
    review = await admin.post("/v1/meta-reviews", {"period": period}, expect=201)
    await world.build(UUID(review["id"]))
    return await admin.get(f"/v1/meta-reviews/{period}")


async def test_a_quarter_is_counted_with_patterns_forms_and_the_quarter_before(admin: Person, world: Quarter) -> None:
    for form in ("config_difference", "new_endpoint", "new_endpoint"):
        await world.incident(f"missing-alerting/{form}")
    await world.incident("missing-alerting/other", change=Rollout.DIRECT)
    await world.incident("timeout-misconfiguration/too_short", change=Rollout.CANARY)
    await world.incident("dns", start=BEFORE)
    await world.incident("missing-alerting/other", start=BEFORE)
    queued = await admin.post("/v1/meta-reviews", {"period": "2026-Q1"}, expect=201)
    assert (queued["build"]["state"], queued["n"], queued["patterns"]) == ("queued", None, [])
    await world.build(UUID(queued["id"]))
    review = await admin.get("/v1/meta-reviews/2026-Q1")
    assert (review["n"], review["previous_n"], review["n_missing"], review["build"]["state"]) == (5, 2, 0, "done")
    alerting, deployment, timeouts = review["patterns"]
    assert (alerting["key"], alerting["n"], alerting["of"]) == ("missing-alerting", 4, 5)
    assert (alerting["previous_n"], alerting["previous_of"]) == (1, 2)
    assert [(p["name"], p["n"]) for p in alerting["parts"]] == [
        ("new_endpoint", 2), ("config_difference", 1), ("other", 1),
    ]  # fmt: skip
    assert alerting["low"] == pytest.approx(0.3755, abs=1e-4)
    assert alerting["p"] == pytest.approx(1.0, abs=0.6)
    assert len(alerting["quotes"]) == 3
    assert alerting["revenue_per_hour_usd"] == 42_000
    assert (deployment["key"], deployment["n"]) == ("deployment", 2)
    assert {p["name"]: p["n"] for p in deployment["parts"]} == {"direct": 1, "canary": 1}
    assert (timeouts["n"], timeouts["direction"]) == (1, "no_evidence")


async def test_each_number_leads_to_its_incidents(admin: Person, world: Quarter) -> None:
    for _ in range(3):
        await world.incident("dns")
    review = await begun(admin, world)
    page = await admin.get("/v1/meta-reviews/2026-Q1/patterns/dns/incidents")
    assert len(page["items"]) == review["patterns"][0]["n"] == 3
    query = """query ($id: ID!) { metaReview(id: $id) { period n patterns {
        key n incidents(first: 2) { totalCount edges { node { title } } } } } }"""
    answer = await admin.post("/graphql", {"query": query, "variables": {"id": review["id"]}})
    (pattern,) = answer["data"]["metaReview"]["patterns"]
    assert (pattern["key"], pattern["incidents"]["totalCount"], len(pattern["incidents"]["edges"])) == ("dns", 3, 2)


async def test_a_restricted_incident_counts_and_shows_nothing_of_itself(admin: Person, world: Quarter) -> None:
    for _ in range(2):
        await world.incident("security")
    secret, _ = await world.incident("security", title="Leaked tokens", summary="wild zebra grazing", restricted_to=[])
    (reader,) = await staff(admin, "reader")
    review = await begun(admin, world)
    assert review["patterns"][0]["n"] == 3
    for path in ("", ".md", ".html", ".csv", "/patterns", "/themes", "/patterns/security/incidents", "/difference"):
        response = await reader.http.get(f"/v1/meta-reviews/2026-Q1{path}", headers=reader.headers)
        assert response.status_code == 200
        assert str(secret.id) not in response.text
        assert "Leaked" not in response.text
        assert "zebra" not in response.text
    listed = await reader.get("/v1/meta-reviews/2026-Q1/patterns/security/incidents")
    assert len(listed["items"]) == 2


async def test_a_quote_of_an_incident_that_becomes_restricted_is_not_shown(admin: Person, world: Quarter) -> None:
    incident, _ = await world.incident("dns", title="Zone expired")
    await world.incident("dns")
    (reader,) = await staff(admin, "reader")
    review = await begun(admin, world)
    assert "Zone expired" in str((await reader.get("/v1/meta-reviews/2026-Q1"))["patterns"])
    await admin.patch(f"/v1/incidents/{incident.id}", {"visibility": "restricted"})
    assert "Zone expired" not in str(await reader.get("/v1/meta-reviews/2026-Q1"))
    assert "Zone expired" in str(await admin.get(f"/v1/meta-reviews/{review['id']}"))


async def test_published_numbers_stay_and_what_changed_is_shown(admin: Person, world: Quarter) -> None:
    incident, _ = await world.incident("dns", change=Rollout.DIRECT)
    await world.incident("dns", change=Rollout.STAGED)
    reviewer, author = await staff(admin, "reviewer", "author")
    review = await begun(admin, world)
    path = f"/v1/meta-reviews/{review['id']}"
    await author.post(f"{path}/publish", expect=403)
    await reviewer.post(f"{path}/publish", expect=409)
    await author.post(f"{path}/submit")
    refused = await reviewer.post(f"{path}/publish", {"content_hash": "0" * 64}, expect=409)
    assert refused["code"] == "content_changed"
    published = await reviewer.post(f"{path}/publish", {"content_hash": review["content_hash"]})
    assert (published["status"], published["published_by"]["email"]) == ("published", "reviewer@example.org")
    assert (await admin.get(f"{path}/difference"))["patterns"] == []
    await admin.patch(f"/v1/incidents/{incident.id}", {"change": {"role": "none"}})
    await world.build(UUID(review["id"]))
    after = await admin.get(path)
    assert {p["key"]: p["n"] for p in after["patterns"]} == {"dns": 2, "deployment": 2}
    (changed,) = (await admin.get(f"{path}/difference"))["patterns"]
    assert (changed["key"], changed["kept_n"], changed["live_n"]) == ("deployment", 2, 1)
    assert [one["id"] for one in changed["removed"]] == [str(incident.id)]
    page = await admin.http.get(f"{path}.html", headers=admin.headers)
    assert "What changed since" in page.text
    for verb, body in (("submit", None), ("rebuild", None), ("send-back", {"reason": "x"}), ("publish", None)):
        assert (await admin.post(f"{path}/{verb}", body, expect=409))["code"] == "meta_review_wrong_state"
    patched = await admin.call("PATCH", f"{path}/patterns/dns", {"fix": "Other"}, expect=409)
    assert patched["code"] == "meta_review_wrong_state"


async def test_a_submitter_does_not_publish_and_a_review_goes_back(admin: Person, world: Quarter) -> None:
    await world.incident("dns")
    (reviewer,) = await staff(admin, "reviewer")
    review = await begun(admin, world)
    path = f"/v1/meta-reviews/{review['id']}"
    await reviewer.post(f"{path}/submit")
    assert (await reviewer.post(f"{path}/publish", expect=403))["code"] == "own_work"
    assert (await admin.post(f"{path}/send-back", {"reason": "a factor is missing"}))["status"] == "draft"
    await admin.post(f"{path}/submit")
    assert (await reviewer.post(f"{path}/publish"))["status"] == "published"


@pytest.mark.parametrize(
    ("period", "status", "code"),
    [
        ("2026-Q3", 422, "period_not_begun"),
        ("2031-Q1", 422, "period_not_begun"),
        ("2026-Q5", 422, "invalid_period"),
        ("Q1 2026", 422, "invalid_period"),
        ("", 422, "invalid_period"),
        ("9999-Q1", 422, "invalid_period"),
        ("2026-Q1\u0000", 422, "invalid_period"),
    ],
)
async def test_a_period_that_cannot_be_reviewed(
    admin: Person, world: Quarter, period: str, status: int, code: str
) -> None:
    assert (await admin.post("/v1/meta-reviews", {"period": period}, expect=status))["code"] == code


async def test_a_quarter_has_one_review(admin: Person, world: Quarter) -> None:
    await begun(admin, world)
    assert (await admin.post("/v1/meta-reviews", {"period": "2026-q1"}, expect=409))["code"] == "meta_review_exists"
    assert len((await admin.get("/v1/meta-reviews?period=2026-Q1&status=draft"))["items"]) == 1
    await admin.call("GET", "/v1/meta-reviews/2025-Q1", expect=404)
    await admin.call("GET", "/v1/meta-reviews/nonsense", expect=422)


async def test_a_quarter_that_runs_stays_preliminary(admin: Person, world: Quarter) -> None:
    review = await begun(admin, world, "2026-Q2")
    assert review["preliminary"] is True
    refused = await admin.post("/v1/meta-reviews/2026-Q2/submit", expect=409)
    assert refused["code"] == "period_not_ended"


async def test_empty_single_and_test_quarters_are_explained(admin: Person, world: Quarter) -> None:
    await begun(admin, world, "2024-Q1")
    text = (await admin.http.get("/v1/meta-reviews/2024-Q1.md", headers=admin.headers)).text
    assert "Incidents reviewed: 0 postmortems" in text
    assert "nothing to find in common" in text
    await world.incident("dns")
    await world.incident("dns", mode=Mode.TEST)
    await world.incident(published=False)
    review = await begun(admin, world)
    assert (review["n"], review["n_missing"], review["missing_because"], review["other_modes"]) == (
        1,
        1,
        {"overdue": 1},
        1,
    )
    text = (await admin.http.get("/v1/meta-reviews/2026-Q1.md", headers=admin.headers)).text
    assert "One postmortem alone shows no pattern" in text
    assert "## Pattern" not in text
    page = await admin.http.get("/v1/meta-reviews/2024-Q1.html", headers=admin.headers)
    assert "No pattern appeared more than once" in page.text


async def test_the_markdown_has_the_layout_people_know(admin: Person, world: Quarter) -> None:
    for _ in range(2):
        await world.incident("missing-alerting/new_endpoint", change=Rollout.CANARY)
    review = await begun(admin, world)
    body = {"title": "Create an alert checklist", "owner": "ada@example.org", "due_on": "2026-07-15"}
    await admin.post(f"/v1/meta-reviews/{review['id']}/patterns/missing-alerting/action-items", body, expect=201)
    lines = (await admin.http.get("/v1/meta-reviews/2026-Q1.md", headers=admin.headers)).text.splitlines()
    assert lines[0] == "# Postmortem Meta-Review — Q1 2026"
    assert "Incidents reviewed: 2 postmortems" in lines
    assert "## Pattern 1: Deployment-caused incidents (appeared in 2 of 2 incidents)" in lines
    assert "## Pattern 2: Missing alerting (appeared in 2 of 2 incidents)" in lines
    assert any(one.startswith("- Proposed systemic fix: ") for one in lines)
    assert lines[-1] == "- [ ] Platform: Create an alert checklist — due 2026-07-15"
    assert lines[-3] == "## Action items from meta-review:"


async def test_a_fix_in_other_words_survives_counting_anew(admin: Person, world: Quarter) -> None:
    await world.incident("dns")
    review = await begun(admin, world)
    path = f"/v1/meta-reviews/{review['id']}"
    worded = await admin.call("PATCH", f"{path}/patterns/dns", {"fix": "Short lifetimes for all zones."}, expect=200)
    assert worded["content_hash"] != review["content_hash"]
    await world.incident("dns")
    await world.build(UUID(review["id"]))
    (pattern,) = (await admin.get(path))["patterns"]
    assert (pattern["n"], pattern["fix"], pattern["fix_is_edited"]) == (2, "Short lifetimes for all zones.", True)


async def test_themes_are_accepted_and_dismissed(admin: Person, world: Quarter) -> None:
    for name in ("billing", "search", "login"):
        await world.incident(summary=f"The {name} pool was empty: stale feature flags kept old workers alive.")
    for name in ("a", "b", "c", "d", "e", "f", "g", "h"):
        await world.incident("dns", summary=f"Zone {name} had a wrong record, and resolvers kept it.")
    review = await begun(admin, world)
    phrases = {theme["phrase"]: theme for theme in review["themes"]}
    theme = next(one for phrase, one in phrases.items() if "feature flags" in phrase)
    assert (theme["n"], theme["n_elsewhere"], theme["status"]) == (3, 0, "proposed")
    path = f"/v1/meta-reviews/themes/{theme['id']}"
    assert (await admin.post(f"{path}/accept", {"factor": "nonsense"}, expect=422))["code"] == "unknown_factor"
    accepted = await admin.post(f"{path}/accept", {"factor": "config-change"})
    assert (accepted["status"], accepted["factor_code"]) == ("accepted", "config-change")
    assert (await admin.post(f"{path}/dismiss", {"reason": "no"}, expect=409))["code"] == "theme_decided"
    await world.build(UUID(review["id"]))
    after = await admin.get("/v1/meta-reviews/2026-Q1")
    pattern = next(one for one in after["patterns"] if one["kind"] == "theme")
    assert (pattern["n"], pattern["previous_n"]) == (3, 0)
    assert [one["status"] for one in after["themes"] if one["id"] == theme["id"]] == ["accepted"]


async def test_an_item_of_a_pattern_gets_a_ticket_on_its_teams_route_and_a_risk(admin: Person, world: Quarter) -> None:
    cause = make.root_cause("expired-zone")
    for _ in range(2):
        await world.incident("dns", cause=cause)
    await begun(admin, world)
    path = "/v1/meta-reviews/2026-Q1/patterns/dns/action-items"
    base = {"title": "Lint zones", "owner": "ada@example.org", "due_on": "2026-07-15"}
    plan = {"checks": ["no_recurrence"], "window_days": 30}
    refused = await admin.post(path, {**base, "plan": plan}, expect=422)
    assert refused["code"] == "invalid_verification_plan"
    item = await admin.post(path, base, expect=201)
    assert (item["team"]["slug"], item["pattern"]["key"], item["incident"]) == ("platform", "dns", None)
    assert set(item["plan"]["checks"]) == {"pattern_rate", "attested"}
    opened = await admin.post(f"/v1/action-items/{item['id']}/accept", {})
    assert opened["ticket"]["sync_state"] == "pending"
    await score_pattern_items(world.ports.uow, world.clock, world.ports.risk_policy)
    scored = await admin.get(f"/v1/action-items/{item['id']}")
    assert scored["risk"] > 0
    feed = await admin.get("/v1/sprint-planning")
    assert [one["title"] for one in feed["items"]] == ["Lint zones"]
    listed = (await admin.get("/v1/meta-reviews/2026-Q1"))["action_items"]
    assert [one["title"] for one in listed] == ["Lint zones"]


async def test_a_pattern_somebody_promised_about_stays_though_no_incident_shows_it_any_more(
    admin: Person, world: Quarter
) -> None:
    incident, _ = await world.incident(change=Rollout.DIRECT)
    review = await begun(admin, world)
    path = f"/v1/meta-reviews/{review['id']}"
    body = {"title": "Add a canary", "owner": "ada@example.org"}
    await admin.post(f"{path}/patterns/deployment/action-items", body, expect=201)
    await admin.patch(f"/v1/incidents/{incident.id}", {"change": {"role": "none"}})
    await world.build(UUID(review["id"]))
    (pattern,) = (await admin.get(path))["patterns"]
    assert (pattern["key"], pattern["n"], pattern["of"]) == ("deployment", 0, 1)


async def test_the_clock_begins_the_last_quarter_once_and_only_where_there_is_something(
    admin: Person, world: Quarter
) -> None:
    ports = world.ports
    assert await draft_due_reviews(ports.uow, world.clock, ports.policy) == ()
    await world.incident("dns", severity=Severity.P1)
    first = await draft_due_reviews(ports.uow, world.clock, ports.policy)
    world.clock.forward(days=40)
    assert await draft_due_reviews(ports.uow, world.clock, ports.policy) == first
    (review,) = (await admin.get("/v1/meta-reviews"))["items"]
    assert (review["period"], review["id"]) == ("2026-Q1", str(first[0]))


async def test_a_review_in_the_organisations_time_zone(admin: Person, world: Quarter, application: FastAPI) -> None:
    policy = replace(world.ports.policy, organisation_time_zone="Asia/Tokyo")
    application.state.ports = world.ports = replace(world.ports, policy=policy)
    review = await begun(admin, world)
    assert (review["starts_at"], review["time_zone"]) == ("2025-12-31T15:00:00+00:00", "Asia/Tokyo")


async def test_counting_anew_on_request_and_comparing_before_the_first_count(admin: Person, world: Quarter) -> None:
    review = await admin.post("/v1/meta-reviews", {"period": "2026-Q1"}, expect=201)
    path = f"/v1/meta-reviews/{review['id']}"
    assert (await admin.post(f"{path}/submit", expect=409))["code"] == "meta_review_building"
    assert (await admin.call("GET", f"{path}/difference", expect=409))["code"] == "meta_review_building"
    await world.build(UUID(review["id"]))
    assert (await admin.get(path))["build"]["state"] == "done"
    assert (await admin.post(f"{path}/rebuild", expect=202))["build"]["state"] == "queued"


async def test_a_theme_is_dismissed_with_a_reason_and_not_offered_again(admin: Person, world: Quarter) -> None:
    for name in ("billing", "search", "login"):
        await world.incident(summary=f"The {name} pool was empty: stale feature flags kept old workers alive.")
    for _ in range(8):
        await world.incident("dns", summary="A zone had a wrong record.")
    review = await begun(admin, world)
    for theme in review["themes"]:
        path = f"/v1/meta-reviews/themes/{theme['id']}"
        assert (await admin.post(f"{path}/dismiss", {"reason": "a name"}))["reason"] == "a name"
    await world.build(UUID(review["id"]))
    after = await admin.get("/v1/meta-reviews/2026-Q1/themes")
    assert {one["status"] for one in after["items"]} == {"dismissed"}
    assert (await admin.get("/v1/meta-reviews/2026-Q1/themes?status=proposed"))["items"] == []


async def test_an_item_names_a_team_and_may_name_a_service_whose_budget_counts(admin: Person, world: Quarter) -> None:
    cause = make.root_cause("zone")
    for _ in range(2):
        await world.incident("dns", cause=cause)
    await begun(admin, world)
    await admin.post("/v1/people", {"email": "loner@example.org", "name": "Loner", "role": "responder"}, expect=201)
    path = "/v1/meta-reviews/2026-Q1/patterns/dns/action-items"
    base = {"title": "Lint zones", "owner": "loner@example.org"}
    assert (await admin.post(path, base, expect=422))["code"] == "owning_team_required"
    item = await admin.post(path, {**base, "team": "platform", "service": "checkout"}, expect=201)
    boost = {"slo": "availability", "signal": "budget_exhausted", "source": "test", "remaining": 0.0}
    await admin.post("/v1/services/checkout/priority-boosts", boost, expect=201)
    await score_pattern_items(world.ports.uow, world.clock, world.ports.risk_policy, item_id=UUID(item["id"]))
    feed = await admin.post(
        "/graphql",
        {"query": "{ actionItems(first: 5) { edges { node { riskDetail { budgetFactor } pattern { key } } } } }"},
    )
    (edge,) = feed["data"]["actionItems"]["edges"]
    assert edge["node"] == {"riskDetail": {"budgetFactor": 1.5}, "pattern": {"key": "dns"}}
    metric = {"checks": ["metric"], "window_days": 30, "metric": {"query": "up", "comparison": ">=", "threshold": 1}}
    refused = await admin.post(path, {**base, "team": "platform", "plan": metric}, expect=422)
    assert refused["code"] == "monitoring_not_configured"
    await admin.post(
        "/v1/meta-reviews/2026-Q1/patterns/nonsense/action-items", {**base, "team": "platform"}, expect=404
    )


async def test_numbers_that_were_published_while_they_were_counted_stay(admin: Person, world: Quarter) -> None:
    await world.incident("dns")
    reviewer, author = await staff(admin, "reviewer", "author")
    review = await begun(admin, world)
    path = f"/v1/meta-reviews/{review['id']}"
    await author.post(f"{path}/submit")
    await world.incident("dns")
    opened = 0

    @asynccontextmanager
    async def until_the_last_step() -> AsyncIterator[Any]:
        nonlocal opened
        opened += 1
        if opened == 9:
            await reviewer.post(f"{path}/publish")
        async with world.ports.uow() as u:
            yield u

    policy = world.ports.meta_review_policy
    assert await build_meta_review(until_the_last_step, world.clock, policy, review_id=UUID(review["id"])) is None
    after = await admin.get(path)
    assert (opened, after["status"], after["n"]) == (9, "published", 1)
