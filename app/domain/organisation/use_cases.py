"""Teams, services, people, service accounts and their keys: an admin creates and changes them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.domain.access import Action, Caller, Role, authorize
from app.domain.errors import Invalid, require_version
from app.domain.ids import new_id
from app.domain.organisation.fields import PersonFields, ServiceAccountFields, ServiceFields, TeamFields
from app.domain.organisation.keys import hash_secret, new_key, parse_token, token_of
from app.domain.organisation.model import (
    ApiKey,
    HandleTaken,
    LastAdmin,
    Person,
    Service,
    ServiceAccount,
    Team,
    known_scopes,
)
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork
from app.domain.references import the_person, the_service_account, the_team

FIRST_ADMIN = "admin@localhost"
"""The person whom `norepeat migrate` creates."""


async def create_team(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, slug: str, name: str, fields: TeamFields
) -> Team:
    """A team owns services and does action items."""
    authorize(caller, Action.CONFIGURE)
    now = clock()
    async with uow() as u:
        bare = Team(id=new_id(), slug=slug, name=name, created_at=now, updated_at=now)
        team = replace(bare, **await _of_team(u, fields))
        await u.teams.add(team)
        await u.commit()
    return team


async def update_team(
    uow: OpenUnitOfWork,
    clock: Clock,
    *,
    caller: Caller,
    team_id: UUID,
    fields: TeamFields,
    expected_version: int | None = None,
) -> Team:
    """Change a team. Raises UnknownReference, InvalidTimeZone, InvalidWorkingDays."""
    authorize(caller, Action.CONFIGURE)
    now = clock()
    async with uow() as u:
        old = await u.teams.get(team_id)
        require_version(old.version, expected_version)
        saved = await u.teams.save(replace(old, updated_at=now, **await _of_team(u, fields)))
        await u.commit()
    return saved


async def _of_team(u: UnitOfWork, fields: TeamFields) -> dict[str, Any]:
    values: dict[str, Any] = {name: value for name, value in fields.items() if name != "lead"}
    if "lead" in fields:
        values["lead_id"] = (await the_person(u, fields["lead"])).id if fields["lead"] else None
    return values


async def create_service(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, slug: str, name: str, fields: ServiceFields
) -> Service:
    """A service can break; incidents and action items name it."""
    authorize(caller, Action.CONFIGURE)
    now = clock()
    async with uow() as u:
        bare = Service(id=new_id(), slug=slug, name=name, created_at=now, updated_at=now)
        service = replace(bare, **await _with_team(u, fields))
        await u.services.add(service)
        await u.commit()
    return service


async def update_service(
    uow: OpenUnitOfWork,
    clock: Clock,
    *,
    caller: Caller,
    service_id: UUID,
    fields: ServiceFields,
    expected_version: int | None = None,
) -> Service:
    """Change a service. A new route holds for tickets made from now on."""
    authorize(caller, Action.CONFIGURE)
    now = clock()
    async with uow() as u:
        old = await u.services.get(service_id)
        require_version(old.version, expected_version)
        saved = await u.services.save(replace(old, updated_at=now, **await _with_team(u, fields)))
        await u.commit()
    return saved


async def _with_team(u: UnitOfWork, fields: ServiceFields | PersonFields) -> dict[str, Any]:
    values: dict[str, Any] = {name: value for name, value in fields.items() if name != "team"}
    if "team" in fields:
        values["team_id"] = (await the_team(u, fields["team"])).id if fields["team"] else None
    return values


async def create_person(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, email: str, name: str, fields: PersonFields
) -> Person:
    """A person can own work; a key or a sign-in makes them a caller."""
    authorize(caller, Action.CONFIGURE)
    now = clock()
    async with uow() as u:
        bare = Person(id=new_id(), email=email.lower(), name=name, created_at=now, updated_at=now)
        person = replace(bare, **await _of_person(u, bare.id, fields))
        await u.people.add(person)
        await u.commit()
    return person


async def update_person(
    uow: OpenUnitOfWork,
    clock: Clock,
    *,
    caller: Caller,
    person_id: UUID,
    fields: PersonFields,
    expected_version: int | None = None,
) -> Person:
    """Change a person; one who is deactivated can no longer authenticate. Raises LastAdmin, HandleTaken."""
    authorize(caller, Action.CONFIGURE)
    now = clock()
    async with uow() as u:
        admins = await u.people.lock_active_admins()
        old = await u.people.get(person_id)
        require_version(old.version, expected_version)
        person = replace(old, updated_at=now, **await _of_person(u, old.id, fields))
        if admins == {old.id} and not person.is_active_admin:
            raise LastAdmin
        saved = await u.people.save(person)
        await u.commit()
    return saved


async def _of_person(u: UnitOfWork, person_id: UUID, fields: PersonFields) -> dict[str, Any]:
    values = await _with_team(u, fields)
    if "email" in values:
        values["email"] = fields["email"].lower()
    for provider, handle in fields.get("handles", {}).items():
        holder = await u.people.find_by_handle(provider, handle)
        if holder is not None and holder.id != person_id:
            raise HandleTaken(f"The {provider} handle “{handle}” belongs to {holder.name}.")
    return values


async def create_service_account(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, slug: str, name: str, role: Role = Role.READER
) -> ServiceAccount:
    """A program that calls us; it can never sign, attest or decline."""
    authorize(caller, Action.CONFIGURE)
    now = clock()
    async with uow() as u:
        account = ServiceAccount(id=new_id(), slug=slug, name=name, created_at=now, updated_at=now, role=role)
        await u.service_accounts.add(account)
        await u.commit()
    return account


async def update_service_account(
    uow: OpenUnitOfWork,
    clock: Clock,
    *,
    caller: Caller,
    account_id: UUID,
    fields: ServiceAccountFields,
    expected_version: int | None = None,
) -> ServiceAccount:
    """Change a service account; one that is switched off can no longer authenticate."""
    authorize(caller, Action.CONFIGURE)
    now = clock()
    async with uow() as u:
        old = await u.service_accounts.get(account_id)
        require_version(old.version, expected_version)
        saved = await u.service_accounts.save(replace(old, updated_at=now, **fields))
        await u.commit()
    return saved


# ── Keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def issue_api_key(
    uow: OpenUnitOfWork,
    clock: Clock,
    *,
    caller: Caller,
    person: str | None = None,
    service_account: str | None = None,
    scopes: frozenset[str] = frozenset(),
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A key of one person or one service account, and its token, which nobody can show again."""
    authorize(caller, Action.CONFIGURE)
    now = clock()
    if expires_at is not None and expires_at <= now:
        raise Invalid("expires_at lies in the past.")
    id, secret = new_key()
    async with uow() as u:
        key = ApiKey(
            id=id, secret_hash=hash_secret(secret), created_at=now, scopes=known_scopes(scopes), expires_at=expires_at,
            person_id=(await the_person(u, person)).id if person else None,
            service_account_id=(await the_service_account(u, service_account)).id if service_account else None,
        )  # fmt: skip
        await u.api_keys.add(key)
        await u.commit()
    return key, token_of(id, secret)


async def rotate_api_key(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, key_id: str, overlap: timedelta
) -> tuple[ApiKey, str]:
    """A second key for the same holder and scopes, and its token; the first one ends when the overlap does."""
    authorize(caller, Action.CONFIGURE)
    now = clock()
    id, secret = new_key()
    async with uow() as u:
        old = await u.api_keys.get(key_id)
        key = old.successor(id, hash_secret(secret), now)
        await u.api_keys.add(key)
        await u.api_keys.save(old.end_by(now + overlap))
        await u.commit()
    return key, token_of(id, secret)


async def revoke_api_key(uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, key_id: str) -> None:
    """From now on the key opens nothing."""
    authorize(caller, Action.CONFIGURE)
    async with uow() as u:
        await u.api_keys.save((await u.api_keys.get(key_id)).revoke(clock()))
        await u.commit()


async def bootstrap_admin(uow: OpenUnitOfWork, clock: Clock, *, given_key: str | None) -> str | None:
    """Give a fresh installation its first way in; returns the token to show if it was made here.

    Does nothing where an admin's key exists. Raises Invalid for a given key that is malformed or was used before.
    """
    now = clock()
    async with uow() as u:
        if await u.api_keys.any_admin():
            return None
        id, secret = _given(given_key) if given_key is not None else new_key()
        if await u.api_keys.find(id) is not None:
            raise Invalid("The given admin key was used before and is revoked or expired; give another one.")
        admin = await _admin(u, now)
        await u.api_keys.add(ApiKey(id=id, secret_hash=hash_secret(secret), created_at=now, person_id=admin.id))
        await u.commit()
    return token_of(id, secret) if given_key is None else None


def _given(token: str) -> tuple[str, str]:
    parsed = parse_token(token)
    if parsed is None:
        raise Invalid(
            "An admin key is nr_<id>_<secret>: an id of 1 to 32 and a secret of 32 or more letters and digits."
        )
    return parsed


async def _admin(u: UnitOfWork, now: datetime) -> Person:
    """The person that an installation starts with, restored if somebody took the role away."""
    known = await u.people.find_by_email(FIRST_ADMIN)
    if known is not None:
        return await u.people.save(replace(known, role=Role.ADMIN, active=True, updated_at=now))
    person = Person(
        id=new_id(), email=FIRST_ADMIN, name="Administrator", role=Role.ADMIN, created_at=now, updated_at=now
    )
    await u.people.add(person)
    return person
