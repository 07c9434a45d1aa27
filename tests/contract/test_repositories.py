"""What every repository of people, causes and incidents promises, run on the fakes and on PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.domain.access import SYSTEM, Role
from app.domain.actions.model import Status
from app.domain.errors import AlreadyExists, NotFound, Stale, UnknownReference
from app.domain.events import EventType
from app.domain.ids import new_id
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
from app.domain.learning.taxonomy import FACTORS, UNDETERMINED_ID
from app.domain.organisation import use_cases
from app.domain.organisation.fields import PersonFields
from app.domain.organisation.model import LastAdmin, Provider, Route
from app.domain.ports import OpenUnitOfWork, Ports, UnitOfWork
from app.domain.postmortems.tiers import CauseHistory
from tests import make
from tests.fakes import FakeUnitOfWork

NOW, DAY = make.NOW, timedelta(days=1)
ADMIN = make.caller(role=Role.ADMIN)


def _fake() -> FakeUnitOfWork:
    uow = FakeUnitOfWork()
    uow.seed(make.undetermined(), *FACTORS)
    return uow


@pytest.fixture(params=["fake", "sql"])
def uow(request: pytest.FixtureRequest) -> OpenUnitOfWork:
    if request.param == "fake":
        return _fake()
    ports: Ports = request.getfixturevalue("ports")
    return ports.uow


@pytest.fixture
def sql(ports: Ports) -> OpenUnitOfWork:
    return ports.uow


async def stored(uow: OpenUnitOfWork, *adding: Callable[[UnitOfWork], Awaitable[object]]) -> None:
    async with uow() as u:
        for add in adding:
            await add(u)
        await u.commit()


# ── Teams, services, people, service accounts ────────────────────────────────────────────────────────────────────


async def test_records_come_back_as_they_were_stored(uow: OpenUnitOfWork) -> None:
    route = Route(Provider.GITHUB, "acme/checkout", ("norepeat",), restricted=True)
    ada = make.person("ada", Role.REVIEWER, handles={"github": "ada"})
    team = make.team(lead_id=ada.id, chat_channel="#pay", time_zone="Asia/Tokyo", working_days=(7, 1), route=route)
    service = make.service(team_id=team.id, revenue_per_hour_usd=12.5, route=route)
    bare, account = make.service("bare"), make.service_account(active=False)
    async with uow() as u:
        await u.people.add(ada)
        await u.teams.add(team)
        await u.services.add(service)
        await u.services.add(bare)
        await u.service_accounts.add(account)
        await u.commit()
    async with uow() as u:
        assert await u.people.get(ada.id) == await u.people.find(ada.id) == ada
        assert await u.people.find_by_email("ada@example.org") == ada
        assert await u.teams.get(team.id) == await u.teams.find(team.id) == team
        assert await u.teams.find_by_slug(team.slug) == team
        assert await u.services.get(service.id) == await u.services.find_by_slug("checkout") == service
        assert await u.services.find(bare.id) == bare
        assert await u.service_accounts.get(account.id) == await u.service_accounts.find(account.id) == account
        assert await u.service_accounts.find_by_slug("ci") == account


async def test_what_is_not_there(uow: OpenUnitOfWork) -> None:
    nothing = new_id()
    async with uow() as u:
        for found in (
            await u.teams.find(nothing), await u.teams.find_by_slug("x"), await u.services.find(nothing),
            await u.services.find_by_slug("x"), await u.people.find(nothing), await u.people.find_by_email("x"),
            await u.people.find_by_handle("github", "x"), await u.service_accounts.find(nothing),
            await u.service_accounts.find_by_slug("x"), await u.api_keys.find("x"), await u.root_causes.find(nothing),
            await u.root_causes.find_by_slug("x"), await u.factors.find("x"), await u.incidents.find(nothing),
            await u.incidents.find_by_external_ref("x", "y"),
        ):  # fmt: skip
            assert found is None
    getting: Sequence[Callable[[UnitOfWork], Awaitable[object]]] = (
        lambda u: u.teams.get(nothing), lambda u: u.services.get(nothing), lambda u: u.people.get(nothing),
        lambda u: u.service_accounts.get(nothing), lambda u: u.api_keys.get("x"),
        lambda u: u.root_causes.get(nothing), lambda u: u.incidents.get(nothing, SYSTEM),
    )  # fmt: skip
    for get in getting:
        async with uow() as u:
            with pytest.raises(NotFound):
                await get(u)


async def test_a_save_moves_the_version_and_needs_the_one_that_was_read(uow: OpenUnitOfWork) -> None:
    service, team = make.service(), make.team()
    await stored(uow, lambda u: u.services.add(service), lambda u: u.teams.add(team))
    async with uow() as u:
        saved = await u.services.save(replace(service, name="Check-out"))
        assert (saved.version, saved.name) == (2, "Check-out")
        assert (await u.teams.save(replace(team, name="Money"))).version == 2
        await u.commit()
    async with uow() as u:
        assert await u.services.get(service.id) == saved
        with pytest.raises(Stale):
            await u.services.save(service)


async def test_nothing_is_kept_without_a_commit(uow: OpenUnitOfWork) -> None:
    service = make.service()
    async with uow() as u:
        await u.services.add(service)
    async with uow() as u:
        assert await u.services.find(service.id) is None


async def test_a_name_is_given_once(uow: OpenUnitOfWork) -> None:
    await stored(
        uow, lambda u: u.services.add(make.service()), lambda u: u.teams.add(make.team()),
        lambda u: u.people.add(make.person()), lambda u: u.root_causes.add(make.root_cause()),
    )  # fmt: skip
    adding: Sequence[Callable[[UnitOfWork], Awaitable[object]]] = (
        lambda u: u.services.add(make.service()), lambda u: u.teams.add(make.team()),
        lambda u: u.people.add(make.person()), lambda u: u.root_causes.add(make.root_cause()),
    )  # fmt: skip
    for add in adding:
        with pytest.raises(AlreadyExists):
            await stored(uow, add)


async def test_a_person_is_found_by_a_handle_in_any_case(uow: OpenUnitOfWork) -> None:
    ada = make.person("ada", handles={"github": "Ada-L", "slack": "U1"})
    await stored(uow, lambda u: u.people.add(ada), lambda u: u.people.add(make.person("bo")))
    async with uow() as u:
        assert await u.people.find_by_handle("github", "ada-l") == ada
        assert await u.people.find_by_handle("jira", "U1") is None
        assert await u.people.find_by_handle("github", "") is None


async def test_only_active_admins_are_admins(uow: OpenUnitOfWork) -> None:
    ada = make.person("ada", Role.ADMIN)
    await stored(
        uow, lambda u: u.people.add(ada), lambda u: u.people.add(make.person("bo", Role.ADMIN, active=False)),
        lambda u: u.people.add(make.person("cy", Role.REVIEWER)),
    )  # fmt: skip
    async with uow() as u:
        assert await u.people.lock_active_admins() == {ada.id}


# ── Keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_keys_and_whether_one_is_an_admins(uow: OpenUnitOfWork) -> None:
    ada, bo = make.person("ada", Role.ADMIN), make.person("bo")
    account = make.service_account(role=Role.ADMIN)
    await stored(
        uow, lambda u: u.people.add(ada), lambda u: u.people.add(bo), lambda u: u.service_accounts.add(account),
        lambda u: u.api_keys.add(make.api_key(bo, id="bo")),
        lambda u: u.api_keys.add(make.api_key(ada, id="narrow", scopes=frozenset({"read"}))),
        lambda u: u.api_keys.add(make.api_key(ada, id="revoked", revoked_at=NOW)),
    )  # fmt: skip
    key = make.api_key(account, id="wide", scopes=frozenset({"read", "admin"}), expires_at=NOW + 36_500 * DAY)
    async with uow() as u:
        assert not await u.api_keys.any_admin()
        await u.api_keys.add(key)
        assert await u.api_keys.any_admin()
        assert await u.api_keys.get("wide") == await u.api_keys.find("wide") == key
        await u.api_keys.save(key.revoke(NOW))
        assert await u.api_keys.find("wide") == key.revoke(NOW)
        assert not await u.api_keys.any_admin()


# ── Causes and factors ───────────────────────────────────────────────────────────────────────────────────────────


async def test_the_taxonomy_and_the_reserved_cause_are_there(uow: OpenUnitOfWork) -> None:
    async with uow() as u:
        for factor in FACTORS:
            assert await u.factors.find(factor.code) == factor
        reserved = await u.root_causes.get(UNDETERMINED_ID)
        assert not reserved.recurs


async def test_a_cause_comes_back_and_a_repointed_one_is_named_nowhere(uow: OpenUnitOfWork) -> None:
    old, new = make.root_cause("old", factor_code="capacity", description="It ran dry"), make.root_cause("new")
    older = make.root_cause("older", merged_into_id=old.id)
    service = make.service()
    incident = make.incident(service, cause=old)
    item = make.action_item(root_cause_id=old.id, owner_id=None)
    await stored(
        uow, lambda u: u.services.add(service), lambda u: u.root_causes.add(old), lambda u: u.root_causes.add(new),
        lambda u: u.root_causes.add(older), lambda u: u.incidents.add(incident), lambda u: u.action_items.add(item),
    )  # fmt: skip
    async with uow() as u:
        assert await u.root_causes.get(old.id) == await u.root_causes.find_by_slug("old") == old
        await u.root_causes.repoint(old.id, new.id)
        moved = await u.incidents.get(incident.id, SYSTEM)
        assert (moved.root_cause_id, moved.version) == (new.id, 2)
        assert (await u.root_causes.get(older.id)).merged_into_id == new.id
        assert (await u.action_items.get(item.id, SYSTEM)).root_cause_id == new.id


# ── Incidents ────────────────────────────────────────────────────────────────────────────────────────────────────


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


async def test_a_reference_to_nothing_is_refused(sql: OpenUnitOfWork) -> None:
    with pytest.raises(UnknownReference):
        await stored(sql, lambda u: u.services.add(make.service(team_id=new_id())))


async def test_two_admins_cannot_remove_each_other(sql: OpenUnitOfWork) -> None:
    ada, bo = make.person("ada", Role.ADMIN), make.person("bo", Role.ADMIN)
    await stored(sql, lambda u: u.people.add(ada), lambda u: u.people.add(bo))

    async def demote(id: UUID) -> object:
        fields = PersonFields(role=Role.READER)
        try:
            return await use_cases.update_person(sql, make.FixedClock(), caller=ADMIN, person_id=id, fields=fields)
        except LastAdmin as error:
            return error

    results = await asyncio.gather(demote(ada.id), demote(bo.id))
    assert sum(isinstance(result, LastAdmin) for result in results) == 1


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
