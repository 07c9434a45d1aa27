"""Monitoring adapters: captured posts of a real Alertmanager, Prometheus' answers and refusals, definition files."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import isnan
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest

from app.adapters.monitoring.alertmanager import AlertmanagerWebhooks
from app.adapters.monitoring.definitions import read_definitions
from app.adapters.monitoring.durations import duration
from app.adapters.monitoring.prometheus import Prometheus
from app.adapters.monitoring.promql import counters, reads_series
from app.adapters.monitoring.sloth_rules import SlothBudgets
from app.domain.budgets.alerts import Alert
from app.domain.budgets.model import Signal
from app.domain.budgets.slos import InvalidSlo
from app.domain.errors import Invalid, Unauthenticated
from app.domain.monitoring import InvalidQuery, MonitoringUnavailable
from tests.conftest import CONTRACTS

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
POSTS = CONTRACTS / "webhooks" / "alertmanager"
captured = pytest.mark.skipif(not POSTS.is_dir(), reason="the captured posts (../shared/contracts) are not here")


def post(name: str) -> bytes:
    return (POSTS / name).read_bytes()


# ── Alertmanager ─────────────────────────────────────────────────────────────────────────────────────────────────


@captured
@pytest.mark.parametrize("status", ["firing", "resolved"])
def test_a_captured_post_of_sloths_alert(status: str) -> None:
    (alert,) = AlertmanagerWebhooks().alerts(post(f"slo.{status}.json"))
    assert alert == Alert("checkout", "availability", Signal.FAST_BURN, status == "firing", "High error budget burn")


@captured
def test_a_captured_group_of_page_and_ticket_alerts() -> None:
    alerts = AlertmanagerWebhooks().alerts(post("sloth-official-rules.firing.json"))
    assert {(a.service, a.slo, a.signal, a.firing) for a in alerts} == {
        ("myservice", "requests-availability", Signal.SLOW_BURN, True),
        ("myservice", "requests-availability", Signal.FAST_BURN, True),
    }


@captured
def test_a_captured_alert_with_nanoseconds_says_nothing_of_a_budget() -> None:
    assert AlertmanagerWebhooks().alerts(post("synthetic.firing.json")) == ()


def group(*alerts: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"version": "4", "alerts": alerts, **more}).encode()


def alert(status: str = "firing", **labels: str) -> dict[str, Any]:
    return {"status": status, "labels": labels, "startsAt": "2026-11-23T15:48:35.869456879Z"}


PYRRA = {"slo": "api-errors", "alertname": "ErrorBudgetBurn"}


@pytest.mark.parametrize(
    ("labels", "signal"),
    [
        ({"severity": "critical", "short": "5m", "long": "1h", "exhaustion": "2d"}, Signal.FAST_BURN),
        ({"severity": "critical", "short": "30m", "long": "6h", "exhaustion": "4d"}, Signal.BURN),
        ({"severity": "critical", "short": "3m", "long": "30m", "exhaustion": "1d"}, Signal.FAST_BURN),
        ({"severity": "critical", "short": "15m", "long": "3h", "exhaustion": "2d"}, Signal.BURN),
        ({"severity": "critical", "short": "5m", "long": "1h"}, Signal.FAST_BURN),
        ({"severity": "critical", "short": "30m", "long": "6h"}, Signal.BURN),
        ({"severity": "critical", "short": "?", "long": "?"}, Signal.BURN),
        ({"severity": "warning", "short": "2h", "long": "1d", "exhaustion": "2w"}, Signal.SLOW_BURN),
        ({"severity": "warning", "short": "6h", "long": "4d", "exhaustion": "4w"}, Signal.SLOW_BURN),
    ],
)
def test_pyrras_windows_tell_its_factors(labels: dict[str, str], signal: Signal) -> None:
    (found,) = AlertmanagerWebhooks().alerts(group(alert(**PYRRA, **labels)))
    assert (found.service, found.slo, found.signal, found.reason) == (None, "api-errors", signal, "ErrorBudgetBurn")


def test_a_group_mixes_firing_and_resolved_and_extra_fields_are_ignored() -> None:
    page = {"sloth_service": "checkout", "sloth_slo": "a", "sloth_severity": "page"}
    body = group(
        alert(**page), alert("resolved", **{**page, "sloth_slo": "b"}), alert(alertname="Other"),
        notification_reason="new", routeLabels={}, truncatedAlerts=0,
    )  # fmt: skip
    assert [(a.slo, a.firing) for a in AlertmanagerWebhooks().alerts(body)] == [("a", True), ("b", False)]


def test_labels_that_no_text_can_hold_are_made_storable() -> None:
    labels = {"sloth_service": "check\x00out", "sloth_slo": "a\ud800", "sloth_severity": "page"}
    (found,) = AlertmanagerWebhooks().alerts(group(alert(**labels)))
    assert (found.service, found.slo) == ("checkout", "a?")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"alerts": [1]}', b'{"alerts": [{"status": "firing"}]}', b"[" * 9999]
)
def test_what_is_no_post_of_alertmanager_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        AlertmanagerWebhooks().alerts(body)


def test_a_bearer_token_or_basic_auth_opens_the_route_and_each_post_is_its_own() -> None:
    hooks, secrets = AlertmanagerWebhooks(), ("s3cret", "am:pass")
    basic = "Basic " + base64.b64encode(b"am:pass").decode()
    ids = {hooks.delivery({"Authorization": given}, b"", secrets, NOW) for given in ("Bearer s3cret", basic, basic)}
    assert len(ids) == 3
    for wrong in ("", "Bearer", "Bearer other", "s3cret", "Bearer s3cret ", "Basic s3cret", "Bearer é"):
        with pytest.raises(Unauthenticated):
            hooks.delivery({"authorization": wrong}, b"", secrets, NOW)
    with pytest.raises(Unauthenticated):
        hooks.delivery({}, b"", secrets, NOW)


@pytest.mark.parametrize(
    ("text", "hours"),
    [("1h", 1), ("1h30m", 1.5), ("4w2d", 720), ("0s", None), ("", None), ("1h!", None), ("9" * 9 + "y", None)],
)
def test_durations(text: str, hours: float | None) -> None:
    assert duration(text) == (None if hours is None else timedelta(hours=hours))


# ── Prometheus ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "query",
    [
        "up",
        "sum(increase(circuit_breaker_open_total[30d]))",
        'sum by (pod) (rate(x{service="a"}[5m])) > 2',
        "slo:sli_error:ratio_rate5m",
        '{__name__=~"slo:.*"}',
        "avg without (pod) (up offset 1w)",
        "histogram_quantile(0.9, sum by (le) (rate(latency_bucket[5m])))",
        "count_values('v', build_info)",
        "max_over_time(x[1h:5m])",
    ],
)
def test_queries_that_read_series(query: str) -> None:
    assert reads_series(query)


@pytest.mark.parametrize(
    "query",
    [
        "vector(1)", "1", "1 + 1e3", "time()", "scalar(vector(2)) > bool 1", "vector(1) # up",
        'label_replace(vector(1), "a", "up", "b", "c")',
        "sum(vector(1))", "sum by (job) (vector(1))", "Inf", "NaN", "pi() * 0x1F", "vector(1) or vector(2)", "",
    ],
)  # fmt: skip
def test_queries_that_read_none(query: str) -> None:
    assert not reads_series(query)


def test_counters_are_what_a_query_counts_the_growth_of() -> None:
    assert counters('sum(increase(a[30d])) + rate( b:c{d="e"} [5m]) - increase(a[1d])') == ("a", 'b:c{d="e"}')
    assert counters('irate({__name__="x"}[5m])') == ('{__name__="x"}',)
    assert counters("a / b") == counters("rate([5m])") == ()


Answer = Callable[[httpx2.Request], httpx2.Response]


def prometheus(answer: Answer, **options: Any) -> Prometheus:
    client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    return Prometheus(client, "http://prom.test/", **options)


def success(kind: str, result: Any) -> Answer:
    return lambda _: httpx2.Response(200, json={"status": "success", "data": {"resultType": kind, "result": result}})


async def test_values_are_strings_and_some_are_no_numbers() -> None:
    vector = [{"metric": {"a": "b"}, "value": [1781524800.5, "+Inf"]}, {"metric": {}, "value": [1781524800, "NaN"]}]
    infinite, none = await prometheus(success("vector", vector)).instant("up", NOW)
    assert infinite.points[0][1] == float("inf")
    assert infinite.points[0][0].microsecond == 500_000
    assert isnan(none.points[0][1])
    (scalar,) = await prometheus(success("scalar", [1781524800, "2"])).instant("scalar(up)", NOW)
    assert scalar.points == ((datetime.fromtimestamp(1781524800, UTC), 2.0),)
    matrix = [{"metric": {}, "values": [[1, "1"], [2, "2"]]}]
    (series,) = await prometheus(success("matrix", matrix)).points("up", NOW, NOW, 60)
    assert [value for _, value in series.points] == [1.0, 2.0]
    with pytest.raises(InvalidQuery, match="string"):
        await prometheus(success("string", [1, "a"])).instant('"a"', NOW)


async def test_queries_go_as_a_form_with_the_credential_and_the_tenant() -> None:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return success("vector", [])(request)

    await prometheus(answer, credential="t0ken", org_id="acme").instant("up > 1", NOW)
    await prometheus(answer, credential="u:p").points("up", NOW, NOW + timedelta(hours=1), 60)
    one, two = asked
    assert (one.method, str(one.url)) == ("POST", "http://prom.test/api/v1/query")
    assert parse_qs(one.content.decode()) == {"query": ["up > 1"], "time": [f"{NOW.timestamp():.3f}"]}
    assert (one.headers["authorization"], one.headers["x-scope-orgid"]) == ("Bearer t0ken", "acme")
    assert two.headers["authorization"] == "Basic " + base64.b64encode(b"u:p").decode()
    assert parse_qs(two.content.decode())["step"] == ["60"]


def fails(code: int, **body: Any) -> Answer:
    return lambda _: httpx2.Response(code, json=body)


async def test_a_refused_query_comes_with_the_backends_own_words() -> None:
    said = "1:5: parse error: unexpected end of input"
    with pytest.raises(InvalidQuery, match="unexpected end of input"):
        await prometheus(fails(400, status="error", errorType="bad_data", error=said)).instant("sum(", NOW)


def breaks(_: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("refused")


@pytest.mark.parametrize(
    "answer",
    [
        breaks,
        fails(503, status="error", error="too busy"),
        lambda _: httpx2.Response(502, text="<html>"),
        lambda _: httpx2.Response(400, text="proxy says no"),
        lambda _: httpx2.Response(200, json=[1]),
        fails(200, status="success", data={"resultType": "vector", "result": [{}]}),
        fails(200, status="success", data={}),
    ],
)
async def test_everything_else_means_that_it_does_not_answer(answer: Answer) -> None:
    with pytest.raises(MonitoringUnavailable):
        await prometheus(answer).instant("up", NOW)
    with pytest.raises(MonitoringUnavailable):
        await SlothBudgets(prometheus(answer)).budgets(NOW)


def test_the_graph_is_where_people_see_it() -> None:
    link = prometheus(breaks, public_url="https://prom.example").graph('up{a="b"}', NOW - timedelta(days=30), NOW)
    assert link.startswith("https://prom.example/graph?g0.expr=up%7Ba%3D%22b%22%7D")
    assert "g0.range_input=720h" in link


async def test_budgets_come_from_sloths_rules() -> None:
    labels = {"sloth_service": "checkout", "sloth_slo": "availability"}
    values = {
        "slo:period_error_budget_remaining:ratio": [(labels, "0.4"), ({"job": "x"}, "1")],
        "slo:current_burn_rate:ratio": [(labels, "NaN")],
        "slo:error_budget:ratio": [(labels, "0.001")],
        "ratio_rate(": [
            ({**labels, "__name__": "slo:sli_error:ratio_rate5m"}, "0.0144"),
            ({**labels, "__name__": "slo:sli_error:ratio_rate1h"}, "NaN"),
            ({**labels, "__name__": "other"}, "1"),
        ],
    }

    def answer(request: httpx2.Request) -> httpx2.Response:
        query = parse_qs(request.content.decode())["query"][0]
        found = next(rows for name, rows in values.items() if name in query)
        return success("vector", [{"metric": metric, "value": [1, value]} for metric, value in found])(request)

    (budget,) = await SlothBudgets(prometheus(answer)).budgets(NOW)
    assert (budget.service, budget.slo) == ("checkout", "availability")
    assert (budget.measured.remaining, budget.measured.burn_rate) == (0.4, None)
    assert budget.measured.rates == {"5m": pytest.approx(14.4)}


# ── Definitions ──────────────────────────────────────────────────────────────────────────────────────────────────

SLOTH = {"version": "prometheus/v1", "service": "checkout", "slos": [{"name": "availability", "objective": 99.9}]}
OPENSLO = {
    "apiVersion": "openslo/v1",
    "kind": "SLO",
    "metadata": {"name": "latency", "displayName": "Latency"},
    "spec": {
        "service": "checkout", "description": "Fast", "timeWindow": [{"duration": "4w", "isRolling": True}],
        "objectives": [{"target": 0.99}],
    },
}  # fmt: skip


def test_sloth_and_openslo_files() -> None:
    one, two = read_definitions(json.dumps([SLOTH, OPENSLO, {"apiVersion": "openslo/v1", "kind": "Service"}]))
    assert (one.service, one.name, one.objective, one.window_days, one.source) == (
        "checkout", "availability", 0.999, 30.0, "sloth",
    )  # fmt: skip
    assert (two.name, two.title, two.objective, two.window_days, two.source) == (
        "latency",
        "Latency",
        0.99,
        28.0,
        "openslo",
    )
    operator = {"apiVersion": "sloth.slok.dev/v1", "kind": "PrometheusServiceLevel", "spec": SLOTH}
    assert read_definitions(json.dumps(operator)) == (one,)
    spec = {**OPENSLO["spec"], "objectives": [{"targetPercent": 99.5}], "timeWindow": [{"duration": "1Q"}]}  # type: ignore[dict-item]
    (quarter,) = read_definitions(json.dumps({**OPENSLO, "spec": spec}))
    assert (quarter.objective, quarter.window_days) == (0.995, 90.0)
    (rolling,) = read_definitions(json.dumps({**OPENSLO, "spec": {**spec, "timeWindow": []}}))
    assert rolling.window_days == 30.0


MANY = """\
# two documents
version: prometheus/v1
service: checkout
labels: {owner: pay, since: 2026-01-02}
slos:
  - name: availability
    objective: 99.9
    description: >
      Answers come
      without errors.
  - name: latency
    objective: 99
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: freshness}
spec:
  service: search
  timeWindow: [{duration: 1w, isRolling: true, since: 2026-01-02}]
  objectives:
    - target: 0.95
---
"""


def test_yaml_with_several_documents_and_dates_that_stay_text() -> None:
    found = read_definitions(MANY)
    assert [(one.service, one.name, one.objective) for one in found] == [
        ("checkout", "availability", 0.999), ("checkout", "latency", 0.99), ("search", "freshness", 0.95),
    ]  # fmt: skip
    assert found[0].description == "Answers come without errors.\n"
    assert (found[2].window_days, found[2].spec["timeWindow"][0]["since"]) == (7.0, "2026-01-02")  # type: ignore[index]
    assert read_definitions("") == read_definitions("---\n---\n") == ()


def test_sloths_own_example_is_read() -> None:
    file = CONTRACTS / "slo" / "sloth.getting-started.slo.yml"
    if not file.exists():
        pytest.skip("Sloth's example (../shared/contracts) is not here")
    (one,) = read_definitions(file.read_text())
    assert (one.service, one.name, one.objective) == ("myservice", "requests-availability", 0.999)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("objective: 99\n", "objective: 100\n", "line 11: The objective of “latency”"),
        ("objective: 99\n", "objective: most\n", "line 12: “objective” must be a number"),
        ("    objective: 99\n", "", "line 11: “objective” is missing"),
        ("objective: 99\n", "objective: 99\n    objective: 98\n", "line 13: .*“objective” stands twice"),
        ("name: latency", "name: availability", "line 11: “availability” of “checkout” is defined on line 6 already"),
        ("name: latency", "name: [latency]", "line 11: “name” must be a text"),
        ("service: checkout", "service:", "line 2: “service” is missing"),
        ("version: prometheus/v1", "version: prometheus/v2", "line 2: The version “prometheus/v2” is none of"),
        ("    - target: 0.95", "    - ratio: 0.95", "line 21: “targetPercent” is missing"),
        ("    - target: 0.95", "    []", "line 18: “objectives” is empty"),
        ("    - target: 0.95", "    target: 0.95", "line 21: A list is expected here"),
        ("duration: 1w", "duration: soon", "line 19: “soon” is no duration"),
        ("metadata: {name: freshness}", "metadata: freshness", "line 16: A mapping is expected here"),
        ("labels: {owner", "labels: {owner: [", "line 4: This is neither YAML nor JSON"),
        ("labels: {owner", "\tlabels: {owner", "line 4: This is neither YAML nor JSON"),
        ("kind: SLO", "kind: !!python/object:os.system {}", "line 15: This is neither YAML nor JSON"),
        ("duration: 1w", "duration: 1w, most: .inf", "line 18: This cannot be kept"),
        ("duration: 1w", "duration: 1w, all: !!set {a}", "line 18: This cannot be kept"),
    ],
)
def test_an_error_names_its_line_and_what_to_do(old: str, new: str, said: str) -> None:
    assert old in MANY
    with pytest.raises(InvalidSlo, match=said):
        read_definitions(MANY.replace(old, new))


@pytest.mark.parametrize(
    "text",
    [
        "version: prometheus/v1", "{}", "[1]", "one", '{"version": "prometheus/v1"}', '{"apiVersion": "openslo/v2"}',
        "{" * 9999, "\x00", "version: prometheus/v1\nservice: a\nslos: &a [*a]", "slos: *nobody",
        json.dumps({**SLOTH, "slos": [{"name": "x", "objective": 100}]}),
        json.dumps({**OPENSLO, "spec": {**OPENSLO["spec"], "timeWindow": [{"duration": "soon"}]}}),  # type: ignore[dict-item]
    ],
)  # fmt: skip
def test_what_defines_no_slo_is_refused(text: str) -> None:
    with pytest.raises(InvalidSlo):
        read_definitions(text)
