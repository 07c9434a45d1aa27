"""An action item's steps: which are possible, and what each one changes."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.actions.evidence import (
    Check,
    CheckKind,
    EvidenceReviewed,
    InvalidPlan,
    NotEvidence,
    Observation,
    Verdict,
    VerificationPlan,
    attestation,
    checked_plan,
    default_plan,
)
from app.domain.actions.model import (
    TRANSITIONS,
    ActionItem,
    Changes,
    ControlType,
    Decline,
    DeclineCode,
    EvidenceRequired,
    ItemWrongState,
    OwnerAndDueDateRequired,
    PlanRequired,
    Priority,
    Status,
    is_shown_to_work,
)
from app.domain.errors import DomainError, OwnWork
from app.domain.ids import new_id
from app.domain.policy import EvidencePolicy

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
OWNER, WITNESS, REVIEWER = new_id(), new_id(), new_id()
PLAN = VerificationPlan((CheckKind.ATTESTED,), 30)


def an_item(status: Status = Status.CANDIDATE, **fields: object) -> ActionItem:
    item = ActionItem(
        id=new_id(), title="Add a timeout", control_type=ControlType.PREVENT, created_at=NOW, updated_at=NOW, plan=PLAN
    )
    return replace(item, status=status, **fields)  # type: ignore[arg-type]


def a_check(verdict: Verdict | None, *, kind: CheckKind = CheckKind.ATTESTED, minutes: int = 0) -> Check:
    return Check(
        id=new_id(),
        action_item_id=new_id(),
        kind=kind,
        ran_at=NOW + timedelta(minutes=minutes),
        window_start=NOW - timedelta(days=30),
        window_end=NOW,
        verdict=verdict,
        attested_by_id=WITNESS,
    )


STEPS = {
    Status.OPEN: lambda i: (
        i.accept(owner_id=OWNER, due_on=date(2026, 6, 1), plan=PLAN, now=NOW)
        if i.status is Status.CANDIDATE
        else i.stop()
        if i.status is Status.IN_PROGRESS
        else i.reopen(NOW)
    ),
    Status.IN_PROGRESS: lambda i: i.start(),
    Status.IMPLEMENTED: lambda i: i.implement(now=NOW),
    Status.CLOSED: lambda i: i.close((a_check(Verdict.PASSED),), NOW),
    Status.DECLINED: lambda i: i.decline_with(
        Decline(DeclineCode.OBSOLETE, "gone", OWNER, NOW, NOW + timedelta(days=90))
    ),
}


@pytest.mark.parametrize(("start", "end"), [(s, e) for s, e in product(Status, STEPS) if s is not e])
def test_only_the_steps_of_the_table_are_possible(start: Status, end: Status) -> None:
    item = an_item(start)
    if end in TRANSITIONS[start]:
        assert STEPS[end](item).status is end
    else:
        with pytest.raises(ItemWrongState):
            STEPS[end](item)


def test_accepting_commits_to_the_due_date_and_keeps_a_plan_that_was_made() -> None:
    own_plan = VerificationPlan((CheckKind.NO_RECURRENCE,), 60)
    item = an_item(plan=own_plan).accept(owner_id=OWNER, due_on=date(2026, 6, 1), plan=PLAN, now=NOW)
    assert (item.due_on, item.committed_due_on, item.plan, item.opened_at) == (
        date(2026, 6, 1), date(2026, 6, 1), own_plan, NOW,
    )  # fmt: skip


def test_accepting_uses_owner_and_due_date_that_the_candidate_has() -> None:
    item = an_item(owner_id=OWNER, due_on=date(2026, 6, 1), plan=None)
    opened = item.accept(owner_id=None, due_on=None, plan=PLAN, now=NOW)
    assert (opened.owner_id, opened.plan) == (OWNER, PLAN)


def test_accepting_without_owner_or_due_date_is_refused() -> None:
    with pytest.raises(OwnerAndDueDateRequired):
        an_item(owner_id=OWNER).accept(owner_id=None, due_on=None, plan=PLAN, now=NOW)
    with pytest.raises(OwnerAndDueDateRequired):
        an_item().accept(owner_id=None, due_on=date(2026, 6, 1), plan=PLAN, now=NOW)


def test_a_later_due_date_is_a_slip_and_the_committed_one_stays() -> None:
    item = an_item(owner_id=OWNER).accept(owner_id=None, due_on=date(2026, 6, 1), plan=PLAN, now=NOW)
    later = item.move_due_date(date(2026, 7, 1))
    earlier = later.move_due_date(date(2026, 6, 15))
    assert (later.slips, earlier.slips, earlier.committed_due_on) == (1, 1, date(2026, 6, 1))
    assert an_item().move_due_date(date(2026, 6, 1)).slips == 0


def test_an_item_cannot_be_implemented_without_a_plan() -> None:
    with pytest.raises(PlanRequired):
        an_item(Status.OPEN, plan=None).implement(now=NOW)


def test_the_window_of_evidence_starts_in_production() -> None:
    unknown = an_item(Status.OPEN).implement(now=NOW)
    assert (unknown.deployed_at, unknown.evidence_due_on) == (None, None)
    deployed = unknown.deployed(NOW + timedelta(days=2))
    assert deployed.evidence_due_on == date(2026, 6, 5)
    assert deployed.with_plan(VerificationPlan((CheckKind.ATTESTED,), 60)).evidence_due_on == date(2026, 7, 5)


def test_a_process_change_is_in_production_when_it_is_done() -> None:
    item = an_item(Status.OPEN, control_type=ControlType.PROCESS).implement(now=NOW)
    assert item.deployed_at == NOW


def test_closing_needs_evidence() -> None:
    with pytest.raises(EvidenceRequired):
        an_item(Status.IMPLEMENTED).close((), NOW)


def test_a_failed_check_sends_an_implemented_item_back() -> None:
    assert an_item(Status.IMPLEMENTED, implemented_at=NOW).fail(NOW).status is Status.OPEN
    with pytest.raises(ItemWrongState):
        an_item(Status.OPEN).fail(NOW)


def test_a_recurrence_reopens_a_closed_item_and_a_correction_closes_it_again() -> None:
    incident = new_id()
    closed = an_item(Status.CLOSED, closed_at=NOW, implemented_at=NOW, deployed_at=NOW)
    refuted = closed.refute(incident, NOW)
    assert (refuted.status, refuted.refuted_by_id, refuted.deployed_at) == (Status.OPEN, incident, None)
    undone = refuted.undo_refutation(NOW, NOW, NOW)
    assert (undone.status, undone.refuted_by_id, undone.closed_at, undone.deployed_at) == (
        Status.CLOSED,
        None,
        NOW,
        NOW,
    )
    with pytest.raises(ItemWrongState):
        an_item(Status.OPEN).refute(incident, NOW)


def test_a_refused_step_says_why() -> None:
    with pytest.raises(ItemWrongState, match="closed cannot be accepted"):
        an_item(Status.CLOSED).accept(owner_id=OWNER, due_on=date(2026, 6, 1), plan=PLAN, now=NOW)
    with pytest.raises(ItemWrongState, match="open cannot be stopped"):
        an_item(Status.OPEN).stop()
    with pytest.raises(ItemWrongState, match="open cannot be reopened"):
        an_item(Status.OPEN).reopen(NOW)


@given(
    st.lists(
        st.tuples(st.sampled_from([*Verdict, None]), st.sampled_from(CheckKind), st.integers(0, 60), st.booleans()),
        max_size=6,
    )
)
def test_an_item_is_shown_to_work_by_one_passed_and_no_latest_failed_check(
    runs: list[tuple[Verdict | None, CheckKind, int, bool]],
) -> None:
    checks = tuple(
        replace(a_check(verdict, kind=kind, minutes=minutes), refuted_at=NOW if refuted else None)
        for verdict, kind, minutes, refuted in sorted(runs, key=lambda run: run[2])
    )
    counted = [c for c in checks if c.verdict is not None and c.refuted_at is None]
    latest = {check.kind: check.verdict for check in counted}
    expected = any(c.verdict is Verdict.PASSED for c in counted) and Verdict.FAILED not in latest.values()
    assert is_shown_to_work(checks) is expected


def test_a_change_of_text_or_person_becomes_a_history_line() -> None:
    old = an_item(owner_id=OWNER)
    new = replace(old, title="Add a longer timeout", owner_id=None, base_priority=Priority.HIGH)
    lines = Changes().between(old, new, at=NOW, actor="person:1", source="api")
    assert [(line.field, line.old, line.new) for line in lines] == [
        ("title", "Add a timeout", "Add a longer timeout"),
        ("owner_id", str(OWNER), None),
        ("base_priority", "medium", "high"),
    ]


def test_plans_name_each_check_once_and_a_window_we_accept() -> None:
    policy = EvidencePolicy()
    for checks in ((), (CheckKind.ATTESTED, CheckKind.ATTESTED)):
        with pytest.raises(InvalidPlan):
            VerificationPlan(checks, 30)
    for days in (0, 184):
        with pytest.raises(InvalidPlan):
            checked_plan(VerificationPlan((CheckKind.ATTESTED,), days), policy)
    assert checked_plan(PLAN, policy) is PLAN


@pytest.mark.parametrize(("refutable", "has_cause", "count"), [(True, True, 2), (True, False, 1), (False, True, 1)])
def test_the_default_plan_asks_for_silence_only_where_silence_can_say_something(
    refutable: bool, has_cause: bool, count: int
) -> None:
    plan = default_plan(refutable=refutable, has_cause=has_cause, policy=EvidencePolicy())
    assert (len(plan.checks), plan.window_days) == (count, 30)


def attest(**fields: object) -> Check:
    given = {
        "id": new_id(), "action_item_id": new_id(), "by_id": WITNESS, "owner_id": OWNER,
        "observation": Observation.DRILL, "statement": "Killed the primary; no request failed.",
        "window_start": NOW - timedelta(days=2), "window_end": NOW, "link": "https://runs.example.org/1",
        "deployed_at": NOW - timedelta(days=9), "now": NOW,
    } | fields  # fmt: skip
    return attestation(**given)  # type: ignore[arg-type]


def test_an_attestation_waits_for_its_reviewer() -> None:
    check = attest()
    assert (check.verdict, check.is_settled, check.attested_by_id) == (None, False, WITNESS)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"by_id": OWNER}, OwnWork),
        ({"observation": None}, NotEvidence),
        ({"window_start": None}, NotEvidence),
        ({"window_end": None}, NotEvidence),
        ({"link": None}, NotEvidence),
        ({"statement": "  "}, NotEvidence),
        ({"window_end": NOW + timedelta(days=1)}, NotEvidence),
        ({"window_start": NOW, "window_end": NOW}, NotEvidence),
        ({"deployed_at": NOW}, NotEvidence),
    ],
)
def test_what_is_no_evidence_is_refused(fields: dict[str, object], error: type[DomainError]) -> None:
    with pytest.raises(error):
        attest(**fields)


def test_evidence_is_reviewed_once_by_somebody_else() -> None:
    check = attest(deployed_at=None)
    for person in (OWNER, WITNESS):
        with pytest.raises(OwnWork):
            check.review(accept=True, by_id=person, owner_id=OWNER, now=NOW, comment="")
    accepted = check.review(accept=True, by_id=REVIEWER, owner_id=OWNER, now=NOW, comment="seen it")
    rejected = check.review(accept=False, by_id=REVIEWER, owner_id=OWNER, now=NOW, comment="which primary?")
    assert (accepted.verdict, rejected.verdict) == (Verdict.PASSED, Verdict.INCONCLUSIVE)
    with pytest.raises(EvidenceReviewed):
        accepted.review(accept=True, by_id=REVIEWER, owner_id=OWNER, now=NOW, comment="")


def test_refuted_evidence_can_be_restored() -> None:
    check = a_check(Verdict.PASSED)
    assert check.refute(new_id(), NOW).restore() == check
