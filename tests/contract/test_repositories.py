"""What the repositories of people, keys and causes promise."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from app.domain.access import SYSTEM, Role
from app.domain.errors import AlreadyExists, NotFound, Stale, UnknownReference
from app.domain.ids import new_id
from app.domain.learning.taxonomy import FACTORS, UNDETERMINED_ID
from app.domain.organisation import use_cases
from app.domain.organisation.fields import PersonFields
from app.domain.organisation.model import LastAdmin, Provider, Route
from app.domain.ports import OpenUnitOfWork, UnitOfWork
from tests import make
from tests.contract.storing import stored

NOW, DAY = make.NOW, timedelta(days=1)
ADMIN = make.caller(role=Role.ADMIN)


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


# ── PostgreSQL alone ─────────────────────────────────────────────────────────────────────────────────────────────


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
