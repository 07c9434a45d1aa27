"""What a scrape says of the service itself, and that dashboards and alerts ask only for what is there."""

import asyncio
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from app.adapters.metrics import OPERATIONS
from app.adapters.process_metrics import REGISTRY, reconciled
from app.domain.learning.use_cases.gauges import refresh_gauges
from app.domain.organisation.model import Provider, Route
from app.domain.ports import Ports
from app.domain.tracking.routing import new_ticket
from tests import make

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = DEPLOY / "grafana" / "norepeat.json"
RULES = DEPLOY / "prometheus" / "rules.yaml"
NAME = re.compile(r"\bnorepeat_[a-z_]+")
FULL = """
insert into inbox (id, source, delivery_id, headers, body, received_at, attempts)
  values (gen_random_uuid(), 'github', 'd-1', '{}', '{}', now() - interval '90 s', 0);
insert into events (id, type, subject_id, actor, occurred_at, attempts)
  values (gen_random_uuid(), 'incident.created.v1', gen_random_uuid(), 'system', now() - interval '60 s', 0);
insert into findings (id, version, code, subject_kind, subject_id, message, remedy, opened_at)
  values (gen_random_uuid(), 1, 'ticket_doubled', 'ticket', gen_random_uuid(), 'Twice.', 'Look.', now());
insert into pgqueuer (priority, entrypoint, status) values (0, 'events', 'failed');
insert into pgqueuer_schedules (expression, entrypoint) values ('* * * * *', 'wake_boosts'), ('7 * * * *', 'wake_risk');
insert into pgqueuer_log (job_id, status, priority, entrypoint) values (1, 'successful', 0, 'boosts');
insert into audit_log (at, actor, action, object_kind, object_id) values (now(), 'system', 'test', 'team', '1');
"""


async def filled(ports: Ports, dsn: str) -> None:
    """Something of everything that is counted."""
    service = make.service()
    item = make.action_item(owner_id=None, service_id=service.id)
    ticket, delivery = new_ticket(item, Route(Provider.GITHUB, "acme/shop"), datetime.now(UTC))
    async with ports.uow() as u:
        await u.services.add(service)
        await u.action_items.add(item)
        await u.tickets.add(ticket)
        await u.deliveries.add(delivery)
        await u.commit()
    connection = await asyncpg.connect(dsn)
    await connection.execute(FULL)
    await connection.execute(
        "update deliveries set state = 'sending', attempts = 2, lease_until = now() - interval '1 s',"
        " created_at = now() - interval '10 min'"
    )
    await connection.execute(
        "insert into deliveries (id, key, kind, ticket_id, provider, marker, created_at, state, attempts)"
        " select gen_random_uuid(), 'sent', kind, ticket_id, provider, gen_random_uuid(), now(), 'sent', 3"
        " from deliveries"
    )
    await connection.execute(
        "insert into boosts (id, version, created_at, service_id, slo, source, signal, levels, raised_at, observed_at,"
        " vouched_until, raised_by, measured, state, ended_because, reason) values (gen_random_uuid(), 1, now(), $1,"
        " 'slo', 'alertmanager', 'burn', 1, now(), now(), now(), 'system', true, 'active', '', '')",
        service.id,
    )
    await connection.close()


async def scraped(client: httpx2.AsyncClient) -> dict[str, list[Any]]:
    response = await client.get("/metrics")
    assert response.status_code == 200
    return {family.name: family.samples for family in text_string_to_metric_families(response.text)}


async def test_a_scrape_says_what_waits_what_is_held_and_what_was_doubled(
    client: httpx2.AsyncClient, ports: Ports, dsn: str
) -> None:
    await filled(ports, dsn)
    families = await scraped(client)

    def value(name: str, **labels: str) -> float:
        return next(float(s.value) for s in families[f"norepeat_{name}"] if labels.items() <= s.labels.items())

    assert value("delivery_oldest_undelivered_seconds", kind="ticket") >= 600
    assert value("delivery_oldest_undelivered_seconds", kind="webhook") == 0
    assert value("deliveries", state="sending") == 1
    assert value("deliveries_ambiguous") == 1
    attempts = {s.labels["le"]: s.value for s in families["norepeat_delivery_attempts"] if "le" in s.labels}
    assert (attempts["2.0"], attempts["3.0"], attempts["+Inf"]) == (0, 1, 1)
    assert value("tickets_doubled") == 1
    assert value("inbox_oldest_unhandled_seconds") >= 90
    assert value("events_oldest_unhandled_seconds") >= 60
    assert value("jobs_held") == 1
    assert value("boost_quota_left", source="alertmanager") == 99
    assert value("schedule_last_success_timestamp_seconds", schedule="boosts") > 0
    assert value("schedule_last_success_timestamp_seconds", schedule="risk") > 0
    assert value("postgres_start_timestamp_seconds") > 0
    assert value("findings_open", code="ticket_doubled") == 1


async def test_requests_are_counted_by_route_and_refused_webhooks_by_reason(
    client: httpx2.AsyncClient, ports: Ports
) -> None:
    await client.get("/v1/incidents")
    await client.get("/v1/incidents/00000000-0000-7000-8000-000000000001")
    await client.get("/nowhere/at/all")
    await client.post("/v1/inbound/github", content=b"{}", headers={"X-Hub-Signature-256": "sha256=00"})
    families = await scraped(client)
    counts = {
        (s.labels["method"], s.labels["route"], s.labels["status"])
        for s in families["norepeat_http_request_duration_seconds"]
    }
    assert ("GET", "/v1/incidents", "200") in counts
    assert ("GET", "unmatched", "404") in counts
    assert any(route.startswith("/v1/incidents/{") and status == "404" for _, route, status in counts)
    assert not any("00000000" in route for _, route, _ in counts)
    assert any(route == "/v1/inbound/{source}" for _, route, _ in counts)
    refused = {(s.labels["source"], s.labels["reason"]) for s in families["norepeat_webhooks_refused"]}
    assert any(source == "github" for source, _ in refused)


def asked_by_dashboard() -> set[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    targets = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    assert len(targets) >= 12
    return {name for text in targets for name in NAME.findall(text)}


def asked_by_rules() -> set[str]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {name for group in groups for rule in group["rules"] for name in NAME.findall(rule["expr"])}


async def test_every_metric_that_a_dashboard_or_an_alert_asks_for_is_there(
    client: httpx2.AsyncClient, ports: Ports, dsn: str
) -> None:
    await filled(ports, dsn)
    reconciled(recent=True, adopted=0, lost=0, doubled=0)
    await refresh_gauges(ports.facts, ports.gauges, ports.clock, ports.metrics_policy, time_zone="UTC")
    await client.post("/v1/inbound/github", content=b"{}", headers={"X-Hub-Signature-256": "sha256=00"})
    text = (await client.get("/metrics")).text
    exposed = {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}
    exposed |= {sample.name for family in REGISTRY.collect() for sample in family.samples}
    # Of a job there is a sample once one has run; that it is registered is what can be asked here.
    exposed |= {f"norepeat_job_duration_seconds_{end}" for end in ("count", "sum", "bucket")}
    asked = asked_by_dashboard() | asked_by_rules()
    assert asked - exposed == set()
    assert {f"norepeat_{name}" for name in OPERATIONS} <= exposed


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (apt install prometheus)")
@pytest.mark.parametrize("arguments", [("check", "rules", "rules.yaml"), ("test", "rules", "rules_test.yaml")])
async def test_the_alert_rules_hold_by_prometheus_own_tool(arguments: tuple[str, ...]) -> None:
    done = await asyncio.to_thread(
        subprocess.run, ["promtool", *arguments], cwd=RULES.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
