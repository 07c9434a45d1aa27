"""Telling the world of a published postmortem: queued once for each place, then claim (commit), call, record."""

import asyncio
import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from app.domain.access import SYSTEM, Action, Caller, authorize
from app.domain.announcing.model import Announcement, AnnouncementState, AnnouncementTarget, Notice
from app.domain.announcing.targets import PLACES
from app.domain.errors import DomainError
from app.domain.events import Event, EventType
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.follow_through.opening import open_finding
from app.domain.ids import new_id
from app.domain.incidents.model import Incident
from app.domain.policy import DeliveryPolicy, Policy
from app.domain.ports import Clock, NoticeBoard, OpenUnitOfWork, UnitOfWork
from app.domain.postmortems.model import AUDIENCE, Publication
from app.domain.providers import ProviderNotConfigured, ProviderOutcomeUnknown, ProviderUnavailable
from app.domain.tracking.backoff import Jitter, next_try

LEASE_SHARE_OF_A_CALL = 0.6
BATCH = 20
WORN_OUT = "Every attempt ended without a result; the last one did not even report an error."


async def announce_postmortem(
    uow: OpenUnitOfWork, clock: Clock, boards: Collection[AnnouncementTarget], *, postmortem_id: UUID
) -> tuple[Announcement, ...]:
    """Queue what each configured target is told, once however often it is published; a restricted one goes nowhere."""
    now = clock()
    async with uow() as u:
        postmortem = await u.postmortems.get(postmortem_id, SYSTEM)
        incident = await u.incidents.get(postmortem.incident_id, SYSTEM)
        if incident.restricted or not postmortem.published_number:
            return ()
        service = await u.services.find(incident.primary_service_id)
        team = await u.teams.find(service.team_id) if service is not None and service.team_id else None
        queued = []
        for target in sorted(boards):
            place = PLACES[target](incident, team, AUDIENCE[postmortem.tier])
            if place is not None:
                told = Announcement(new_id(), postmortem.id, incident.id, target, place, uuid4(), now)
                queued += [told] if await u.announcements.add(told) else []
        await u.commit()
    return tuple(queued)


async def deliver_announcements(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    boards: Mapping[AnnouncementTarget, NoticeBoard],
    *,
    go_on: Callable[[], bool] = lambda: True,
    jitter: Jitter = random.random,
) -> int:
    """Attempt what is due until nothing is, or `go_on` says no; a slow target holds up nobody but itself."""

    async def lane(target: AnnouncementTarget) -> int:
        count = 0
        while go_on() and (due := await _due(uow, clock, target)):
            for id in due:
                count += await deliver_announcement(uow, clock, policy, boards, id=id, jitter=jitter)
        return count

    async with asyncio.TaskGroup() as lanes:
        counts = [lanes.create_task(lane(target)) for target in AnnouncementTarget]
    return sum(count.result() for count in counts)


async def _due(uow: OpenUnitOfWork, clock: Clock, target: AnnouncementTarget) -> tuple[UUID, ...]:
    async with uow() as u:
        return await u.announcements.due(clock(), target, BATCH)


@dataclass(frozen=True, slots=True)
class Claimed:
    """An announcement under our lease, and what it says."""

    announcement: Announcement
    notice: Notice


async def deliver_announcement(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    boards: Mapping[AnnouncementTarget, NoticeBoard],
    *,
    id: UUID,
    jitter: Jitter = random.random,
) -> bool:
    """Attempt this one now; false if it is not due, finished, withheld, or under somebody else's lease."""
    claimed = await _claim(uow, clock, policy, id)
    if claimed is None:
        return False
    outcome = await _call(boards, claimed, policy.delivery)
    await _record(uow, clock, policy.delivery, claimed.announcement, outcome, jitter)
    return True


async def _claim(uow: OpenUnitOfWork, clock: Clock, policy: Policy, id: UUID) -> Claimed | None:
    now = clock()
    async with uow() as u:
        announcement = (await u.announcements.get(id)).claim(now, policy.delivery)
        if announcement is None:
            return None
        incident = await u.incidents.find(announcement.incident_id)
        assert incident is not None, "an announcement goes with its incident"
        if incident.restricted:
            await u.announcements.save(announcement.withheld(now))
            await u.commit()
            return None
        if announcement.attempts > policy.delivery.max_attempts:
            await _failed(u, announcement.dead(WORN_OUT, now), ProviderOutcomeUnknown(WORN_OUT), now)
            await u.commit()
            return None
        notice = await _notice(u, announcement, incident, policy)
        await u.announcements.save(announcement)
        await u.commit()
    return Claimed(announcement, notice)


async def _notice(u: UnitOfWork, told: Announcement, incident: Incident, policy: Policy) -> Notice:
    """What was published last, not what somebody writes at this moment."""
    published = await u.postmortems.latest_publication(told.postmortem_id)
    assert published is not None, "only what is published is announced"
    services = [service.slug for id in incident.service_ids if (service := await u.services.find(id))]
    return Notice(
        marker=told.marker,
        place=told.place,
        title=incident.title,
        url=f"{policy.public_url}/v1/postmortems/{told.postmortem_id}",
        severity=incident.severity.name,
        summary=_summary(published),
        services=tuple(services),
        started_at=incident.moments.started_at,
        resolved_at=incident.moments.resolved_at,
        published_at=published.published_at,
    )


def _summary(published: Publication) -> str:
    match published.content:
        case {"sections": {"summary": {"text": str(text)}}}:
            return text
        case _:
            return ""


Outcome = str | DomainError
"""What the notice is called there, or why it is not there."""


async def _call(boards: Mapping[AnnouncementTarget, NoticeBoard], claimed: Claimed, policy: DeliveryPolicy) -> Outcome:
    """The one conversation, with no transaction open and well within the lease."""
    target = claimed.announcement.target
    board = boards.get(target)
    if board is None:
        return ProviderNotConfigured(f"{target} is not configured any more; set its credentials, then retry.")
    try:
        async with asyncio.timeout(policy.lease.total_seconds() * LEASE_SHARE_OF_A_CALL):
            return await board.find(claimed.notice) or await board.post(claimed.notice)
    except DomainError as error:
        return error
    except Exception as error:  # Whatever broke may have broken after the notice was written.
        return ProviderOutcomeUnknown(f"{type(error).__name__}: {error}")


async def _record(
    uow: OpenUnitOfWork, clock: Clock, policy: DeliveryPolicy, tried: Announcement, outcome: Outcome, jitter: Jitter
) -> None:
    now = clock()
    async with uow() as u:
        current = await u.announcements.get(tried.id)
        superseded = current.attempts != tried.attempts and isinstance(outcome, DomainError)
        if current.state is not AnnouncementState.PENDING or superseded:
            return
        if isinstance(outcome, DomainError):
            await _failed(u, _after(current, outcome, policy, now, jitter), outcome, now)
        else:
            await u.announcements.save(current.posted(outcome, now))
            data = {"target": str(current.target), "posted_as": outcome}
            await _tell(u, EventType.POSTMORTEM_ANNOUNCED, current, now, data)
        await u.commit()


def _after(
    tried: Announcement, error: DomainError, policy: DeliveryPolicy, now: datetime, jitter: Jitter
) -> Announcement:
    """Did not take it: later. Perhaps took it: once that must show. Refused: given up until a person retries."""
    if isinstance(error, ProviderUnavailable):
        wait = timedelta(seconds=error.retry_after or 0)
    elif isinstance(error, ProviderOutcomeUnknown):
        wait = policy.settle.get(tried.target, timedelta(0))
    else:
        return tried.dead(error.message, now)
    return tried.failed(error.message, next_try(now, tried.attempts, policy, jitter=jitter, at_least=wait), now, policy)


async def _failed(u: UnitOfWork, after: Announcement, error: DomainError, now: datetime) -> None:
    await u.announcements.save(after)
    if after.state is not AnnouncementState.DEAD:
        if isinstance(error, ProviderUnavailable) and error.retry_after is not None and after.not_before:
            await u.announcements.hold(after.target, after.not_before)
        return
    data = {"target": str(after.target), "error": error.message}
    await _tell(u, EventType.POSTMORTEM_NOT_ANNOUNCED, after, now, data)
    finding = Finding(
        id=new_id(), code=FindingCode.PUBLICATION_FAILED, subject_kind="postmortem", subject_id=after.postmortem_id,
        message=f"{after.target} could not be told of the published postmortem: {error.message}",
        remedy="Remove the cause that the message names, then retry the publication.",
        opened_at=now, incident_id=after.incident_id,
    )  # fmt: skip
    await open_finding(u, finding)


async def _tell(u: UnitOfWork, event: EventType, told: Announcement, now: datetime, data: Mapping[str, object]) -> None:
    await u.events.add(Event(event, told.postmortem_id, now, SYSTEM.actor, told.incident_id, data))


async def retry_publication(
    uow: OpenUnitOfWork, *, caller: Caller, postmortem_id: UUID, publication_id: UUID
) -> Announcement:
    """Try one again that was given up; it is looked for before anything is written."""
    authorize(caller, Action.WRITE_POSTMORTEM)
    async with uow() as u:
        postmortem = await u.postmortems.get(postmortem_id, caller)
        announcement = (await u.announcements.get(publication_id, of=postmortem.id)).revive()
        await u.announcements.save(announcement)
        await u.commit()
    return announcement
