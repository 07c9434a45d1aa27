"""Importing from a paging system: one incident, never a second, and a person's word stays."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.domain.access import Role
from app.domain.errors import AlreadyExists, Forbidden
from app.domain.events import EventType
from app.domain.follow_through.model import FindingCode
from app.domain.gathering import SourceFact
from app.domain.ids import new_id
from app.domain.incidents.import_incident import Brought, import_incident, keep_paged
from app.domain.incidents.model import (
    DetectionSource,
    ExternalRef,
    Incident,
    Moments,
    Responder,
    Severity,
    Visibility,
)
from app.domain.incidents.page_events import act_on_pages, apply_page_event
from app.domain.incidents.paging import PagedIncident, PagedService, PageEvent, UnknownPagedService, severity_of
from app.domain.policy import PagingPolicy, Policy
from app.domain.ports import InboxItem, PageSource, UnitOfWork
from app.domain.postmortems.content import TimelineKind
from app.domain.providers import NotThere, ProviderNotConfigured
from tests import make
from tests.fakes import FakeUnitOfWork
from tests.make import NOW

CHECKOUT = make.service("checkout", name="Checkout")
ADA = make.person("ada", handles={"pagerduty": "PADA"})
START, END = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
POLICY = Policy()


def fact(id: str, text: str = "it happened") -> SourceFact:
    return SourceFact(f"pagerduty:{id}", START, TimelineKind.NOTE, text)


def paged(**fields: Any) -> PagedIncident:
    given: dict[str, Any] = {
        "source": "pagerduty", "id": "PT4KHLK", "title": "Errors", "service": PagedService("PSVC1", "Checkout"),
        "told_at": NOW, "url": "https://acme.pagerduty.com/incidents/PT4KHLK", "priority": "P1", "urgency": "high",
        "moments": {"started_at": START, "detected_at": START, "acknowledged_at": None, "resolved_at": None},
        "moment_sources": {"started_at": "pagerduty-trigger"},
    }  # fmt: skip
    return PagedIncident(**(given | fields))


class World:
    """One service, Ada, and a paging system that says `said`."""

    def __init__(self, said: PagedIncident | None = None, policy: Policy = POLICY) -> None:
        self.uow, self.clock, self.policy = FakeUnitOfWork(), make.FixedClock(), policy
        self.uow.seed(CHECKOUT, ADA)
        self.said = said or paged()
        self.asked: list[str] = []

    async def fetch(self, reference: str) -> PagedIncident:
        self.asked.append(reference)
        return self.said

    async def bring(self, caller: Any = None, **arguments: Any) -> Brought:
        given = {"provider": "pagerduty", "reference": "PT4KHLK"} | arguments
        who = caller or make.caller()
        return await import_incident(self.uow, self.clock, self.policy, {"pagerduty": self}, caller=who, **given)

    async def tell(self, event: PageEvent, *, blind: bool = False) -> str:
        system = None if blind else self
        return await apply_page_event(self.uow, self.clock, self.policy, system, source="pagerduty", event=event)

    @property
    def incidents(self) -> list[Incident]:
        return list(self.uow.incidents.rows.values())  # type: ignore[attr-defined]

    @property
    def incident(self) -> Incident:
        (found,) = self.incidents
        return found

    def put(self, **fields: Any) -> None:
        self.uow.seed(replace(self.incident, **fields))

    def facts(self) -> list[str]:
        return [one.id for one in self.uow.incident_facts.of(self.incident.id)]


async def test_an_import_records_what_the_paging_system_says_with_its_sources() -> None:
    said = paged(
        responders=(Responder("pagerduty", "PADA", "Ada L."), Responder("pagerduty", "PBOB", "Bob")),
        facts=(fact("log:1"), fact("log:2")), detection_source=DetectionSource.ALERT,
    )  # fmt: skip
    world = World(said)
    brought = await world.bring()
    incident = world.incident
    assert (brought.is_new, brought.incident.id) == (True, incident.id)
    assert (incident.title, incident.severity, incident.service_ids) == ("Errors", Severity.P1, (CHECKOUT.id,))
    assert incident.external_refs == (ExternalRef("pagerduty", "PT4KHLK", said.url),)
    assert incident.moments == Moments(
        started_at=START, detected_at=START, sources=(("started_at", "pagerduty-trigger"), ("detected_at", "pagerduty"))
    )
    assert incident.detection_source is DetectionSource.ALERT
    assert [(one.name, one.person_id) for one in incident.responders] == [("Ada L.", ADA.id), ("Bob", None)]
    assert world.facts() == ["pagerduty:log:1", "pagerduty:log:2"]
    assert world.uow.event_types == [EventType.INCIDENT_CREATED, EventType.INCIDENT_FACTS_ADDED]


async def test_imported_again_it_is_brought_up_to_date_and_never_a_second_one() -> None:
    world = World(paged(facts=(fact("log:1"),)))
    await world.bring()
    world.clock.forward(minutes=1)
    moments = {**world.said.moments, "acknowledged_at": START + timedelta(minutes=5), "resolved_at": END}
    world.said = paged(
        title="Errors at checkout", priority="P2", told_at=NOW + timedelta(minutes=1), moments=moments,
        facts=(fact("log:1"), fact("log:2")),
    )  # fmt: skip
    brought = await world.bring()
    assert not brought.is_new
    assert (world.incident.title, world.incident.severity) == ("Errors at checkout", Severity.P2)
    assert (world.incident.moments.resolved_at, world.facts()) == (END, ["pagerduty:log:1", "pagerduty:log:2"])
    assert EventType.INCIDENT_RESOLVED in world.uow.event_types


async def test_the_same_again_changes_nothing_and_says_nothing() -> None:
    world = World(paged(facts=(fact("log:1"),)))
    await world.bring()
    before, events = world.incident, len(world.uow.recorded)
    await world.bring()
    assert (world.incident, len(world.uow.recorded)) == (before, events)


async def test_what_a_person_corrected_stays() -> None:
    world = World()
    await world.bring()
    mine = START - timedelta(minutes=20)
    corrected = world.incident.moments.with_changes({"started_at": mine}, {})
    world.put(title="The pool was empty", severity=Severity.P3, moments=corrected)
    moments = {**world.said.moments, "started_at": START + timedelta(seconds=1), "resolved_at": END}
    world.said = paged(title="Other", priority="P5", moments=moments)
    await world.bring()
    assert (world.incident.title, world.incident.severity) == ("The pool was empty", Severity.P3)
    assert (world.incident.moments.started_at, world.incident.moments.resolved_at) == (mine, END)
    assert dict(world.incident.moments.sources)["started_at"] == "manual"


async def test_an_incident_that_somebody_linked_by_hand_gets_only_what_it_lacks() -> None:
    world = World(paged(detection_source=DetectionSource.ALERT))
    mine = START + timedelta(minutes=3)
    ref = ExternalRef("pagerduty", "PT4KHLK")
    world.uow.seed(make.incident(CHECKOUT, title="Mine", external_refs=(ref,), started_at=mine))
    brought = await world.bring()
    assert not brought.is_new
    assert (world.incident.title, world.incident.moments.started_at) == ("Mine", mine)
    assert (world.incident.moments.detected_at, world.incident.detection_source) == (START, DetectionSource.ALERT)


async def test_a_reopened_incident_is_not_over_any_more() -> None:
    world = World(paged(moments={"started_at": START, "resolved_at": END}))
    await world.bring()
    world.said = paged(moments={"started_at": START, "resolved_at": None})
    await world.bring()
    assert world.incident.moments.resolved_at is None


async def test_the_first_acknowledgement_is_the_one_that_counts() -> None:
    first = START + timedelta(minutes=5)
    world = World(paged(moments={"acknowledged_at": first}))
    await world.bring()
    world.said = paged(moments={"acknowledged_at": first + timedelta(minutes=9)})
    await world.bring()
    assert world.incident.moments.acknowledged_at == first


async def test_older_news_changes_nothing() -> None:
    world = World()
    await world.bring()
    world.said = paged(title="Older", told_at=NOW - timedelta(seconds=1), facts=(fact("note:1"),))
    await world.bring()
    assert (world.incident.title, world.facts()) == ("Errors", ["pagerduty:note:1"])


async def test_a_restricted_incident_is_not_there_for_others_and_gets_no_twin() -> None:
    world = World()
    await world.bring()
    world.put(visibility=Visibility.RESTRICTED)
    with pytest.raises(NotThere) as raised:
        await world.bring()
    assert str(world.incident.id) not in raised.value.message
    assert len(world.incidents) == 1
    assert not (await world.bring(make.caller(role=Role.ADMIN))).is_new


class OneIsFaster(FakeUnitOfWork):
    """Between the look and the insert of the first attempt somebody else records the incident."""

    def __init__(self, twin: Incident) -> None:
        super().__init__()
        self.twin: Incident | None = twin

    async def commit(self) -> None:
        if self.twin is not None:
            self.twin, twin = None, self.twin
            self.incidents.rows.clear()  # type: ignore[attr-defined]
            self._before = twin
            raise AlreadyExists
        await super().commit()

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[UnitOfWork]:
        async with super().__call__() as u:
            if getattr(self, "_before", None) is not None:
                self.seed(self._before)
                self._before = None
            yield u


async def test_two_imports_at_once_make_one_incident() -> None:
    world = World()
    await world.bring()
    uow = OneIsFaster(world.incident)
    uow.seed(CHECKOUT, ADA)
    brought = await keep_paged(uow, world.clock, POLICY, caller=make.caller(), said=world.said)
    assert (brought.is_new, brought.incident.id) == (False, world.incident.id)


@pytest.mark.parametrize(
    ("service", "policy"),
    [
        (PagedService("PX", "checkout"), PagingPolicy()),
        (PagedService("PX", "Checkout!"), PagingPolicy()),
        (PagedService("PSVC9", "Something else"), PagingPolicy(services={"PSVC9": "checkout"})),
    ],
)
async def test_a_service_is_found_by_name_slug_or_setting(service: PagedService, policy: PagingPolicy) -> None:
    world = World(paged(service=service), replace(POLICY, paging=policy))
    await world.bring()
    assert world.incident.primary_service_id == CHECKOUT.id


async def test_a_service_is_found_by_its_name_whatever_its_slug() -> None:
    world = World(paged(service=PagedService("PX", "Search engine")))
    search = make.service("srch", name="Search Engine")
    world.uow.seed(search)
    await world.bring()
    assert world.incident.primary_service_id == search.id


@pytest.mark.parametrize("service", [PagedService("PX", "Chekout"), None])
async def test_an_unknown_service_is_refused_with_what_to_do(service: PagedService | None) -> None:
    world = World(paged(service=service))
    with pytest.raises(UnknownPagedService, match="say `services` yourself") as raised:
        await world.bring()
    assert [problem.message for problem in raised.value.problems] == (["checkout"] if service else [])
    assert world.incidents == []
    assert (await world.bring(services=["checkout", "checkout"])).incident.service_ids == (CHECKOUT.id,)


async def test_only_a_responder_imports_and_only_from_what_is_configured() -> None:
    world = World()
    with pytest.raises(Forbidden):
        await world.bring(make.caller(role=Role.READER))
    with pytest.raises(ProviderNotConfigured, match="pagerduty"):
        await world.bring(provider="opsgenie")
    with pytest.raises(ProviderNotConfigured, match="none"):
        await import_incident(world.uow, world.clock, POLICY, {}, caller=make.caller(), provider="x", reference="y")
    assert world.asked == []


@pytest.mark.parametrize(
    ("priority", "urgency", "severity"),
    [
        ("P2", "low", Severity.P2), (" sev-1 ", None, Severity.P1), ("SEV3", "high", Severity.P3),
        ("Blocker", "high", Severity.P3), (None, "high", Severity.P3), (None, "low", Severity.P4),
        (None, None, Severity.P3),
    ],
)  # fmt: skip
def test_severity_comes_from_the_priority_and_a_loud_page_alone_is_no_p2(
    priority: str | None, urgency: str | None, severity: Severity
) -> None:
    assert severity_of(paged(priority=priority, urgency=urgency), PagingPolicy()) is severity


# ── Webhooks ─────────────────────────────────────────────────────────────────────────────────────────────────────


def event(type: str = "incident.resolved", **fields: Any) -> PageEvent:
    given: dict[str, Any] = {"id": "E1", "incident_id": "PT4KHLK", "at": NOW, "changed": True, "incident": paged()}
    return PageEvent(**({"type": type} | given | fields))


def part(*facts: SourceFact) -> PageEvent:
    return event("incident.annotated", changed=False, incident=None, facts=facts)


async def test_a_page_without_a_priority_is_no_incident() -> None:
    world = World()
    said = await world.tell(event(incident=paged(priority=None)))
    assert (said, world.incidents, world.asked) == ("a page that is no incident of ours", [], [])


async def test_every_page_is_recorded_where_the_policy_says_so() -> None:
    world = World(policy=replace(POLICY, paging=PagingPolicy(record_every_page=True)))
    assert await world.tell(event(incident=paged(priority=None))) == "recorded"


async def test_an_incident_is_recorded_once_it_has_a_priority_and_is_then_kept_up_to_date() -> None:
    world = World()
    assert await world.tell(event("incident.priority_updated", facts=(fact("event:1"),))) == "recorded"
    world.said = paged(priority="P4", told_at=NOW)
    assert await world.tell(event(incident=paged(priority=None))) == "brought up to date"
    assert (world.incident.severity, world.asked) == (Severity.P4, ["PT4KHLK", "PT4KHLK"])
    assert world.facts() == ["pagerduty:event:1"]


async def test_without_a_token_the_webhook_itself_is_believed() -> None:
    world = World()
    moments: dict[str, datetime | None] = {"resolved_at": END}
    assert await world.tell(event(incident=paged(moments=moments)), blind=True) == "recorded"
    assert (world.incident.moments.resolved_at, world.asked) == (END, [])


async def test_notes_of_a_known_incident_go_to_its_facts_once() -> None:
    world = World()
    await world.bring()
    assert await world.tell(part(fact("note:1"))) == "1 added to the timeline"
    assert await world.tell(part(fact("note:1"))) == "0 added to the timeline"
    assert await world.tell(part()) == "of no interest"
    assert world.uow.event_types.count(EventType.INCIDENT_FACTS_ADDED) == 1


async def test_a_note_of_an_incident_that_we_do_not_know_is_of_no_interest() -> None:
    world = World()
    assert await world.tell(part(fact("note:1"))) == "a page that is no incident of ours"
    told = event("incident.annotated", changed=False)
    assert await world.tell(told) == "of no interest"


async def test_an_unknown_service_becomes_one_finding() -> None:
    world = World(paged(service=PagedService("PX", "Nobody's")))
    for id in ("P1", "P2"):
        world.said = replace(world.said, id=id)
        assert await world.tell(event(incident=world.said, incident_id=id)) == "unmatched"
    world.said = replace(world.said, service=None)
    assert await world.tell(event(incident=world.said)) == "unmatched"
    findings = list(world.uow.findings.rows.values())  # type: ignore[attr-defined]
    assert [one.code for one in findings] == [FindingCode.UNMATCHED_PAGE] * 2
    assert "POST /v1/incidents/import" in findings[0].remedy


async def test_a_webhook_is_read_by_its_source() -> None:
    world = World()

    class Webhooks:
        def __init__(self, said: PageEvent | None) -> None:
            self.said = said

        def delivery(self, headers: Any, body: bytes, secrets: Any, now: datetime) -> str:
            raise NotImplementedError

        def read(self, headers: Any, body: bytes) -> PageEvent | None:
            return self.said

    item = InboxItem(new_id(), "pagerduty", "d1", {}, b"{}", NOW)
    for said, expected in ((event(), "recorded"), (None, "of no interest")):
        source = PageSource(Webhooks(said), ("s",))
        act = act_on_pages(world.uow, world.clock, POLICY, {"pagerduty": world}, "pagerduty", source)
        assert await act(item) == expected
