"""What a tracker told us about one of our tickets, applied once and in order."""

from collections.abc import Mapping
from dataclasses import replace

from app.domain.errors import DomainError
from app.domain.organisation.model import Provider
from app.domain.ports import Clock, OpenUnitOfWork, Tracker
from app.domain.tracking.errors import TicketGone
from app.domain.tracking.following import follow, lock, lose
from app.domain.tracking.model import (
    RemoteTicket,
    Ticket,
    TicketEvent,
    TicketEventKind,
)

UNKNOWN = "no ticket of ours"
OLDER = "older than what is known"
OURS = "our own change"
UNCHANGED = "no change"
APPLIED = "applied"
LOST = "deleted"


async def apply_ticket_event(
    uow: OpenUnitOfWork, clock: Clock, trackers: Mapping[Provider, Tracker], *, event: TicketEvent
) -> str:
    """Apply it if it is newer than what we know; on a tie ask the tracker. Says what came of it."""
    async with uow() as u:
        known = await u.tickets.find_external(event.provider, event.external_id)
    if known is None:
        return UNKNOWN
    if event.kind is TicketEventKind.DELETED:
        return await _lose(uow, clock, known)
    if event.remote is None:
        return UNCHANGED
    try:
        remote, asked = await _understood(trackers, known, event, event.remote)
    except TicketGone:
        return await _lose(uow, clock, known)
    return UNCHANGED if remote is None else await _apply(uow, clock, known, event, remote, asked=asked)


async def _understood(
    trackers: Mapping[Provider, Tracker], known: Ticket, event: TicketEvent, said: RemoteTicket
) -> tuple[RemoteTicket | None, bool]:
    """What it says, or what the tracker answers: where times tie, and where only the route explains the fields."""
    if _ties(known, event):
        return await _ask(trackers, known), True
    if event.ours or event.asked or not known.route.reads_its_own_way or not known.is_newer(said.updated_at):
        return said, False
    unread = replace(said, due_on=known.due_on, priority=known.priority)
    return (await _ask(trackers, known)) or unread, False


def _ties(ticket: Ticket, event: TicketEvent) -> bool:
    """Trackers stamp changes to the second: two of the same second cannot be ordered by their times."""
    remote = event.remote
    tied = remote is not None and remote.updated_at == ticket.source_updated_at
    return tied and not event.ours and event.kind is TicketEventKind.CHANGED


async def _ask(trackers: Mapping[Provider, Tracker], ticket: Ticket) -> RemoteTicket | None:
    """The ticket as it is now; None where the tracker cannot say, which counts as no change."""
    tracker = trackers.get(ticket.route.provider)
    try:
        return await tracker.read(ticket) if tracker else None
    except TicketGone:
        raise
    except DomainError:
        return None


async def _apply(
    uow: OpenUnitOfWork, clock: Clock, known: Ticket, event: TicketEvent, remote: RemoteTicket, *, asked: bool
) -> str:
    now = clock()
    async with uow() as u:
        item, ticket = await lock(u, known)
        if ticket.external_id != event.external_id:
            return UNKNOWN
        if not _is_news(ticket, event, remote, asked=asked):
            return OLDER
        echo = event.ours and event.kind is TicketEventKind.CHANGED
        if echo:
            await u.tickets.save(replace(ticket, source_updated_at=remote.updated_at, updated_at=now))
        else:
            await follow(u, item, ticket, remote, now=now)
        await u.commit()
    return OURS if echo else APPLIED


def _is_news(ticket: Ticket, event: TicketEvent, remote: RemoteTicket, *, asked: bool) -> bool:
    """A move always is; a change must be newer, or be the tracker's own answer to a tie."""
    if event.kind is TicketEventKind.MOVED or ticket.is_newer(remote.updated_at):
        return True
    return asked and remote.updated_at == ticket.source_updated_at


async def _lose(uow: OpenUnitOfWork, clock: Clock, known: Ticket) -> str:
    async with uow() as u:
        item, ticket = await lock(u, known)
        if ticket.external_id != known.external_id:
            return UNKNOWN
        await lose(u, item, ticket, clock())
        await u.commit()
    return LOST
