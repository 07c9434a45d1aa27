"""PagerDuty's adapter against its official contract: what is read of an incident, and the note that is written once."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from app.adapters.incidents.pagerduty import PagerDuty, PagerDutyNotes, incident_id
from app.adapters.incidents.pagerduty_client import MOST_PAGES, PAGE
from app.domain.announcing.model import Notice
from app.domain.incidents.model import DetectionSource
from app.domain.incidents.paging import PagedService
from app.domain.postmortems.content import TimelineKind
from app.domain.providers import NotThere, ProviderOutcomeUnknown, ProviderRefused, ProviderUnavailable
from tests.contract.pagerduty_simulator import Fault, PagerDutySimulator, example, log_entry, person
from tests.make import NOW

ADA = person("PADA", "Ada Lovelace")


@pytest.fixture
def simulator() -> PagerDutySimulator:
    return PagerDutySimulator()


@pytest.fixture
async def http(simulator: PagerDutySimulator) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=simulator.transport()) as client:
        yield client


@pytest.fixture
def pagerduty(simulator: PagerDutySimulator, http: httpx2.AsyncClient) -> PagerDuty:
    return PagerDuty(simulator.client(http), clock=lambda: NOW)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-06-14T{text}+00:00")


def resolved(simulator: PagerDutySimulator) -> None:
    """An incident that is over, with all that PagerDuty logs of one."""
    simulator.add(status="resolved", resolved_at="2026-06-14T13:00:00Z", priority={"id": "P1", "summary": "P1"})
    simulator.log["PT4KHLK"] = [
        log_entry("R1", "trigger", "2026-06-14T12:00:00Z", event_details={"description": "5xx above 5 %"}),
        log_entry("R2", "notify", "2026-06-14T12:00:01Z"),
        log_entry("R3", "assign", "2026-06-14T12:00:01Z"),
        log_entry("R4", "acknowledge", "2026-06-14T12:05:00Z", ADA),
        log_entry("R5", "annotate", "2026-06-14T12:10:00Z", ADA),
        log_entry("R6", "something_new", "2026-06-14T12:20:00Z"),
        log_entry("R7", "resolve", "2026-06-14T13:00:00Z", ADA),
    ]
    simulator.alerts["PT4KHLK"] = [
        {"id": "A1", "summary": "High error rate", "severity": "critical", "created_at": "2026-06-14T11:58:00Z"}
    ]
    simulator.notes["PT4KHLK"] = [
        {"id": "N1", "content": "Rolling back.", "created_at": "2026-06-14T08:10:00-04:00", "user": ADA},
        {"id": "N2", "content": f"Postmortem published\nnorepeat:{uuid4()}", "created_at": "2026-06-15T12:00:00Z"},
    ]


async def test_an_incident_is_read_with_log_alerts_and_notes_but_without_notifications(
    pagerduty: PagerDuty, simulator: PagerDutySimulator
) -> None:
    resolved(simulator)
    said = await pagerduty.fetch("PT4KHLK")
    assert (said.title, said.service) == ("Checkout answers with errors", PagedService("PSVC1", "Checkout"))
    assert (said.priority, said.urgency, said.url) == ("P1", "high", "https://acme.pagerduty.com/incidents/PT4KHLK")
    told = {fact.id.removeprefix("pagerduty:"): (fact.kind, fact.machine) for fact in said.facts}
    assert told == {
        "log:R1": (TimelineKind.DETECTION, True),
        "log:R3": (TimelineKind.ESCALATION, True),
        "log:R4": (TimelineKind.RESPONSE, False),
        "log:R6": (TimelineKind.NOTE, True),
        "log:R7": (TimelineKind.RESOLUTION, False),
        "alert:A1": (TimelineKind.TRIGGER, True),
        "note:N1": (TimelineKind.NOTE, False),
    }
    texts = {fact.id: fact.text for fact in said.facts}
    assert texts["pagerduty:log:R1"].endswith(": 5xx above 5 %")
    assert texts["pagerduty:note:N1"] == "Ada Lovelace: Rolling back."


async def test_moments_come_from_the_log_and_mitigation_stays_unknown(
    pagerduty: PagerDuty, simulator: PagerDutySimulator
) -> None:
    resolved(simulator)
    said = await pagerduty.fetch("PT4KHLK")
    assert said.moments == {
        "started_at": at("11:58:00"), "detected_at": at("11:58:00"), "acknowledged_at": at("12:05:00"),
        "resolved_at": at("13:00:00"),
    }  # fmt: skip
    assert said.moment_sources == {"started_at": "pagerduty-trigger"}
    assert (said.told_at, said.detection_source) == (NOW, DetectionSource.ALERT)


async def test_responders_come_from_the_log_because_assignments_are_empty_once_resolved(
    pagerduty: PagerDuty, simulator: PagerDutySimulator
) -> None:
    resolved(simulator)
    said = await pagerduty.fetch("PT4KHLK")
    assert [(one.id, one.name) for one in said.responders] == [("PADA", "Ada Lovelace")]


async def test_an_incident_that_goes_on_has_no_end(pagerduty: PagerDuty, simulator: PagerDutySimulator) -> None:
    simulator.add(status="acknowledged", acknowledgements=[{"at": "2026-06-14T12:05:00Z", "acknowledger": ADA}])
    said = await pagerduty.fetch("PT4KHLK")
    assert (said.moments["resolved_at"], said.moments["acknowledged_at"]) == (None, at("12:05:00"))
    assert said.detection_source is None


async def test_one_that_a_person_opened_was_noticed_by_an_employee(
    pagerduty: PagerDuty, simulator: PagerDutySimulator
) -> None:
    simulator.add()
    simulator.log["PT4KHLK"] = [log_entry("R1", "trigger", "2026-06-14T12:00:00Z", ADA)]
    said = await pagerduty.fetch("PT4KHLK")
    assert (said.detection_source, said.responders) == (DetectionSource.EMPLOYEE, ())


async def test_the_official_examples_are_understood(pagerduty: PagerDuty, simulator: PagerDutySimulator) -> None:
    incident = example("/incidents/{id}")["incident"]
    id = incident["id"]
    simulator.incidents[id] = incident
    simulator.log[id] = example("/incidents/{id}/log_entries")["log_entries"]
    simulator.alerts[id] = example("/incidents/{id}/alerts")["alerts"]
    simulator.notes[id] = example("/incidents/{id}/notes")["notes"]
    simulator.changes[id] = example("/incidents/{id}/related_change_events")["change_events"]
    said = await pagerduty.fetch(id)
    assert (said.title, said.priority) == (incident["title"], "P2")
    assert said.moments["acknowledged_at"] == datetime(2015, 11, 10, 0, 32, 52, tzinfo=UTC)
    kinds = {fact.id.split(":")[1] for fact in said.facts}
    assert kinds == {"log", "alert", "note", "change"}
    assert [fact.machine for fact in said.facts if ":note:" in fact.id] == [False, True]


@pytest.mark.parametrize("status", [403, 404])
async def test_an_addon_that_the_plan_lacks_counts_as_empty(
    pagerduty: PagerDuty, simulator: PagerDutySimulator, status: int
) -> None:
    simulator.add()
    simulator.addon_status = status
    assert (await pagerduty.fetch("PT4KHLK")).facts == ()


async def test_every_page_of_the_log_is_read(pagerduty: PagerDuty, simulator: PagerDutySimulator) -> None:
    simulator.add()
    entries = [log_entry(f"R{n}", "escalate", "2026-06-14T12:00:00Z") for n in range(PAGE + 50)]
    simulator.log["PT4KHLK"] = entries
    assert len((await pagerduty.fetch("PT4KHLK")).facts) == PAGE + 50


async def test_a_log_without_end_is_cut_and_says_so(pagerduty: PagerDuty, simulator: PagerDutySimulator) -> None:
    simulator.add()
    many = PAGE * MOST_PAGES + 1
    simulator.log["PT4KHLK"] = [log_entry(f"R{n}", "escalate", "2026-06-14T12:00:00Z") for n in range(many)]
    facts = (await pagerduty.fetch("PT4KHLK")).facts
    assert len(facts) == PAGE * MOST_PAGES + 1
    assert "was not read" in facts[-1].text


async def test_a_storm_of_alerts_is_summed_up(pagerduty: PagerDuty, simulator: PagerDutySimulator) -> None:
    simulator.add()
    simulator.alerts["PT4KHLK"] = [
        {"id": f"A{n}", "summary": "Slow", "created_at": "2026-06-14T12:00:00Z"} for n in range(80)
    ]
    facts = (await pagerduty.fetch("PT4KHLK")).facts
    assert len(facts) == 51
    assert facts[-1].text == "30 more alerts followed."


async def test_a_short_wait_is_waited_for_and_a_long_one_is_passed_on(
    pagerduty: PagerDuty, simulator: PagerDutySimulator
) -> None:
    simulator.add()
    simulator.faults.retry_after = 2
    simulator.faults.plan(Fault.RATE_LIMITED, "log_entries")
    assert (await pagerduty.fetch("PT4KHLK")).id == "PT4KHLK"
    assert simulator.slept == [2.0]
    simulator.faults.retry_after = 30
    simulator.faults.plan(Fault.RATE_LIMITED)
    with pytest.raises(ProviderUnavailable) as raised:
        await pagerduty.fetch("PT4KHLK")
    assert (raised.value.retry_after, simulator.slept) == (30.0, [2.0])


async def test_a_limit_that_never_ends_is_given_up(pagerduty: PagerDuty, simulator: PagerDutySimulator) -> None:
    simulator.add()
    simulator.faults.retry_after = 1
    simulator.faults.plan(Fault.RATE_LIMITED, times=10)
    with pytest.raises(ProviderUnavailable):
        await pagerduty.fetch("PT4KHLK")
    assert len(simulator.requests) == 3


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault.UNAUTHORIZED, ProviderRefused, "NOREPEAT_PAGERDUTY_TOKEN"),
        (Fault.FORBIDDEN, ProviderRefused, "NOREPEAT_PAGERDUTY_TOKEN"),
        (Fault.BEFORE_500, ProviderUnavailable, "500"),
        (Fault.REFUSED_CONNECTION, ProviderUnavailable, "cannot be reached"),
        (Fault.APPLIED_TIMEOUT, ProviderUnavailable, "did not answer"),
    ],
)
async def test_what_goes_wrong_says_what_to_do(
    pagerduty: PagerDuty, simulator: PagerDutySimulator, fault: Fault, error: type[Exception], words: str
) -> None:
    simulator.add()
    simulator.faults.plan(fault)
    with pytest.raises(error, match=words):
        await pagerduty.fetch("PT4KHLK")


async def test_an_unknown_incident_is_not_there(pagerduty: PagerDuty) -> None:
    with pytest.raises(NotThere, match="PNOSUCH"):
        await pagerduty.fetch("PNOSUCH")


async def test_an_answer_in_another_shape_is_no_crash(pagerduty: PagerDuty, simulator: PagerDutySimulator) -> None:
    simulator.add()
    simulator.log["PT4KHLK"] = [{"type": "trigger_log_entry", "created_at": "2026-06-14T12:00:00Z"}]
    with pytest.raises(ProviderUnavailable, match="does not document"):
        await pagerduty.fetch("PT4KHLK")


@pytest.mark.parametrize(
    "reference",
    ["PT4KHLK", " PT4KHLK ", "https://acme.pagerduty.com/incidents/PT4KHLK",
     "https://acme.eu.pagerduty.com/incidents/PT4KHLK/timeline?x=1"],
)  # fmt: skip
def test_an_incident_is_named_by_id_or_url(reference: str) -> None:
    assert incident_id(reference) == "PT4KHLK"


@pytest.mark.parametrize(
    "reference",
    ["", "../users", "PT4KHLK/notes", "https://evil.example/incidents/PT4KHLK", "http://acme.pagerduty.com/incidents/P1",
     "https://acme.pagerduty.com.evil.example/incidents/PT4KHLK", "№1"],
)  # fmt: skip
def test_anything_else_names_none(reference: str) -> None:
    with pytest.raises(NotThere):
        incident_id(reference)


def notice(**fields: Any) -> Notice:
    given: dict[str, Any] = {
        "marker": uuid4(), "place": "PT4KHLK", "title": "Checkout answers with errors", "severity": "P1",
        "url": "https://norepeat.example/v1/postmortems/1", "summary": "", "services": ("checkout",),
        "started_at": at("12:00:00"), "resolved_at": at("13:00:00"), "published_at": NOW,
    }  # fmt: skip
    return Notice(**(given | fields))


async def test_a_note_carries_link_and_marker_and_is_found_again(
    simulator: PagerDutySimulator, http: httpx2.AsyncClient
) -> None:
    simulator.add()
    board, told = PagerDutyNotes(simulator.client(http)), notice()
    assert await board.find(told) is None
    assert await board.post(told) == "note PN1"
    assert await board.find(told) == "note PN1"
    (note,) = simulator.notes["PT4KHLK"]
    assert told.url in note["content"]
    assert await board.find(notice()) is None, "another one's marker is not ours"


async def test_a_note_that_got_no_answer_may_have_been_written(
    simulator: PagerDutySimulator, http: httpx2.AsyncClient
) -> None:
    simulator.add()
    board, told = PagerDutyNotes(simulator.client(http)), notice()
    simulator.faults.plan(Fault.APPLIED_TIMEOUT, "POST")
    with pytest.raises(ProviderOutcomeUnknown):
        await board.post(told)
    assert await board.find(told) == "note PN1"
