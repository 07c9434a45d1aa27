"""What is missing before a postmortem may be published, and the hash that a signature is under."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.actions.model import ControlType, Status
from app.domain.ids import new_id
from app.domain.incidents.model import CauseStatus
from app.domain.policy import TierPolicy
from app.domain.postmortems.content import (
    PHASES,
    ContributingFactor,
    Forum,
    Review,
    Section,
    SectionName,
    TimelineEntry,
    TimelineKind,
    Why,
)
from app.domain.postmortems.model import PostmortemStatus, SignOff, Tier, TierOverride
from app.domain.postmortems.readiness import Readiness, Work, content_hash, readiness, waiting_tickets
from app.domain.tracking.model import SyncState, TicketStatus
from tests import make
from tests.make import NOW

REVIEWER = new_id()


def entries(*kinds: TimelineKind) -> tuple[TimelineEntry, ...]:
    return tuple(
        TimelineEntry(new_id(), NOW + timedelta(minutes=n), NOW, kind, f"{kind}") for n, kind in enumerate(kinds)
    )


def ready(tier: Tier) -> Work:
    """An approved postmortem of this tier in which nothing is missing."""
    incident = make.incident(cause=make.root_cause())
    pm = make.postmortem(
        incident,
        proposed_tier=tier,
        author_id=new_id(),
        status=PostmortemStatus.APPROVED,
        sections={name: Section(f"The {name}.") for name in SectionName},
        whys=tuple(Why(f"because {n}", REVIEWER) for n in range(5)),
        timeline=entries(*PHASES),
        factors=(ContributingFactor("dns"), ContributingFactor("capacity", None, "the pool was full")),
        review=Review(NOW.date(), Forum.LEADERSHIP),
    )
    items = tuple(
        make.action_item(pm, systemic=True, title=f"Fix {n}") for n in range(1 if tier is Tier.SUMMARY else 2)
    )
    tickets = {item.id: make.ticket(item) for item in items}
    return signed(Work(pm, incident, items, tickets))


def signed(work: Work) -> Work:
    signature = SignOff(new_id(), REVIEWER, content_hash(work), NOW)
    return replace(work, postmortem=replace(work.postmortem, sign_offs=(signature,)))


def with_postmortem(work: Work, **fields: Any) -> Work:
    """Edited and signed again, so that a test sees what else is missing."""
    return signed(replace(work, postmortem=replace(work.postmortem, **fields)))


def with_item(work: Work, **fields: Any) -> Work:
    first, *others = work.items
    return signed(replace(work, items=(replace(first, **fields), *others)))


def with_ticket(work: Work, **fields: Any) -> Work:
    first = work.items[0]
    ticket = work.tickets.get(first.id) or make.ticket(first)
    return replace(work, tickets={**work.tickets, first.id: replace(ticket, **fields)})


def assess(work: Work, *, may_wait: bool = False) -> Readiness:
    return readiness(work, policy=TierPolicy(), now=NOW, tickets_may_wait=may_wait)


def missing(work: Work, *, may_wait: bool = False) -> list[str]:
    return [problem.code for problem in assess(work, may_wait=may_wait).missing]


# ── Readiness ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tier", Tier)
def test_nothing_is_missing_when_everything_is_there(tier: Tier) -> None:
    assert assess(ready(tier)) == Readiness(tier, (), ())
    assert assess(ready(tier)).is_ready


def test_the_cause_is_confirmed() -> None:
    work = ready(Tier.SUMMARY)
    proposed = replace(work.incident, root_cause_status=CauseStatus.PROPOSED)
    assert missing(replace(work, incident=proposed)) == ["root_cause_not_confirmed"]


@pytest.mark.parametrize(
    ("tier", "name", "needed"),
    [
        (Tier.FULL, SectionName.IMPACT, True),
        (Tier.FULL, SectionName.ROOT_CAUSE, False),
        (Tier.STANDARD, SectionName.ROOT_CAUSE, True),
        (Tier.STANDARD, SectionName.IMPACT, False),
        (Tier.SUMMARY, SectionName.SUMMARY, True),
        (Tier.SUMMARY, SectionName.LESSONS, False),
    ],
)
def test_every_tier_has_its_sections(tier: Tier, name: SectionName, needed: bool) -> None:
    work = ready(tier)
    without = {key: section for key, section in work.postmortem.sections.items() if key is not name}
    blank = {**work.postmortem.sections, name: Section("  \n")}
    expected = ["section_missing"] if needed else []
    assert missing(with_postmortem(work, sections=without)) == expected
    assert missing(with_postmortem(work, sections=blank)) == expected


def test_no_section_is_left_as_a_machine_wrote_it() -> None:
    work = ready(Tier.SUMMARY)
    drafted = {**work.postmortem.sections, SectionName.LESSONS: Section("Tidy up.", machine_written=True)}
    state = assess(with_postmortem(work, sections=drafted))
    assert [(p.code, p.pointer) for p in state.missing] == [("section_unreviewed", "/sections/lessons")]


def test_a_tier_3_summary_is_one_paragraph_of_1200_characters() -> None:
    work = ready(Tier.SUMMARY)
    assert missing(with_postmortem(work, sections={SectionName.SUMMARY: Section("x" * 1200)})) == []
    too_long = {SectionName.SUMMARY: Section("x" * 1201)}
    assert missing(with_postmortem(work, sections=too_long)) == ["summary_too_long"]


def test_tier_2_has_a_timeline_of_three_entries() -> None:
    work = ready(Tier.STANDARD)
    assert missing(with_postmortem(work, timeline=entries(*PHASES[:2]))) == ["timeline_too_short"]
    assert missing(with_postmortem(work, timeline=entries(*PHASES[:3]))) == []


def test_tier_1_has_whys_that_a_reviewer_confirmed() -> None:
    work = ready(Tier.FULL)
    assert missing(with_postmortem(work, whys=())) == ["whys_missing"]
    assert missing(with_postmortem(work, whys=(Why("because", REVIEWER), Why(" ", REVIEWER)))) == ["whys_missing"]
    assert missing(with_postmortem(work, whys=(Why("because"),))) == ["whys_not_confirmed"]


def test_fewer_than_five_whys_are_a_warning_only() -> None:
    state = assess(with_postmortem(ready(Tier.FULL), whys=(Why("because", REVIEWER),)))
    assert [problem.code for problem in state.warnings] == ["few_whys"]
    assert state.is_ready


def test_tier_1_names_two_factors() -> None:
    assert missing(with_postmortem(ready(Tier.FULL), factors=(ContributingFactor("dns"),))) == ["factors_missing"]
    assert missing(with_postmortem(ready(Tier.STANDARD), factors=())) == []


@pytest.mark.parametrize("phase", PHASES)
def test_a_missing_phase_of_tier_1_passes_only_when_it_is_explained(phase: TimelineKind) -> None:
    work = ready(Tier.FULL)
    without = with_postmortem(work, timeline=tuple(e for e in work.postmortem.timeline if e.kind is not phase))
    assert missing(without) == ["phase_missing"]
    assert missing(with_postmortem(without, phase_explanations={phase: " "})) == ["phase_missing"]
    assert missing(with_postmortem(without, phase_explanations={phase: "It healed by itself."})) == []


def test_a_phase_out_of_order_passes_only_when_it_is_explained() -> None:
    detection, response, mitigation, resolution = PHASES
    swapped = with_postmortem(ready(Tier.FULL), timeline=entries(response, detection, mitigation, resolution))
    state = assess(swapped)
    pointers = [(problem.code, problem.pointer) for problem in state.missing]
    assert pointers == [("phase_out_of_order", "/phase_explanations/response")]
    assert missing(with_postmortem(swapped, phase_explanations={response: "The alert came late."})) == []


@pytest.mark.parametrize(("tier", "least"), [(Tier.FULL, 1), (Tier.STANDARD, 2), (Tier.SUMMARY, 1)])
def test_every_tier_has_its_number_of_action_items(tier: Tier, least: int) -> None:
    work = ready(tier)
    fewer = signed(replace(work, items=work.items[: least - 1]))
    assert "action_items_missing" in missing(fewer)
    assert missing(signed(replace(work, items=work.items[:least]))) == []


def test_tier_1_has_a_systemic_item() -> None:
    work = ready(Tier.FULL)
    local = signed(replace(work, items=tuple(replace(item, systemic=False) for item in work.items)))
    assert missing(local) == ["systemic_item_missing"]


def test_a_candidate_is_accepted_or_declined_first() -> None:
    candidate = with_item(ready(Tier.SUMMARY), status=Status.CANDIDATE)
    assert missing(candidate) == ["item_still_candidate", "action_items_missing"]


def test_a_declined_item_does_not_count() -> None:
    assert missing(with_item(ready(Tier.SUMMARY), status=Status.DECLINED)) == ["action_items_missing"]


@pytest.mark.parametrize("absent", ["owner_id", "due_on"])
def test_an_item_has_owner_and_due_date(absent: str) -> None:
    assert missing(with_item(ready(Tier.SUMMARY), **{absent: None})) == ["item_incomplete"]


def test_an_open_item_of_an_earlier_postmortem_counts() -> None:
    linked = with_item(ready(Tier.SUMMARY), postmortem_id=new_id())
    assert missing(linked) == []
    assert missing(with_item(linked, status=Status.CLOSED)) == ["action_items_missing"]
    assert missing(with_item(ready(Tier.SUMMARY), status=Status.CLOSED)) == []


def test_every_counted_item_has_a_ticket() -> None:
    work = ready(Tier.SUMMARY)
    assert missing(replace(work, tickets={})) == ["ticket_missing"]
    assert missing(replace(work, tickets={}), may_wait=True) == ["ticket_missing"]


@pytest.mark.parametrize(
    ("state", "hours", "may_wait", "passes"),
    [
        (SyncState.SYNCED, 0, False, True),
        (SyncState.PENDING, 24, False, False),
        (SyncState.PENDING, 23, True, False),
        (SyncState.PENDING, 24, True, True),
        (SyncState.FAILED, 24, True, True),
        (SyncState.LOST, 48, True, False),
    ],
)
def test_a_ticket_may_wait_only_after_a_day_and_by_a_reviewers_word(
    state: SyncState, hours: int, may_wait: bool, passes: bool
) -> None:
    work = with_ticket(ready(Tier.SUMMARY), sync_state=state, created_at=NOW - timedelta(hours=hours))
    assert missing(work, may_wait=may_wait) == ([] if passes else ["ticket_missing"])


def test_what_has_no_ticket_yet_is_named() -> None:
    work = ready(Tier.STANDARD)
    assert waiting_tickets(work) == ()
    assert waiting_tickets(with_ticket(work, sync_state=SyncState.PENDING)) == (work.items[0].id,)
    assert waiting_tickets(replace(work, tickets={})) == tuple(item.id for item in work.items)


@pytest.mark.parametrize(("tier", "codes"), [(1, ["review_missing"]), (2, ["review_missing"]), (3, [])])
def test_tier_1_and_2_record_their_review(tier: int, codes: list[str]) -> None:
    assert missing(with_postmortem(ready(Tier(tier)), review=None)) == codes


def test_a_team_meeting_is_enough_for_tier_2_only() -> None:
    team = Review(NOW.date(), Forum.TEAM)
    assert missing(with_postmortem(ready(Tier.STANDARD), review=team)) == []
    assert missing(with_postmortem(ready(Tier.FULL), review=team)) == ["review_forum"]


@pytest.mark.parametrize(
    "status", sorted(set(PostmortemStatus) - {PostmortemStatus.APPROVED, PostmortemStatus.PUBLISHED})
)
def test_the_signature_is_listed_before_it_is_given(status: PostmortemStatus) -> None:
    assert missing(with_postmortem(ready(Tier.SUMMARY), status=status)) == ["not_signed"]


@pytest.mark.parametrize("status", [PostmortemStatus.APPROVED, PostmortemStatus.PUBLISHED])
def test_a_change_after_the_signature_is_listed(status: PostmortemStatus) -> None:
    work = with_postmortem(ready(Tier.SUMMARY), status=status)
    assert missing(work) == []
    assert missing(replace(work, items=(replace(work.items[0], title="Fix all"),))) == ["content_changed"]


def test_an_empty_draft_lists_everything_at_once() -> None:
    incident = make.incident()
    codes = missing(Work(make.postmortem(incident, proposed_tier=Tier.FULL), incident, (), {}))
    assert codes == [
        "root_cause_not_confirmed",
        *["section_missing"] * 2,
        "whys_missing",
        "factors_missing",
        *["phase_missing"] * 4,
        "action_items_missing",
        "systemic_item_missing",
        "review_missing",
        "not_signed",
    ]


@pytest.mark.parametrize(("tier", "most"), [(Tier.STANDARD, 3), (Tier.SUMMARY, 1)])
def test_many_action_items_are_a_warning_only(tier: Tier, most: int) -> None:
    work = ready(tier)

    def having(count: int) -> Readiness:
        items = tuple(make.action_item(work.postmortem) for _ in range(count))
        return assess(signed(replace(work, items=items, tickets={item.id: make.ticket(item) for item in items})))

    assert having(max(most, 2) if tier is Tier.STANDARD else most).warnings == ()
    assert [problem.code for problem in having(most + 1).warnings] == ["many_action_items"]
    assert having(most + 1).is_ready


# ── The content hash ─────────────────────────────────────────────────────────────────────────────────────────────

texts = st.text(max_size=40)
Edit = Callable[[Work, str], Work]


def _pm(work: Work, **fields: Any) -> Work:
    return replace(work, postmortem=replace(work.postmortem, **fields))


def _entry(work: Work, **fields: Any) -> Work:
    first, *others = work.postmortem.timeline
    return _pm(work, timeline=(replace(first, **fields), *others))


def _item(work: Work, **fields: Any) -> Work:
    first, *others = work.items
    return replace(work, items=(replace(first, **fields), *others))


def _section(work: Work, name: SectionName, text: str) -> Work:
    return _pm(work, sections={**work.postmortem.sections, name: Section(text)})


SIGNED: dict[str, Edit] = {
    "tier": lambda w, _: _pm(w, override=TierOverride(Tier.SUMMARY, "small", REVIEWER, NOW)),
    "section": lambda w, text: _section(w, SectionName.IMPACT, f"new {text}"),
    "section removed": lambda w, _: _pm(w, sections={SectionName.SUMMARY: w.postmortem.sections[SectionName.SUMMARY]}),
    "why": lambda w, text: _pm(w, whys=(*w.postmortem.whys, Why(text))),
    "order of whys": lambda w, _: _pm(w, whys=w.postmortem.whys[::-1]),
    "explanation": lambda w, text: _pm(w, phase_explanations={TimelineKind.RESPONSE: text}),
    "entry's text": lambda w, text: _entry(w, text=f"new {text}"),
    "entry's time": lambda w, _: _entry(w, occurred_at=NOW - timedelta(seconds=1)),
    "entry's kind": lambda w, _: _entry(w, kind=TimelineKind.NOTE),
    "entry's source": lambda w, text: _entry(w, source=f"slack:{text}"),
    "entry removed": lambda w, _: _pm(w, timeline=w.postmortem.timeline[1:]),
    "factor": lambda w, text: _pm(w, factors=(*w.postmortem.factors, ContributingFactor("network", None, text))),
    "sub-code": lambda w, _: _pm(w, factors=(ContributingFactor("dns", "ttl"), *w.postmortem.factors[1:])),
    "factor's why": lambda w, text: _pm(w, factors=(ContributingFactor("dns", None, f"new {text}"),)),
    "root cause": lambda w, _: replace(w, incident=replace(w.incident, root_cause_id=new_id())),
    "item's title": lambda w, text: _item(w, title=f"new {text}"),
    "item's control type": lambda w, _: _item(w, control_type=ControlType.DETECT),
    "item added": lambda w, text: replace(w, items=(*w.items, make.action_item(w.postmortem, title=text))),
    "item removed": lambda w, _: replace(w, items=w.items[1:]),
}
UNSIGNED: dict[str, Edit] = {
    "item's status": lambda w, _: _item(w, status=Status.DECLINED),
    "item's owner": lambda w, _: _item(w, owner_id=new_id()),
    "item's due date": lambda w, _: _item(w, due_on=NOW.date(), slips=1),
    "item's description": lambda w, text: _item(w, description=text),
    "order of items": lambda w, _: replace(w, items=w.items[::-1]),
    "ticket": lambda w, text: with_ticket(w, status=TicketStatus.DONE, status_text=text, sync_state=SyncState.LOST),
    "no tickets": lambda w, _: replace(w, tickets={}),
    "review": lambda w, _: _pm(w, review=None),
    "author": lambda w, _: _pm(w, author_id=new_id(), facilitator_id=new_id()),
    "status": lambda w, _: _pm(w, status=PostmortemStatus.DRAFT, version=7),
    "proposal under its reasons": lambda w, text: _pm(w, tier_reasons=(text,)),
    "override to the same tier": lambda w, text: _pm(w, override=TierOverride(w.postmortem.tier, text, REVIEWER, NOW)),
    "confirmed whys": lambda w, _: _pm(w, whys=tuple(Why(why.text) for why in w.postmortem.whys)),
    "reviewed section": lambda w, _: _pm(
        w, sections={name: replace(s, machine_written=True, reviewed=True) for name, s in w.postmortem.sections.items()}
    ),
    "pin": lambda w, _: _entry(w, pinned=True, machine_written=True, recorded_at=NOW + timedelta(days=1)),
    "order of timeline": lambda w, _: _pm(w, timeline=w.postmortem.timeline[::-1]),
    "order of factors": lambda w, _: _pm(w, factors=w.postmortem.factors[::-1]),
    "time zone": lambda w, _: _entry(w, occurred_at=w.postmortem.timeline[0].occurred_at.astimezone(None)),
    "signature": lambda w, _: _pm(w, sign_offs=()),
    "incident": lambda w, text: replace(w, incident=replace(w.incident, title=text, summary=text)),
    "cause confirmed": lambda w, _: replace(w, incident=replace(w.incident, root_cause_status=CauseStatus.PROPOSED)),
}


@given(st.sampled_from(sorted(SIGNED)), texts, st.sampled_from([Tier.FULL, Tier.STANDARD]))
def test_every_edit_of_signed_content_changes_the_hash(name: str, text: str, tier: Tier) -> None:
    work = ready(tier)
    assert content_hash(SIGNED[name](work, text)) != content_hash(work)


@given(st.sampled_from(sorted(UNSIGNED)), texts, st.sampled_from(Tier))
def test_nothing_else_changes_the_hash(name: str, text: str, tier: Tier) -> None:
    work = ready(tier)
    assert content_hash(UNSIGNED[name](work, text)) == content_hash(work)


@given(st.lists(st.sampled_from(sorted(UNSIGNED)), max_size=6), st.sampled_from(sorted(SIGNED)), texts)
def test_a_signed_edit_shows_among_any_others(names: list[str], signed_edit: str, text: str) -> None:
    work = ready(Tier.FULL)
    before = SIGNED[signed_edit](work, text)
    after = before
    for name in names:
        after = UNSIGNED[name](after, text)
    assert content_hash(after) == content_hash(before) != content_hash(work)
