"""Findings about tickets: opened where a person has to look, closed when there is nothing left to see."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid5

from app.domain.access import SYSTEM
from app.domain.actions.model import ActionItem
from app.domain.events import Event, EventType
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.ids import new_id
from app.domain.organisation.model import Route
from app.domain.ports import OpenUnitOfWork, UnitOfWork
from app.domain.tracking.model import Ticket

PROJECTS = UUID("3f0f4f2e-4a53-4a0e-8a41-5f5b7f6f9d57")
"""The name space of the ids of trackers' projects."""

REMEDIES = {
    FindingCode.DECLINED_WITHOUT_REASON: "Decline the item with a reason, or reopen the ticket.",
    FindingCode.REASSIGNED_IN_TRACKER: "Dismiss this if that is right, or name another owner.",
    FindingCode.DUE_DATE_PUSHED_IN_TRACKER: "Dismiss this if the new date is right, or set another one.",
    FindingCode.REPRIORITISED_IN_TRACKER: "Set the priority back in the tracker, or change the item's base priority.",
    FindingCode.TICKET_DOUBLED: "Close the other ticket as a duplicate, then dismiss this.",
    FindingCode.TICKET_LOST: "Resync the ticket to create a new one, or adopt another one.",
    FindingCode.TICKET_FAILED: "Remove the cause that the message names, then retry the delivery.",
    FindingCode.TICKET_EXPOSED: "Delete or hide the ticket in its tracker, then dismiss this.",
    FindingCode.TICKET_INCOMPLETE: "Give the token write access, or add what is missing in the tracker.",
    FindingCode.OWNER_WITHOUT_HANDLE: "Add the owner's name in this tracker to their handles.",
    FindingCode.PROJECT_NOT_LISTED: "Remove the cause that the message names; this closes when it works again.",
}


async def report(u: UnitOfWork, item: ActionItem, code: FindingCode, message: str, now: datetime) -> None:
    """Open the finding, once."""
    finding = Finding(
        id=new_id(),
        code=code,
        subject_kind="action_item",
        subject_id=item.id,
        message=message,
        remedy=REMEDIES[code],
        opened_at=now,
        incident_id=item.incident_id,
        team_id=item.team_id,
        owner_id=item.owner_id,
    )
    if await u.findings.open(finding):
        data = {"code": code.value, "action_item_id": str(item.id)}
        await u.events.add(Event(EventType.FINDING_OPENED, finding.id, now, SYSTEM.actor, item.incident_id, data))


async def settle(u: UnitOfWork, item: ActionItem, code: FindingCode, now: datetime) -> None:
    """Close the finding, if there is one: what it reported is over."""
    finding = await u.findings.find_open(code, item.id)
    if finding is None:
        return
    await u.findings.save(replace(finding, closed_at=now))
    data = {"code": code.value, "action_item_id": str(item.id)}
    await u.events.add(Event(EventType.FINDING_CLOSED, finding.id, now, SYSTEM.actor, item.incident_id, data))


def project_id(route: Route) -> UUID:
    """A project is no record of ours, but a finding is about one: the same one always."""
    return uuid5(PROJECTS, f"{route.provider}:{route.project}")


async def report_project(
    uow: OpenUnitOfWork, route: Route, tickets: Sequence[Ticket], problem: str, now: datetime
) -> None:
    """A project whose changes cannot be listed: what people do there reaches us by webhooks alone."""
    async with uow() as u:
        items = await u.action_items.find_many([ticket.action_item_id for ticket in tickets])
        teams = {item.team_id for item in items}
        finding = Finding(
            id=new_id(), code=FindingCode.PROJECT_NOT_LISTED, subject_kind="tracker_project",
            subject_id=project_id(route),
            message=f"The tickets of {route.provider} {route.project} cannot be compared: {problem}",
            remedy=REMEDIES[FindingCode.PROJECT_NOT_LISTED], opened_at=now,
            team_id=teams.pop() if len(teams) == 1 else None,
        )  # fmt: skip
        if await u.findings.open(finding):
            data = {"code": finding.code.value, "project": route.project}
            await u.events.add(Event(EventType.FINDING_OPENED, finding.id, now, SYSTEM.actor, None, data))
        await u.commit()


async def settle_project(uow: OpenUnitOfWork, route: Route, now: datetime) -> None:
    """It can be listed again."""
    async with uow() as u:
        finding = await u.findings.find_open(FindingCode.PROJECT_NOT_LISTED, project_id(route))
        if finding is None:
            return
        await u.findings.save(replace(finding, closed_at=now))
        data = {"code": finding.code.value, "project": route.project}
        await u.events.add(Event(EventType.FINDING_CLOSED, finding.id, now, SYSTEM.actor, None, data))
        await u.commit()
