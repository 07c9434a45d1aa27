"""A postmortem's steps: which are possible, who may take them, and what each one changes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.domain.errors import Forbidden, NotFound, OwnWork
from app.domain.ids import new_id
from app.domain.postmortems.content import (
    MAX_TIMELINE,
    ContributingFactor,
    DuplicateFactor,
    Section,
    TimelineEntry,
    TimelineFull,
    TimelineKind,
    Why,
)
from app.domain.postmortems.model import (
    AUDIENCE,
    Audience,
    ContentChanged,
    Postmortem,
    PostmortemStatus,
    PostmortemWrongState,
    SignOff,
    Tier,
    TierOverride,
    Waiver,
    WhysNotConfirmed,
)
from tests import make
from tests.make import NOW

AUTHOR, REVIEWER, OTHER = new_id(), new_id(), new_id()
HASH, ANOTHER_HASH = "a" * 64, "b" * 64
S = PostmortemStatus


def a_postmortem(status: S = S.DRAFT, tier: Tier = Tier.STANDARD, **fields: Any) -> Postmortem:
    return make.postmortem(status=status, proposed_tier=tier, **{"author_id": AUTHOR, **fields})


def signature(person_id: UUID = REVIEWER, content_hash: str = HASH) -> SignOff:
    return SignOff(new_id(), person_id, content_hash, NOW)


def signed(
    postmortem: Postmortem,
    by: UUID = REVIEWER,
    *,
    current_hash: str = HASH,
    reviewer: bool = True,
    confirm_whys: bool = True,
) -> Postmortem:
    seen = signature(by, current_hash)
    return postmortem.sign_off(seen, current_hash=current_hash, is_reviewer=reviewer, confirm_whys=confirm_whys)


def an_entry(minutes: int = 0, kind: TimelineKind = TimelineKind.NOTE) -> TimelineEntry:
    return TimelineEntry(new_id(), NOW + timedelta(minutes=minutes), NOW, kind, f"{kind} after {minutes} minutes")


def override(tier: Tier = Tier.FULL, by: UUID = REVIEWER) -> TierOverride:
    return TierOverride(tier, "the customer asked for it", by, NOW)


# ── The tier ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_override_counts_above_the_proposal() -> None:
    overridden = a_postmortem(tier=Tier.SUMMARY).override_tier(override(Tier.FULL))
    assert overridden.tier is Tier.FULL
    assert overridden.propose_tier(Tier.STANDARD, ("severity P2",)).tier is Tier.FULL


def test_the_author_cannot_override_the_tier() -> None:
    with pytest.raises(OwnWork):
        a_postmortem().override_tier(override(by=AUTHOR))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (S.REQUIRED, S.REQUIRED),
        (S.DRAFT, S.DRAFT),
        (S.IN_REVIEW, S.IN_REVIEW),
        (S.APPROVED, S.IN_REVIEW),
        (S.PUBLISHED, S.DRAFT),
    ],
)
def test_an_override_voids_approval_but_begins_nothing(before: S, after: S) -> None:
    assert a_postmortem(before).override_tier(override()).status is after


def test_a_new_proposal_voids_an_approval_only_if_the_tier_changes() -> None:
    approved = a_postmortem(S.APPROVED)
    assert approved.propose_tier(Tier.STANDARD, ("severity P2",)).status is S.APPROVED
    deeper = approved.propose_tier(Tier.FULL, ("severity P1",))
    assert (deeper.status, deeper.tier, deeper.tier_reasons) == (S.IN_REVIEW, Tier.FULL, ("severity P1",))
    assert approved.propose_tier(Tier.SUMMARY, ()).status is S.DRAFT


def test_every_tier_has_an_audience() -> None:
    assert AUDIENCE[Tier.FULL] is Audience.ORGANISATION
    assert set(AUDIENCE) == set(Tier)


# ── Editing ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("before", "tier", "after"),
    [
        (S.REQUIRED, Tier.FULL, S.DRAFT),
        (S.DRAFT, Tier.FULL, S.DRAFT),
        (S.IN_REVIEW, Tier.FULL, S.IN_REVIEW),
        (S.APPROVED, Tier.STANDARD, S.IN_REVIEW),
        (S.APPROVED, Tier.SUMMARY, S.DRAFT),
        (S.PUBLISHED, Tier.FULL, S.DRAFT),
    ],
)
def test_an_edit_begins_voids_or_revises(before: S, tier: Tier, after: S) -> None:
    assert a_postmortem(before, tier).edited(OTHER).status is after


def test_an_edit_that_changes_nothing_signed_keeps_the_approval() -> None:
    assert a_postmortem(S.APPROVED).edited(OTHER, keeps_signature=True).status is S.APPROVED


def test_the_first_who_writes_becomes_the_author() -> None:
    assert a_postmortem(S.REQUIRED, author_id=None).edited(OTHER).author_id == OTHER
    assert a_postmortem(S.REQUIRED).edited(OTHER).author_id == AUTHOR


def test_a_waived_one_cannot_be_edited() -> None:
    with pytest.raises(PostmortemWrongState):
        a_postmortem(S.WAIVED).edited(OTHER)


def test_an_author_cannot_hand_over_but_somebody_else_takes_over() -> None:
    mine = a_postmortem()
    with pytest.raises(OwnWork):
        mine.with_author(OTHER, by_id=AUTHOR)
    assert mine.with_author(OTHER, by_id=OTHER).author_id == OTHER
    assert mine.with_author(AUTHOR, by_id=AUTHOR) == mine
    assert a_postmortem(author_id=None).with_author(OTHER, by_id=None).author_id == OTHER


def test_a_why_that_changes_has_to_be_confirmed_anew() -> None:
    confirmed = a_postmortem(whys=(Why("the pool was full", REVIEWER), Why("it had no limit", REVIEWER)))
    edited = confirmed.with_whys(("the pool was full", "nobody set a limit", "the template has none"))
    assert [why.confirmed_by_id for why in edited.whys] == [REVIEWER, None, None]


def test_a_factor_is_named_once() -> None:
    with pytest.raises(DuplicateFactor):
        a_postmortem(factors=(ContributingFactor("dns"), ContributingFactor("dns", None, "twice")))


def test_a_timeline_is_kept_in_order() -> None:
    late, early = an_entry(10), an_entry(0)
    both = a_postmortem().with_entry(late).with_entry(early)
    assert both.timeline == (early, late)
    corrected = replace(early, occurred_at=late.occurred_at + timedelta(minutes=1))
    assert both.with_entry(corrected).timeline == (late, corrected)
    assert both.entry(late.id) == late
    assert both.without_entry(late.id).timeline == (early,)


def test_an_unknown_timeline_entry_is_not_found() -> None:
    with pytest.raises(NotFound):
        a_postmortem().without_entry(new_id())


def test_a_timeline_has_an_end() -> None:
    full = a_postmortem(timeline=tuple(an_entry(minute) for minute in range(MAX_TIMELINE)))
    with pytest.raises(TimelineFull):
        full.with_entry(an_entry())


def test_a_machines_text_counts_once_a_person_gives_it_back_or_rewrites_it() -> None:
    drafted = Section("").rewritten("The pool was full.", by_machine=True)
    assert drafted.is_unreviewed
    accepted = drafted.rewritten("The pool was full.", by_machine=False)
    assert (accepted.machine_written, accepted.is_unreviewed) == (True, False)
    assert drafted.rewritten("The pool had no limit.", by_machine=False) == Section("The pool had no limit.")
    assert Section("Mine").rewritten("Mine", by_machine=False) == Section("Mine")
    assert accepted.rewritten("Another draft", by_machine=True).is_unreviewed


# ── Review and signature ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_draft_goes_to_review_and_back() -> None:
    in_review = a_postmortem().submit()
    assert in_review.status is S.IN_REVIEW
    assert in_review.request_changes().status is S.DRAFT
    assert signed(in_review).request_changes().status is S.DRAFT


@pytest.mark.parametrize(
    ("step", "possible"),
    [
        (Postmortem.submit, {S.DRAFT}),
        (Postmortem.request_changes, {S.IN_REVIEW, S.APPROVED}),
        (signed, {S.IN_REVIEW, S.APPROVED}),
        (lambda pm: pm.publish(HASH, NOW), {S.APPROVED}),
        (lambda pm: pm.waive(Waiver("noise", REVIEWER, NOW)), {S.REQUIRED, S.DRAFT, S.IN_REVIEW, S.APPROVED}),
    ],
)
def test_every_step_has_its_states(step: Callable[[Postmortem], Postmortem], possible: set[S]) -> None:
    for status in S:
        signatures = (signature(),) if step is not signed else ()
        postmortem = a_postmortem(status, sign_offs=signatures)
        if status in possible:
            assert step(postmortem).status is not status or status is S.APPROVED
        else:
            with pytest.raises(PostmortemWrongState):
                step(postmortem)


def test_a_signature_is_under_what_was_seen() -> None:
    with pytest.raises(ContentChanged):
        a_postmortem(S.IN_REVIEW).sign_off(
            signature(content_hash=ANOTHER_HASH), current_hash=HASH, is_reviewer=True, confirm_whys=False
        )


@pytest.mark.parametrize("tier", [Tier.FULL, Tier.STANDARD])
def test_tier_1_and_2_are_signed_by_a_reviewer_who_is_not_the_author(tier: Tier) -> None:
    in_review = a_postmortem(S.IN_REVIEW, tier)
    with pytest.raises(OwnWork):
        signed(in_review, AUTHOR)
    with pytest.raises(Forbidden):
        signed(in_review, OTHER, reviewer=False)
    assert signed(in_review, REVIEWER).status is S.APPROVED


def test_tier_3_is_signed_by_its_author_even_without_review() -> None:
    draft = a_postmortem(tier=Tier.SUMMARY)
    assert signed(draft, AUTHOR, reviewer=False).status is S.APPROVED
    assert signed(draft.submit(), AUTHOR, reviewer=False).status is S.APPROVED
    with pytest.raises(OwnWork):
        signed(draft, REVIEWER)
    with pytest.raises(PostmortemWrongState):
        signed(a_postmortem(S.REQUIRED, Tier.SUMMARY), AUTHOR)


def test_the_reviewer_of_tier_1_confirms_the_whys() -> None:
    in_review = a_postmortem(S.IN_REVIEW, Tier.FULL, whys=(Why("the pool was full"),))
    with pytest.raises(WhysNotConfirmed):
        signed(in_review, confirm_whys=False)
    assert signed(in_review).whys == (Why("the pool was full", REVIEWER),)


def test_tier_2_needs_no_confirmed_whys() -> None:
    in_review = a_postmortem(S.IN_REVIEW, whys=(Why("the pool was full"),))
    assert signed(in_review, confirm_whys=False).whys == (Why("the pool was full"),)


@pytest.mark.parametrize(("tier", "signer"), [(Tier.STANDARD, REVIEWER), (Tier.SUMMARY, AUTHOR)])
def test_an_approved_one_is_signed_again_only_after_its_content_changed(tier: Tier, signer: UUID) -> None:
    approved = signed(a_postmortem(S.IN_REVIEW, tier), signer)
    with pytest.raises(PostmortemWrongState):
        signed(approved, signer)
    again = signed(approved, signer, current_hash=ANOTHER_HASH)
    assert again.is_signed(ANOTHER_HASH)
    assert not again.is_signed(HASH)


# ── Publishing and waiving ───────────────────────────────────────────────────────────────────────────────────────


def test_what_was_signed_is_published() -> None:
    published = signed(a_postmortem(S.IN_REVIEW)).publish(HASH, NOW)
    assert (published.status, published.published_number, published.published_at) == (S.PUBLISHED, 1, NOW)


def test_what_changed_since_it_was_signed_is_not_published() -> None:
    with pytest.raises(ContentChanged):
        signed(a_postmortem(S.IN_REVIEW)).publish(ANOTHER_HASH, NOW)
    with pytest.raises(ContentChanged):
        a_postmortem(S.APPROVED).publish(HASH, NOW)


def test_a_revision_is_published_under_the_next_number() -> None:
    revision = signed(a_postmortem(S.IN_REVIEW)).publish(HASH, NOW).edited(AUTHOR).submit()
    assert signed(revision).publish(HASH, NOW).published_number == 2


def test_waiving_says_why_and_is_not_the_authors_to_do() -> None:
    waiver = Waiver("a drill", REVIEWER, NOW)
    assert a_postmortem().waive(waiver).waiver == waiver
    with pytest.raises(OwnWork):
        a_postmortem().waive(replace(waiver, by_id=AUTHOR))


def test_what_was_published_once_cannot_be_waived() -> None:
    with pytest.raises(PostmortemWrongState):
        a_postmortem(published_number=1).waive(Waiver("noise", REVIEWER, NOW))
