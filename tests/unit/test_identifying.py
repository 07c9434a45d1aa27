"""Whoever has no name in a tracker is looked up there by e-mail, once."""

from typing import Any

import pytest

from app.domain.follow_through.model import FindingCode
from app.domain.organisation.model import Person, Provider
from app.domain.tracking.deliveries import DeliveryState
from app.domain.tracking.errors import TrackerOutcomeUnknown, TrackerRefused, TrackerUnavailable
from app.domain.tracking.model import TicketUpdate
from app.domain.tracking.routing import ticket_update
from tests import make
from tests.unit.ticket_world import World
from tests.unit.tracking_fakes import Happens


def grace(**fields: Any) -> Person:
    return make.person("grace", **fields)


def person_now(world: World) -> Person:
    found: Person = world.uow.people.rows[world.owner.id]  # type: ignore[attr-defined]
    return found


async def test_a_handle_that_the_tracker_knows_is_used_and_kept() -> None:
    world = World(owner=grace())
    world.tracker.people = {world.owner.email: "grace-h"}
    await world.deliver()
    assert world.tracker.drafts[0].assignee == "grace-h"
    assert world.now_ticket.assignee == "grace-h"
    assert person_now(world).handles == {"github": "grace-h"}
    assert world.findings == set()
    assert world.now_item.owner_id == world.owner.id


async def test_a_handle_that_is_known_here_is_not_asked_for() -> None:
    world = World(owner=grace(handles={"github": "hers"}))
    world.tracker.people = {world.owner.email: "another"}
    await world.deliver()
    assert world.tracker.drafts[0].assignee == "hers"


async def test_somebody_elses_handle_is_used_for_the_ticket_and_not_kept() -> None:
    """Who goes by it is for people to say."""
    world = World(owner=grace())
    world.uow.seed(make.person("bo", handles={"github": "grace-h"}))
    world.tracker.people = {world.owner.email: "grace-h"}
    await world.deliver()
    assert world.tracker.drafts[0].assignee == "grace-h"
    assert person_now(world).handles == {}


async def test_a_new_owner_is_looked_up_for_a_change_too() -> None:
    world = World()
    await world.deliver()
    other = grace()
    world.uow.seed(other)
    world.tracker.people = {other.email: "grace-h"}
    update = ticket_update(world.now_ticket, TicketUpdate(assignee=str(other.id)), reason="test", now=world.clock())
    world.uow.seed(update)
    await world.deliver_due()
    assert world.tracker.updates[-1].assignee == "grace-h"


@pytest.mark.parametrize("error", [TrackerRefused("No."), TrackerOutcomeUnknown("What?")])
async def test_a_tracker_that_tells_nobody_gives_a_ticket_without_assignee(error: Exception) -> None:
    world = World(owner=grace())
    world.tracker.people_error = error
    await world.deliver()
    assert world.now_delivery.state is DeliveryState.SENT
    assert world.findings == {FindingCode.OWNER_WITHOUT_HANDLE}


async def test_a_tracker_that_is_away_is_asked_again_before_the_ticket_is_created() -> None:
    world = World(owner=grace())
    world.tracker.people_error = TrackerUnavailable("Away.", retry_after=5)
    attempted = await world.deliver()
    assert attempted is not None
    assert (attempted.retry_after, world.now_delivery.state) == (5, DeliveryState.PENDING)
    assert world.tracker.drafts == []


async def test_a_look_up_of_the_ticket_asks_for_nobody() -> None:
    world = World(Happens.LOST_AFTER, owner=grace())
    await world.deliver()
    world.tracker.people_error = AssertionError("nobody is to be looked up")
    world.clock.forward(minutes=1)
    await world.deliver()
    assert world.now_delivery.state is DeliveryState.SENT
    assert Provider.GITHUB not in person_now(world).handles
