"""Writing a postmortem: what each use case does, what it refuses, and which event it leaves."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from app.domain.access import SYSTEM
from app.domain.errors import (
    AlreadyExists,
    DomainError,
    Forbidden,
    Invalid,
    NotFound,
    OwnWork,
    Stale,
    UnknownReference,
)
from app.domain.events import EventType
from app.domain.ids import new_id
from app.domain.incidents.model import Severity, Visibility
from app.domain.learning.model import UnknownFactor
from app.domain.postmortems.assessing import load_work
from app.domain.postmortems.content import (
    PHASES,
    ContributingFactor,
    DuplicateFactor,
    Forum,
    Review,
    Section,
    SectionName,
    TimelineKind,
)
from app.domain.postmortems.model import (
    Tier,
)
from app.domain.postmortems.use_cases.reviewing import (
    request_changes,
    submit_postmortem,
)
from app.domain.postmortems.use_cases.timeline import (
    EntryFields,
    add_timeline_entry,
    remove_timeline_entry,
    update_timeline_entry,
)
from app.domain.postmortems.use_cases.writing import create_postmortem, update_postmortem
from tests import make
from tests.make import NOW
from tests.unit.postmortem_world import (
    AUTHOR,
    CAUSE,
    CLOCK,
    MACHINE,
    POLICY,
    READS,
    REVIEWER,
    REVIEWS,
    SERVICE,
    WRITES,
    S,
    World,
    without_postmortem,
)

# ── Creating ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_person_begins_a_draft_as_its_author() -> None:
    uow, incident = without_postmortem(severity=Severity.P1)
    uow.seed(make.resolved(incident))
    created = await create_postmortem(uow, CLOCK, POLICY, caller=WRITES, incident_id=incident.id)
    assert (created.status, created.author_id, created.tier) == (S.DRAFT, AUTHOR.id, Tier.FULL)
    assert created.tier_reasons == ("severity P1", "customer impact none")
    assert created.due_on == date(2026, 6, 22)
    assert uow.event_types == [EventType.POSTMORTEM_CREATED]


async def test_what_a_service_account_requests_waits_for_an_author() -> None:
    uow, incident = without_postmortem()
    created = await create_postmortem(uow, CLOCK, POLICY, caller=MACHINE, incident_id=incident.id)
    assert (created.status, created.author_id, created.due_on) == (S.REQUIRED, None, None)


async def test_an_incident_has_one_postmortem() -> None:
    world = World()
    with pytest.raises(AlreadyExists):
        await create_postmortem(world.uow, CLOCK, POLICY, caller=WRITES, incident_id=world.incident.id)


async def test_novelty_deepens_the_proposal_but_undetermined_is_never_new() -> None:
    for cause, tier in ((CAUSE, Tier.STANDARD), (make.undetermined(), Tier.SUMMARY)):
        uow, incident = without_postmortem(severity=Severity.P3, cause=cause)
        uow.seed(make.incident(SERVICE, started_at=NOW - timedelta(days=300)))
        created = await create_postmortem(uow, CLOCK, POLICY, caller=WRITES, incident_id=incident.id)
        assert created.tier is tier


async def test_a_service_without_a_team_has_the_organisations_calendar() -> None:
    uow, incident = without_postmortem()
    uow.seed(replace(SERVICE, team_id=None), make.resolved(incident))
    created = await create_postmortem(uow, CLOCK, POLICY, caller=WRITES, incident_id=incident.id)
    assert created.due_on == date(2026, 6, 29)


async def test_a_restricted_incident_does_not_exist_for_others() -> None:
    uow, incident = without_postmortem(visibility=Visibility.RESTRICTED)
    with pytest.raises(NotFound):
        await create_postmortem(uow, CLOCK, POLICY, caller=WRITES, incident_id=incident.id)


@pytest.mark.parametrize(
    ("use_case", "arguments"),
    [
        (update_postmortem, {"fields": {}}),
        (add_timeline_entry, {"occurred_at": NOW, "kind": TimelineKind.NOTE, "text": "seen"}),
        (update_timeline_entry, {"entry_id": new_id(), "fields": {}}),
        (remove_timeline_entry, {"entry_id": new_id()}),
        (submit_postmortem, {}),
        (request_changes, {"reason": "thin"}),
    ],
)
async def test_a_reader_writes_nothing(use_case: Callable[..., Awaitable[Any]], arguments: dict[str, Any]) -> None:
    world = World()
    before = world.postmortem
    with pytest.raises(Forbidden):
        await world.do(use_case, READS, **arguments)
    assert (world.postmortem, world.uow.event_types) == (before, [])


# ── Editing ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_sections_merge_by_name_and_none_removes_one() -> None:
    world = World()
    saved = await world.edit(
        sections={SectionName.SUMMARY: {"text": "Shorter.", "machine_written": False}, SectionName.LESSONS: None}
    )
    assert saved.sections[SectionName.SUMMARY] == Section("Shorter.")
    assert SectionName.LESSONS not in saved.sections
    assert saved.sections[SectionName.IMPACT] == Section("The impact.")
    assert world.uow.recorded[0].data["changed"] == ["sections"]
    assert saved.updated_at == NOW


async def test_what_a_service_account_writes_waits_for_a_person() -> None:
    world = World()
    text = {SectionName.SUMMARY: {"text": "The pool was full.", "machine_written": False}}
    assert (await world.edit(MACHINE, sections=text)).sections[SectionName.SUMMARY].is_unreviewed
    assert not (await world.edit(WRITES, sections=text)).sections[SectionName.SUMMARY].is_unreviewed


async def test_an_edit_says_which_version_it_saw() -> None:
    world = World()
    assert (await world.edit(version=1, whys=["because"])).version == 2
    with pytest.raises(Stale):
        await world.edit(version=1, whys=["because of that"])


async def test_explanations_merge_and_are_of_phases_only() -> None:
    world = World(phase_explanations={TimelineKind.DETECTION: "It was us.", TimelineKind.RESPONSE: "Nobody came."})
    saved = await world.edit(phase_explanations={TimelineKind.DETECTION: None, TimelineKind.MITIGATION: "It healed."})
    assert saved.phase_explanations == {TimelineKind.RESPONSE: "Nobody came.", TimelineKind.MITIGATION: "It healed."}
    with pytest.raises(Invalid):
        await world.edit(phase_explanations={TimelineKind.NOTE: "No note."})


@pytest.mark.parametrize(
    ("factors", "error"),
    [
        ([ContributingFactor("gremlins")], UnknownFactor),
        ([ContributingFactor("dns", "too_short")], UnknownFactor),
        ([ContributingFactor("dns"), ContributingFactor("dns", None, "again")], DuplicateFactor),
    ],
)
async def test_factors_are_codes_of_the_taxonomy(factors: list[ContributingFactor], error: type[DomainError]) -> None:
    with pytest.raises(error):
        await World().edit(factors=factors)


async def test_factors_are_replaced() -> None:
    saved = await World().edit(factors=[ContributingFactor("timeout-misconfiguration", "too_short", "2 s")])
    assert [factor.why for factor in saved.factors] == ["2 s"]


async def test_author_and_facilitator_are_people() -> None:
    world = World(author_id=None, status=S.REQUIRED)
    saved = await world.edit(MACHINE, author="ada@example.org", facilitator="rae@example.org")
    assert (saved.author_id, saved.facilitator_id, saved.status) == (AUTHOR.id, REVIEWER.id, S.DRAFT)
    assert (await world.edit(facilitator=None)).facilitator_id is None
    with pytest.raises(UnknownReference):
        await world.edit(author="nobody@example.org")


async def test_an_author_cannot_hand_over_to_sign_it_then() -> None:
    world = World(author_id=REVIEWER.id)
    with pytest.raises(OwnWork):
        await world.edit(REVIEWS, author="ada@example.org")


async def test_a_review_has_taken_place() -> None:
    world = World(review=None)
    with pytest.raises(Invalid):
        await world.edit(review=Review(NOW.date() + timedelta(days=2), Forum.TEAM))
    assert (await world.edit(review=Review(NOW.date(), Forum.TEAM))).review is not None
    assert (await world.edit(review=None)).review is None


async def test_an_open_item_of_an_earlier_postmortem_is_linked_once() -> None:
    world = World()
    earlier = make.incident(SERVICE)
    item = make.action_item(make.postmortem(earlier))
    world.uow.seed(earlier, item)
    saved = await world.edit(linked_action_items=[item.id, item.id])
    assert saved.linked_item_ids == (item.id,)
    assert item.id in {one.id for one in (await load_work(world.uow, saved)).items}
    assert (await world.edit(linked_action_items=[item.id], whys=["because"])).linked_item_ids == (item.id,)


async def test_an_item_without_an_incident_can_be_linked() -> None:
    world = World()
    item = make.action_item()
    world.uow.seed(item)
    assert (await world.edit(linked_action_items=[item.id])).linked_item_ids == (item.id,)


async def test_what_cannot_be_linked() -> None:
    world = World()
    hidden = make.incident(SERVICE, visibility=Visibility.RESTRICTED)
    secret = make.action_item(make.postmortem(hidden))
    world.uow.seed(hidden, secret)
    for id, caller, error in (
        (new_id(), WRITES, UnknownReference),
        (secret.id, WRITES, UnknownReference),
        (secret.id, SYSTEM, Invalid),
        (world.item.id, WRITES, Invalid),
    ):
        with pytest.raises(error):
            await world.edit(caller, linked_action_items=[id])


async def test_a_linked_item_whose_incident_becomes_restricted_no_longer_counts() -> None:
    world = World()
    earlier = make.incident(SERVICE)
    item = make.action_item(make.postmortem(earlier))
    world.uow.seed(earlier, item)
    await world.edit(linked_action_items=[item.id])
    world.uow.seed(replace(earlier, visibility=Visibility.RESTRICTED))
    assert item.id not in {one.id for one in (await load_work(world.uow, world.postmortem)).items}


async def test_an_edit_of_signed_text_voids_the_approval() -> None:
    world = World()
    await world.approve()
    assert (await world.edit(whys=["because"])).status is S.IN_REVIEW


async def test_recording_the_review_keeps_the_approval() -> None:
    world = World(review=None)
    await world.approve()
    assert (await world.edit(review=Review(NOW.date(), Forum.TEAM))).status is S.APPROVED
    assert (await world.publish()).status is S.PUBLISHED


async def test_another_author_voids_the_approval() -> None:
    world = World()
    await world.approve()
    assert (await world.edit(REVIEWS, author="rae@example.org")).status is S.IN_REVIEW


async def test_editing_a_published_one_opens_a_revision_while_the_signed_version_stays() -> None:
    world = World()
    await world.approve()
    await world.publish()
    revision = await world.edit(whys=["because of something else"])
    assert (revision.status, revision.published_number) == (S.DRAFT, 1)
    assert world.uow.event_types[-1] is EventType.POSTMORTEM_REVISED
    frozen = world.uow.publications.rows[(world.id, 1)]
    assert frozen.content["whys"] != [{"text": "because of something else", "confirmed_by_id": None}]
    await world.approve()
    assert (await world.publish()).published_number == 2
    assert set(world.uow.publications.rows) == {(world.id, 1), (world.id, 2)}


# ── The timeline ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_entry_is_added_corrected_and_removed() -> None:
    world = World()
    saved, entry = await world.do(
        add_timeline_entry, WRITES, occurred_at=NOW, kind=TimelineKind.NOTE, text="All quiet", pinned=True
    )
    assert (saved.timeline[-1], entry.machine_written, entry.recorded_at) == (entry, False, NOW)
    fields = EntryFields(occurred_at=NOW - timedelta(days=1), kind=TimelineKind.TRIGGER)
    saved, entry = await world.do(update_timeline_entry, WRITES, entry_id=entry.id, fields=fields, expected_version=2)
    assert (saved.timeline[0], entry.text) == (entry, "All quiet")
    saved = await world.do(remove_timeline_entry, WRITES, entry_id=entry.id, expected_version=3)
    assert len(saved.timeline) == len(PHASES)
    assert world.uow.event_types == [EventType.POSTMORTEM_UPDATED] * 3


async def test_a_person_who_rewrites_a_machines_entry_stands_for_it() -> None:
    world = World()
    given = {"occurred_at": NOW, "kind": TimelineKind.NOTE, "text": "alert fired"}
    _, entry = await world.do(add_timeline_entry, MACHINE, **given)
    assert entry.machine_written
    _, pinned = await world.do(update_timeline_entry, WRITES, entry_id=entry.id, fields=EntryFields(pinned=True))
    assert pinned.machine_written
    _, mine = await world.do(update_timeline_entry, WRITES, entry_id=entry.id, fields=EntryFields(text="It rang"))
    assert not mine.machine_written


async def test_the_future_is_not_in_a_timeline() -> None:
    world, later = World(), NOW + timedelta(minutes=1)
    with pytest.raises(Invalid):
        await world.do(add_timeline_entry, WRITES, occurred_at=later, kind=TimelineKind.NOTE, text="will be")
    entry_id = world.postmortem.timeline[0].id
    with pytest.raises(Invalid):
        await world.do(update_timeline_entry, WRITES, entry_id=entry_id, fields=EntryFields(occurred_at=later))


@pytest.mark.parametrize("use_case", [update_timeline_entry, remove_timeline_entry])
async def test_an_entry_is_changed_only_by_who_saw_it(use_case: Callable[..., Awaitable[Any]]) -> None:
    world = World()
    extra = {"fields": EntryFields(pinned=True)} if use_case is update_timeline_entry else {}
    known = world.postmortem.timeline[0].id
    with pytest.raises(Stale):
        await world.do(use_case, WRITES, entry_id=known, expected_version=7, **extra)
    with pytest.raises(NotFound):
        await world.do(use_case, WRITES, entry_id=new_id(), expected_version=1, **extra)
