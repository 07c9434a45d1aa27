"""Who may do what: the table, the scopes, and what only a person can do."""

import pytest

from app.domain.access import RULES, SCOPES, SYSTEM, Action, Caller, Role, authorize, require_person
from app.domain.errors import Forbidden, HumanRequired
from app.domain.ids import new_id

PERSON, ACCOUNT = new_id(), new_id()


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_what_the_table_says_and_nothing_else(action: Action, role: Role) -> None:
    caller = Caller(role, person_id=PERSON)
    if role.includes(RULES[action].role):
        authorize(caller, action)
    else:
        with pytest.raises(Forbidden, match=f"needs the role {RULES[action].role}"):
            authorize(caller, action)


@pytest.mark.parametrize("action", Action)
def test_a_scope_narrows_a_key_to_what_it_names(action: Action) -> None:
    scope = RULES[action].scope
    authorize(Caller(Role.ADMIN, person_id=PERSON, scopes=frozenset({scope})), action)
    others = SCOPES - {scope}
    with pytest.raises(Forbidden, match="lacks the scope"):
        authorize(Caller(Role.ADMIN, person_id=PERSON, scopes=others), action)


@pytest.mark.parametrize("action", [action for action, rule in RULES.items() if rule.human])
def test_a_service_account_cannot_stand_in_for_a_person(action: Action) -> None:
    with pytest.raises(HumanRequired):
        authorize(Caller(Role.ADMIN, service_account_id=ACCOUNT), action)


def test_a_signature_is_of_the_person_behind_the_credential() -> None:
    assert require_person(Caller(Role.READER, person_id=PERSON)) == PERSON
    for caller in (Caller(Role.ADMIN, service_account_id=ACCOUNT), SYSTEM):
        with pytest.raises(HumanRequired):
            require_person(caller)


def test_history_names_who_it_was() -> None:
    assert Caller(Role.READER, person_id=PERSON).actor == f"person:{PERSON}"
    assert Caller(Role.READER, service_account_id=ACCOUNT).actor == f"service_account:{ACCOUNT}"
    assert SYSTEM.actor == "system"
