"""What can be done with a postmortem: each use case, what it refuses, and which event it leaves."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from app.domain.access import SYSTEM, Caller, Role
from app.domain.actions.model import Status
from app.domain.errors import (
    AlreadyExists,
    DomainError,
    Forbidden,
    HumanRequired,
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
from app.domain.policy import Policy
from app.domain.postmortems.assessing import load_work
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
from app.domain.postmortems.model import (
    Audience,
    ContentChanged,
    DuplicateFactor,
    NotReady,
    Postmortem,
    PostmortemStatus,
    PostmortemWrongState,
    Tier,
)
from app.domain.postmortems.readiness import content_hash
from app.domain.postmortems.use_cases.publishing import publish_postmortem
from app.domain.postmortems.use_cases.reactions import propose_tier_again, require_postmortem
from app.domain.postmortems.use_cases.reviewing import (
    get_readiness,
    override_tier,
    request_changes,
    sign_off_postmortem,
    submit_postmortem,
    waive_postmortem,
)
from app.domain.postmortems.use_cases.timeline import (
    EntryFields,
    add_timeline_entry,
    remove_timeline_entry,
    update_timeline_entry,
)
from app.domain.postmortems.use_cases.writing import PostmortemFields, create_postmortem, update_postmortem
from app.domain.tracking.model import SyncState
from tests import make
from tests.fakes import FakeUnitOfWork
from tests.make import NOW

S = PostmortemStatus
POLICY = Policy()
CLOCK = make.FixedClock()
AUTHOR, REVIEWER = make.person("ada"), make.person("rae", Role.REVIEWER)
TEAM = make.team()
SERVICE = make.service(team_id=TEAM.id)
CAUSE = make.root_cause()
WRITES, REVIEWS = make.caller(AUTHOR), make.caller(REVIEWER)
READS, MACHINE = make.caller(role=Role.READER), make.caller(make.service_account())


class World:
    """One resolved P2 whose cause is confirmed, with a postmortem in which nothing is missing but the signature."""

    def __init__(self, tier: Tier = Tier.STANDARD, **fields: Any) -> None:
        self.uow = FakeUnitOfWork()
        self.incident = make.resolved(make.incident(SERVICE, cause=CAUSE))
        at = NOW - timedelta(hours=1)
        given: dict[str, Any] = {
            "proposed_tier": tier,
            "author_id": AUTHOR.id,
            "sections": {name: Section(f"The {name}.") for name in SectionName},
            "whys": tuple(Why(f"because {n}") for n in range(5)),
            "timeline": tuple(TimelineEntry(new_id(), at, at, phase, phase) for phase in PHASES),
            "factors": (ContributingFactor("dns"), ContributingFactor("timeout-misconfiguration", "too_short")),
            "review": Review(NOW.date(), Forum.LEADERSHIP),
        }
        pm = make.postmortem(self.incident, **(given | fields))
        items = [make.action_item(pm, owner_id=AUTHOR.id, systemic=True, title=f"Fix {n}") for n in range(2)]
        self.id = pm.id
        self.item = items[0]
        factors = (make.factor("dns"), make.factor(sub_codes=("too_short",)))
        self.uow.seed(AUTHOR, REVIEWER, TEAM, SERVICE, CAUSE, *factors, self.incident, pm, *items)
        self.uow.seed(*(make.ticket(item) for item in items))

    @property
    def postmortem(self) -> Postmortem:
        found: Postmortem = self.uow.postmortems.rows[self.id]  # type: ignore[attr-defined]
        return found

    def put(self, **fields: Any) -> None:
        self.uow.seed(replace(self.postmortem, **fields))

    async def hash(self) -> str:
        return content_hash(await load_work(self.uow, self.postmortem))

    async def do(self, use_case: Callable[..., Awaitable[Any]], caller: Caller, **arguments: Any) -> Any:
        return await use_case(self.uow, CLOCK, caller=caller, postmortem_id=self.id, **arguments)

    async def edit(self, caller: Caller = WRITES, *, version: int | None = None, **fields: Any) -> Postmortem:
        given = PostmortemFields(**fields)  # type: ignore[typeddict-item]
        saved = await self.do(update_postmortem, caller, fields=given, expected_version=version)
        assert isinstance(saved, Postmortem)
        return saved

    async def sign(self, caller: Caller = REVIEWS, **arguments: Any) -> Postmortem:
        saved = await self.do(sign_off_postmortem, caller, content_hash=await self.hash(), **arguments)
        assert isinstance(saved, Postmortem)
        return saved

    async def publish(self, caller: Caller = WRITES, **arguments: Any) -> Postmortem:
        saved = await self.do(
            lambda uow, clock, **rest: publish_postmortem(uow, clock, POLICY, **rest), caller, **arguments
        )
        assert isinstance(saved, Postmortem)
        return saved

    async def approve(self) -> None:
        self.put(status=S.IN_REVIEW)
        await self.sign(confirm_whys=True)


# ── Creating ─────────────────────────────────────────────────────────────────────────────────────────────────────


def without_postmortem(**fields: Any) -> tuple[FakeUnitOfWork, Any]:
    uow = FakeUnitOfWork()
    incident = make.incident(SERVICE, **fields)
    uow.seed(AUTHOR, TEAM, SERVICE, CAUSE, make.undetermined(), incident)
    return uow, incident


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


# ── Reviewing ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_reviewer_overrides_the_tier_with_a_reason() -> None:
    world = World()
    saved = await world.do(override_tier, REVIEWS, tier=Tier.FULL, reason="a large customer")
    assert saved.override is not None
    assert (saved.tier, saved.override.by_id) == (Tier.FULL, REVIEWER.id)
    assert world.uow.recorded[0].data["old_tier"] == 2
    assert world.uow.event_types == [EventType.POSTMORTEM_TIER_CHANGED]


@pytest.mark.parametrize(
    ("use_case", "arguments"),
    [(override_tier, {"tier": Tier.FULL, "reason": "big"}), (waive_postmortem, {"reason": "small"})],
)
async def test_overriding_and_waiving_are_a_persons_and_never_on_their_own_work(
    use_case: Callable[..., Awaitable[Any]], arguments: dict[str, Any]
) -> None:
    world = World(author_id=REVIEWER.id)
    robot = make.caller(make.service_account(role=Role.REVIEWER))
    for caller, error in ((WRITES, Forbidden), (robot, HumanRequired), (REVIEWS, OwnWork)):
        with pytest.raises(error):
            await world.do(use_case, caller, **arguments)
    assert world.uow.event_types == []


async def test_waiving_is_recorded() -> None:
    world = World(status=S.REQUIRED, author_id=None)
    saved = await world.do(waive_postmortem, REVIEWS, reason="a game day")
    assert (saved.status, saved.waiver and saved.waiver.by_id) == (S.WAIVED, REVIEWER.id)
    assert world.uow.event_types == [EventType.POSTMORTEM_WAIVED]


async def test_a_draft_is_submitted_and_sent_back_with_a_reason() -> None:
    world = World()
    assert (await world.do(submit_postmortem, WRITES)).status is S.IN_REVIEW
    assert (await world.do(request_changes, REVIEWS, reason="Why two?")).status is S.DRAFT
    assert world.uow.event_types == [EventType.POSTMORTEM_SUBMITTED, EventType.POSTMORTEM_CHANGES_REQUESTED]
    assert world.uow.recorded[1].data["reason"] == "Why two?"


async def test_a_reviewer_signs_what_was_seen() -> None:
    world = World(Tier.FULL, status=S.IN_REVIEW)
    saved = await world.sign(confirm_whys=True)
    assert saved.status is S.APPROVED
    assert {why.confirmed_by_id for why in saved.whys} == {REVIEWER.id}
    assert world.uow.recorded[0].data["signed_by_id"] == str(REVIEWER.id)


async def test_a_signature_under_something_else_is_refused() -> None:
    world = World(status=S.IN_REVIEW)
    with pytest.raises(ContentChanged):
        await world.do(sign_off_postmortem, REVIEWS, content_hash="0" * 64)


async def test_who_may_sign() -> None:
    world = World(status=S.IN_REVIEW)
    robot = make.caller(make.service_account(role=Role.REVIEWER))
    other = make.caller(make.person("joe"))
    for caller, error in ((READS, Forbidden), (robot, HumanRequired), (WRITES, OwnWork), (other, Forbidden)):
        with pytest.raises(error):
            await world.sign(caller)
    assert world.postmortem.sign_offs == ()


async def test_tier_3_is_signed_and_published_by_its_author() -> None:
    world = World(Tier.SUMMARY, review=None)
    await world.sign(WRITES)
    assert (await world.publish()).status is S.PUBLISHED


async def test_readiness_lists_what_is_missing_and_the_hash_to_sign() -> None:
    world = World(Tier.FULL)
    state, hash = await get_readiness(world.uow, CLOCK, POLICY, caller=READS, postmortem_id=world.id)
    assert [problem.code for problem in state.missing] == ["whys_not_confirmed", "not_signed"]
    assert (state.tier, hash) == (Tier.FULL, await world.hash())
    assert world.uow.event_types == []


async def test_a_ticket_that_moves_voids_no_signature() -> None:
    world = World()
    await world.approve()
    world.uow.seed(replace(world.item, status=Status.IN_PROGRESS, owner_id=REVIEWER.id))
    assert (await world.publish()).status is S.PUBLISHED


# ── Publishing ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_publishing_freezes_what_was_signed_for_its_audience() -> None:
    world = World(Tier.FULL)
    await world.approve()
    published = await world.publish()
    assert (published.status, published.published_at) == (S.PUBLISHED, NOW)
    frozen = world.uow.publications.rows[(world.id, 1)]
    assert (frozen.audience, frozen.signed_by_id) == (Audience.ORGANISATION, REVIEWER.id)
    assert frozen.content_hash == await world.hash()
    content: Any = frozen.content
    assert content["incident"]["root_cause"]["slug"] == CAUSE.slug
    assert content["incident"]["services"][0]["slug"] == SERVICE.slug
    assert content["author"]["name"] == "Ada"
    assert content["sign_offs"][0]["person"]["name"] == "Rae"
    assert [item["owner"]["name"] for item in content["action_items"]] == ["Ada", "Ada"]
    assert content["action_items"][0]["ticket"]["key"] == "example/shop#7"
    assert content["timeline"][0]["occurred_at"] == "2026-06-15T11:00:00+00:00"
    assert content["published_without_tickets"] is None
    assert world.uow.event_types[-1] is EventType.POSTMORTEM_PUBLISHED
    assert world.uow.recorded[-1].data["audience"] == "organisation"


async def test_publishing_is_refused_with_the_list_that_readiness_gives() -> None:
    world = World(Tier.FULL, sections={}, review=None)
    state, _ = await get_readiness(world.uow, CLOCK, POLICY, caller=WRITES, postmortem_id=world.id)
    with pytest.raises(NotReady) as refusal:
        await world.publish()
    assert refusal.value.problems == state.missing
    assert world.uow.publications.rows == {}


async def test_what_changed_behind_the_signature_is_signed_again() -> None:
    world = World()
    await world.approve()
    world.uow.seed(replace(world.item, title="Remove the timeout"))
    with pytest.raises(NotReady) as refusal:
        await world.publish()
    assert [problem.code for problem in refusal.value.problems] == ["content_changed"]
    await world.sign()
    assert (await world.publish()).status is S.PUBLISHED


async def test_a_published_one_cannot_be_published_again() -> None:
    world = World()
    await world.approve()
    await world.publish()
    with pytest.raises(PostmortemWrongState):
        await world.publish()


async def outage(world: World, hours: int) -> None:
    since = NOW - timedelta(hours=hours)
    world.uow.seed(make.ticket(make.action_item(id=world.item.id), sync_state=SyncState.SYNCED))
    tickets = world.uow.tickets.rows  # type: ignore[attr-defined]
    for ticket in [ticket for ticket in tickets.values() if ticket.action_item_id == world.item.id]:
        tickets[ticket.id] = replace(ticket, sync_state=SyncState.PENDING, created_at=since, key=None, url=None)
    await world.approve()


async def test_a_reviewer_publishes_without_tickets_after_a_day_and_that_is_recorded() -> None:
    world = World()
    await outage(world, 25)
    with pytest.raises(NotReady):
        await world.publish(REVIEWS)
    await world.publish(REVIEWS, tickets_may_wait=True)
    without: Any = world.uow.publications.rows[(world.id, 1)].content["published_without_tickets"]
    assert without == {"by": f"person:{REVIEWER.id}", "action_items": [str(world.item.id)]}
    assert world.uow.recorded[-1].data["tickets_waiting"] == [str(world.item.id)]


async def test_publishing_without_tickets_is_refused_before_a_day_and_to_others() -> None:
    world = World()
    await outage(world, 23)
    for caller, error in ((REVIEWS, NotReady), (WRITES, Forbidden), (MACHINE, Forbidden)):
        with pytest.raises(error):
            await world.publish(caller, tickets_may_wait=True)
    mine = World(author_id=REVIEWER.id)
    with pytest.raises(OwnWork):
        await mine.publish(REVIEWS, tickets_may_wait=True)


# ── Reactions ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_resolved_p2_requires_a_postmortem_once() -> None:
    uow, incident = without_postmortem()
    assert await require_postmortem(uow, CLOCK, POLICY, incident_id=incident.id) is None
    uow.seed(make.resolved(incident))
    required = await require_postmortem(uow, CLOCK, POLICY, incident_id=incident.id)
    assert required is not None
    assert (required.status, required.author_id, required.due_on) == (S.REQUIRED, None, date(2026, 6, 29))
    assert await require_postmortem(uow, CLOCK, POLICY, incident_id=incident.id) is None
    assert uow.event_types == [EventType.POSTMORTEM_REQUIRED]
    assert uow.recorded[0].actor == "system"


async def test_a_p3_without_impact_requires_none() -> None:
    uow, incident = without_postmortem(severity=Severity.P3)
    uow.seed(make.resolved(incident))
    assert await require_postmortem(uow, CLOCK, POLICY, incident_id=incident.id) is None
    assert uow.event_types == []


async def propose(world: World) -> Postmortem | None:
    return await propose_tier_again(world.uow, CLOCK, POLICY, incident_id=world.incident.id)


async def test_the_tier_follows_the_incident() -> None:
    world = World()
    await world.approve()
    world.uow.seed(replace(world.incident, severity=Severity.P1))
    changed = await propose(world)
    assert changed is not None
    assert (changed.tier, changed.status, changed.due_on) == (Tier.FULL, S.IN_REVIEW, date(2026, 6, 22))
    assert world.uow.event_types[-1] is EventType.POSTMORTEM_TIER_CHANGED
    assert world.uow.recorded[-1].data["old_tier"] == 2
    assert await propose(world) is None


async def test_under_an_override_only_reasons_and_due_date_follow() -> None:
    world = World()
    await world.do(override_tier, REVIEWS, tier=Tier.SUMMARY, reason="a duplicate")
    world.uow.seed(replace(world.incident, severity=Severity.P1))
    changed = await propose(world)
    assert changed is not None
    assert (changed.tier, changed.proposed_tier) == (Tier.SUMMARY, Tier.FULL)
    assert world.uow.event_types[-1] is EventType.POSTMORTEM_UPDATED


@pytest.mark.parametrize("status", [S.PUBLISHED, S.WAIVED])
async def test_what_is_published_or_waived_keeps_its_tier(status: PostmortemStatus) -> None:
    world = World(status=status)
    world.uow.seed(replace(world.incident, severity=Severity.P1))
    assert await propose(world) is None
    assert world.postmortem.tier is Tier.STANDARD


async def test_an_incident_without_a_postmortem_has_no_tier_to_follow() -> None:
    uow, incident = without_postmortem()
    assert await propose_tier_again(uow, CLOCK, POLICY, incident_id=incident.id) is None
