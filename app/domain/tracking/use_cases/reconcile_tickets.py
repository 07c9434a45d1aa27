"""Comparing tickets with their trackers, because webhooks get lost: what differs is applied as a webhook would be."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.domain.errors import DomainError
from app.domain.follow_through.model import FindingCode
from app.domain.organisation.model import Provider, Route
from app.domain.ports import Clock, OpenUnitOfWork, Tracker
from app.domain.tracking.errors import NoTracker, TicketGone, TrackerOutcomeUnknown, TrackerUnavailable
from app.domain.tracking.following import SHOWN, lock
from app.domain.tracking.model import (
    RemoteTicket,
    SyncState,
    Ticket,
    TicketEvent,
    TicketEventKind,
    TicketStatus,
    TicketUpdate,
)
from app.domain.tracking.reporting import report, report_project, settle_project
from app.domain.tracking.routing import project_of, ticket_update
from app.domain.tracking.use_cases.apply_ticket_event import APPLIED, LOST, apply_ticket_event

RECENTLY = timedelta(hours=24)
SILENT = (TrackerUnavailable, TrackerOutcomeUnknown)


@dataclass(slots=True)
class Reconciled:
    """How many tickets were compared, what came of it, and which projects could not be asked."""

    compared: int = 0
    adopted: int = 0
    lost: int = 0
    doubled: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Project:
    """Our tickets in one project of one tracker, on one kind of route, and since when its changes are asked for."""

    route: Route
    tickets: tuple[Ticket, ...]
    since: datetime
    unlisted: tuple[Ticket, ...]
    """Those that are read one by one if the list does not name them: they were deleted or have moved."""

    @property
    def title(self) -> str:
        return f"{self.route.provider} {self.route.project}"


@dataclass(frozen=True, slots=True)
class _Run:
    uow: OpenUnitOfWork
    clock: Clock
    trackers: Mapping[Provider, Tracker]
    done: Reconciled

    async def apply(self, kind: TicketEventKind, ticket: Ticket, remote: RemoteTicket | None = None) -> None:
        """The way that webhooks take."""
        assert ticket.external_id is not None
        event = TicketEvent(kind, ticket.route.provider, ticket.external_id, remote, asked=True)
        outcome = await apply_ticket_event(self.uow, self.clock, self.trackers, event=event)
        self.done.adopted += outcome == APPLIED
        self.done.lost += outcome == LOST


async def reconcile_tickets(
    uow: OpenUnitOfWork,
    clock: Clock,
    trackers: Mapping[Provider, Tracker],
    *,
    recent: bool,
    go_on: Callable[[], bool] = lambda: True,
) -> Reconciled:
    """Compare what changed there or here within a day; without `recent`, every ticket of an item that is not closed.

    A tracker that does not answer is left for the next time; a project that may not be listed loses no ticket.
    """
    now = clock()
    run = _Run(uow, clock, trackers, Reconciled())
    async with uow() as u:
        tickets = await u.tickets.linked(now - RECENTLY)
    lanes = defaultdict(list)
    for project in _projects(tickets, now - RECENTLY, recent):
        lanes[project.route.provider].append(project)
    await asyncio.gather(*(_lane(run, projects, go_on, recent) for projects in lanes.values()))
    return run.done


def _projects(tickets: Sequence[Ticket], day_ago: datetime, recent: bool) -> list[Project]:
    groups: dict[tuple[Any, ...], list[Ticket]] = defaultdict(list)
    for ticket in tickets:
        route = ticket.route
        place = route.provider, project_of(route.provider, ticket.key or "")
        groups[*place, route.due_field, tuple(route.priorities.items())].append(ticket)
    return [_project(name, group, day_ago, recent) for (_, name, *_), group in groups.items()]


def _project(name: str, group: list[Ticket], day_ago: datetime, recent: bool) -> Project:
    route = replace(group[0].route, project=name)
    if recent:
        touched = tuple(ticket for ticket in group if ticket.updated_at >= day_ago)
        return Project(route, tuple(group), day_ago, touched)
    known = [ticket.source_updated_at for ticket in group if ticket.source_updated_at is not None]
    return Project(route, tuple(group), min([*known, day_ago]), tuple(group))


async def _lane(run: _Run, projects: Sequence[Project], go_on: Callable[[], bool], recent: bool) -> None:
    """One provider's projects, one after the other. What a tracker does not answer by day is asked again soon."""
    for project in projects:
        if not go_on():
            return
        try:
            await _compare(run, project)
        except DomainError as error:
            run.done.problems.append(f"{project.title}: {error.message}")
            silent = isinstance(error, SILENT)
            if not (silent and recent):
                await report_project(run.uow, project.route, project.tickets, error.message, run.clock())
            if silent:
                return


async def _compare(run: _Run, project: Project) -> None:
    route = project.route
    tracker = run.trackers.get(route.provider)
    if tracker is None:
        raise NoTracker(f"No tracker {route.provider} is configured; set its credentials.")
    listed = {remote.external_id: remote for remote in await tracker.changed_since(route, project.since)}
    await settle_project(run.uow, route, run.clock())
    async with run.uow() as u:
        found = await u.tickets.find_externals(route.provider, list(listed))
    known = {str(ticket.external_id): ticket for ticket in found}
    for external_id, ticket in known.items():
        if ticket.route.reads_like(route):
            await _alone(run, ticket, _compare_one(run, ticket, listed[external_id]))
    for ticket in project.unlisted:
        if ticket.external_id not in listed:
            await _alone(run, ticket, _ask(run, tracker, ticket))
    await _look_for_doubles(run, route.provider, [remote for id, remote in listed.items() if id not in known])


async def _alone(run: _Run, ticket: Ticket, work: Awaitable[object]) -> None:
    """A ticket that cannot be compared stops no other, unless its tracker says nothing at all."""
    try:
        await work
    except SILENT:
        raise
    except DomainError as error:
        run.done.problems.append(f"{ticket.route.provider} {ticket.key}: {error.message}")


async def _compare_one(run: _Run, ticket: Ticket, remote: RemoteTicket) -> None:
    run.done.compared += 1
    if remote.status is TicketStatus.LOST:
        await run.apply(TicketEventKind.DELETED, ticket)
    elif ticket.is_newer(remote.updated_at) or (
        remote.updated_at == ticket.source_updated_at and _differs(ticket, remote, run.clock())
    ):
        await run.apply(TicketEventKind.CHANGED, ticket, remote)


def _differs(ticket: Ticket, remote: RemoteTicket, now: datetime) -> bool:
    """A sprint that ends changes no time of its tickets."""
    if ticket.route.are_one(ticket.priority, remote.priority):
        remote = replace(remote, priority=ticket.priority)
    changed = any(getattr(ticket, name) != getattr(remote, name) for name in SHOWN)
    return changed or bool(ticket.went_by(remote.planned, now))


async def _ask(run: _Run, tracker: Tracker, ticket: Ticket) -> RemoteTicket | None:
    """A ticket that its project's list does not name; None if it is gone."""
    run.done.compared += 1
    try:
        remote = await tracker.read(ticket)
    except TicketGone:
        await run.apply(TicketEventKind.DELETED, ticket)
        return None
    if remote.external_id != ticket.external_id or remote.key != ticket.key:
        await run.apply(TicketEventKind.MOVED, ticket, remote)
    elif ticket.is_newer(remote.updated_at):
        await run.apply(TicketEventKind.CHANGED, ticket, remote)
    return remote


async def _look_for_doubles(run: _Run, provider: Provider, strangers: Sequence[RemoteTicket]) -> None:
    """Tickets with a marker of ours that belong to no item: their item may have got two."""
    marked = {remote.marker: remote for remote in strangers if remote.marker is not None}
    if not marked:
        return
    async with run.uow() as u:
        deliveries = await u.deliveries.creations(list(marked))
        tickets = {delivery.marker: await u.tickets.find(delivery.ticket_id) for delivery in deliveries}
    for marker, ticket in tickets.items():
        if ticket is not None and ticket.sync_state is SyncState.SYNCED and ticket.route.provider is provider:
            await _alone(run, ticket, _look_at_double(run, ticket, marked[marker]))


async def _look_at_double(run: _Run, ticket: Ticket, stranger: RemoteTicket) -> None:
    """The ticket may only have moved; else the older one stays the item's."""
    remote = await _ask(run, run.trackers[ticket.route.provider], ticket)
    if remote is None or remote.external_id == stranger.external_id:
        return
    stays, other = (stranger, remote) if _is_older(stranger, remote) else (remote, stranger)
    if stays is stranger:
        await run.apply(TicketEventKind.MOVED, replace(ticket, external_id=remote.external_id), stranger)
    run.done.doubled += await _report_double(run, ticket.id, stays, other)


def _is_older(one: RemoteTicket, other: RemoteTicket) -> bool:
    """Trackers number a project's tickets in the order of their creation."""
    (project, number), (other_project, other_number) = (_split(ticket.key) for ticket in (one, other))
    return project == other_project and number < other_number


def _split(key: str) -> tuple[str, int]:
    found = re.fullmatch(r"(.*?)(\d+)", key)
    return (found[1], int(found[2])) if found else (key, 0)


async def _report_double(run: _Run, ticket_id: UUID, stays: RemoteTicket, other: RemoteTicket) -> bool:
    """One comment that links the other one, and a finding; both once, even if the finding is dismissed."""
    now = run.clock()
    async with run.uow() as u:
        known = await u.tickets.find(ticket_id)
        if known is None or known.external_id != stays.external_id:
            return False
        item, ticket = await lock(u, known)
        link = TicketUpdate(comment=f"{other.key} was created for the same action item: {other.url}")
        new = await u.deliveries.add(ticket_update(ticket, link, reason=f"double-{other.external_id}", now=now))
        if new:
            message = f"The item has two tickets: {stays.key} stays, {other.key} is one too many."
            await report(u, item, FindingCode.TICKET_DOUBLED, message, now)
        await u.commit()
    return new
