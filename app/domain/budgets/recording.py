"""What every change of a boost has in common: keep it, say it, re-prioritise the items, tell their tickets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.actions.model import Priority
from app.domain.budgets.changes import Reprioritised
from app.domain.budgets.model import Boost, BoostKey, BoostState, Sighting, effects, new_boost
from app.domain.events import Event, EventType
from app.domain.policy import BudgetPolicy
from app.domain.ports import UnitOfWork
from app.domain.tracking.deliveries import Delivery
from app.domain.tracking.model import Ticket, TicketUpdate
from app.domain.tracking.routing import ticket_update

EVENTS: Mapping[BoostState, EventType] = {
    BoostState.ACTIVE: EventType.BOOST_CONFIRMED,
    BoostState.STALE: EventType.BOOST_STALE,
    BoostState.LIFTED: EventType.BOOST_LIFTED,
    BoostState.EXPIRED_UNKNOWN: EventType.BOOST_EXPIRED,
}


@dataclass(frozen=True, slots=True)
class Sighted:
    """The boost after a sighting, and whether that raised it."""

    boost: Boost
    is_new: bool


async def sight(
    u: UnitOfWork,
    key: BoostKey,
    sighting: Sighting,
    *,
    policy: BudgetPolicy,
    now: datetime,
    actor: str,
    measured: bool = False,
) -> Sighted | None:
    """Raise the key's boost or renew it; None where there is nothing to raise. The caller holds the service's lock."""
    known = await u.boosts.find(key)
    if known is not None and known.is_live:
        return Sighted(await keep(u, known, known.seen(sighting), now=now, actor=actor), is_new=False)
    if known is not None and known.ended_at is not None and sighting.at < known.ended_at:
        return Sighted(known, is_new=False)
    if not sighting.burning:
        return None
    boost = new_boost(key, sighting, policy, raised_by=actor, measured=measured)
    await u.boosts.add(boost)
    await _announce(u, EventType.BOOST_RAISED, boost, now=now, actor=actor)
    return Sighted(boost, is_new=True)


async def keep(u: UnitOfWork, old: Boost, new: Boost, *, now: datetime, actor: str) -> Boost:
    """Save what changed; a change of state is an event."""
    if new == old:
        return old
    saved = await u.boosts.save(new)
    if new.state is not old.state:
        await _announce(u, EVENTS[new.state], saved, now=now, actor=actor)
    return saved


async def _announce(u: UnitOfWork, type: EventType, boost: Boost, *, now: datetime, actor: str) -> None:
    key = boost.key
    data = {
        "service_id": str(key.service_id), "slo": key.slo, "source": key.source, "signal": key.signal.value,
        "levels": boost.levels, "state": boost.state.value,
    }  # fmt: skip
    await u.events.add(Event(type, boost.id, now, actor, data=data))


async def reprioritise(
    u: UnitOfWork, service_id: UUID, *, policy: BudgetPolicy, now: datetime, actor: str
) -> Sequence[Reprioritised]:
    """Give every not-closed item of the service the priority that its live boosts make, in one statement."""
    boosts = await u.boosts.live([service_id])
    changed = await u.boosts.reprioritise(service_id, effects(boosts, policy))
    moved = [one for one in changed if one.new != one.old]
    await u.events.add_many([_event(one, now, actor) for one in moved])
    await tell_tickets(u, moved, policy=policy, now=now)
    return changed


def _event(one: Reprioritised, now: datetime, actor: str) -> Event:
    data = {
        "old": one.old.name.lower(),
        "new": one.new.name.lower(),
        "boost_id": str(one.boost_id) if one.boost_id else None,
    }
    return Event(EventType.ACTION_ITEM_PRIORITY_CHANGED, one.item_id, now, actor, one.incident_id, data)


async def tell_tickets(u: UnitOfWork, moved: Sequence[Reprioritised], *, policy: BudgetPolicy, now: datetime) -> None:
    """Rises at once; falls at most once per ticket in a day, the others are told when that day is over."""
    if not moved:
        return
    faces = {face.ticket.action_item_id: face for face in await u.boosts.faces([one.item_id for one in moved])}
    deliveries: list[Delivery] = []
    withheld: dict[UUID, datetime] = {}
    for one in moved:
        face = faces.get(one.item_id)
        shown = one.old if face is None or face.shown is None else face.shown
        if face is None or one.new == shown:
            continue
        may_fall_at = face.fell_at + policy.falls_apart if face.fell_at else now
        if one.new > shown and may_fall_at > now:
            withheld[one.item_id] = may_fall_at
        else:
            deliveries.append(_delivery(face.ticket, one.new, falls=one.new > shown, now=now))
    await u.deliveries.add_many(deliveries)
    await u.boosts.withhold(withheld)


def _delivery(ticket: Ticket, priority: Priority, *, falls: bool, now: datetime) -> Delivery:
    name = priority.name.lower()
    reason = f"priority-{'fall' if falls else 'rise'}-{name}-{now.isoformat()}"
    return ticket_update(ticket, TicketUpdate(priority=name), reason=reason, now=now)
