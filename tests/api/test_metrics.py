"""Metrics over HTTP: every odd question has a defined answer, and what Prometheus scrapes is what the worker stored."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from app.adapters.metrics import PrometheusPage
from app.cli import cli
from app.domain.learning.use_cases.gauges import refresh_gauges
from app.domain.ports import Ports
from tests.api.callers import Person, staff
from tests.conftest import ADMIN_KEY, CONTRACTS

NAMES = ("recurrence", "completion", "detection", "severity", "effectiveness", "follow-through")
CORPUS = CONTRACTS.parent / "corpus" / "incidents.jsonl"
NOW = datetime.now(UTC)


@pytest.fixture
async def admin(client: httpx2.AsyncClient) -> Person:
    person = Person(client, f"Bearer {ADMIN_KEY}")
    await person.post("/v1/teams", {"slug": "payments", "name": "Payments"}, expect=201)
    await person.post("/v1/services", {"slug": "checkout", "name": "Checkout", "team": "payments"}, expect=201)
    return person


def ago(days: float) -> str:
    return (NOW - timedelta(days=days)).isoformat()


async def made_incident(admin: Person, **fields: Any) -> Any:
    usual = {"title": "Down", "severity": "P1", "services": ["checkout"]}
    return await admin.post("/v1/incidents", usual | fields, expect=201)


def measures(found: Any) -> list[Any]:
    if isinstance(found, dict):
        return [found] if "missing_because" in found else [m for part in found.values() for m in measures(part)]
    return [m for part in found for m in measures(part)] if isinstance(found, list) else []


@pytest.mark.parametrize(
    "question", ["", "?lookback_days=1", "?as_of=2015-01-01T00:00:00Z", "?team=payments&severity=P5"]
)
async def test_where_nothing_is_known_every_number_is_null(admin: Person, question: str) -> None:
    for name in NAMES:
        found = await admin.get(f"/v1/metrics/{name}{question}")
        assert measures(found)
        assert all((m["value"], m["n"], m["n_missing"]) == (None, 0, 0) for m in measures(found)), name


@pytest.mark.parametrize(
    "question",
    ["as_of=2999-01-01T00:00:00Z", "as_of=0001-01-01T00:00:00Z", "lookback_days=0", "lookback_days=9999",
     "interval=day", "severity=P9", "team=nobody", "service=nothing"],
)  # fmt: skip
async def test_a_question_without_an_answer_is_refused_with_the_reason(admin: Person, question: str) -> None:
    for name in NAMES:
        refused = await admin.call("GET", f"/v1/metrics/{name}?{question}", expect=422)
        assert refused["code"] in ("invalid", "invalid_request")


async def test_one_incident_without_times_or_cause_is_missing_not_zero(admin: Person) -> None:
    await made_incident(admin)
    detection = await admin.get("/v1/metrics/detection")
    assert detection["detected_at"]["overall"] == {
        "value": None, "n": 0, "n_missing": 1, "missing_because": {"no_start": 1},
    }  # fmt: skip
    assert detection["detected_at"]["verdict"] == "insufficient_data"
    severity = await admin.get("/v1/metrics/severity")
    assert (severity["severe"]["value"], severity["severe"]["n"], severity["trend"]) == (1, 1, None)


async def test_tests_count_nowhere(admin: Person) -> None:
    await made_incident(admin, mode="test", started_at=ago(3), detected_at=ago(2))
    assert (await admin.get("/v1/metrics/severity"))["severe"]["n"] == 0
    assert (await admin.get("/v1/metrics/detection"))["detected_at"]["overall"]["n_missing"] == 0


async def test_a_restricted_incident_is_counted_for_all_and_listed_for_few(admin: Person) -> None:
    (reader,) = await staff(admin, "reader")
    await made_incident(admin, started_at=ago(3), detected_at=ago(2), visibility="restricted")
    assert (await reader.get("/v1/metrics/severity"))["severe"]["n"] == 1
    assert (await reader.get("/v1/metrics/detection"))["detected_at"]["overall"]["n"] == 1
    assert (await reader.get("/v1/incidents"))["items"] == []


async def test_merged_causes_are_one_cause(admin: Person) -> None:
    for slug in ("pool-dry", "pool-empty"):
        await admin.post("/v1/root-causes", {"slug": slug, "title": slug}, expect=201)
    (reviewer,) = await staff(admin, "reviewer")
    first = await made_incident(
        admin, started_at=ago(100), resolved_at=ago(99), root_cause="pool-dry", root_cause_status="confirmed"
    )
    await made_incident(admin, started_at=ago(20), root_cause="pool-empty", root_cause_status="confirmed")
    await reviewer.post("/v1/postmortems", {"incident_id": first["id"]}, expect=201)
    before = await admin.get("/v1/metrics/recurrence")
    await reviewer.post("/v1/root-causes/pool-empty/merge", {"into": "pool-dry"})
    after = await admin.get("/v1/metrics/recurrence")
    assert (before["recurred"]["value"], before["recurred"]["n"]) == (0, 1)
    assert (after["recurred"]["value"], after["recurred"]["n"]) == (1, 1)


async def test_a_scrape_shows_what_was_stored_and_leaves_out_what_is_unknown(admin: Person, ports: Ports) -> None:
    await made_incident(admin, started_at=ago(3), detected_at=ago(2))
    stored = await refresh_gauges(ports.facts, ports.gauges, ports.clock, ports.metrics_policy, time_zone="UTC")
    (reader,) = await staff(admin, "reader")
    response = await reader.http.get("/metrics", headers=reader.headers)
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {f.name: f.samples for f in text_string_to_metric_families(response.text)}
    values = {(s.labels["metric"], s.labels["team"]): s.value for s in families["norepeat_metric"]}
    assert values["time_to_detect_seconds_median", ""] == pytest.approx(86_400)
    assert values["severe_share", "payments"] == 1
    assert ("recurrence_rate", "") not in values
    assert len(families["norepeat_metric_n"]) == stored
    assert {label for s in families["norepeat_metric"] for label in s.labels} == {"metric", "team"}
    assert families["norepeat_metrics_computed_timestamp_seconds"][0].value > 0


async def test_gauges_of_a_team_that_is_gone_are_gone(admin: Person, ports: Ports) -> None:
    await refresh_gauges(ports.facts, ports.gauges, ports.clock, ports.metrics_policy, time_zone="UTC")
    gauges, at = await ports.gauges.load()
    assert at is not None
    kept = [gauge for gauge in gauges if gauge.team == ""]
    await ports.gauges.store(kept, at)
    assert (await ports.gauges.load())[0] == tuple(kept)


async def test_a_scrape_needs_the_token_set_for_it_or_a_readers_key(admin: Person, ports: Ports) -> None:
    http, app_ports = admin.http, replace(ports, scrape_page=PrometheusPage(ports.gauges, "t0ken"))
    http._transport.app.state.ports = app_ports
    assert (await http.get("/metrics", headers={"Authorization": ""})).status_code == 401
    assert (await http.get("/metrics", headers={"Authorization": "Bearer wrong"})).status_code == 401
    assert (await http.get("/metrics", headers={"Authorization": "Bearer t0ken"})).status_code == 200
    assert (await http.get("/v1/metrics", headers={"Authorization": "Bearer t0ken"})).status_code == 401
    assert not PrometheusPage(ports.gauges, None).admits("")


def lines(count: int) -> str:
    """A cause that strikes every 20 days, and one that struck once."""
    past = [(20.0 * n, "often") for n in range(count)] + [(300.0, "once")]
    return "\n".join(
        json.dumps(
            {"ref": {"source": "wiki", "id": str(n)}, "title": "Down", "services": ["checkout"],
             "started_at": ago(days), "root_cause": {"slug": cause}}
        )
        for n, (days, cause) in enumerate(past)
    )  # fmt: skip


def test_a_history_file_is_backtested_without_a_database(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    file.write_text(lines(30), encoding="utf-8")
    found = json.loads(CliRunner().invoke(cli, ["backtest", str(file), "--json"]).stdout)
    assert found["predictions"] > found["recurred"] > 0
    assert found["p"]["auc"] > 0.9
    assert [one["low"] for one in found["calibration"]][:2] == [0, 0.1]
    said = CliRunner().invoke(cli, ["backtest", str(file)]).stdout
    assert "Brier" in said
    short = CliRunner().invoke(cli, ["backtest", str(file), "--service", "nothing"]).stdout
    assert "too short a history" in short


@pytest.mark.skipif(not CORPUS.is_file(), reason="the corpus of published incidents is not here")
def test_published_incidents_are_backtested_as_they_are() -> None:
    arguments = ["backtest", str(CORPUS), "--mapping", "corpus", "--service", "Peerio", "--json"]
    found = json.loads(CliRunner().invoke(cli, arguments).stdout)
    assert found["predictions"] > 100
