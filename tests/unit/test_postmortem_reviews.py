"""Reviewing and publishing a postmortem, and what its incident's changes mean for it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from app.domain.access import Role
from app.domain.actions.model import Status
from app.domain.errors import (
    Forbidden,
    HumanRequired,
    OwnWork,
)
from app.domain.events import EventType
from app.domain.incidents.model import Severity
from app.domain.postmortems.model import (
    Audience,
    ContentChanged,
    NotReady,
    Postmortem,
    PostmortemStatus,
    PostmortemWrongState,
    Tier,
)
from app.domain.postmortems.use_cases.reactions import propose_tier_again, require_postmortem
from app.domain.postmortems.use_cases.reviewing import (
    get_readiness,
    override_tier,
    request_changes,
    sign_off_postmortem,
    submit_postmortem,
    waive_postmortem,
)
from app.domain.tracking.model import SyncState
from tests import make
from tests.make import NOW
from tests.unit.postmortem_world import (
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
    """The tracker has not taken one item's ticket for so many hours; everything else is ready."""
    ticket = await world.uow.tickets.get_of_item(world.item.id)
    since = NOW - timedelta(hours=hours)
    world.uow.seed(replace(ticket, sync_state=SyncState.PENDING, created_at=since, key=None, url=None))
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
