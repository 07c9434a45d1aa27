"""Whom an identity provider's token stands for: the person with its e-mail address, made a reader where that is set."""

from collections.abc import Iterable, Mapping

from app.domain.access import Caller, Role
from app.domain.errors import AlreadyExists, Forbidden, Unauthenticated
from app.domain.ids import new_id
from app.domain.organisation.model import Person
from app.domain.ports import Clock, OpenUnitOfWork


class UnknownPerson(Forbidden):
    """You are signed in, but nobody here has your e-mail address; ask an admin to add you."""

    code = "unknown_person"


async def caller_behind(
    uow: OpenUnitOfWork, clock: Clock, *, email: str, name: str, create: bool, role: Role | None = None
) -> Caller:
    """The person with this address as a caller; `role` is what the provider's groups say instead of our own role.

    Raises UnknownPerson where nobody has the address, Unauthenticated where the person was deactivated.
    """
    person = await _find(uow, email.lower()) or (await _create(uow, clock, email.lower(), name) if create else None)
    if person is None:
        raise UnknownPerson
    if not person.active:
        raise Unauthenticated("You were deactivated here; ask an admin.")
    return Caller(role or person.role, person.id, name=person.name)


async def _find(uow: OpenUnitOfWork, email: str) -> Person | None:
    async with uow() as u:
        return await u.people.find_by_email(email)


async def _create(uow: OpenUnitOfWork, clock: Clock, email: str, name: str) -> Person | None:
    now = clock()
    person = Person(id=new_id(), email=email, name=name, created_at=now, updated_at=now)
    try:
        async with uow() as u:
            await u.people.add(person)
            await u.commit()
    except AlreadyExists:  # by the same person's other request
        return await _find(uow, email)
    return person


def role_of_groups(groups: Iterable[str], roles: Mapping[str, Role]) -> Role:
    """The highest role that one of the groups has; without one a reader, whatever the person was before."""
    return max((roles[group] for group in groups if group in roles), key=list(Role).index, default=Role.READER)
