"""The catalogue of root causes and the taxonomy behind it."""

from dataclasses import replace

import pytest

from app.domain.access import Role
from app.domain.errors import AlreadyExists, Forbidden, Invalid, Stale
from app.domain.events import EventType
from app.domain.learning.model import ReservedRootCause, RootCauseMerged, UnknownFactor
from app.domain.learning.taxonomy import FACTORS, UNDETERMINED_ID
from app.domain.learning.use_cases import causes
from app.domain.references import the_root_cause
from tests import make
from tests.fakes import FakeUnitOfWork

RESPONDER = make.caller(role=Role.RESPONDER)
REVIEWER = make.caller(role=Role.REVIEWER)


@pytest.fixture
def uow() -> FakeUnitOfWork:
    return FakeUnitOfWork()


@pytest.fixture
def clock() -> make.FixedClock:
    return make.FixedClock()


def test_the_taxonomy_has_21_codes_each_explained_in_a_sentence() -> None:
    assert len({factor.code for factor in FACTORS}) == 21
    assert all(factor.title and factor.description.endswith(".") for factor in FACTORS)
    sub_codes = {factor.code: factor.sub_codes for factor in FACTORS if factor.sub_codes}
    assert sub_codes == {
        "timeout-misconfiguration": ("too_short", "not_configured"),
        "missing-alerting": ("config_difference", "new_endpoint", "third_party", "other"),
    }


def test_a_merged_entry_is_another_name() -> None:
    old, new = make.root_cause("old"), make.root_cause("new")
    merged = old.merge_into(new)
    assert merged.merged_into_id == new.id
    for used in (lambda: merged.merge_into(new), lambda: new.merge_into(merged), merged.require_changeable):
        with pytest.raises(RootCauseMerged):
            used()


def test_nothing_is_merged_into_itself() -> None:
    cause = make.root_cause()
    with pytest.raises(Invalid, match="itself"):
        cause.merge_into(cause)


def test_undetermined_says_nothing_and_stays_as_it_is() -> None:
    reserved, cause = make.undetermined(), make.root_cause()
    assert cause.recurs
    assert not reserved.recurs
    for change in (lambda: reserved.merge_into(cause), lambda: cause.merge_into(reserved), reserved.require_changeable):
        with pytest.raises(ReservedRootCause):
            change()


async def test_an_entry_is_created_and_described_better(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    uow.seed(make.factor("capacity"))
    cause = await causes.create_root_cause(
        uow, clock, caller=RESPONDER, slug="pool", title="Pool", fields={"factor_code": "capacity"}
    )
    assert cause.factor_code == "capacity"
    better = await causes.update_root_cause(
        uow, clock, caller=RESPONDER, cause_id=cause.id,
        fields={"title": "Pool ran dry", "factor_code": None}, expected_version=1,
    )  # fmt: skip
    assert (better.title, better.factor_code, better.version) == ("Pool ran dry", None, 2)
    with pytest.raises(Stale):
        await causes.update_root_cause(uow, clock, caller=RESPONDER, cause_id=cause.id, fields={}, expected_version=1)
    with pytest.raises(AlreadyExists):
        await causes.create_root_cause(uow, clock, caller=RESPONDER, slug="pool", title="Pool", fields={})


async def test_a_factor_must_be_known(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    with pytest.raises(UnknownFactor):
        await causes.create_root_cause(
            uow, clock, caller=RESPONDER, slug="pool", title="Pool", fields={"factor_code": "bad-luck"}
        )


async def test_the_reserved_entry_is_not_changed(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    uow.seed(make.undetermined())
    with pytest.raises(ReservedRootCause):
        await causes.update_root_cause(
            uow, clock, caller=RESPONDER, cause_id=UNDETERMINED_ID, fields={"title": "Known"}
        )


async def test_a_merge_repoints_everything_and_says_so(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    old, new = make.root_cause("old"), make.root_cause("new")
    older = make.root_cause("older", merged_into_id=old.id)
    incident = make.incident(cause=old)
    uow.seed(old, new, older, incident)
    kept = await causes.merge_root_causes(uow, clock, caller=REVIEWER, cause_id=old.id, into="new")
    assert kept.id == new.id
    moved = await uow.incidents.get(incident.id, REVIEWER)
    assert (moved.confirmed_cause_id, moved.version) == (new.id, 2)
    for name in ("old", "older"):
        assert (await the_root_cause(uow, name)).id == new.id
    assert uow.event_types == [EventType.ROOT_CAUSES_MERGED]
    assert (uow.recorded[0].subject_id, uow.recorded[0].data["into"]) == (old.id, str(new.id))


async def test_a_merge_is_a_reviewers(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    old, new = make.root_cause("old"), make.root_cause("new")
    uow.seed(old, new)
    with pytest.raises(Forbidden):
        await causes.merge_root_causes(uow, clock, caller=RESPONDER, cause_id=old.id, into="new")
    with pytest.raises(Invalid, match="itself"):
        await causes.merge_root_causes(uow, clock, caller=REVIEWER, cause_id=old.id, into="old")
    assert uow.event_types == []


async def test_what_was_written_during_the_merge_follows(uow: FakeUnitOfWork, clock: make.FixedClock) -> None:
    old, new = make.root_cause("old"), make.root_cause("new")
    uow.seed(old, new)
    await causes.merge_root_causes(uow, clock, caller=REVIEWER, cause_id=old.id, into="new")
    late = replace(make.incident(cause=old), title="Written meanwhile")
    uow.seed(late)
    await causes.follow_merge(uow, cause_id=old.id)
    assert (await uow.incidents.get(late.id, REVIEWER)).confirmed_cause_id == new.id
    await causes.follow_merge(uow, cause_id=new.id)
    assert not uow.committed
