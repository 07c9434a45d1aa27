"""What is signed is watched: an item that changes beneath a signature becomes a finding, until it is as it was."""

from dataclasses import replace

from app.domain.events import EventType
from app.domain.follow_through.model import FindingCode
from app.domain.postmortems.use_cases.signatures import (
    watch_signature,
    watch_signature_of_incident,
    watch_signature_of_item,
)
from tests import make
from tests.unit.postmortem_world import CLOCK, SERVICE, TEAM, World


def open_codes(world: World) -> list[FindingCode]:
    rows = world.uow.findings.rows.values()  # type: ignore[attr-defined]
    return [one.code for one in rows if one.closed_at is None]


async def test_a_title_that_changes_beneath_a_signature_is_a_finding_until_it_is_as_it_was() -> None:
    world = World()
    await world.approve()
    assert not await watch_signature(world.uow, CLOCK, postmortem_id=world.id)
    world.uow.seed(replace(world.item, title="Fix something else"))
    assert await watch_signature_of_item(world.uow, CLOCK, item_id=world.item.id)
    assert await watch_signature_of_incident(world.uow, CLOCK, incident_id=world.incident.id)
    assert open_codes(world) == [FindingCode.SIGNED_CONTENT_CHANGED]
    (finding,) = world.uow.findings.rows.values()  # type: ignore[attr-defined]
    assert (finding.team_id, finding.owner_id) == (TEAM.id, world.postmortem.author_id)
    world.uow.seed(world.item)
    assert not await watch_signature_of_item(world.uow, CLOCK, item_id=world.item.id)
    assert open_codes(world) == []
    told = [type for type in world.uow.event_types if type in (EventType.FINDING_OPENED, EventType.FINDING_CLOSED)]
    assert told == [EventType.FINDING_OPENED, EventType.FINDING_CLOSED]


async def test_what_is_still_being_written_is_under_no_signature() -> None:
    world = World()
    assert not await watch_signature(world.uow, CLOCK, postmortem_id=world.id)
    assert open_codes(world) == []


async def test_items_and_incidents_without_a_postmortem_are_left_alone() -> None:
    world, lone, quiet = World(), make.action_item(postmortem_id=None), make.incident(SERVICE)
    world.uow.seed(lone, quiet)
    assert not await watch_signature_of_item(world.uow, CLOCK, item_id=lone.id)
    assert not await watch_signature_of_incident(world.uow, CLOCK, incident_id=quiet.id)
