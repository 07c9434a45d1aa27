"""One delivery to a tracker, exactly once: claim (commit), call, record (commit).

A result that never came leaves the delivery `sending`; the next claim looks before it creates again.
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from app.domain.actions.model import ActionItem
from app.domain.errors import DomainError
from app.domain.events import Event, EventType
from app.domain.follow_through.model import FindingCode
from app.domain.organisation.model import Provider
from app.domain.policy import DeliveryPolicy, Policy
from app.domain.ports import Clock, OpenUnitOfWork, Tracker, UnitOfWork
from app.domain.tracking.adopting import actor_of
from app.domain.tracking.arriving import arrive, report_gaps
from app.domain.tracking.backoff import Jitter, next_try
from app.domain.tracking.contents import Assignee, assigned_person_id, assignee_of, draft_of, update_of
from app.domain.tracking.deliveries import Delivery, DeliveryKind, DeliveryState
from app.domain.tracking.errors import (
    NoTracker,
    TicketGone,
    TrackerOutcomeUnknown,
    TrackerRefused,
    TrackerUnavailable,
)
from app.domain.tracking.following import lock, lose
from app.domain.tracking.identifying import identify
from app.domain.tracking.model import (
    RemoteTicket,
    Ticket,
    TicketDraft,
    TicketUpdate,
)
from app.domain.tracking.reporting import report

LEASE_SHARE_OF_A_CALL = 0.6
WORN_OUT = "Every attempt ended without a result; the last one did not even report an error."


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery under our lease, with all that its call needs; `look` means: look it up, create nothing."""

    delivery: Delivery
    ticket: Ticket
    draft: TicketDraft
    update: TicketUpdate
    assignee: Assignee
    look: bool


@dataclass(frozen=True, slots=True)
class Attempted:
    """The delivery after an attempt, and how long its tracker asked everybody to wait."""

    delivery: Delivery
    retry_after: float | None = None


Outcome = RemoteTicket | DomainError | None
"""What a call ended with; None is a look-up that found nothing."""


async def deliver(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    trackers: Mapping[Provider, Tracker],
    *,
    delivery_id: UUID,
    jitter: Jitter = random.random,
) -> Attempted | None:
    """Attempt this delivery now; None if it is not due, finished, or under somebody else's lease."""
    while (claimed := await _claim(uow, clock, policy, delivery_id)) is not None:
        claimed, outcome = await _call(uow, clock, trackers, claimed, policy.delivery)
        delivery = await _record(uow, clock, policy.delivery, claimed, outcome, jitter)
        if outcome is not None:
            return Attempted(delivery, getattr(outcome, "retry_after", None))
    return None


async def _claim(uow: OpenUnitOfWork, clock: Clock, policy: Policy, delivery_id: UUID) -> Claimed | None:
    now = clock()
    async with uow() as u:
        old = await u.deliveries.get(delivery_id)
        delivery = old.claim(now, policy.delivery)
        ticket = await u.tickets.find(old.ticket_id)
        if delivery is None or ticket is None:
            return None
        settled_at = old.settled_at(policy.delivery)
        if settled_at is not None and settled_at > now:
            await u.deliveries.save(replace(old, not_before=settled_at))
            await u.commit()
            return None
        claimed = await _prepared(u, policy, old, delivery, ticket)
        if delivery.attempts <= policy.delivery.max_attempts:
            await u.deliveries.save(delivery)
            await u.commit()
            return claimed
    await _give_up(uow, clock, claimed)
    return None


async def _prepared(u: UnitOfWork, policy: Policy, old: Delivery, new: Delivery, ticket: Ticket) -> Claimed:
    (item,) = await u.action_items.find_many([ticket.action_item_id])
    assignee = await assignee_of(u, new.provider, assigned_person_id(item, new))
    look = old.state is DeliveryState.SENDING and new.kind is DeliveryKind.CREATE
    draft = draft_of(item, ticket, new, assignee, policy)
    return Claimed(new, ticket, draft, update_of(new, assignee), assignee, look)


async def _call(
    uow: OpenUnitOfWork,
    clock: Clock,
    trackers: Mapping[Provider, Tracker],
    claimed: Claimed,
    policy: DeliveryPolicy,
) -> tuple[Claimed, Outcome]:
    """The one HTTP conversation, with no transaction open and well within the lease."""
    tracker = trackers.get(claimed.delivery.provider)
    if tracker is None:
        return claimed, NoTracker(f"No tracker {claimed.delivery.provider} is configured; set its credentials.")
    try:
        async with asyncio.timeout(policy.lease.total_seconds() * LEASE_SHARE_OF_A_CALL):
            claimed = await _identified(uow, clock, tracker, claimed)
            return claimed, await _converse(tracker, claimed)
    except (TrackerRefused, TrackerUnavailable, TrackerOutcomeUnknown) as error:
        return claimed, error
    except Exception as error:  # Whatever broke may have broken after the request had taken effect.
        return claimed, TrackerOutcomeUnknown(f"{type(error).__name__}: {error}")


async def _identified(uow: OpenUnitOfWork, clock: Clock, tracker: Tracker, claimed: Claimed) -> Claimed:
    """With the assignee's name there, if only the tracker knew it until now."""
    person = claimed.assignee.unknown
    if person is None or claimed.look:
        return claimed
    handle = await identify(uow, tracker, claimed.ticket.route, person, clock())
    if handle is None:
        return claimed
    return replace(
        claimed,
        assignee=Assignee(handle),
        draft=replace(claimed.draft, assignee=handle),
        update=replace(claimed.update, assignee=handle),
    )


async def _converse(tracker: Tracker, claimed: Claimed) -> RemoteTicket | None:
    delivery, ticket = claimed.delivery, claimed.ticket
    if delivery.kind is DeliveryKind.UPDATE:
        return await tracker.update(ticket, claimed.update, delivery.marker)
    if claimed.look:
        # Since its creation, not its last attempt: an earlier attempt may be the one that took effect.
        return await tracker.find_by_marker(ticket.route, delivery.marker, delivery.created_at)
    return await tracker.create(ticket.route, claimed.draft)


async def _record(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: DeliveryPolicy,
    claimed: Claimed,
    outcome: Outcome,
    jitter: Jitter,
) -> Delivery:
    now = clock()
    async with uow() as u:
        item, ticket = await lock(u, claimed.ticket)
        delivery = await u.deliveries.get(claimed.delivery.id)
        superseded = delivery.attempts != claimed.delivery.attempts
        if not delivery.is_unfinished:
            await _report_late(u, item, ticket, claimed, outcome, now)
        elif isinstance(outcome, RemoteTicket):
            delivery = await arrive(
                u, item, ticket, delivery, outcome, assignee=claimed.assignee, asked=_asked(claimed), now=now
            )
        elif superseded:
            return delivery
        elif outcome is None:
            delivery = delivery.absent()
            await u.deliveries.save(delivery)
        else:
            delivery = await _failed(
                u, item, ticket, _after(delivery, claimed, outcome, policy, now, jitter), outcome, now
            )
        await u.commit()
    return delivery


async def _report_late(
    u: UnitOfWork, item: ActionItem, ticket: Ticket, claimed: Claimed, outcome: Outcome, now: datetime
) -> None:
    """A webhook that proved the creation was here before the answer, which alone says what was left out."""
    if isinstance(outcome, RemoteTicket) and outcome.external_id == ticket.external_id:
        await report_gaps(u, item, claimed.delivery.provider, claimed.assignee, outcome, now)


def _asked(claimed: Claimed) -> TicketUpdate:
    """What the tracker was asked to show: by a new ticket what its draft says."""
    draft = claimed.draft
    if claimed.delivery.kind is DeliveryKind.UPDATE:
        return claimed.update
    return TicketUpdate(assignee=claimed.assignee.handle, due_on=draft.due_on, priority=draft.priority)


def _after(
    delivery: Delivery,
    claimed: Claimed,
    error: DomainError,
    policy: DeliveryPolicy,
    now: datetime,
    jitter: Jitter,
) -> Delivery:
    """Nothing happened: try again. Perhaps it did, or a look-up failed: still unknown. Refused: dead."""
    if not isinstance(error, TrackerUnavailable | TrackerOutcomeUnknown):
        return delivery.dead(error.message, now)
    if isinstance(error, TrackerUnavailable):
        wait = timedelta(seconds=error.retry_after or 0)
        retry_at = next_try(now, delivery.attempts, policy, jitter=jitter, at_least=wait)
        after = delivery.unknown if claimed.look else delivery.refused
        return after(error.message, retry_at, policy)
    wait = policy.settle.get(delivery.provider, timedelta(0))
    retry_at = next_try(now, delivery.attempts, policy, jitter=jitter, at_least=wait)
    return delivery.unknown(error.message, retry_at, policy)


async def _failed(
    u: UnitOfWork, item: ActionItem, ticket: Ticket, delivery: Delivery, error: DomainError, now: datetime
) -> Delivery:
    if isinstance(error, TicketGone):
        await u.deliveries.save(delivery)
        await lose(u, item, ticket, now)
    elif delivery.state is DeliveryState.DEAD:
        await _bury(u, ticket, delivery, error.message, now)
    else:
        await u.deliveries.save(delivery)
        await u.tickets.save(replace(ticket, last_error=error.message, updated_at=now))
    return delivery


async def _give_up(uow: OpenUnitOfWork, clock: Clock, claimed: Claimed) -> None:
    """Attempts that ended with their process were counted, but nobody was left to record them."""
    async with uow() as u:
        _, ticket = await lock(u, claimed.ticket)
        delivery = await u.deliveries.get(claimed.delivery.id)
        if delivery.is_unfinished:
            await _bury(u, ticket, delivery, WORN_OUT, clock())
            await u.commit()


async def _bury(u: UnitOfWork, ticket: Ticket, delivery: Delivery, error: str, now: datetime) -> None:
    """Given up until a person retries it: said on the ticket, as a finding and as an event."""
    (item,) = await u.action_items.find_many([ticket.action_item_id])
    await u.deliveries.save(delivery.dead(error, now))
    create = delivery.kind is DeliveryKind.CREATE
    failed = ticket.failed(error) if create else replace(ticket, last_error=error)
    await u.tickets.save(replace(failed, updated_at=now))
    what = "The ticket could not be created" if create else f"The ticket {ticket.key} could not be changed"
    await report(u, item, FindingCode.TICKET_FAILED, f"{what} in {delivery.provider}: {error}", now)
    data = {"action_item_id": str(item.id), "delivery_id": str(delivery.id), "error": error}
    actor = actor_of(ticket.route.provider)
    await u.events.add(Event(EventType.TICKET_FAILED, ticket.id, now, actor, item.incident_id, data))
