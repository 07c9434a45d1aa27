"""Datadog: every request judged by its own contract; SLO history, metric queries, rate limits, partial answers."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from app.adapters.monitoring.datadog import Datadog
from app.adapters.monitoring.datadog_client import DatadogClient
from app.adapters.monitoring.datadog_slos import PAGE, DatadogBudgets
from app.domain.budgets.measuring import MeasuredBudget
from app.domain.monitoring import InvalidQuery, MonitoringUnavailable
from app.domain.policy import BudgetPolicy
from tests.contract.openapi_contract import OpenApiContract

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
SITE = "datadoghq.eu"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HISTORY = re.compile(r"/api/v1/slo/([^/]+)/history")
CONTRACT = {
    "name": "datadog-v1.openapi.json",
    "base_url": f"https://api.{SITE}",
    "headers": ("dd-api-key", "user-agent"),
}


def slo(id: str = "slo-1", **fields: Any) -> dict[str, Any]:
    threshold = {"timeframe": "30d", "target": 99.9}
    given = {"id": id, "name": f"availability {id}", "type": "metric", "tags": ["service:checkout"]}
    return {**given, "thresholds": [threshold], **fields}


@dataclass
class DatadogSimulator:
    """A Datadog with SLOs whose indicator is a function of the window's length; every request is checked first."""

    slos: list[dict[str, Any]] = field(default_factory=lambda: [slo()])
    good: Callable[[timedelta], float | None] = lambda _: 100.0
    overall: dict[str, Any] = field(default_factory=dict)
    answers: list[httpx2.Response] = field(default_factory=list)
    series: Callable[[int, int], list[dict[str, Any]]] = lambda _since, _until: []
    requests: list[httpx2.Request] = field(default_factory=list)
    limit_after: int | None = None

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        OpenApiContract.load(**CONTRACT).check(request)
        self.requests.append(request)
        if self.limit_after is not None and len(self.requests) > self.limit_after:
            return httpx2.Response(429, headers={"x-ratelimit-reset": "42"}, json={"errors": ["Rate limit"]})
        if self.answers:
            return self.answers.pop(0)
        query = request.url.params
        if HISTORY.fullmatch(request.url.path):
            length = timedelta(seconds=int(query["to_ts"]) - int(query["from_ts"]))
            overall = {"sli_value": self.good(length), **self.overall}
            return httpx2.Response(200, json={"data": {"overall": overall, "type": "metric"}, "errors": None})
        if request.url.path == "/api/v1/query":
            series = self.series(int(query["from"]), int(query["to"]))
            return httpx2.Response(200, json={"status": "ok", "res_type": "time_series", "series": series})
        offset, limit = int(query["offset"]), int(query["limit"])
        return httpx2.Response(200, json={"data": self.slos[offset : offset + limit], "errors": []})

    def client(self, **options: Any) -> DatadogClient:
        http = httpx2.AsyncClient(transport=httpx2.MockTransport(self))
        return DatadogClient(http, site=SITE, api_key="k3y", application_key="app", **options)

    def budgets(self, **options: Any) -> DatadogBudgets:
        return DatadogBudgets(self.client(), burns=BudgetPolicy().burns, **options)

    def asked(self) -> list[float]:
        """The windows whose history was asked, in hours."""
        asked = [request.url.params for request in self.requests if HISTORY.fullmatch(request.url.path)]
        return [(int(one["to_ts"]) - int(one["from_ts"])) / 3600 for one in asked]


async def only(simulator: DatadogSimulator) -> MeasuredBudget:
    (budget,) = await simulator.budgets().budgets(NOW)
    return budget


# ── SLO history ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_budget_is_what_remains_of_its_period_and_its_burn_by_window() -> None:
    simulator = DatadogSimulator(good=lambda length: 98.0 if length <= HOUR else 99.95)
    budget = await only(simulator)
    assert (budget.service, budget.slo, budget.measured.at) == ("checkout", "availability slo-1", NOW)
    assert budget.measured.remaining == pytest.approx(0.5)
    assert budget.measured.rates == {
        "1h": pytest.approx(20), "5m": pytest.approx(20), "6h": pytest.approx(0.5), "1d": pytest.approx(0.5),
        "3d": pytest.approx(0.5),
    }  # fmt: skip
    assert budget.measured.burn_rate == pytest.approx(20)


async def test_a_short_window_is_asked_only_where_the_long_one_burns() -> None:
    simulator = DatadogSimulator()
    await only(simulator)
    assert simulator.asked() == [720, 1, 6, 24, 72]
    assert {request.url.params["target"] for request in simulator.requests[1:]} == {"99.9"}
    assert simulator.requests[0].headers["dd-application-key"] == "app"


async def test_datadogs_own_figure_for_what_remains_wins() -> None:
    for said, remaining in (({"custom": 12.5}, 0.125), ({"30d": -250.0}, -2.5), ({"7d": 10.0}, 1.0)):
        simulator = DatadogSimulator(overall={"error_budget_remaining": said})
        assert (await only(simulator)).measured.remaining == pytest.approx(remaining)


@pytest.mark.parametrize(
    "partial",
    [
        {"errors": [{"error_type": "t", "error_message": "no data from one of the groups"}]},
        {"sli_value": None},
    ],
)
async def test_a_partial_answer_says_nothing_although_its_status_is_200(partial: dict[str, Any]) -> None:
    simulator = DatadogSimulator(overall=partial)
    assert not (await only(simulator)).measured.says_something


async def test_an_answer_with_errors_beside_the_data_says_nothing() -> None:
    simulator = DatadogSimulator()
    listing = httpx2.Response(200, json={"data": simulator.slos, "errors": ["one SLO could not be read"]})
    data = {"overall": {"sli_value": 100.0}}
    partial = [httpx2.Response(200, json={"data": data, "errors": [{"error": "timed out"}]}) for _ in range(4)]
    refused = httpx2.Response(400, json={"errors": ["the window is too short"]})
    simulator.answers = [listing, *partial, refused]
    assert not (await only(simulator)).measured.says_something


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"tags": ["service:checkout", "service:search", "env:prod"]}, ["checkout", "search"]),
        ({"tags": None}, [None]),
        ({"thresholds": [{"timeframe": "custom", "target": 99.0}]}, []),
        ({"thresholds": [{"timeframe": "7d", "target": 100.0}]}, []),
        ({"thresholds": []}, []),
    ],
)
async def test_services_are_named_by_tags_and_only_periods_of_known_length_count(
    fields: dict[str, Any], found: list[str | None]
) -> None:
    budgets = await DatadogSimulator([slo(**fields)]).budgets().budgets(NOW)
    assert [budget.service for budget in budgets] == found


@pytest.mark.parametrize(
    ("fields", "hours"),
    [({"timeframe": "7d"}, 168), ({"timeframe": "custom"}, 720), ({}, 720)],
)
async def test_the_main_period_counts_where_an_slo_has_several(fields: dict[str, Any], hours: float) -> None:
    thresholds = [{"timeframe": name, "target": 99.0} for name in ("90d", "7d", "30d")]
    simulator = DatadogSimulator([slo(thresholds=thresholds, **fields)])
    await only(simulator)
    assert simulator.asked()[0] == hours


async def test_every_page_of_slos_is_read_and_only_those_with_the_tags() -> None:
    simulator = DatadogSimulator([slo(str(number), thresholds=[]) for number in range(PAGE + 1)])
    assert await simulator.budgets(tags="env:prod").budgets(NOW) == ()
    assert [request.url.params["offset"] for request in simulator.requests] == ["0", str(PAGE)]
    assert {request.url.params["tags_query"] for request in simulator.requests} == {"env:prod"}


async def test_a_rate_limit_ends_the_round_and_the_next_one_goes_on_from_there() -> None:
    simulator, now = DatadogSimulator([slo("a"), slo("b"), slo("c")], limit_after=8), 1000.0
    budgets = DatadogBudgets(simulator.client(now=lambda: now), burns=BudgetPolicy().burns)
    assert [one.slo for one in await budgets.budgets(NOW)] == ["availability a"]
    asked = len(simulator.requests)
    with pytest.raises(MonitoringUnavailable, match="opens in 42 s"):
        await budgets.budgets(NOW)
    assert len(simulator.requests) == asked
    now, simulator.limit_after = 1043.0, None
    assert [one.slo for one in await budgets.budgets(NOW)] == ["availability b", "availability c", "availability a"]


async def test_a_limit_that_does_not_say_until_when_is_respected_for_a_minute() -> None:
    simulator, now = DatadogSimulator(answers=[httpx2.Response(429)]), 1000.0
    client = simulator.client(now=lambda: now)
    with pytest.raises(MonitoringUnavailable, match="opens in 60 s"):
        await client.get("slo", limit=1, offset=0)


def breaks(_: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("refused")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx2.Response(403, json={"errors": ["Forbidden"]}), "NOREPEAT_DATADOG_API_KEY"),
        (httpx2.Response(400, json={"errors": ["bad tags"]}), "bad tags"),
        (httpx2.Response(503, text="<html>"), "503"),
        (httpx2.Response(200, text="<html>"), "200"),
        (httpx2.Response(200, json=[]), "200"),
        (httpx2.Response(200, json={"data": [{"thresholds": [{"timeframe": "7d"}]}]}), "document"),
        (httpx2.Response(200, json={"errors": []}), "document"),
        (httpx2.Response(302, headers={"location": "https://elsewhere.test"}), "302"),
    ],
)
async def test_everything_else_means_that_datadog_does_not_answer(answer: httpx2.Response, said: str) -> None:
    with pytest.raises(MonitoringUnavailable, match=said):
        await DatadogSimulator(answers=[answer]).budgets().budgets(NOW)


async def test_an_unreachable_datadog_is_no_recovery() -> None:
    client = DatadogClient(
        httpx2.AsyncClient(transport=httpx2.MockTransport(breaks)), site=SITE, api_key="k3y", application_key="app"
    )
    with pytest.raises(MonitoringUnavailable, match="ConnectError"):
        await DatadogBudgets(client, burns={}).budgets(NOW)


# ── Metrics as evidence ──────────────────────────────────────────────────────────────────────────────────────────

QUERY = "cumsum(sum:circuit_breaker.opened{service:checkout}.as_count())"


def series(*points: tuple[datetime, float | None], **fields: Any) -> dict[str, Any]:
    pointlist = [[at.timestamp() * 1000, value] for at, value in points]
    return {"expression": QUERY, "scope": "service:checkout", "pointlist": pointlist, **fields}


def answering(*found: dict[str, Any]) -> tuple[Datadog, DatadogSimulator]:
    simulator = DatadogSimulator(series=lambda _since, _until: list(found))
    return Datadog(simulator.client(), SITE), simulator


async def test_the_last_point_of_the_window_is_its_value_and_gaps_are_left_out() -> None:
    datadog, simulator = answering(series((NOW - 2 * HOUR, 1.0), (NOW - HOUR, 2.0), (NOW, None)))
    (found,) = await datadog.at_end(QUERY, NOW - 30 * DAY, NOW)
    assert (found.points, found.labels["scope"]) == (((NOW - HOUR, 2.0),), "service:checkout")
    (request,) = simulator.requests
    assert dict(request.url.params) == {
        "from": str(int((NOW - 30 * DAY).timestamp())), "to": str(int(NOW.timestamp())), "query": QUERY,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("points", "fields"),
    [
        ([(NOW - 9 * HOUR, 1.0), (NOW - 8 * HOUR, 2.0), (NOW, None)], {}),
        ([(NOW - 8 * HOUR, 2.0)], {"interval": 3600}),
        ([(NOW - 8 * HOUR, 2.0)], {}),
        ([(NOW, None)], {}),
    ],
)
async def test_a_series_that_ends_before_the_window_does_says_nothing_of_its_end(
    points: list[tuple[datetime, float | None]], fields: dict[str, Any]
) -> None:
    datadog, _ = answering(series(*points, **fields))
    (found,) = await datadog.at_end(QUERY, NOW - DAY, NOW)
    assert found.points == ()


async def test_a_range_is_asked_by_the_day_so_that_moments_show() -> None:
    def fine(since: int, until: int) -> list[dict[str, Any]]:
        start = datetime.fromtimestamp(since, UTC)
        return [series(*((start + n * HOUR, float(n)) for n in range(1 + (until - since) // 3600)))]

    simulator = DatadogSimulator(series=fine)
    (found,) = await Datadog(simulator.client(), SITE).points("avg:errors{*}", NOW - 2.5 * DAY, NOW, 60)
    assert len(simulator.requests) == 3
    assert (found.every, len(found.points), found.points[-1][0]) == (3600, 61, NOW)


async def test_series_of_other_scopes_stay_apart() -> None:
    datadog, _ = answering(series((NOW, 1.0)), series((NOW, 2.0), scope="service:search"))
    assert len(await datadog.at_end(QUERY, NOW - DAY, NOW)) == 2
    assert len(await datadog.points(QUERY, NOW - DAY, NOW, 60)) == 2


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(400, json={"status": "error", "error": "Rule 'scope_expr' didn't match at 'service:'"}),
        httpx2.Response(200, json={"status": "error", "error": "Rule 'scope_expr' didn't match at 'service:'"}),
        httpx2.Response(400, json={"errors": ["Rule 'scope_expr' didn't match at 'service:'"]}),
    ],
)
async def test_a_refused_query_comes_with_datadogs_own_words(answer: httpx2.Response) -> None:
    datadog = Datadog(DatadogSimulator(answers=[answer]).client(), SITE)
    with pytest.raises(InvalidQuery, match="scope_expr"):
        await datadog.at_end(QUERY, NOW - DAY, NOW)


@pytest.mark.parametrize("content", [{"status": "ok"}, {"series": [1]}, {"series": [{"pointlist": [[0]]}]}])
async def test_an_answer_that_is_not_documented_is_none(content: dict[str, Any]) -> None:
    datadog = Datadog(DatadogSimulator(answers=[httpx2.Response(200, json=content)]).client(), SITE)
    with pytest.raises(MonitoringUnavailable):
        await datadog.at_end(QUERY, NOW - DAY, NOW)


def test_a_query_needs_a_metric_with_its_scope() -> None:
    datadog, _ = answering()
    for query in (QUERY, "avg:system.cpu.idle{*}", "a{x} / b{y}"):
        datadog.require_series(query)
    for query in ("1", "sum(1)", "avg:system.cpu.idle"):
        with pytest.raises(InvalidQuery, match="no metric"):
            datadog.require_series(query)


def test_the_graph_is_in_the_explorer_of_the_site() -> None:
    datadog, simulator = answering()
    link = datadog.graph(QUERY, NOW - DAY, NOW)
    assert link.startswith("https://app.datadoghq.eu/metric/explorer?from_ts=")
    assert "exp_metric=circuit_breaker.opened&exp_scope=service%3Acheckout&exp_agg=sum" in link
    elsewhere = Datadog(simulator.client(), "us5.datadoghq.com").graph("1", NOW - DAY, NOW)
    assert elsewhere.startswith("https://us5.datadoghq.com/")
