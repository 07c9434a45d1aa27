"""Whom a token of an identity provider stands for."""

import pytest

from app.domain.access import Role
from app.domain.errors import Unauthenticated
from app.domain.once import InvalidKey, once_key
from app.domain.organisation.identities import UnknownPerson, caller_behind, role_of_groups
from app.domain.organisation.model import Person
from tests import make
from tests.fakes import FakePeople, FakeUnitOfWork

ROLES = {"sre": Role.REVIEWER, "root": Role.ADMIN, "all": Role.READER}


async def test_the_address_names_the_person_without_regard_to_case() -> None:
    uow, ada = FakeUnitOfWork(), make.person("ada", Role.REVIEWER)
    await uow.people.add(ada)
    caller = await caller_behind(uow, make.FixedClock(), email=ada.email.upper(), name="x", create=False)
    assert (caller.person_id, caller.role, caller.name, caller.key_id) == (ada.id, Role.REVIEWER, "Ada", None)
    given = await caller_behind(uow, make.FixedClock(), email=ada.email, name="x", create=False, role=Role.READER)
    assert given.role is Role.READER


async def test_nobody_is_made_unless_that_is_set() -> None:
    uow = FakeUnitOfWork()
    with pytest.raises(UnknownPerson):
        await caller_behind(uow, make.FixedClock(), email="Bo@example.org", name="Bo", create=False)
    caller = await caller_behind(uow, make.FixedClock(), email="Bo@example.org", name="Bo", create=True)
    person = await uow.people.find_by_email("bo@example.org")
    assert person is not None
    assert (caller.person_id, person.role, person.name) == (person.id, Role.READER, "Bo")


class LatePeople(FakePeople):
    """People whom the first look does not find yet."""

    looked = 0

    async def find_by_email(self, email: str) -> Person | None:
        self.looked += 1
        return None if self.looked == 1 else await super().find_by_email(email)


async def test_who_was_made_by_another_request_meanwhile_is_found() -> None:
    uow, ada = FakeUnitOfWork(), make.person("ada")
    uow.people = LatePeople()
    await uow.people.add(ada)
    caller = await caller_behind(uow, make.FixedClock(), email=ada.email, name="Ada", create=True)
    assert caller.person_id == ada.id


async def test_who_was_deactivated_stays_out() -> None:
    uow, ada = FakeUnitOfWork(), make.person("ada", active=False)
    await uow.people.add(ada)
    with pytest.raises(Unauthenticated, match="deactivated"):
        await caller_behind(uow, make.FixedClock(), email=ada.email, name="x", create=True)


@pytest.mark.parametrize(
    ("groups", "role"),
    [(["sre", "root"], Role.ADMIN), (["all", "sre"], Role.REVIEWER), (["other"], Role.READER), ([], Role.READER)],
)
def test_the_highest_group_decides(groups: list[str], role: Role) -> None:
    assert role_of_groups(groups, ROLES) is role


def test_a_key_belongs_to_its_caller_and_operation() -> None:
    ada, bo = make.caller(), make.caller(person_id=make.person("bo").id)
    one = once_key(ada, "POST /v1/teams", "k", b"{}")
    assert one == once_key(ada, "POST /v1/teams", "k", b"{}")
    scopes = {
        one.scope, once_key(bo, "POST /v1/teams", "k", b"{}").scope, once_key(ada, "POST /v1/x", "k", b"{}").scope,
        once_key(ada, "POST /v1/teams", "l", b"{}").scope,
    }  # fmt: skip
    assert len(scopes) == 4
    assert one.body != once_key(ada, "POST /v1/teams", "k", b"{ }").body


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, "\x7f"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(InvalidKey):
        once_key(make.caller(), "POST /v1/teams", key, b"")
