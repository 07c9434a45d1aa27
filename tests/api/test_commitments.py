"""Action items through the API: the steps, who may take them, what the ticket is told, what history keeps."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from app.domain.actions.use_cases.refutation import refute_action_items
from app.domain.follow_through.use_cases import find_undetermined_causes, find_unknown_deployments
from app.domain.ports import Ports
from tests.api.callers import Person, staff

NOW = datetime.now(UTC)


def ago(**delta: float) -> str:
    return (NOW - timedelta(**delta)).isoformat()


def day(offset: int) -> str:
    return (NOW + timedelta(days=offset)).date().isoformat()


class World:
    """A service with an incident, its postmortem, and people."""

    def __init__(self, admin: Person, author: Person, owner: Person, reviewer: Person) -> None:
        self.admin, self.author, self.owner, self.reviewer = admin, author, owner, reviewer
        self.postmortem: dict[str, Any] = {}
        self.incident: dict[str, Any] = {}

    async def item(self, *, accepted: bool = True, **fields: Any) -> dict[str, Any]:
        body = {
            "postmortem_id": self.postmortem["id"], "title": "Set a timeout", "control_type": "prevent",
            "owner": "owner@example.org", "due_on": day(30), **fields,
        }  # fmt: skip
        created: dict[str, Any] = await self.author.post("/v1/action-items", body, expect=201)
        if accepted:
            created = await self.author.post(f"/v1/action-items/{created['id']}/accept", {})
        return created

    async def closed(self, **fields: Any) -> dict[str, Any]:
        item = await self.item(**fields)
        path = f"/v1/action-items/{item['id']}"
        await self.author.post(f"{path}/implement", {"deployed_at": ago(days=40)})
        check = await self.author.post(f"{path}/evidence", seen(), expect=201)
        await self.reviewer.post(f"{path}/evidence/{check['id']}/review", {"accept": True})
        found: dict[str, Any] = await self.author.get(path)
        assert found["status"] == "closed"
        return found

    async def strike(self, **fields: Any) -> dict[str, Any]:
        body = {
            "title": "Again", "severity": "P2", "services": ["checkout"], "started_at": ago(days=2),
            "root_cause": "no-timeout", "root_cause_status": "confirmed", **fields,
        }  # fmt: skip
        created: dict[str, Any] = await self.author.post("/v1/incidents", body, expect=201)
        return created


def seen() -> dict[str, str]:
    return {
        "statement": "It hung twice and recovered.", "observation": "drill", "link": "https://runs.example.org/1",
        "window_start": ago(days=30), "window_end": ago(days=1),
    }  # fmt: skip


@pytest.fixture
async def world(client: httpx2.AsyncClient) -> World:
    admin = Person(client, client.headers["authorization"])
    author, owner, reviewer = await staff(admin, "author", "owner", "reviewer")
    world = World(admin, author, owner, reviewer)
    await admin.post("/v1/teams", {"slug": "payments", "name": "Payments"}, expect=201)
    await admin.post("/v1/services", {"slug": "checkout", "name": "Checkout", "team": "payments"}, expect=201)
    await admin.post("/v1/services", {"slug": "search", "name": "Search"}, expect=201)
    await author.post("/v1/root-causes", {"slug": "no-timeout", "title": "No timeout"}, expect=201)
    world.incident = await world.strike(title="First", started_at=ago(days=60))
    world.postmortem = await author.post("/v1/postmortems", {"incident_id": world.incident["id"]}, expect=201)
    return world


async def test_a_commitment_goes_through_its_steps_and_keeps_its_history(world: World) -> None:
    item = await world.item()
    path = f"/v1/action-items/{item['id']}"
    for verb, status in (("start", "in_progress"), ("stop", "open"), ("start", "in_progress")):
        assert (await world.author.post(f"{path}/{verb}"))["status"] == status
    implemented = await world.author.post(f"{path}/implement", {"deployed_at": ago(days=3)})
    assert (implemented["status"], implemented["plan"]["checks"]) == ("implemented", ["no_recurrence", "attested"])
    reopened = await world.author.post(f"{path}/reopen", {"reason": "It was not deployed after all."})
    assert (reopened["status"], reopened["deployed_at"]) == ("open", None)
    history = (await world.author.get(f"{path}/history"))["items"]
    steps = [(line["old"], line["new"]) for line in history if line["field"] == "status"]
    assert steps[0] == ("candidate", "open")
    assert steps[-1] == ("implemented", "open")
    assert all(line["actor"].startswith("person:") for line in history)


async def test_every_field_can_be_edited_and_named_by_slug_or_address(world: World) -> None:
    item = await world.item(team="payments", service="search")
    assert (item["team"]["slug"], item["service"]["slug"]) == ("payments", "search")
    path = f"/v1/action-items/{item['id']}"
    changed = await world.author.patch(
        path,
        {
            "title": "Set two timeouts", "owner": "author@example.org", "team": None, "service": "checkout",
            "root_cause": None, "due_on": day(60), "base_priority": "urgent", "planned_in": "Sprint 12",
            "deployed_at": ago(days=1),
        },
    )  # fmt: skip
    assert (changed["owner"]["email"], changed["team"], changed["root_cause"], changed["slips"]) == (
        "author@example.org", None, None, 1,
    )  # fmt: skip
    assert (changed["committed_due_on"], changed["effective_priority"]) == (day(30), "urgent")
    named = await world.author.patch(path, {"team": "payments", "root_cause": "no-timeout"})
    assert (named["team"]["slug"], named["root_cause"]["slug"]) == ("payments", "no-timeout")
    assert (await world.author.patch(path, {"owner": None}, expect=422))["code"] == "owner_and_due_date_required"
    assert (await world.author.patch(path, {"deployed_at": day(9) + "T00:00:00Z"}, expect=422))["code"] == "invalid"


async def test_a_candidate_may_lose_its_owner(world: World) -> None:
    item = await world.item(accepted=False)
    assert (await world.author.patch(f"/v1/action-items/{item['id']}", {"owner": None}))["owner"] is None


async def test_declining_takes_a_person_a_reason_and_a_later_look(world: World) -> None:
    item = await world.item()
    path = f"/v1/action-items/{item['id']}"
    body = {"code": "accepted_risk", "reason": "Costs more than it saves.", "next_review_at": ago(days=-90)}
    assert (await world.author.post(f"{path}/decline", body | {"next_review_at": ago(days=1)}, expect=422))["code"]
    await world.admin.post("/v1/service-accounts", {"slug": "bot", "name": "Bot", "role": "admin"}, expect=201)
    key = await world.admin.post("/v1/api-keys", {"service_account": "bot"}, expect=201)
    bot = Person(world.admin.http, f"Bearer {key['token']}")
    assert (await bot.post(f"{path}/decline", body, expect=403))["code"] == "human_required"
    declined = await world.author.post(f"{path}/decline", body)
    assert (declined["status"], declined["decline"]["code"]) == ("declined", "accepted_risk")
    assert (await world.author.post(f"{path}/reopen", {"reason": "We were wrong."}))["status"] == "open"


async def test_a_candidate_may_bring_its_plan_but_not_one_of_a_pattern(world: World) -> None:
    item = await world.item(accepted=False, plan={"checks": ["attested"], "window_days": 45})
    assert item["plan"]["window_days"] == 45
    body = {
        "postmortem_id": world.postmortem["id"], "title": "Set a timeout", "control_type": "prevent",
        "plan": {"checks": ["pattern_rate"]},
    }  # fmt: skip
    assert (await world.author.post("/v1/action-items", body, expect=422))["code"] == "invalid_verification_plan"


async def test_the_measure_of_success_is_not_the_owners_to_move_afterwards(world: World) -> None:
    item = await world.item()
    path = f"/v1/action-items/{item['id']}"
    plan = {"checks": ["attested"], "window_days": 60}
    free = await world.owner.call("PUT", f"{path}/verification-plan", plan, expect=200)
    assert free["plan"]["window_days"] == 60
    await world.owner.post(f"{path}/implement", {"deployed_at": ago(days=9)})
    for person in (world.owner, world.author):
        refused = await person.call("PUT", f"{path}/verification-plan", plan, expect=409)
        assert refused["code"] == "verification_plan_frozen"
    assert (await world.owner.patch(path, {"deployed_at": ago(days=8)}, expect=409))["code"]
    moved = await world.reviewer.call("PUT", f"{path}/verification-plan", plan | {"window_days": 90}, expect=200)
    assert moved["plan"]["window_days"] == 90
    assert (await world.reviewer.patch(path, {"deployed_at": ago(days=8)}))["evidence_due_on"]


async def test_evidence_is_for_implemented_items_and_rejected_evidence_closes_nothing(world: World) -> None:
    item = await world.item()
    path = f"/v1/action-items/{item['id']}"
    assert (await world.author.post(f"{path}/evidence", seen(), expect=409))["code"] == "action_item_wrong_state"
    assert (await world.author.post(f"{path}/checks", expect=409))["code"] == "action_item_wrong_state"
    await world.author.post(f"{path}/implement", {"deployed_at": ago(days=40)})
    check = await world.author.post(f"{path}/evidence", seen(), expect=201)
    review = f"{path}/evidence/{check['id']}/review"
    rejected = await world.reviewer.post(review, {"accept": False, "comment": "Which run?"})
    assert rejected["verdict"] == "inconclusive"
    assert (await world.reviewer.post(review, {"accept": True}, expect=409))["code"] == "evidence_reviewed"
    assert (await world.author.get(path))["status"] == "implemented"
    other = await world.item(title="Another")
    wrong = f"/v1/action-items/{other['id']}/evidence/{check['id']}/review"
    assert (await world.reviewer.post(wrong, {"accept": True}, expect=409))["code"]


async def test_evidence_accepted_after_the_item_was_reopened_closes_nothing(world: World) -> None:
    item = await world.item()
    path = f"/v1/action-items/{item['id']}"
    await world.author.post(f"{path}/implement", {"deployed_at": ago(days=40)})
    check = await world.author.post(f"{path}/evidence", seen(), expect=201)
    await world.author.post(f"{path}/reopen", {"reason": "Rolled back."})
    await world.reviewer.post(f"{path}/evidence/{check['id']}/review", {"accept": True})
    assert (await world.author.get(path))["status"] == "open"


async def test_a_recurrence_in_the_window_sends_the_item_back(world: World) -> None:
    item = await world.item()
    path = f"/v1/action-items/{item['id']}"
    await world.author.post(f"{path}/implement", {"deployed_at": ago(days=40)})
    await world.strike(started_at=ago(days=20))
    checked = await world.author.post(f"{path}/checks")
    assert (checked["status"], checked["evidence"][0]["verdict"]) == ("open", "failed")


async def test_silence_closes_where_it_says_something_and_waits_longer_where_not(world: World) -> None:
    for days in (70, 80, 90, 100, 110):
        await world.strike(started_at=ago(days=days))
    often = await world.item()
    await world.author.post(f"/v1/action-items/{often['id']}/implement", {"deployed_at": ago(days=59)})
    checked = await world.author.post(f"/v1/action-items/{often['id']}/checks")
    (check,) = checked["evidence"]
    assert (check["verdict"], checked["status"]) == ("inconclusive", "implemented")
    assert check["detail"]["probability_of_silence"] > 0.5
    assert 30 < checked["plan"]["window_days"] < 59
    again = await world.author.post(f"/v1/action-items/{often['id']}/checks")
    assert (again["evidence"][-1]["verdict"], again["status"]) == ("passed", "closed")
    assert again["evidence"][-1]["detail"]["probability_of_silence"] <= 0.5
    unknown = await world.item(title="No deployment known")
    await world.author.post(f"/v1/action-items/{unknown['id']}/implement", {})
    (check,) = (await world.author.post(f"/v1/action-items/{unknown['id']}/checks"))["evidence"]
    assert (check["verdict"], "not known" in check["detail"]["reason"]) == ("inconclusive", True)


async def test_only_a_fix_that_should_prevent_it_is_refuted(world: World, ports: Ports) -> None:
    fix = await world.closed()
    alert = await world.closed(title="Alert on it", control_type="detect")
    early = await world.closed(title="Moved", service="search")
    again = await world.strike()
    changed = await refute_action_items(ports.uow, ports.clock, ports.policy, incident_id=again["id"])
    assert changed == 2
    assert (await world.author.get(f"/v1/action-items/{fix['id']}"))["status"] == "open"
    for item in (alert, early):
        assert (await world.author.get(f"/v1/action-items/{item['id']}"))["status"] == "closed"
    findings = (await world.author.get("/v1/findings?code=recurred_review"))["items"]
    assert [finding["subject_id"] for finding in findings] == [alert["id"]]
    dismissed = await world.author.post(f"/v1/findings/{findings[0]['id']}/dismiss", {"reason": "Noticed sooner."})
    assert dismissed["dismissed_reason"] == "Noticed sooner."
    assert (await world.author.post(f"/v1/findings/{findings[0]['id']}/dismiss", {"reason": "x"}, expect=409))["code"]
    assert not await refute_action_items(ports.uow, ports.clock, ports.policy, incident_id=again["id"])
    await world.author.patch(f"/v1/incidents/{again['id']}", {"root_cause": "undetermined"})
    await refute_action_items(ports.uow, ports.clock, ports.policy, incident_id=again["id"])
    assert (await world.author.get(f"/v1/action-items/{fix['id']}"))["status"] == "closed"
    assert not await refute_action_items(ports.uow, ports.clock, ports.policy, incident_id=world.incident["id"])


async def test_a_refuted_item_that_was_closed_anew_stays_closed(world: World, ports: Ports) -> None:
    fix = await world.closed()
    path = f"/v1/action-items/{fix['id']}"
    again = await world.strike()
    await refute_action_items(ports.uow, ports.clock, ports.policy, incident_id=again["id"])
    await world.author.post(f"{path}/implement", {"deployed_at": ago(days=1, hours=12)})
    check = await world.author.post(f"{path}/evidence", seen() | {"window_end": ago(hours=2)}, expect=201)
    await world.reviewer.post(f"{path}/evidence/{check['id']}/review", {"accept": True})
    assert (await world.author.get(path))["status"] == "closed"
    await world.author.patch(f"/v1/incidents/{again['id']}", {"root_cause": None})
    assert not await refute_action_items(ports.uow, ports.clock, ports.policy, incident_id=again["id"])


async def test_an_item_nobody_knows_to_be_deployed_becomes_a_finding(world: World, ports: Ports) -> None:
    item = await world.item()
    await world.author.post(f"/v1/action-items/{item['id']}/implement", {})
    assert await find_unknown_deployments(ports.uow, ports.clock, ports.policy) == 0

    def later() -> datetime:
        return NOW + timedelta(days=20)

    assert await find_unknown_deployments(ports.uow, later, ports.policy) == 1
    assert await find_unknown_deployments(ports.uow, later, ports.policy) == 0
    (finding,) = (await world.author.get("/v1/findings?code=deployment_unknown"))["items"]
    assert (await world.author.get(f"/v1/findings/{finding['id']}"))["owner"]["email"] == "owner@example.org"


async def test_metrics_come_with_what_they_rest_on(world: World) -> None:
    await world.closed()
    metrics = await world.author.get("/v1/metrics?lookback_days=365&severity=P1,P2&team=payments&service=checkout")
    recurred = metrics["recurrence"]["recurred"]
    assert recurred["n"] + recurred["n_missing"] == 1
    for name in ("recurrence", "completion", "detection", "severity"):
        assert await world.author.get(f"/v1/metrics/{name}")
    for query in ("as_of=2199-01-01T00:00:00Z", "severity=P7", "team=nobody", "service=nothing"):
        assert (await world.author.call("GET", f"/v1/metrics?{query}", expect=422))["code"] == "invalid"


async def test_the_sprint_feed_speaks_json_csv_and_markdown(world: World) -> None:
    await world.item(title="=HYPERLINK(1) *bold* <b>")
    http, headers = world.author.http, world.author.headers
    sheet = await http.get("/v1/sprint-planning", headers=headers | {"Accept": "text/csv"})
    assert "'=HYPERLINK" in sheet.text
    text = await http.get("/v1/sprint-planning", headers=headers | {"Accept": "text/markdown"})
    assert r"=HYPERLINK(1) \*bold\* \<b\>" in text.text
    page = await world.author.get("/v1/sprint-planning?team=payments&days=30")
    assert (len(page["items"]), page["older_open"], page["days"]) == (1, 0, 30)
    nobody = await http.get("/v1/sprint-planning?team=none", headers=headers | {"Accept": "text/markdown"})
    assert "Nothing is open." in nobody.text


async def test_a_declined_candidate_that_is_reopened_has_no_ticket_until_it_has_an_owner(world: World) -> None:
    item = await world.item(accepted=False, owner=None, due_on=None)
    path = f"/v1/action-items/{item['id']}"
    body = {"code": "obsolete", "reason": "Was it?", "next_review_at": ago(days=-90)}
    await world.author.post(f"{path}/decline", body)
    reopened = await world.author.post(f"{path}/reopen", {"reason": "It was not."})
    assert (reopened["status"], reopened["ticket"]) == ("open", None)


async def test_evidence_that_did_not_close_the_item_is_not_refuted(world: World, ports: Ports) -> None:
    item = await world.item()
    path = f"/v1/action-items/{item['id']}"
    await world.author.post(f"{path}/implement", {"deployed_at": ago(days=40)})
    for accept in (False, True):
        check = await world.author.post(f"{path}/evidence", seen(), expect=201)
        await world.reviewer.post(f"{path}/evidence/{check['id']}/review", {"accept": accept})
    again = await world.strike()
    await refute_action_items(ports.uow, ports.clock, ports.policy, incident_id=again["id"])
    evidence = (await world.author.get(path))["evidence"]
    assert [check["refuted_by_id"] for check in evidence] == [None, again["id"]]


async def test_an_item_closed_without_a_known_deployment_is_not_refuted(world: World, ports: Ports) -> None:
    item = await world.item()
    path = f"/v1/action-items/{item['id']}"
    await world.author.post(f"{path}/implement", {})
    check = await world.author.post(f"{path}/evidence", seen(), expect=201)
    await world.reviewer.post(f"{path}/evidence/{check['id']}/review", {"accept": True})
    again = await world.strike()
    assert not await refute_action_items(ports.uow, ports.clock, ports.policy, incident_id=again["id"])


async def test_a_restricted_incident_shows_in_nothing_that_it_changed(world: World, ports: Ports) -> None:
    fix = await world.closed()
    waiting = await world.item(title="Another")
    await world.author.post(f"/v1/action-items/{waiting['id']}/implement", {"deployed_at": ago(days=20)})
    secret = await world.admin.post(
        "/v1/incidents",
        {
            "title": "Secret", "severity": "P1", "services": ["checkout"], "started_at": ago(days=3),
            "root_cause": "no-timeout", "root_cause_status": "confirmed", "visibility": "restricted",
        },
        expect=201,
    )  # fmt: skip
    await refute_action_items(ports.uow, ports.clock, ports.policy, incident_id=secret["id"])
    await world.author.post(f"/v1/action-items/{waiting['id']}/checks")
    for item in (fix, waiting):
        path = f"/v1/action-items/{item['id']}"
        assert (await world.author.get(path))["status"] == "open"
        for page in (path, f"{path}/history", "/v1/sprint-planning", "/v1/findings", "/v1/incidents", "/v1/metrics"):
            response = await world.author.http.get(page, headers=world.author.headers)
            assert secret["id"] not in response.text
            assert "Secret" not in response.text
    assert (await world.admin.get(f"/v1/action-items/{fix['id']}"))["refuted_by_id"] == secret["id"]
    await world.author.call("GET", f"/v1/incidents/{secret['id']}", expect=404)


async def test_a_cause_that_stays_undetermined_becomes_one_finding(world: World, ports: Ports) -> None:
    unknown = await world.strike(root_cause="undetermined", resolved_at=ago(days=1))
    assert await find_undetermined_causes(ports.uow, ports.clock, ports.policy) == 0

    def later() -> datetime:
        return NOW + timedelta(days=30)

    assert await find_undetermined_causes(ports.uow, later, ports.policy) == 1
    assert await find_undetermined_causes(ports.uow, later, ports.policy) == 0
    (finding,) = (await world.author.get("/v1/findings?code=cause_undetermined"))["items"]
    assert (finding["subject_id"], finding["team"]["slug"]) == (unknown["id"], "payments")
