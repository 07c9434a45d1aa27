"""Incidents: their times, their cause, who may see them, and what their changes mean."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.access import Caller, Role
from app.domain.errors import AlreadyExists, Forbidden, HumanRequired, Invalid, NotFound, Stale, UnknownReference
from app.domain.events import EventType
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.incidents.model import (
    CauseStatus,
    Change,
    ChangeRole,
    ConfirmedWithoutCause,
    ExternalRef,
    Impact,
    Incident,
    Mode,
    Moments,
    NoService,
    Severity,
    Visibility,
)
from app.domain.incidents.use_cases import IncidentFields, create_incident, update_incident
from app.domain.organisation.model import Provider, Route
from app.domain.tracking.deliveries import Delivery, DeliveryState
from app.domain.tracking.model import SyncState, Ticket
from app.domain.tracking.routing import LOCAL, new_ticket
from tests import make
from tests.fakes import FakeUnitOfWork
from tests.unit.tracking_fakes import TrackingUnitOfWork

NOW = make.NOW
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CHECKOUT, SEARCH = make.service("checkout"), make.service("search")
POOL, CACHE = make.root_cause("pool"), make.root_cause("cache")
ADA, BO = make.person("ada"), make.person("bo")
CALLER, ADMIN = make.caller(ADA), make.caller(role=Role.ADMIN)


@pytest.fixture
def uow() -> FakeUnitOfWork:
    uow = FakeUnitOfWork()
    uow.seed(CHECKOUT, SEARCH, POOL, CACHE, ADA, BO, make.undetermined())
    return uow


@pytest.fixture
def clock() -> make.FixedClock:
    return make.FixedClock()


async def change(uow: FakeUnitOfWork, incident: Incident, fields: IncidentFields, caller: Caller = CALLER) -> Incident:
    return await update_incident(uow, make.FixedClock(), caller=caller, incident_id=incident.id, fields=fields)


# ── Times ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_times_in_order_do_not_contradict_each_other() -> None:
    moments = Moments(NOW - 4 * HOUR, NOW - 3 * HOUR, NOW - 3 * HOUR, NOW - HOUR, NOW)
    assert moments.contradictions(NOW) == ()
    assert Moments().contradictions(NOW) == ()


def test_every_contradiction_is_named() -> None:
    moments = Moments(started_at=NOW, detected_at=NOW - HOUR, resolved_at=NOW + HOUR)
    assert moments.contradictions(NOW) == ("detected_at<started_at", "resolved_at>now")
    assert Moments(started_at=NOW + timedelta(seconds=30)).contradictions(NOW) == ()
    assert make.incident(moments=moments).checked(NOW).contradictions == moments.contradictions(NOW)


_instants = st.none() | st.integers(-100, 100).map(lambda hours: NOW + hours * HOUR)


@given(st.lists(_instants, min_size=5, max_size=5))
def test_sorted_times_of_the_past_never_contradict(times: list[datetime | None]) -> None:
    known = iter(sorted(at for at in times if at is not None))
    one, two, three, four, five = (next(known) if at is not None else None for at in times)
    ordered = Moments(one, two, three, four, five)
    assert not any("<" in text for text in ordered.contradictions(NOW))
    assert ordered.contradictions(NOW + 1000 * HOUR) == ()


def test_a_time_knows_its_source() -> None:
    moments = Moments().with_changes({"started_at": NOW, "detected_at": NOW}, {"detected_at": "pagerduty"})
    assert moments.sources == (("started_at", "manual"), ("detected_at", "pagerduty"))
    corrected = moments.with_changes({"detected_at": NOW + HOUR, "started_at": None}, {})
    assert corrected.sources == (("detected_at", "manual"),)
    assert corrected.with_changes({}, {"detected_at": "slack"}).sources == (("detected_at", "slack"),)


@pytest.mark.parametrize("name", ["mitigated_at", "lunch_at"])
def test_a_source_without_a_time_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match=name):
        Moments(started_at=NOW).with_changes({}, {name: "pagerduty"})


def test_an_incident_occurred_when_it_started_or_when_we_first_knew() -> None:
    known = Moments(detected_at=NOW - HOUR, resolved_at=NOW)
    assert make.incident(moments=known).occurred_at == NOW - HOUR
    assert make.incident(moments=replace(known, detected_at=None)).occurred_at == NOW
    assert make.incident(moments=Moments()).occurred_at == NOW
    assert make.incident(started_at=NOW - DAY).occurred_at == NOW - DAY


# ── The model ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_incident_has_a_primary_service_among_its_services() -> None:
    with pytest.raises(NoService):
        make.incident(CHECKOUT, primary_service_id=SEARCH.id)
    with pytest.raises(ConfirmedWithoutCause):
        make.incident(root_cause_status=CauseStatus.CONFIRMED)


def test_impact_is_ordered() -> None:
    assert Impact.SIGNIFICANT.at_least(Impact.MODERATE)
    assert not Impact.LIMITED.at_least(Impact.MODERATE)


def test_a_new_cause_is_only_proposed() -> None:
    incident = make.incident()
    proposed = incident.with_cause(POOL.id, None)
    assert (proposed.root_cause_status, proposed.confirmed_cause_id) == (CauseStatus.PROPOSED, None)
    confirmed = proposed.with_cause(POOL.id, CauseStatus.CONFIRMED)
    assert confirmed.confirmed_cause_id == POOL.id
    assert confirmed.with_cause(POOL.id, None) == confirmed
    assert confirmed.with_cause(CACHE.id, None).confirmed_cause_id is None
    assert confirmed.with_cause(None, None).root_cause_status is None
    with pytest.raises(ConfirmedWithoutCause):
        incident.with_cause(None, CauseStatus.CONFIRMED)


def test_what_makes_an_incident_say_something_else_about_fixes() -> None:
    confirmed, bare = make.incident(CHECKOUT, cause=POOL), make.incident(CHECKOUT)
    assert confirmed.speaks_otherwise_than(None)
    assert not bare.speaks_otherwise_than(None)
    assert replace(bare, root_cause_id=POOL.id, root_cause_status=CauseStatus.CONFIRMED).speaks_otherwise_than(bare)
    assert replace(confirmed, root_cause_status=CauseStatus.PROPOSED).speaks_otherwise_than(confirmed)
    assert replace(confirmed, mode=Mode.TEST).speaks_otherwise_than(confirmed)
    assert replace(confirmed, moments=Moments()).speaks_otherwise_than(confirmed)
    assert replace(confirmed, service_ids=(CHECKOUT.id, SEARCH.id)).speaks_otherwise_than(confirmed)
    assert not replace(confirmed, title="Other words").speaks_otherwise_than(confirmed)
    assert not replace(bare, mode=Mode.TEST).speaks_otherwise_than(bare)


def test_an_incident_refutes_a_fix_of_its_cause_on_its_service_in_time() -> None:
    incident = make.incident(CHECKOUT, cause=POOL, started_at=NOW)
    about: dict[str, Any] = {
        "cause_id": POOL.id,
        "service_id": CHECKOUT.id,
        "deployed_at": NOW - 183 * DAY,
        "within_days": 183,
    }
    assert incident.refutes(**about)
    for other in (
        {"cause_id": CACHE.id}, {"service_id": SEARCH.id}, {"deployed_at": NOW}, {"deployed_at": NOW - 184 * DAY},
    ):  # fmt: skip
        assert not incident.refutes(**{**about, **other})
    assert not replace(incident, mode=Mode.TUTORIAL).refutes(**about)
    assert not replace(incident, moments=Moments()).refutes(**about)


# ── Recording ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_incident_is_recorded(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    incident = await create_incident(
        uow, clock, caller=CALLER, title="Down", severity=Severity.P1, services=["checkout", "search", "checkout"],
        fields={"primary_service": "search", "started_at": NOW - HOUR, "change": Change(ChangeRole.CAUSED)},
    )  # fmt: skip
    assert (incident.service_ids, incident.primary_service_id) == ((CHECKOUT.id, SEARCH.id), SEARCH.id)
    assert incident.moments.sources == (("started_at", "manual"),)
    assert uow.event_types == [EventType.INCIDENT_CREATED]
    assert uow.recorded[0].incident_id == incident.id


async def test_contradicting_times_are_stored_and_flagged(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    incident = await create_incident(
        uow, clock, caller=CALLER, title="Clocks", severity=Severity.P3, services=["checkout"],
        fields={"started_at": NOW, "detected_at": NOW - HOUR},
    )  # fmt: skip
    assert incident.contradictions == ("detected_at<started_at",)
    assert (await change(uow, incident, {"started_at": NOW - DAY})).contradictions == ()


async def test_one_that_is_over_and_explained_says_so_at_once(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    incident = await create_incident(
        uow, clock, caller=CALLER, title="Down", severity=Severity.P1, services=["checkout"],
        fields={"resolved_at": NOW, "root_cause": "pool", "root_cause_status": CauseStatus.CONFIRMED},
    )  # fmt: skip
    assert incident.confirmed_cause_id == POOL.id
    assert uow.event_types == [
        EventType.INCIDENT_CREATED, EventType.INCIDENT_RESOLVED, EventType.INCIDENT_CAUSE_CHANGED,
    ]  # fmt: skip


async def test_an_incident_needs_a_known_service(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    for services, error in (([], NoService), (["nowhere"], UnknownReference)):
        with pytest.raises(error):
            await create_incident(
                uow, clock, caller=CALLER, title="Down", severity=Severity.P1, services=services, fields={}
            )
    with pytest.raises(Forbidden):
        await create_incident(
            uow, clock, caller=make.caller(role=Role.READER), title="Down", severity=Severity.P1,
            services=["checkout"], fields={},
        )  # fmt: skip


# ── Changing ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_resolving_is_announced_the_first_time(uow: FakeUnitOfWork) -> None:
    incident = make.incident(CHECKOUT)
    uow.seed(incident)
    await change(uow, incident, {"resolved_at": NOW - HOUR})
    await change(uow, incident, {"resolved_at": NOW})
    assert uow.event_types == [
        EventType.INCIDENT_UPDATED, EventType.INCIDENT_RESOLVED, EventType.INCIDENT_UPDATED,
    ]  # fmt: skip
    assert uow.recorded[0].data["changed"] == ["moments"]


async def test_confirming_and_correcting_the_cause_is_announced(uow: FakeUnitOfWork) -> None:
    incident = make.incident(CHECKOUT)
    uow.seed(incident)
    await change(uow, incident, {"root_cause": "pool"})
    assert EventType.INCIDENT_CAUSE_CHANGED not in uow.event_types
    for fields in (
        IncidentFields(root_cause_status=CauseStatus.CONFIRMED),
        IncidentFields(root_cause="cache", root_cause_status=CauseStatus.CONFIRMED),
        IncidentFields(services=["search"]),
        IncidentFields(root_cause="undetermined", root_cause_status=CauseStatus.CONFIRMED),
        IncidentFields(root_cause=None),
    ):
        count = uow.event_types.count(EventType.INCIDENT_CAUSE_CHANGED)
        await change(uow, incident, fields)
        assert uow.event_types.count(EventType.INCIDENT_CAUSE_CHANGED) == count + 1
    count = len(uow.event_types)
    await change(uow, incident, {"services": ["checkout"], "mode": Mode.TEST})
    assert uow.event_types[count:] == [EventType.INCIDENT_UPDATED]


async def test_the_primary_service_follows_the_services(uow: FakeUnitOfWork) -> None:
    incident = make.incident(CHECKOUT)
    uow.seed(incident)
    assert (await change(uow, incident, {"services": ["search"]})).primary_service_id == SEARCH.id
    both = await change(uow, incident, {"services": ["checkout", "search"]})
    assert both.primary_service_id == SEARCH.id
    with pytest.raises(NoService):
        await change(uow, incident, {"services": ["search"], "primary_service": "checkout"})


async def test_a_change_of_something_not_seen_is_stale(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    incident = make.incident(CHECKOUT, version=2)
    uow.seed(incident)
    with pytest.raises(Stale):
        await update_incident(
            uow, clock, caller=CALLER, incident_id=incident.id, fields={"title": "x"}, expected_version=1
        )


async def test_a_name_elsewhere_belongs_to_one_incident(uow: FakeUnitOfWork) -> None:
    ref = ExternalRef("pagerduty", "Q1")
    first, second = make.incident(CHECKOUT, external_refs=(ref,)), make.incident(CHECKOUT)
    uow.seed(first, second)
    with pytest.raises(AlreadyExists):
        await change(uow, second, {"external_refs": (ref,)})
    assert (await change(uow, first, {"external_refs": (ref,), "title": "Same"})).title == "Same"


# ── Who may see it ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_whoever_restricts_an_incident_still_sees_it(uow: FakeUnitOfWork) -> None:
    incident = make.incident(CHECKOUT)
    uow.seed(incident)
    fields = IncidentFields(visibility=Visibility.RESTRICTED, viewers=["bo@example.org"])
    assert (await change(uow, incident, fields)).viewer_ids == {ADA.id, BO.id}
    assert (await change(uow, incident, {"viewers": []})).viewer_ids == {ADA.id}
    with pytest.raises(NotFound):
        await change(uow, incident, {"title": "Seen?"}, make.caller(BO))
    assert (await change(uow, incident, {"viewers": []}, ADMIN)).viewer_ids == frozenset()


async def test_a_program_cannot_lock_itself_out(uow: FakeUnitOfWork) -> None:
    incident = make.incident(CHECKOUT)
    uow.seed(incident)
    with pytest.raises(HumanRequired):
        await change(uow, incident, {"visibility": Visibility.RESTRICTED}, make.caller(make.service_account()))
    assert (await change(uow, incident, {"viewers": ["bo@example.org"]})).viewer_ids == {BO.id}


# ── The tickets of an incident that becomes restricted ───────────────────────────────────────────────────────────


class Case:
    """An incident with one action item and its ticket, to be restricted."""

    def __init__(self, **ticket: Any) -> None:
        self.uow = TrackingUnitOfWork()
        self.incident = make.incident(CHECKOUT)
        self.postmortem = make.postmortem(self.incident)
        self.item = make.action_item(self.postmortem)
        self.ticket = make.ticket(self.item, **ticket)
        self.uow.seed(self.incident, self.postmortem, self.item, self.ticket)

    def queue(self, **fields: Any) -> Delivery:
        _, delivery = new_ticket(self.item, self.ticket.route, NOW)
        waiting = replace(delivery, ticket_id=self.ticket.id, **fields)
        self.uow.seed(waiting)
        return waiting

    async def restrict(self) -> tuple[Finding | None, Ticket]:
        await change(self.uow, self.incident, {"visibility": Visibility.RESTRICTED}, ADMIN)
        finding = await self.uow.findings.find_open(FindingCode.TICKET_EXPOSED, self.item.id)
        return finding, await self.uow.tickets.get(self.ticket.id)


async def test_a_ticket_that_others_read_is_reported_until_the_incident_is_open_again() -> None:
    case = Case()
    finding, ticket = await case.restrict()
    assert ticket == case.ticket
    assert finding is not None
    assert (finding.incident_id, "example/shop#7" in finding.message) == (case.incident.id, True)
    await change(case.uow, case.incident, {"visibility": Visibility.ORGANIZATION}, ADMIN)
    assert await case.uow.findings.find_open(FindingCode.TICKET_EXPOSED, case.item.id) is None


@pytest.mark.parametrize("route", [LOCAL, Route(Provider.GITHUB, "example/secret", restricted=True)])
async def test_a_ticket_that_few_read_is_fine(route: Route) -> None:
    case = Case(route=route)
    assert await case.restrict() == (None, case.ticket)


async def test_a_ticket_that_is_still_to_be_created_stays_with_us() -> None:
    case = Case(sync_state=SyncState.PENDING, external_id=None, key=None)
    waiting = case.queue()
    finding, ticket = await case.restrict()
    assert (finding, ticket.route) == (None, LOCAL)
    assert (await case.uow.deliveries.get(waiting.id)).provider is Provider.LOCAL


async def test_a_ticket_that_may_have_been_created_is_reported() -> None:
    case = Case(sync_state=SyncState.PENDING, external_id=None, key=None)
    waiting = case.queue(state=DeliveryState.SENDING)
    finding, ticket = await case.restrict()
    assert finding is not None
    assert "example/shop" in finding.message
    assert ticket == case.ticket
    assert (await case.uow.deliveries.get(waiting.id)).provider is Provider.GITHUB


async def test_an_incident_without_a_postmortem_has_no_tickets(uow: FakeUnitOfWork) -> None:
    incident = make.incident(CHECKOUT)
    uow.seed(incident)
    assert (await change(uow, incident, {"visibility": Visibility.RESTRICTED})).restricted
