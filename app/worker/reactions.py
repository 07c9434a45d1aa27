"""What follows from what: an event, and the use cases that it makes us run."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from uuid import UUID

import structlog

from app.domain.actions.use_cases.deployment import date_by_deployment, follow_deployment
from app.domain.actions.use_cases.refutation import refute_action_items
from app.domain.announcing.use_cases import announce_postmortem
from app.domain.budgets.use_cases.boosts import reprioritise_item
from app.domain.deeds import Deed, doing
from app.domain.events import Event, EventType
from app.domain.follow_through.use_cases import close_determined_causes
from app.domain.learning.use_cases.acceptances import follow_causes, follow_incident, follow_item
from app.domain.learning.use_cases.causes import follow_merge
from app.domain.learning.use_cases.risk import score_item_causes, score_open_items, score_service_items
from app.domain.meta_reviews.use_cases.drafting import build_meta_review
from app.domain.meta_reviews.use_cases.risk import score_pattern_items
from app.domain.ports import Ports
from app.domain.postmortems.use_cases.facts import take_facts
from app.domain.postmortems.use_cases.reactions import propose_tier_again, require_postmortem
from app.domain.postmortems.use_cases.signatures import (
    watch_signature,
    watch_signature_of_incident,
    watch_signature_of_item,
)
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


def _follow_causes(ports: Ports, event: Event) -> Awaitable[object]:
    """What followed the fixes of an incident's old and new confirmed cause."""
    named = event.data.get("root_cause_ids")
    return follow_causes(ports.uow, causes=[UUID(str(id)) for id in named] if isinstance(named, list) else [])


def _follow_item(ports: Ports, event: Event) -> Awaitable[object]:
    return follow_item(ports.uow, item_id=event.subject_id)


async def _follow_imported(ports: Ports, event: Event) -> object:
    return await follow_incident(ports.uow, incident_id=event.subject_id) if event.data.get("imported") else None


def _follow_merge(ports: Ports, event: Event) -> Awaitable[object]:
    return follow_merge(ports.uow, cause_id=event.subject_id)


def _score_item(ports: Ports, event: Event) -> Awaitable[object]:
    return score_item_causes(ports.uow, ports.clock, ports.risk_policy, item_id=event.subject_id)


def _score_service(ports: Ports, event: Event) -> Awaitable[object]:
    service_id = UUID(str(event.data["service_id"]))
    return score_service_items(ports.uow, ports.clock, ports.risk_policy, service_id=service_id)


def _build_review(ports: Ports, event: Event) -> Awaitable[object]:
    return build_meta_review(ports.uow, ports.clock, ports.meta_review_policy, review_id=event.subject_id)


async def _score_pattern_item(ports: Ports, event: Event) -> object:
    if "meta_review_id" not in event.data:
        return None
    return await score_pattern_items(ports.uow, ports.clock, ports.risk_policy, item_id=event.subject_id)


def _reprioritise(ports: Ports, event: Event) -> Awaitable[object]:
    return reprioritise_item(ports.uow, ports.clock, ports.policy.budgets, item_id=event.subject_id)


def _take_facts(ports: Ports, event: Event) -> Awaitable[object]:
    incident_id = event.incident_id
    assert incident_id is not None, "facts and postmortems are an incident's"
    return take_facts(ports.uow, ports.clock, incident_id=incident_id)


def _announce(ports: Ports, event: Event) -> Awaitable[object]:
    return announce_postmortem(ports.uow, ports.clock, ports.boards.keys(), postmortem_id=event.subject_id)


def _follow_deployment(ports: Ports, event: Event) -> Awaitable[object]:
    policy = ports.policy.deployments
    return follow_deployment(ports.uow, ports.clock, policy, deployment_id=event.subject_id)


def _date_by_deployment(ports: Ports, event: Event) -> Awaitable[object]:
    return date_by_deployment(ports.uow, ports.clock, ports.policy.deployments, item_id=event.subject_id)


def _watch_signature(ports: Ports, event: Event) -> Awaitable[object]:
    return watch_signature(ports.uow, ports.clock, postmortem_id=event.subject_id)


def _watch_item(ports: Ports, event: Event) -> Awaitable[object]:
    return watch_signature_of_item(ports.uow, ports.clock, item_id=event.subject_id)


def _watch_incident(ports: Ports, event: Event) -> Awaitable[object]:
    return watch_signature_of_incident(ports.uow, ports.clock, incident_id=event.subject_id)


def _close_determined(ports: Ports, _event: Event) -> Awaitable[object]:
    return close_determined_causes(ports.uow, ports.clock)


REACTIONS: Mapping[EventType, tuple[Reaction, ...]] = {
    EventType.INCIDENT_CREATED: (_propose_tier, _follow_imported),
    EventType.INCIDENT_UPDATED: (_require_postmortem, _propose_tier),
    EventType.INCIDENT_RESOLVED: (_require_postmortem,),
    EventType.INCIDENT_FACTS_ADDED: (_take_facts,),
    EventType.POSTMORTEM_REQUIRED: (_take_facts,),
    EventType.POSTMORTEM_CREATED: (_take_facts,),
    EventType.POSTMORTEM_CHANGES_REQUESTED: (_take_facts,),
    EventType.POSTMORTEM_PUBLISHED: (_announce, _watch_signature),
    EventType.POSTMORTEM_APPROVED: (_watch_signature,),
    EventType.POSTMORTEM_UPDATED: (_watch_signature,),
    EventType.POSTMORTEM_REVISED: (_watch_signature,),
    EventType.DEPLOYMENT_RECORDED: (_follow_deployment,),
    EventType.ACTION_ITEM_IMPLEMENTED: (_date_by_deployment,),
    EventType.INCIDENT_CAUSE_CHANGED: (
        _refute, _propose_tier, _score_causes, _follow_causes, _close_determined, _watch_incident,
    ),
    EventType.ROOT_CAUSES_MERGED: (_follow_merge, _score_causes, _follow_causes),
    EventType.ACTION_ITEM_CREATED: (_score_item, _score_pattern_item, _reprioritise),
    EventType.META_REVIEW_CREATED: (_build_review,),
    EventType.META_REVIEW_REQUESTED: (_build_review,),
    EventType.ACTION_ITEM_UPDATED: (_score_item, _reprioritise, _watch_item, _follow_item),
    EventType.ACTION_ITEM_CLOSED: (_follow_item,),
    EventType.ACTION_ITEM_OPENED: (_score_item,),
    EventType.ACTION_ITEM_REOPENED: (_score_item, _reprioritise),
    EventType.ACTION_ITEM_REFUTED: (_score_item, _reprioritise),
    EventType.BOOST_RAISED: (_score_service,),
    EventType.BOOST_LIFTED: (_score_service,),
    EventType.BOOST_EXPIRED: (_score_service,),
}  # fmt: skip
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
            with doing(Deed(reaction.__name__.strip("_"))):
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
