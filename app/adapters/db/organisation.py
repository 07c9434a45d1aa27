"""Teams, services, people and service accounts as rows."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.adapters.db.routes import of_route, to_route
from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import PersonRow, ServiceAccountRow, ServiceRow, TeamRow
from app.domain.access import Role
from app.domain.organisation.model import Person, Provider, Route, Service, ServiceAccount, Team

_teams, _services = table(TeamRow), table(ServiceRow)
_people, _accounts = table(PersonRow), table(ServiceAccountRow)


class SqlTeams:
    """Teams in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def get(self, id: UUID) -> Team:
        return to_team(await self._run.get(_teams, id))

    async def find(self, id: UUID) -> Team | None:
        return await self._first(_teams.c.id == id)

    async def find_by_slug(self, slug: str) -> Team | None:
        return await self._first(_teams.c.slug == slug)

    async def add(self, team: Team) -> None:
        await self._run.insert(_teams, _of_team(team))

    async def save(self, team: Team) -> Team:
        await self._run.update(_teams, team.id, team.version, _of_team(team))
        return replace(team, version=team.version + 1)

    async def _first(self, where: sa.ColumnElement[bool]) -> Team | None:
        row = await self._run.first(sa.select(_teams).where(where))
        return None if row is None else to_team(row)


class SqlServices:
    """Services in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def get(self, id: UUID) -> Service:
        return _to_service(await self._run.get(_services, id))

    async def find(self, id: UUID) -> Service | None:
        return await self._first(_services.c.id == id)

    async def find_by_slug(self, slug: str) -> Service | None:
        return await self._first(_services.c.slug == slug)

    async def find_by_name(self, name: str) -> Service | None:
        found = await self._all(sa.func.lower(_services.c.name) == name.lower())
        return found[0] if len(found) == 1 else None

    async def of_repository(self, repository: str) -> tuple[Service, ...]:
        route = _services.c.route
        same = sa.func.lower(route["project"].astext) == repository.lower()
        return await self._all((route["provider"].astext == Provider.GITHUB) & same)

    async def slugs(self) -> tuple[str, ...]:
        return tuple(row["slug"] for row in await self._run.all(sa.select(_services.c.slug)))

    async def add(self, service: Service) -> None:
        await self._run.insert(_services, _of_service(service))

    async def save(self, service: Service) -> Service:
        await self._run.update(_services, service.id, service.version, _of_service(service))
        return replace(service, version=service.version + 1)

    async def _first(self, where: sa.ColumnElement[bool]) -> Service | None:
        row = await self._run.first(sa.select(_services).where(where))
        return None if row is None else _to_service(row)

    async def _all(self, where: sa.ColumnElement[bool]) -> tuple[Service, ...]:
        rows = await self._run.all(sa.select(_services).where(where).order_by(_services.c.slug))
        return tuple(map(_to_service, rows))


class SqlPeople:
    """People in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def get(self, id: UUID) -> Person:
        return _to_person(await self._run.get(_people, id))

    async def find(self, id: UUID) -> Person | None:
        return await self._first(_people.c.id == id)

    async def find_by_email(self, email: str) -> Person | None:
        return await self._first(_people.c.email == email)

    async def find_by_handle(self, provider: str, handle: str) -> Person | None:
        """Without regard to case, as the providers do it."""
        return await self._first(sa.func.lower(_people.c.handles[provider].astext) == handle.lower())

    async def lock_active_admins(self) -> frozenset[UUID]:
        admins = sa.select(_people.c.id).where(_people.c.active, _people.c.role == Role.ADMIN)
        return frozenset([row["id"] for row in await self._run.all(admins.order_by(_people.c.id).with_for_update())])

    async def add(self, person: Person) -> None:
        await self._run.insert(_people, _of_person(person))

    async def save(self, person: Person) -> Person:
        await self._run.update(_people, person.id, person.version, _of_person(person))
        return replace(person, version=person.version + 1)

    async def _first(self, where: sa.ColumnElement[bool]) -> Person | None:
        row = await self._run.first(sa.select(_people).where(where).order_by(_people.c.active.desc(), _people.c.id))
        return None if row is None else _to_person(row)


class SqlServiceAccounts:
    """Service accounts in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def get(self, id: UUID) -> ServiceAccount:
        return _to_account(await self._run.get(_accounts, id))

    async def find(self, id: UUID) -> ServiceAccount | None:
        return await self._first(_accounts.c.id == id)

    async def find_by_slug(self, slug: str) -> ServiceAccount | None:
        return await self._first(_accounts.c.slug == slug)

    async def add(self, account: ServiceAccount) -> None:
        await self._run.insert(_accounts, _of_account(account))

    async def save(self, account: ServiceAccount) -> ServiceAccount:
        await self._run.update(_accounts, account.id, account.version, _of_account(account))
        return replace(account, version=account.version + 1)

    async def _first(self, where: sa.ColumnElement[bool]) -> ServiceAccount | None:
        row = await self._run.first(sa.select(_accounts).where(where))
        return None if row is None else _to_account(row)


# ── Rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_RECORD = ("id", "version", "name", "created_at", "updated_at")
_TEAM = (*_RECORD, "slug", "lead_id", "chat_channel", "time_zone")
_SERVICE = (*_RECORD, "slug", "team_id", "revenue_per_hour_usd")
_PERSON = (*_RECORD, "email", "team_id", "active")
_ACCOUNT = (*_RECORD, "slug", "active")


def _values(of: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(of, name) for name in names}


def _named(row: Row, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: row[name] for name in names}


def to_team(row: Row) -> Team:
    return Team(**_named(row, _TEAM), working_days=tuple(row["working_days"]), route=_to_route(row["route"]))


def _of_team(team: Team) -> dict[str, Any]:
    return _values(team, _TEAM) | {"working_days": list(team.working_days), "route": _of_route(team.route)}


def _to_service(row: Row) -> Service:
    return Service(**_named(row, _SERVICE), route=_to_route(row["route"]))


def _of_service(service: Service) -> dict[str, Any]:
    return _values(service, _SERVICE) | {"route": _of_route(service.route)}


def _to_person(row: Row) -> Person:
    return Person(**_named(row, _PERSON), role=Role(row["role"]), handles=dict(row["handles"]))


def _of_person(person: Person) -> dict[str, Any]:
    return _values(person, _PERSON) | {"role": person.role, "handles": dict(person.handles)}


def _to_account(row: Row) -> ServiceAccount:
    return ServiceAccount(**_named(row, _ACCOUNT), role=Role(row["role"]))


def _of_account(account: ServiceAccount) -> dict[str, Any]:
    return _values(account, _ACCOUNT) | {"role": account.role}


def _to_route(value: dict[str, Any] | None) -> Route | None:
    return None if value is None else to_route(value, Provider(value["provider"]))


def _of_route(route: Route | None) -> dict[str, Any] | None:
    return None if route is None else {"provider": route.provider, **of_route(route)}
