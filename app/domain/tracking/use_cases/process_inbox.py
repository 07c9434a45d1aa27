"""Webhooks that were kept on arrival, read and acted on one by one."""

import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from uuid import UUID

from app.domain.errors import DomainError, Invalid
from app.domain.organisation.model import Provider
from app.domain.policy import Policy
from app.domain.ports import Clock, InboxItem, OpenUnitOfWork, Tracker, WebhookSource
from app.domain.tracking.backoff import Jitter, next_try
from app.domain.tracking.proving import prove
from app.domain.tracking.use_cases.apply_ticket_event import UNKNOWN, apply_ticket_event

BATCH = 50
PROOF = "proof that it was created"
Act = Callable[[InboxItem], Awaitable[str | None]]
"""What to do with a webhook that is about no ticket; what happened, in words, or None if it may be about one."""


async def process_inbox(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    trackers: Mapping[Provider, Tracker],
    webhooks: Mapping[str, WebhookSource],
    others: Mapping[str, Act] | None = None,
    *,
    go_on: Callable[[], bool] = lambda: True,
    jitter: Jitter = random.random,
) -> int:
    """Handle what is due, oldest first, until nothing is; a poison one is put off and stops no other."""

    async def act(item: InboxItem) -> str:
        other = (others or {}).get(item.source)
        said = await other(item) if other else None
        return said if said is not None else await _act(uow, clock, policy, trackers, webhooks, item)

    count = 0
    while go_on() and (ids := await _due(uow, clock)):
        for id in ids:
            if not go_on():
                break
            count += await _process(uow, clock, policy, act, id, jitter)
    return count


async def _due(uow: OpenUnitOfWork, clock: Clock) -> tuple[UUID, ...]:
    async with uow() as u:
        return await u.inbox.due(clock(), BATCH)


async def _process(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    act: Act,
    id: UUID,
    jitter: Jitter,
) -> bool:
    now = clock()
    async with uow() as u:
        item = await u.inbox.claim(id, now, now + policy.delivery.lease)
        await u.commit()
    if item is None:
        return False
    note, error, retry_at = None, None, None
    try:
        note = await act(item)
    except Exception as raised:
        error = raised.message if isinstance(raised, DomainError) else f"{type(raised).__name__}: {raised}"
        retry_at = _retry_at(item, raised, policy, clock(), jitter)
    async with uow() as u:
        if error is None:
            await u.inbox.handled(id, clock(), note)
        else:
            await u.inbox.failed(id, clock(), error, retry_at)
        await u.commit()
    return True


def _retry_at(item: InboxItem, error: Exception, policy: Policy, now: datetime, jitter: Jitter) -> datetime | None:
    """What cannot be read today cannot be read tomorrow; the rest deserves another try, up to a limit."""
    if isinstance(error, Invalid) or item.attempts >= policy.delivery.max_attempts:
        return None
    return next_try(now, item.attempts, policy.delivery, jitter=jitter)


async def _act(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    trackers: Mapping[Provider, Tracker],
    webhooks: Mapping[str, WebhookSource],
    item: InboxItem,
) -> str:
    source = webhooks.get(item.source)
    if source is None:
        raise Invalid(f"Nothing is configured that reads webhooks of {item.source}.")
    event = source.webhooks.read(item.headers, item.body)
    if event is None:
        return "of no interest"
    outcome = await apply_ticket_event(uow, clock, trackers, event=event)
    return PROOF if outcome == UNKNOWN and await prove(uow, clock, policy, event=event) else outcome
