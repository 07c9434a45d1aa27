"""What follows from what: an event, and the use cases that it makes us run."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from uuid import UUID

import structlog

from app.domain.actions.use_cases.refutation import refute_action_items
from app.domain.budgets.use_cases.boosts import reprioritise_item
from app.domain.events import Event, EventType
from app.domain.learning.use_cases.causes import follow_merge
from app.domain.learning.use_cases.risk import score_item_causes, score_open_items, score_service_items
from app.domain.ports import Ports
from app.domain.postmortems.use_cases.reactions import propose_tier_again, require_postmortem
from app.domain.tracking.backoff import next_try

Reaction = Callable[[Ports, Event], Awaitable[object]]
"""What an event makes us do: a use case with transactions of its own, safe to repeat."""

log = structlog.get_logger()
BATCH = 100
LEASE = timedelta(seconds=60)


def _refute(ports: Ports, event: Event) -> Awaitable[object]:
    return refute_action_items(ports.uow, ports.clock, ports.policy, incident_id=event.subject_id)


def _require_postmortem(ports: Ports, event: Event) -> Awaitable[object]:
    return require_postmortem(ports.uow, ports.clock, ports.policy, incident_id=event.subject_id)


def _propose_tier(ports: Ports, event: Event) -> Awaitable[object]:
    return propose_tier_again(ports.uow, ports.clock, ports.policy, incident_id=event.subject_id)


def _score_causes(ports: Ports, event: Event) -> Awaitable[object]:
    """An incident's old and new confirmed cause: the items of both have another risk now."""
    named = event.data.get("root_cause_ids")
    causes = [UUID(str(id)) for id in named] if isinstance(named, list) else []
    return score_open_items(ports.uow, ports.clock, ports.risk_policy, causes=causes)


def _follow_merge(ports: Ports, event: Event) -> Awaitable[object]:
    return follow_merge(ports.uow, cause_id=event.subject_id)


def _score_item(ports: Ports, event: Event) -> Awaitable[object]:
    return score_item_causes(ports.uow, ports.clock, ports.risk_policy, item_id=event.subject_id)


def _score_service(ports: Ports, event: Event) -> Awaitable[object]:
    service_id = UUID(str(event.data["service_id"]))
    return score_service_items(ports.uow, ports.clock, ports.risk_policy, service_id=service_id)


def _reprioritise(ports: Ports, event: Event) -> Awaitable[object]:
    return reprioritise_item(ports.uow, ports.clock, ports.policy.budgets, item_id=event.subject_id)


REACTIONS: Mapping[EventType, tuple[Reaction, ...]] = {
    EventType.INCIDENT_CREATED: (_propose_tier,),
    EventType.INCIDENT_UPDATED: (_require_postmortem, _propose_tier),
    EventType.INCIDENT_RESOLVED: (_require_postmortem,),
    EventType.INCIDENT_CAUSE_CHANGED: (_refute, _propose_tier, _score_causes),
    EventType.ROOT_CAUSES_MERGED: (_follow_merge, _score_causes),
    EventType.ACTION_ITEM_CREATED: (_score_item, _reprioritise),
    EventType.ACTION_ITEM_UPDATED: (_score_item, _reprioritise),
    EventType.ACTION_ITEM_OPENED: (_score_item,),
    EventType.ACTION_ITEM_REOPENED: (_score_item, _reprioritise),
    EventType.ACTION_ITEM_REFUTED: (_score_item, _reprioritise),
    EventType.BOOST_RAISED: (_score_service,),
    EventType.BOOST_LIFTED: (_score_service,),
    EventType.BOOST_EXPIRED: (_score_service,),
}
"""The only place that says what follows from what."""


async def handle_events(ports: Ports, reactions: Mapping[EventType, tuple[Reaction, ...]] = REACTIONS) -> int:
    """Act on a batch of events, each by itself; how many there were."""
    now = ports.clock()
    async with ports.uow() as u:
        events = await u.events.unhandled(BATCH)
        idle = [event.id for event in events if not reactions.get(event.type)]
        busy = [event for event in events if reactions.get(event.type)]
        if idle:
            await u.events.handled(idle, now)
        if busy:
            await u.events.claim([event.id for event in busy], now + LEASE)
        await u.commit()
    for event in busy:
        await _handle(ports, event, reactions[event.type])
    return len(events)


async def _handle(ports: Ports, event: Event, reactions: tuple[Reaction, ...]) -> None:
    error = None
    for reaction in reactions:
        try:
            await reaction(ports, event)
        except Exception as raised:
            error = error or f"{type(raised).__name__}: {raised}"
            log.exception("reaction_failed", type=event.type, event_id=str(event.id))
    now = ports.clock()
    async with ports.uow() as u:
        if error is None:
            await u.events.handled([event.id], now)
        else:
            retry_at = next_try(now, event.attempts + 1, ports.policy.delivery, jitter=lambda: 0.5)
            await u.events.failed(event.id, error, retry_at)
        await u.commit()
