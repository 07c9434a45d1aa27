"""Rules that only time can break, on PostgreSQL: findings open, reach further, and close by themselves."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.access import SYSTEM
from app.domain.actions.evidence import CheckKind, VerificationPlan
from app.domain.actions.model import ActionItem, Decline, DeclineCode, Status
from app.domain.follow_through.model import Finding, FindingCode, Step
from app.domain.follow_through.opening import open_finding
from app.domain.follow_through.sweeping import apply_item_rules, apply_postmortem_rules
from app.domain.follow_through.use_cases import (
    close_determined_causes,
    dismiss_finding,
    find_undetermined_causes,
)
from app.domain.ids import new_id
from app.domain.policy import FollowThroughPolicy, Policy
from app.domain.ports import Ports
from app.domain.postmortems.model import PostmortemStatus
from app.wiring import Opened
from tests import make

MONDAY = datetime(2026, 6, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = Policy(follow_through=FollowThroughPolicy(applies_from_default=date(2026, 1, 1)))
CODES = tuple(FindingCode)


class World:
    """A team in New York with one item."""

    def __init__(self, ports: Ports) -> None:
        self.ports, self.clock = ports, make.FixedClock(MONDAY)
        self.ada, self.lead = make.person("ada"), make.person("lea")
        self.team = make.team(lead_id=self.lead.id, time_zone="America/New_York")
        self.service = make.service(team_id=self.team.id)

    async def open(self) -> "World":
        async with self.ports.uow() as u:
            for person in (self.ada, self.lead):
                await u.people.add(person)
            await u.teams.add(self.team)
            await u.services.add(self.service)
            await u.commit()
        return self

    async def item(self, *, ticket: bool = True, **fields: Any) -> ActionItem:
        given: dict[str, Any] = {
            "owner_id": self.ada.id, "team_id": self.team.id, "service_id": self.service.id, "status": Status.OPEN,
            "opened_at": MONDAY - 5 * DAY, "committed_due_on": MONDAY.date(), "due_on": MONDAY.date(),
            "plan": VerificationPlan((CheckKind.ATTESTED,), 30),
        }  # fmt: skip
        item = make.action_item(**(given | fields))
        async with self.ports.uow() as u:
            await u.action_items.add(item)
            if ticket:
                await u.tickets.add(make.ticket(item, external_id=str(item.id), key=str(item.id)))
            await u.commit()
        return item

    async def save(self, item: ActionItem) -> None:
        async with self.ports.uow() as u:
            await u.action_items.save(item)
            await u.commit()

    async def sweep(self, at: datetime, policy: Policy = POLICY) -> Sequence[Finding]:
        """What is open after a look at that time."""
        self.clock.now = at
        await apply_item_rules(self.ports.uow, self.clock, policy)
        await apply_postmortem_rules(self.ports.uow, self.clock, policy)
        return await self.findings()

    async def findings(self) -> Sequence[Finding]:
        async with self.ports.uow() as u:
            known = await u.follow_through.findings(CODES, await self._subjects(u))
        return [one for one in known if one.closed_at is None]

    async def _subjects(self, u: Any) -> list[Any]:
        items = await u.follow_through.items(CODES, date(2100, 1, 1), None, 100)
        postmortems = await u.follow_through.postmortems(CODES, date(2100, 1, 1), None, 100)
        return [facts.id for facts in (*items, *postmortems)]

    async def events(self, opened: Opened) -> list[str]:
        async with opened.engine.connect() as connection:
            rows = await connection.execute(sa.text("select type, data->>'step' from events order by id"))
            return [f"{type} {step or ''}".strip() for type, step in rows]


@pytest.fixture
async def world(ports: Ports) -> World:
    return await World(ports).open()


def codes(findings: Sequence[Finding]) -> set[str]:
    return {str(one.code) for one in findings}


async def test_an_item_is_overdue_when_the_day_has_passed_where_its_team_is(world: World) -> None:
    await world.item()
    # 03:00 UTC on Tuesday is still Monday in New York.
    assert await world.sweep(datetime(2026, 6, 16, 3, tzinfo=UTC)) == []
    (found,) = await world.sweep(datetime(2026, 6, 16, 5, tzinfo=UTC))
    assert (found.code, found.owner_id, found.team_id) == (FindingCode.ITEM_OVERDUE, world.ada.id, world.team.id)
    assert found.step is Step.OWNER


async def test_nothing_becomes_worse_on_days_when_the_team_does_not_work(world: World) -> None:
    friday = date(2026, 6, 19)
    await world.item(committed_due_on=friday)
    assert await world.sweep(datetime(2026, 6, 20, 12, tzinfo=UTC)) == []
    assert codes(await world.sweep(datetime(2026, 6, 22, 12, tzinfo=UTC))) == {"item_overdue"}


async def test_each_step_is_taken_once_and_it_closes_when_the_item_is_implemented(world: World, opened: Opened) -> None:
    item = await world.item()
    for days in (1, 2, 8, 9, 31, 32):
        await world.sweep(MONDAY + days * DAY)
    (found,) = await world.findings()
    assert found.step is Step.LEADERSHIP
    await world.save(replace(item, status=Status.IMPLEMENTED, implemented_at=MONDAY))
    assert await world.sweep(MONDAY + 33 * DAY) == []
    assert await world.events(opened) == [
        "finding.opened.v1", "finding.escalated.v1 owner", "finding.escalated.v1 team_lead",
        "finding.escalated.v1 leadership", "finding.closed.v1",
    ]  # fmt: skip


async def test_every_item_is_looked_at_batch_by_batch_and_each_is_reported_once(world: World, opened: Opened) -> None:
    for _ in range(5):
        await world.item()
    world.clock.now = MONDAY + DAY
    assert await apply_item_rules(world.ports.uow, world.clock, POLICY, batch=2) == 5
    assert await apply_item_rules(world.ports.uow, world.clock, POLICY, batch=2) == 0
    assert (await world.events(opened)).count("finding.opened.v1") == 5


async def test_a_finding_that_is_open_is_neither_opened_nor_told_again(world: World, opened: Opened) -> None:
    await world.item()
    (found,) = await world.sweep(MONDAY + DAY)
    told = await world.events(opened)
    async with world.ports.uow() as u:
        assert not await open_finding(u, replace(found, id=new_id()))
        await u.commit()
    assert await world.events(opened) == told


async def test_what_was_late_before_the_rule_is_late_since_the_rule(world: World) -> None:
    await world.item(committed_due_on=date(2025, 1, 1))
    rule = FollowThroughPolicy(applies_from={"item_overdue": MONDAY.date()})
    assert await world.sweep(MONDAY, Policy(follow_through=rule)) == []
    (found,) = await world.sweep(MONDAY + DAY, Policy(follow_through=rule))
    assert found.step is Step.OWNER


async def test_an_item_without_ticket_owner_or_due_date_is_reported_until_it_has_them(world: World) -> None:
    item = await world.item(ticket=False, owner_id=None, due_on=None, committed_due_on=None)
    found = await world.sweep(MONDAY)
    assert codes(found) == {"item_without_ticket", "item_without_owner", "item_without_due_date"}
    await world.save(replace(item, owner_id=world.ada.id, due_on=MONDAY.date()))
    assert codes(await world.sweep(MONDAY + DAY)) == {"item_without_ticket"}


async def test_evidence_and_a_declined_items_review_can_be_overdue(world: World) -> None:
    await world.item(status=Status.IMPLEMENTED, implemented_at=MONDAY, evidence_due_on=MONDAY.date())
    decline = Decline(DeclineCode.OBSOLETE, "gone", world.ada.id, MONDAY, MONDAY)
    await world.item(status=Status.DECLINED, decline=decline)
    assert await world.sweep(MONDAY) == []
    assert codes(await world.sweep(MONDAY + DAY)) == {"evidence_overdue", "declined_past_review"}


async def test_a_dismissed_finding_does_not_come_back_for_the_same_promise(world: World) -> None:
    await world.item()
    (found,) = await world.sweep(MONDAY + DAY)
    await dismiss_finding(
        world.ports.uow, world.clock, caller=make.caller(world.ada), finding_id=found.id, reason="The team moved."
    )
    assert await world.sweep(MONDAY + 40 * DAY) == []


async def test_a_postmortem_is_late_until_it_is_published_or_waived(world: World) -> None:
    incident = make.resolved(make.incident(world.service))
    late = make.postmortem(incident, due_on=MONDAY.date(), author_id=world.ada.id)
    async with world.ports.uow() as u:
        await u.incidents.add(incident)
        await u.postmortems.add(late)
        await u.commit()
    (found,) = await world.sweep(MONDAY + DAY)
    assert (found.code, found.incident_id, found.team_id) == ("postmortem_late", incident.id, world.team.id)
    async with world.ports.uow() as u:
        stored = await u.postmortems.get(late.id, SYSTEM)
        await u.postmortems.save(replace(stored, status=PostmortemStatus.WAIVED))
        await u.commit()
    assert await world.sweep(MONDAY + 2 * DAY) == []


async def test_an_undetermined_cause_is_settled_once_a_cause_is_confirmed(world: World, opened: Opened) -> None:
    cause = make.root_cause()
    incident = make.resolved(make.incident(world.service, cause=make.undetermined()))
    async with world.ports.uow() as u:
        await u.root_causes.add(cause)
        await u.incidents.add(incident)
        await u.commit()
    world.clock.now = MONDAY + 40 * DAY
    assert await find_undetermined_causes(world.ports.uow, world.clock, POLICY) == 1
    assert await close_determined_causes(world.ports.uow, world.clock) == 0
    async with world.ports.uow() as u:
        stored = await u.incidents.get(incident.id, SYSTEM)
        await u.incidents.save(replace(stored, root_cause_id=cause.id))
        await u.commit()
    assert await close_determined_causes(world.ports.uow, world.clock) == 1
    assert await world.events(opened) == ["finding.opened.v1", "finding.closed.v1"]
