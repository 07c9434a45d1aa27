"""Names that callers use: an id, or a slug or e-mail address, becomes the record it means."""

from typing import NoReturn
from uuid import UUID

from app.domain.errors import UnknownReference
from app.domain.learning.model import RootCause
from app.domain.organisation.model import Person, Service, ServiceAccount, Team
from app.domain.ports import UnitOfWork


def _id(ref: str) -> UUID | None:
    try:
        return UUID(ref)
    except ValueError:
        return None


async def the_service(u: UnitOfWork, ref: str) -> Service:
    """Raises UnknownReference."""
    id = _id(ref)
    return (await u.services.find(id) if id else await u.services.find_by_slug(ref)) or _unknown("service", ref)


async def the_team(u: UnitOfWork, ref: str) -> Team:
    """Raises UnknownReference."""
    id = _id(ref)
    return (await u.teams.find(id) if id else await u.teams.find_by_slug(ref)) or _unknown("team", ref)


async def the_person(u: UnitOfWork, ref: str) -> Person:
    """By id or e-mail address. Raises UnknownReference, also for a person who has left."""
    id = _id(ref)
    person = await u.people.find(id) if id else await u.people.find_by_email(ref.lower())
    return person if person is not None and person.active else _unknown("active person", ref)


async def the_service_account(u: UnitOfWork, ref: str) -> ServiceAccount:
    """Raises UnknownReference, also for one that is switched off."""
    id = _id(ref)
    account = await u.service_accounts.find(id) if id else await u.service_accounts.find_by_slug(ref)
    return account if account is not None and account.active else _unknown("active service account", ref)


async def the_root_cause(u: UnitOfWork, ref: str) -> RootCause:
    """The entry that counts: one that was merged leads to what it was merged into. Raises UnknownReference."""
    id = _id(ref)
    cause = await u.root_causes.find(id) if id else await u.root_causes.find_by_slug(ref)
    while cause is not None and cause.merged_into_id is not None:
        cause = await u.root_causes.find(cause.merged_into_id)
    return cause or _unknown("root cause", ref)


def _unknown(what: str, ref: str) -> NoReturn:
    raise UnknownReference(f"There is no {what} “{ref}”.")
