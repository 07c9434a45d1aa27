"""What the repository of incidents promises."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.access import SYSTEM, Role
from app.domain.actions.model import Status
from app.domain.errors import AlreadyExists, NotFound, Stale
from app.domain.events import EventType
from app.domain.incidents.model import (
    CauseStatus,
    Change,
    ChangeKind,
    ChangeRole,
    DetectionSource,
    ExternalRef,
    Impact,
    Incident,
    Mode,
    Moments,
    Rollout,
    Severity,
    Visibility,
)
from app.domain.incidents.use_cases import create_incident, update_incident
from app.domain.learning.model import RootCause
from app.domain.ports import OpenUnitOfWork, UnitOfWork
from app.domain.postmortems.tiers import CauseHistory
from tests import make
from tests.contract.storing import stored

NOW, DAY = make.NOW, timedelta(days=1)
ADMIN = make.caller(role=Role.ADMIN)


async def test_an_incident_comes_back_with_all_that_is_known(uow: OpenUnitOfWork) -> None:
    search, checkout, cause, ada = make.service("search"), make.service("checkout"), make.root_cause(), make.person()
    incident = make.incident(
        search, checkout, cause=cause, primary_service_id=checkout.id, severity=Severity.P4, summary="It fell over.",
        moments=Moments(NOW, NOW - DAY, None, NOW, NOW, (("started_at", "pagerduty"), ("resolved_at", "manual"))),
        contradictions=("detected_at<started_at",), mode=Mode.TUTORIAL, detection_source=DetectionSource.ALERT,
        customer_impact=Impact.MODERATE, change=Change(ChangeRole.CAUSED, ChangeKind.FLAG, Rollout.CANARY),
        external_refs=(ExternalRef("pagerduty", "Q1", "https://pd.example/Q1"), ExternalRef("slack", "C1")),
        visibility=Visibility.RESTRICTED, viewer_ids=frozenset({ada.id}),
    )  # fmt: skip
    bare = make.incident(search, moments=Moments(), change=Change(ChangeRole.NONE))
    await stored(
        uow, lambda u: u.services.add(search), lambda u: u.services.add(checkout), lambda u: u.people.add(ada),
        lambda u: u.root_causes.add(cause), lambda u: u.incidents.add(incident), lambda u: u.incidents.add(bare),
    )  # fmt: skip
    async with uow() as u:
        assert await u.incidents.get(incident.id, ADMIN) == await u.incidents.find(incident.id) == incident
        assert await u.incidents.find_by_external_ref("slack", "C1") == incident
        assert await u.incidents.find_by_external_ref("pagerduty", "C1") is None
        assert await u.incidents.find(bare.id) == bare
        less = replace(incident, service_ids=(checkout.id,), external_refs=(), viewer_ids=frozenset())
        saved = await u.incidents.save(less)
        assert await u.incidents.get(incident.id, ADMIN) == saved == replace(less, version=2)
        with pytest.raises(Stale):
            await u.incidents.save(incident)


async def test_a_restricted_incident_is_not_there_for_others(uow: OpenUnitOfWork) -> None:
    service, ada = make.service(), make.person("ada")
    incident = make.incident(service, visibility=Visibility.RESTRICTED, viewer_ids=frozenset({ada.id}))
    await stored(
        uow, lambda u: u.services.add(service), lambda u: u.people.add(ada), lambda u: u.incidents.add(incident)
    )
    async with uow() as u:
        for caller in (SYSTEM, ADMIN, make.caller(ada)):
            assert await u.incidents.get(incident.id, caller) == incident
        for caller in (make.caller(role=Role.REVIEWER), make.caller(make.service_account(role=Role.REVIEWER))):
            with pytest.raises(NotFound):
                await u.incidents.get(incident.id, caller)


async def test_a_name_elsewhere_names_one_incident(uow: OpenUnitOfWork) -> None:
    service, ref = make.service(), ExternalRef("pagerduty", "Q1")
    first, second = make.incident(service, external_refs=(ref,)), make.incident(service, external_refs=(ref,))
    await stored(uow, lambda u: u.services.add(service), lambda u: u.incidents.add(first))
    with pytest.raises(AlreadyExists):
        await stored(uow, lambda u: u.incidents.add(second))


CHECKOUT, SEARCH = make.service("checkout"), make.service("search")
POOL, CACHE = make.root_cause("pool"), make.root_cause("cache")


def _before(days: int, *, cause: RootCause | None = POOL, **fields: object) -> Incident:
    return make.incident(CHECKOUT, cause=cause, started_at=NOW - days * DAY, **fields)


_HISTORIES: dict[str, tuple[list[Incident], CauseHistory]] = {
    "nothing": ([], CauseHistory()),
    "another cause": ([_before(200, cause=CACHE)], CauseHistory(service_history_days=200)),
    "no cause": ([_before(30, cause=None)], CauseHistory(service_history_days=30)),
    "only proposed": ([_before(9, root_cause_status=CauseStatus.PROPOSED)], CauseHistory(service_history_days=9)),
    "a test": ([_before(9, mode=Mode.TEST)], CauseHistory()),
    "later": ([_before(-1)], CauseHistory()),
    "elsewhere": ([make.incident(SEARCH, cause=POOL, started_at=NOW - 9 * DAY)], CauseHistory(1)),
    "here": ([_before(9)], CauseHistory(1, 1, 1, False, 9)),
    "here and long ago": ([_before(9), _before(400)], CauseHistory(2, 2, 1, False, 400)),
    "on the edge": ([_before(365), _before(366)], CauseHistory(2, 2, 1, False, 366)),
    "start unknown": ([make.incident(CHECKOUT, cause=POOL, moments=Moments(detected_at=NOW - 3 * DAY))],
                      CauseHistory(1, 1, 1, False, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", _HISTORIES)
async def test_the_history_of_a_cause(uow: OpenUnitOfWork, name: str) -> None:
    earlier, expected = _HISTORIES[name]
    incident = make.incident(CHECKOUT, cause=POOL, started_at=NOW)
    async with uow() as u:
        await _seed(u)
        for one in earlier:
            await u.incidents.add(one)
        assert await u.incidents.cause_history(incident, window_days=365) == expected
        await u.incidents.add(incident)
        assert await u.incidents.cause_history(incident, window_days=365) == expected


async def test_an_undetermined_cause_has_no_history(uow: OpenUnitOfWork) -> None:
    reserved = make.undetermined()
    async with uow() as u:
        await _seed(u)
        await u.incidents.add(_before(9, cause=reserved))
        for cause in (reserved, None):
            incident = make.incident(CHECKOUT, cause=cause, started_at=NOW)
            assert await u.incidents.cause_history(incident, window_days=365) == CauseHistory()


async def _seed(u: UnitOfWork) -> None:
    for service in (CHECKOUT, SEARCH):
        await u.services.add(service)
    for cause in (POOL, CACHE):
        await u.root_causes.add(cause)


# ── PostgreSQL alone ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_fix_that_was_verified_before_is_known(sql: OpenUnitOfWork) -> None:
    incident = make.incident(CHECKOUT, cause=POOL, started_at=NOW)
    about: dict[str, Any] = {"root_cause_id": POOL.id, "owner_id": None, "status": Status.CLOSED}
    async with sql() as u:
        await _seed(u)
        await u.action_items.add(make.action_item(**about, service_id=SEARCH.id, closed_at=NOW - DAY))
        await u.action_items.add(make.action_item(**about, service_id=CHECKOUT.id, closed_at=NOW + DAY))
        assert not (await u.incidents.cause_history(incident, window_days=365)).fix_was_verified
        await u.action_items.add(make.action_item(**about, service_id=CHECKOUT.id, closed_at=NOW - DAY))
        assert (await u.incidents.cause_history(incident, window_days=365)).fix_was_verified


async def test_of_two_changes_at_once_the_second_is_stale(sql: OpenUnitOfWork) -> None:
    await stored(sql, lambda u: u.services.add(CHECKOUT), lambda u: u.services.add(SEARCH))
    clock, caller = make.FixedClock(), make.caller(role=Role.ADMIN)
    incident = await create_incident(
        sql, clock, caller=caller, title="Down", severity=Severity.P2, services=["checkout"], fields={}
    )

    async def rename(title: str) -> object:
        try:
            return await update_incident(
                sql, clock, caller=caller, incident_id=incident.id,
                fields={"title": title, "services": ["search", "checkout"]}, expected_version=1,
            )  # fmt: skip
        except Stale as error:
            return error

    results = await asyncio.gather(*(rename(f"Down {number}") for number in range(4)))
    assert sum(isinstance(result, Stale) for result in results) == 3
    async with sql() as u:
        types = [event.type for event in await u.events.unhandled(10)]
        stored_now = await u.incidents.get(incident.id, SYSTEM)
    assert types == [EventType.INCIDENT_CREATED, EventType.INCIDENT_UPDATED]
    assert (stored_now.version, stored_now.service_ids) == (2, (SEARCH.id, CHECKOUT.id))
