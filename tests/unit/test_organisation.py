"""Teams, services, people and keys: rules of the models, and what an admin can do with them."""

import hashlib
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.access import SCOPES, Caller, Role
from app.domain.errors import AlreadyExists, Forbidden, Invalid, NotFound, Stale, UnknownReference
from app.domain.organisation import use_cases
from app.domain.organisation.fields import PersonFields
from app.domain.organisation.keys import hash_secret, is_secret, new_key, parse_token, token_of
from app.domain.organisation.model import (
    HandleTaken,
    InvalidRoute,
    InvalidTimeZone,
    InvalidWorkingDays,
    LastAdmin,
    NotOneHolder,
    Provider,
    Route,
    UnknownScope,
    add_business_days,
)
from app.domain.references import the_person, the_root_cause, the_service, the_service_account, the_team
from tests import make
from tests.fakes import FakeUnitOfWork

ADMIN = make.caller(role=Role.ADMIN)
NARROWED = make.caller(role=Role.ADMIN, scopes=frozenset({"read"}))
RESPONDER = make.caller(role=Role.RESPONDER)
GIVEN = "nr_first_" + "a1B2" * 8


@pytest.fixture
def uow() -> FakeUnitOfWork:
    return FakeUnitOfWork()


@pytest.fixture
def clock() -> make.FixedClock:
    return make.FixedClock()


# ── Models ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_business_days_skip_the_weekend() -> None:
    friday = datetime(2026, 6, 12, 12, tzinfo=UTC)
    assert make.team().add_business_days(friday, 1) == date(2026, 6, 15)
    assert make.team().add_business_days(friday, 5) == date(2026, 6, 19)
    assert make.team().add_business_days(friday, 0) == date(2026, 6, 12)


def test_business_days_are_counted_where_the_team_is() -> None:
    late_on_friday = datetime(2026, 6, 12, 16, tzinfo=UTC)  # Saturday, 01:00 in Tokyo
    assert make.team(time_zone="Asia/Tokyo").add_business_days(late_on_friday, 1) == date(2026, 6, 15)
    assert make.team(time_zone="America/New_York").add_business_days(late_on_friday, 1) == date(2026, 6, 15)
    early_on_monday = datetime(2026, 6, 15, 1, tzinfo=UTC)  # still Sunday in New York
    assert make.team(time_zone="America/New_York").add_business_days(early_on_monday, 1) == date(2026, 6, 15)
    assert make.team(time_zone="Asia/Tokyo").add_business_days(early_on_monday, 1) == date(2026, 6, 16)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (datetime(2026, 3, 27, 23, 30, tzinfo=UTC), date(2026, 3, 30)),  # 00:30 on Saturday; clocks go forward
        (datetime(2026, 10, 23, 22, 30, tzinfo=UTC), date(2026, 10, 26)),  # 00:30 on Saturday; clocks go back
    ],
)
def test_business_days_survive_the_change_of_clocks(before: datetime, after: date) -> None:
    assert make.team(time_zone="Europe/Berlin").add_business_days(before, 1) == after


def test_a_team_may_work_on_other_days() -> None:
    thursday = datetime(2026, 6, 11, 12, tzinfo=UTC)
    team = make.team(working_days=(7, 1, 2, 3, 4))
    assert team.add_business_days(thursday, 1) == date(2026, 6, 14)
    assert add_business_days(thursday, 1, time_zone="UTC", working_days=(5,)) == date(2026, 6, 12)


@pytest.mark.parametrize("name", ["Nowhere/City", "", "../etc/passwd", "/etc/passwd", "America", "a\x00b", "x" * 5000])
def test_a_team_needs_a_real_time_zone(name: str) -> None:
    with pytest.raises(InvalidTimeZone):
        make.team(time_zone=name)


@pytest.mark.parametrize("days", [(), (0,), (8,), (1, 1), (1, 2, 10**30)])
def test_working_days_are_different_weekdays(days: tuple[int, ...]) -> None:
    with pytest.raises(InvalidWorkingDays):
        make.team(working_days=days)


def test_a_github_route_names_owner_and_repository() -> None:
    assert Route(Provider.GITHUB, "acme/checkout").labels == ()
    assert Route(Provider.JIRA, "OPS").project == "OPS"
    with pytest.raises(InvalidRoute):
        Route(Provider.GITHUB, "checkout")


def test_a_route_says_what_priorities_are_called_there_and_what_those_names_mean() -> None:
    route = Route(
        Provider.JIRA, "OPS", priorities={"urgent": "P0", "high": "P1", "medium": "P1"}, due_field="Target end"
    )
    assert (route.called_there("urgent"), route.called_there("low")) == ("P0", None)
    assert (route.called_here(["p0", "10"]), route.called_here(["P1"]), route.called_here(["P9"])) == (
        "urgent",
        "high",
        None,
    )
    assert route.understood(["P0"], "low") == "urgent"
    assert route.understood(["Minor"], "low") == "low"
    assert route.understood(["Highest"], "urgent") is None, "the route says what urgent is called"
    assert route.are_one("high", "medium")
    assert not route.are_one("urgent", "high")
    assert not route.are_one("low", "medium")
    assert route.are_one(None, None)
    assert not route.are_one("high", None)
    assert route.reads_its_own_way
    assert not route.reads_like(Route(Provider.JIRA, "OPS"))
    assert not Route(Provider.JIRA, "OPS").reads_its_own_way


@pytest.mark.parametrize(
    ("provider", "fields", "said"),
    [
        (Provider.JIRA, {"priorities": {"severe": "P0"}}, "'severe' is none of them"),
        (Provider.JIRA, {"priorities": {"high": " "}}, "gives high no name"),
        (Provider.LINEAR, {"priorities": {"high": "P1"}}, "'P1' is none of them"),
        (Provider.LINEAR, {"due_field": "duedate"}, "due date of its own"),
        (Provider.LOCAL, {"due_field": "duedate"}, "due date of its own"),
        (Provider.LOCAL, {"priorities": {"high": "P1"}}, "a local ticket has ours"),
    ],
)
def test_a_route_that_its_tracker_cannot_follow_is_refused(provider: Provider, fields: Any, said: str) -> None:
    with pytest.raises(InvalidRoute, match=said):
        Route(provider, "OPS", **fields)
    assert Route(Provider.LINEAR, "ENG", priorities={"urgent": "High", "low": "No priority"}).priorities


def test_a_key_belongs_to_exactly_one_holder() -> None:
    person, account = make.person(), make.service_account()
    with pytest.raises(NotOneHolder):
        make.api_key(person, person_id=None)
    with pytest.raises(NotOneHolder):
        make.api_key(person, service_account_id=account.id)


def test_a_key_lives_until_it_expires_or_is_revoked() -> None:
    key = make.api_key(make.person(), expires_at=make.NOW + timedelta(days=1))
    assert key.is_live(make.NOW)
    assert not key.is_live(make.NOW + timedelta(days=1))
    revoked = key.revoke(make.NOW)
    assert not revoked.is_live(make.NOW)
    assert revoked.revoke(make.NOW + timedelta(hours=1)) == revoked
    assert make.api_key(make.person()).is_live(make.NOW + timedelta(days=10_000))


# ── Keys as text ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_key_has_the_promised_form() -> None:
    id, secret = new_key()
    assert re.fullmatch(r"[a-z2-7]{12}", id)
    assert re.fullmatch(r"[A-Za-z0-9]{43}", secret)
    assert parse_token(token_of(id, secret)) == (id, secret)
    assert new_key() != (id, secret)


def test_a_secret_is_kept_as_its_sha256() -> None:
    assert hash_secret("s3cret") == hashlib.sha256(b"s3cret").digest()
    assert is_secret("s3cret", hash_secret("s3cret"))
    assert not is_secret("s3cres", hash_secret("s3cret"))


@pytest.mark.parametrize(
    "token",
    ["", "nr_", "nr__" + "a" * 43, "nr_id_" + "a" * 31, "nr_" + "i" * 33 + "_" + "a" * 43, "xr_id_" + "a" * 43,
     "nr_id_" + "a" * 257, "nr_id_" + "é" * 43, "nr_id_" + "a" * 43 + "\n", "nr_id_" + "a" * 42 + "\x00"],
)  # fmt: skip
def test_what_is_no_key_of_ours_is_recognised_without_looking_it_up(token: str) -> None:
    assert parse_token(token) is None


@given(st.text(max_size=100))
def test_parsing_never_fails(token: str) -> None:
    parsed = parse_token(token)
    assert parsed is None or token_of(*parsed) == token


# ── What an admin can do ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_team_is_created_with_its_lead_and_changed(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    ada = make.person("ada")
    uow.seed(ada)
    team = await use_cases.create_team(
        uow, clock, caller=ADMIN, slug="payments", name="Payments", fields={"lead": "ada@example.org"}
    )
    assert (team.lead_id, team.time_zone) == (ada.id, "UTC")
    clock.forward(hours=1)
    changed = await use_cases.update_team(
        uow, clock, caller=ADMIN, team_id=team.id, fields={"lead": None, "time_zone": "Europe/Berlin"},
        expected_version=1,
    )  # fmt: skip
    assert (changed.lead_id, changed.time_zone, changed.version) == (None, "Europe/Berlin", 2)
    renamed = await use_cases.update_team(uow, clock, caller=ADMIN, team_id=team.id, fields={"name": "Money"})
    assert (renamed.name, renamed.time_zone) == ("Money", "Europe/Berlin")
    assert changed.updated_at - changed.created_at == timedelta(hours=1)


async def test_a_change_of_something_not_seen_is_stale(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    team, service, account = make.team(version=3), make.service(version=3), make.service_account(version=3)
    uow.seed(team, service, account)
    with pytest.raises(Stale):
        await use_cases.update_team(uow, clock, caller=ADMIN, team_id=team.id, fields={}, expected_version=2)
    with pytest.raises(Stale):
        await use_cases.update_service(uow, clock, caller=ADMIN, service_id=service.id, fields={}, expected_version=2)
    with pytest.raises(Stale):
        await use_cases.update_service_account(
            uow, clock, caller=ADMIN, account_id=account.id, fields={}, expected_version=2
        )
    assert not uow.committed


async def test_a_service_belongs_to_a_team_or_to_none(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    team = make.team("payments")
    uow.seed(team)
    route = Route(Provider.GITHUB, "acme/checkout")
    service = await use_cases.create_service(
        uow, clock, caller=ADMIN, slug="checkout", name="Checkout",
        fields={"team": "payments", "route": route, "revenue_per_hour_usd": 1200.0},
    )  # fmt: skip
    assert (service.team_id, service.route) == (team.id, route)
    changed = await use_cases.update_service(
        uow, clock, caller=ADMIN, service_id=service.id, fields={"team": None, "name": "Check-out"}
    )
    assert (changed.team_id, changed.name, changed.route) == (None, "Check-out", route)


async def test_a_slug_is_given_once(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    uow.seed(make.service("checkout"))
    with pytest.raises(AlreadyExists):
        await use_cases.create_service(uow, clock, caller=ADMIN, slug="checkout", name="Another", fields={})


async def test_only_admins_configure(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    with pytest.raises(Forbidden):
        await use_cases.create_team(uow, clock, caller=RESPONDER, slug="x", name="X", fields={})
    with pytest.raises(Forbidden):
        await use_cases.issue_api_key(uow, clock, caller=RESPONDER, person="ada@example.org")
    with pytest.raises(Forbidden):
        await use_cases.create_service_account(uow, clock, caller=NARROWED, slug="ci", name="CI")


async def test_a_person_is_known_by_a_lower_case_address(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    ada = await use_cases.create_person(uow, clock, caller=ADMIN, email="Ada@Example.org", name="Ada", fields={})
    assert (ada.email, ada.role) == ("ada@example.org", Role.READER)
    changed = await use_cases.update_person(
        uow, clock, caller=ADMIN, person_id=ada.id, fields={"email": "Ada@New.example", "role": Role.REVIEWER}
    )
    assert (changed.email, changed.role) == ("ada@new.example", Role.REVIEWER)


async def test_a_handle_belongs_to_one_person(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    uow.seed(make.person("ada", handles={"github": "ada"}))
    with pytest.raises(HandleTaken):
        await use_cases.create_person(
            uow, clock, caller=ADMIN, email="b@example.org", name="Bo", fields={"handles": {"github": "Ada"}}
        )
    bo = await use_cases.create_person(
        uow, clock, caller=ADMIN, email="b@example.org", name="Bo", fields={"handles": {"slack": "U1"}}
    )
    same = await use_cases.update_person(
        uow, clock, caller=ADMIN, person_id=bo.id, fields={"handles": {"slack": "U1", "github": "bo"}}
    )
    assert same.handles == {"slack": "U1", "github": "bo"}


async def test_the_last_active_admin_stays_one(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    first, second = make.person("ada", Role.ADMIN), make.person("bo", Role.ADMIN)
    uow.seed(first, second)
    await use_cases.update_person(uow, clock, caller=ADMIN, person_id=second.id, fields={"active": False})
    for fields in (PersonFields(role=Role.REVIEWER), PersonFields(active=False)):
        with pytest.raises(LastAdmin):
            await use_cases.update_person(uow, clock, caller=ADMIN, person_id=first.id, fields=fields)
    renamed = await use_cases.update_person(uow, clock, caller=ADMIN, person_id=first.id, fields={"name": "Ada L."})
    assert renamed.is_active_admin


async def test_a_service_account_is_switched_off(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    account = await use_cases.create_service_account(
        uow, clock, caller=ADMIN, slug="ci", name="CI", role=Role.RESPONDER
    )
    off = await use_cases.update_service_account(
        uow, clock, caller=ADMIN, account_id=account.id, fields={"active": False}
    )
    assert (off.active, off.role) == (False, Role.RESPONDER)


async def test_a_key_is_issued_shown_once_and_revoked(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    ada = make.person("ada")
    uow.seed(ada)
    key, token = await use_cases.issue_api_key(
        uow, clock, caller=ADMIN, person="ada@example.org", scopes=frozenset({"read"})
    )
    parsed = parse_token(token)
    assert parsed is not None
    assert (parsed[0], hash_secret(parsed[1]), key.person_id) == (key.id, key.secret_hash, ada.id)
    await use_cases.revoke_api_key(uow, clock, caller=ADMIN, key_id=key.id)
    stored = await uow.api_keys.get(key.id)
    assert not stored.is_live(clock())
    with pytest.raises(NotFound):
        await use_cases.revoke_api_key(uow, clock, caller=ADMIN, key_id="nothing")


async def test_a_key_of_a_service_account(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    account = make.service_account("ci")
    uow.seed(account)
    later = clock() + timedelta(days=90)
    key, _ = await use_cases.issue_api_key(uow, clock, caller=ADMIN, service_account="ci", expires_at=later)
    assert (key.service_account_id, key.person_id, key.expires_at) == (account.id, None, later)


async def test_a_key_needs_known_scopes_a_future_and_one_holder(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    uow.seed(make.person("ada"), make.service_account("ci"))
    with pytest.raises(UnknownScope, match="dragons is none of the scopes"):
        await use_cases.issue_api_key(
            uow, clock, caller=ADMIN, person="ada@example.org", scopes=frozenset({"dragons", *SCOPES})
        )
    with pytest.raises(Invalid, match="past"):
        await use_cases.issue_api_key(uow, clock, caller=ADMIN, person="ada@example.org", expires_at=clock())
    with pytest.raises(NotOneHolder):
        await use_cases.issue_api_key(uow, clock, caller=ADMIN)
    with pytest.raises(NotOneHolder):
        await use_cases.issue_api_key(uow, clock, caller=ADMIN, person="ada@example.org", service_account="ci")


# ── The first admin ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_fresh_installation_gets_an_admin_and_a_key(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    token = await use_cases.bootstrap_admin(uow, clock, given_key=None)
    assert token is not None
    assert parse_token(token) is not None
    admin = await the_person(uow, "admin@localhost")
    assert admin.is_active_admin
    assert await use_cases.bootstrap_admin(uow, clock, given_key=None) is None


async def test_a_given_admin_key_is_not_shown_again(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    assert await use_cases.bootstrap_admin(uow, clock, given_key=GIVEN) is None
    key = await uow.api_keys.get("first")
    assert is_secret("a1B2" * 8, key.secret_hash)


@pytest.mark.parametrize("bad", ["", "secret", "nr_a b_" + "x" * 43, "nr_first_tooshort"])
async def test_a_malformed_admin_key_is_refused(uow: FakeUnitOfWork, clock: make.FixedClock, bad: str) -> None:
    with pytest.raises(Invalid, match="nr_<id>_<secret>"):
        await use_cases.bootstrap_admin(uow, clock, given_key=bad)
    assert await uow.people.find_by_email("admin@localhost") is None


async def test_who_lost_every_admin_key_gets_a_new_one(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    await use_cases.bootstrap_admin(uow, clock, given_key=GIVEN)
    await use_cases.revoke_api_key(uow, clock, caller=ADMIN, key_id="first")
    with pytest.raises(Invalid, match="used before"):
        await use_cases.bootstrap_admin(uow, clock, given_key=GIVEN)
    token = await use_cases.bootstrap_admin(uow, clock, given_key=None)
    assert token is not None


# ── Names that callers use ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_record_is_found_by_id_and_by_name(uow: FakeUnitOfWork) -> None:
    team, service, person = make.team("payments"), make.service("checkout"), make.person("ada")
    account, cause = make.service_account("ci"), make.root_cause("pool")
    uow.seed(team, service, person, account, cause)
    for found in (await the_team(uow, "payments"), await the_team(uow, str(team.id))):
        assert found == team
    assert await the_service(uow, "checkout") == await the_service(uow, str(service.id)) == service
    assert await the_person(uow, "ADA@example.org") == await the_person(uow, str(person.id)) == person
    assert await the_service_account(uow, "ci") == await the_service_account(uow, str(account.id)) == account
    assert await the_root_cause(uow, "pool") == await the_root_cause(uow, str(cause.id)) == cause


async def test_nothing_is_found_under_a_wrong_name(uow: FakeUnitOfWork) -> None:
    for find in (the_team, the_service, the_person, the_service_account, the_root_cause):
        with pytest.raises(UnknownReference, match="nobody"):
            await find(uow, "nobody")


async def test_who_has_left_cannot_be_named(uow: FakeUnitOfWork) -> None:
    uow.seed(make.person("ada", active=False), make.service_account("ci", active=False))
    with pytest.raises(UnknownReference):
        await the_person(uow, "ada@example.org")
    with pytest.raises(UnknownReference):
        await the_service_account(uow, "ci")


def test_a_caller_is_named_in_history() -> None:
    ada, ci = make.person(), make.service_account()
    assert make.caller(ada).actor == f"person:{ada.id}"
    assert make.caller(ci).actor == f"service_account:{ci.id}"
    assert Caller(Role.READER).actor == "system"
