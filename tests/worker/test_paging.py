"""PagerDuty, Grafana and deployments end to end: signed webhooks through the route and the worker, and back out."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from app.adapters.incidents.pagerduty import PagerDuty, PagerDutyNotes
from app.adapters.incidents.pagerduty_webhooks import PagerDutyWebhooks, sign
from app.adapters.monitoring.grafana import GrafanaBoard, GrafanaTimeline
from app.adapters.trackers import github_webhooks
from app.domain.actions.evidence import CheckKind, VerificationPlan
from app.domain.actions.model import Status
from app.domain.announcing.model import AnnouncementTarget
from app.domain.events import Event, EventType
from app.domain.incidents.model import ExternalRef
from app.domain.organisation.model import Provider, Route
from app.domain.policy import DeliveryPolicy
from app.domain.ports import PageSource, Ports
from app.domain.postmortems.model import Audience, Publication
from app.wiring import Opened
from app.worker import work
from app.worker.reactions import handle_events
from tests import make
from tests.contract.faults import Fault
from tests.contract.grafana_simulator import GrafanaSimulator
from tests.contract.pagerduty_simulator import PagerDutySimulator, log_entry, person

SECRET = "pd-secret"
QUICK = DeliveryPolicy(
    lease=timedelta(seconds=3), settle={"pagerduty": timedelta(seconds=0.1), "grafana": timedelta(0)},
    backoff_first=timedelta(seconds=0.1), backoff_max=timedelta(seconds=0.3),
)  # fmt: skip


class Shift:
    """A service that pages, everything configured, and the worker running."""

    def __init__(self, ports: Ports, opened: Opened, http: httpx2.AsyncClient) -> None:
        self.ports, self.opened, self.http = ports, opened, http
        self.pagerduty, self.grafana = PagerDutySimulator(), GrafanaSimulator()
        team = make.team()
        self.ada = make.person("ada", handles={"pagerduty": "PADA"})
        route = Route(Provider.GITHUB, "acme/shop")
        self.team, self.service = team, make.service("checkout", name="Checkout", team_id=team.id, route=route)

    def configured(self, pagerduty: httpx2.AsyncClient, grafana: httpx2.AsyncClient) -> Ports:
        client = self.pagerduty.client(pagerduty)
        asked = self.grafana.client(grafana)
        sources = {**self.ports.timeline_sources, "grafana": GrafanaTimeline(asked)}
        boards = {
            AnnouncementTarget.PAGERDUTY: PagerDutyNotes(client),
            AnnouncementTarget.GRAFANA: GrafanaBoard(asked),
        }
        return replace(
            self.ports, paging={"pagerduty": PagerDuty(client)}, boards=boards, timeline_sources=sources,
            pages={"pagerduty": PageSource(PagerDutyWebhooks(log_is_read=True), ("old", SECRET))},
            policy=replace(self.ports.policy, delivery=QUICK),
        )  # fmt: skip

    async def send(self, type: str, data: Any, id: str = "d1", status: int = 202) -> Any:
        event = {"id": id, "event_type": type, "occurred_at": "2026-06-14T13:00:00Z", "agent": None, "data": data}
        body = json.dumps({"event": event}).encode()
        headers = {"X-PagerDuty-Signature": f"v1=00,{sign(body, SECRET)}", "X-Webhook-Id": id}
        answer = await self.http.post("/v1/inbound/pagerduty", content=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def get(self, path: str) -> Any:
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def until(self, path: str, test: Any, seconds: float = 15) -> Any:
        """Wait until the answer is as it should be."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not test(found := await self.get(path)):
            assert asyncio.get_running_loop().time() < deadline, found
            await asyncio.sleep(0.05)
        return found


@pytest.fixture
async def shift(ports: Ports, opened: Opened, client: httpx2.AsyncClient, application: Any) -> AsyncIterator[Shift]:
    shift = Shift(ports, opened, client)
    async with (
        httpx2.AsyncClient(transport=shift.pagerduty.transport()) as pagerduty,
        httpx2.AsyncClient(transport=shift.grafana.transport()) as grafana,
    ):
        shift.ports = application.state.ports = shift.configured(pagerduty, grafana)
        async with ports.uow() as u:
            await u.teams.add(shift.team)
            await u.people.add(shift.ada)
            await u.services.add(shift.service)
            await u.commit()
        yield shift


@pytest.fixture
async def worker(shift: Shift) -> AsyncIterator[None]:
    stop = asyncio.Event()
    opened = shift.opened
    task = asyncio.create_task(
        work(shift.ports, opened.engine, opened.dsn, stop=stop, sweep_every=0.5, stamp_every=0.1)
    )
    try:
        yield
    finally:
        stop.set()
        await task


async def test_a_resolved_p1_gets_its_incident_and_a_required_postmortem_with_a_due_date(
    shift: Shift, worker: None
) -> None:
    ada = person("PADA", "Ada")
    data = shift.pagerduty.add(
        status="resolved", resolved_at="2026-06-14T13:00:00Z", priority={"id": "P", "summary": "P1"}
    )
    shift.pagerduty.log["PT4KHLK"] = [
        log_entry("R1", "trigger", "2026-06-14T12:00:00Z"),
        log_entry("R2", "acknowledge", "2026-06-14T12:05:00Z", ada),
        log_entry("R3", "resolve", "2026-06-14T13:00:00Z", ada),
    ]
    assert (await shift.send("incident.resolved", data))["new"]
    assert not (await shift.send("incident.resolved", data))["new"], "once per delivery id"
    page = await shift.until(
        "/v1/postmortems", lambda found: found["items"] and found["items"][0]["status"] == "required"
    )
    postmortem = page["items"][0]
    # Five working days after a Sunday.
    assert (postmortem["due_on"], postmortem["tier"]) == ("2026-06-19", 1)
    whole = await shift.until(f"/v1/postmortems/{postmortem['id']}", lambda found: len(found["timeline"]) == 3)
    assert [entry["kind"] for entry in whole["timeline"]] == ["detection", "response", "resolution"]
    assert whole["status"] == "required"
    incident = await shift.get(f"/v1/incidents/{whole['incident']['id']}")
    assert incident["responders"] == [
        {"source": "pagerduty", "id": "PADA", "name": "Ada", "person_id": str(shift.ada.id)}
    ]
    assert incident["moment_sources"]["started_at"] == "pagerduty-trigger"

    await shift.send("incident.priority_updated", data | {"priority": {"summary": "P3"}}, "d2")
    shift.pagerduty.incidents["PT4KHLK"]["priority"] = {"id": "P", "summary": "P2"}
    await shift.send("incident.priority_updated", data, "d3")
    await shift.until(f"/v1/postmortems/{postmortem['id']}", lambda found: found["tier"] == 2)
    note = {"id": "N7", "type": "incident_note", "content": "Also search.", "incident": {"id": "PT4KHLK"}}
    await shift.send("incident.annotated", note, "d4")
    told = await shift.until(
        f"/v1/postmortems/{postmortem['id']}", lambda found: "pagerduty:note:N7" in _sources(found)
    )
    assert len([source for source in _sources(told) if source == "pagerduty:log:R1"]) == 1
    assert len((await shift.get("/v1/incidents"))["items"]) == 1


def _sources(postmortem: Any) -> list[str]:
    return [entry["source"] for entry in postmortem["timeline"]]


async def test_a_page_without_priority_makes_nothing_and_a_p4_no_postmortem(shift: Shift, worker: None) -> None:
    await shift.send("pagey.ping", {"type": "ping"}, "d0")
    page = shift.pagerduty.add("PPAGE", status="resolved", resolved_at="2026-06-14T13:00:00Z")
    await shift.send("incident.resolved", page, "d1")
    low = shift.pagerduty.add("PLOW", status="resolved", resolved_at="2026-06-14T13:00:00Z")
    low["priority"] = {"id": "P", "summary": "P4"}
    await shift.send("incident.resolved", low, "d2")
    inbox = await shift.until("/v1/inbox", lambda found: all(one["handled_at"] for one in found["items"]))
    notes = {one["delivery_id"]: one["note"] for one in inbox["items"]}
    assert notes == {"d0": "of no interest", "d1": "a page that is no incident of ours", "d2": "recorded"}
    (incident,) = (await shift.get("/v1/incidents"))["items"]
    assert (incident["severity"], incident["postmortem"]) == ("P4", None)
    assert (await shift.get("/v1/postmortems"))["items"] == []


async def published(shift: Shift, **incident: Any) -> str:
    """A published postmortem, its event not handled yet."""
    given = {"external_refs": (ExternalRef("pagerduty", "PT4KHLK"),)} | incident
    broken = make.resolved(make.incident(shift.service, **given))
    postmortem = make.postmortem(broken, published_number=1, published_at=make.NOW)
    version = Publication(1, "hash", {"sections": {}}, Audience.ENGINEERING, shift.ada.id, make.NOW)
    async with shift.ports.uow() as u:
        await u.incidents.add(broken)
        await u.postmortems.add(postmortem)
        await u.postmortems.publish(postmortem.id, version)
        await u.commit()
    async with shift.ports.uow() as u:
        from_publishing = make_published(postmortem.id, broken.id)
        await u.events.add(from_publishing)
        await u.commit()
    return str(postmortem.id)


def make_published(postmortem_id: Any, incident_id: Any) -> Any:
    return Event(EventType.POSTMORTEM_PUBLISHED, postmortem_id, make.NOW, "system", incident_id)


async def test_publishing_tells_pagerduty_and_grafana_once_through_time_outs(shift: Shift, worker: None) -> None:
    shift.pagerduty.add()
    shift.pagerduty.faults.plan(Fault.APPLIED_TIMEOUT, "POST")
    shift.grafana.faults.plan(Fault.APPLIED_502, "POST")
    id = await published(shift)
    whole = await shift.until(
        f"/v1/postmortems/{id}",
        lambda found: [one["state"] for one in found["publications"]] == ["posted", "posted"],
    )
    assert {one["target"]: (one["posted_as"], one["attempts"]) for one in whole["publications"]} == {
        "pagerduty": ("note PN1", 2), "grafana": ("annotation 1", 2),
    }  # fmt: skip
    assert (len(shift.pagerduty.notes["PT4KHLK"]), len(shift.grafana.annotations)) == (1, 1)


async def test_what_a_target_refuses_is_seen_and_retried_by_a_person(shift: Shift, worker: None) -> None:
    shift.pagerduty.add()
    shift.pagerduty.faults.plan(Fault.FORBIDDEN, "notes")
    id = await published(shift)

    def pagerduty(found: Any) -> Any:
        return next((one for one in found["publications"] if one["target"] == "pagerduty"), {"state": None})

    whole = await shift.until(f"/v1/postmortems/{id}", lambda found: pagerduty(found)["state"] == "dead")
    dead = pagerduty(whole)
    assert "NOREPEAT_PAGERDUTY_TOKEN" in dead["last_error"]
    findings = await shift.get("/v1/findings?code=publication_failed")
    assert findings["items"][0]["subject_id"] == id
    answer = await shift.http.post(f"/v1/postmortems/{id}/publications/{dead['id']}/retry")
    assert answer.status_code == 200, answer.text
    await shift.until(f"/v1/postmortems/{id}", lambda found: pagerduty(found)["state"] == "posted")


async def test_a_deployment_that_names_the_ticket_dates_the_fix(shift: Shift, worker: None, settings: Any) -> None:
    plan = VerificationPlan((CheckKind.ATTESTED,), 30)
    now = datetime.now(UTC)
    item = make.action_item(
        status=Status.IMPLEMENTED, owner_id=shift.ada.id, service_id=shift.service.id, plan=plan,
        opened_at=now - timedelta(days=9), implemented_at=now,
    )  # fmt: skip
    ticket = make.ticket(item, key="acme/shop#7")
    async with shift.ports.uow() as u:
        await u.action_items.add(item)
        await u.tickets.add(ticket)
        await u.commit()
    deployment = {
        "id": 9, "sha": "0a1b", "ref": "main", "environment": "production", "description": None,
        "payload": {"references": ["acme/shop#7"]}, "created_at": f"{now - timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}",
    }  # fmt: skip
    status = {"id": 1, "state": "success", "created_at": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"}
    body = json.dumps(
        {"deployment": deployment, "deployment_status": status, "repository": {"full_name": "acme/shop"}}
    ).encode()
    headers = {
        "X-GitHub-Event": "deployment_status", "X-GitHub-Delivery": "g1",
        "X-Hub-Signature-256": github_webhooks.sign(body, "whsec-one"),
    }  # fmt: skip
    assert (await shift.http.post("/v1/inbound/github", content=body, headers=headers)).status_code == 202
    dated = await shift.until(f"/v1/action-items/{item.id}", lambda found: found["deployed_at"])
    assert dated["deployed_at"][:19] == f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M:%S}"
    (found,) = (await shift.get("/v1/deployments?service=checkout"))["items"]
    assert (found["source"], found["revision"], found["services"][0]["slug"]) == ("github", "0a1b", "checkout")


async def test_a_restricted_incident_is_told_to_nobody(shift: Shift) -> None:
    from_admin = {"visibility": "restricted"}
    id = await published(shift)
    incident_id = (await shift.get(f"/v1/postmortems/{id}"))["incident"]["id"]
    version = (await shift.get(f"/v1/incidents/{incident_id}"))["version"]
    answer = await shift.http.patch(
        f"/v1/incidents/{incident_id}", json=from_admin, headers={"If-Match": f'"{version}"'}
    )
    assert answer.status_code == 200, answer.text
    while await handle_events(shift.ports):
        continue
    assert (await shift.get(f"/v1/postmortems/{id}"))["publications"] == []
