"""Grafana's annotations against their contract: read for timelines, written once."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest

from app.adapters.monitoring.grafana import GrafanaBoard, GrafanaTimeline
from app.domain.gathering import SourceFact, Window
from app.domain.postmortems.content import TimelineKind
from app.domain.providers import ProviderOutcomeUnknown, ProviderRefused, ProviderUnavailable
from tests import make
from tests.contract.grafana_simulator import Fault, GrafanaSimulator
from tests.contract.test_pagerduty import notice
from tests.make import NOW

CHECKOUT = make.service("checkout")
MS = round(NOW.timestamp() * 1000)
WINDOW = Window(NOW - timedelta(hours=1), NOW + timedelta(hours=1))


@pytest.fixture
def simulator() -> GrafanaSimulator:
    return GrafanaSimulator()


@pytest.fixture
async def http(simulator: GrafanaSimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=simulator.transport()) as client:
        yield client


async def test_annotations_of_the_services_in_the_window_become_facts_with_stable_ids(
    simulator: GrafanaSimulator, http: httpx2.AsyncClient
) -> None:
    simulator.add(MS, "<b>Deployed</b> v2", "checkout", login="ada")
    simulator.add(MS, "", "checkout", alertName="High errors", newState="alerting")
    simulator.add(MS, "elsewhere", "search")
    simulator.add(MS - 7_200_000, "too early", "checkout")
    simulator.add(MS, "ours", "checkout", "norepeat:8b1c")
    simulator.add(MS, "", "checkout")
    facts = await GrafanaTimeline(simulator.client(http)).gather(WINDOW, [CHECKOUT])
    assert facts == (
        SourceFact("grafana:1", NOW, TimelineKind.NOTE, "Deployed v2", machine=False),
        SourceFact("grafana:2", NOW, TimelineKind.DETECTION, "High errors: alerting"),
    )


async def test_configured_tags_and_dashboards_are_read_too_each_annotation_once(
    simulator: GrafanaSimulator, http: httpx2.AsyncClient
) -> None:
    simulator.add(MS, "on the board", dashboardUID="abc")
    simulator.add(MS, "tagged", "prod")
    simulator.add(MS, "both", "prod", dashboardUID="abc")
    source = GrafanaTimeline(simulator.client(http, org_id=7), tags=["prod"], dashboards=["abc"])
    facts = await source.gather(WINDOW, [])
    assert sorted(fact.text for fact in facts) == ["both", "on the board", "tagged"]
    assert {headers["x-grafana-org-id"] for headers in simulator.headers} == {"7"}


async def test_without_services_tags_and_dashboards_nothing_is_asked(
    simulator: GrafanaSimulator, http: httpx2.AsyncClient
) -> None:
    assert await GrafanaTimeline(simulator.client(http)).gather(WINDOW, []) == ()
    assert simulator.requests == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.UNAUTHORIZED, ProviderRefused),
        (Fault.FORBIDDEN, ProviderRefused),
        (Fault.RATE_LIMITED, ProviderUnavailable),
        (Fault.BEFORE_500, ProviderUnavailable),
    ],
)
async def test_a_source_that_fails_says_why(
    simulator: GrafanaSimulator, http: httpx2.AsyncClient, fault: Fault, error: type[Exception]
) -> None:
    simulator.faults.plan(fault)
    with pytest.raises(error):
        await GrafanaTimeline(simulator.client(http)).gather(WINDOW, [CHECKOUT])


async def test_an_annotation_without_a_time_is_no_crash(simulator: GrafanaSimulator, http: httpx2.AsyncClient) -> None:
    async def odd(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json=[{"id": 1, "text": "x", "tags": None}])

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(odd)) as client:
        with pytest.raises(ProviderUnavailable, match="does not document"):
            await GrafanaTimeline(simulator.client(client)).gather(WINDOW, [CHECKOUT])


async def test_a_publication_spans_the_incident_and_is_found_by_its_tag(
    simulator: GrafanaSimulator, http: httpx2.AsyncClient
) -> None:
    board, told = GrafanaBoard(simulator.client(http)), notice()
    assert await board.find(told) is None
    assert await board.post(told) == "annotation 1"
    assert await board.find(told) == "annotation 1"
    (written,) = simulator.annotations
    assert set(written["tags"]) == {"postmortem", f"norepeat:{told.marker}", "checkout"}
    assert written["timeEnd"] - written["time"] == 3_600_000
    assert told.url in written["text"]


async def test_one_without_an_end_is_a_point(simulator: GrafanaSimulator, http: httpx2.AsyncClient) -> None:
    told = notice(started_at=None, resolved_at=None)
    await GrafanaBoard(simulator.client(http)).post(told)
    (written,) = simulator.annotations
    assert (written["time"], "timeEnd" in written) == (MS, False)


async def test_one_that_got_no_answer_may_have_been_written(
    simulator: GrafanaSimulator, http: httpx2.AsyncClient
) -> None:
    board, told = GrafanaBoard(simulator.client(http)), notice()
    simulator.faults.plan(Fault.APPLIED_502, "POST")
    with pytest.raises(ProviderOutcomeUnknown):
        await board.post(told)
    assert await board.find(told) == "annotation 1"
