"""Raising, lifting and ending boosts; each one re-prioritises its service's items in the same transaction."""

from dataclasses import replace
from datetime import datetime, timedelta
from math import isfinite
from uuid import UUID

from app.domain.access import SYSTEM, Action, Caller, authorize
from app.domain.budgets.measuring import BudgetReading, Measured
from app.domain.budgets.model import (
    Boost,
    BoostKey,
    BoostQuotaExceeded,
    BoostState,
    InvalidBoost,
    Sighting,
    Signal,
)
from app.domain.budgets.places import the_place
from app.domain.budgets.recording import Sighted, keep, reprioritise, sight, tell_tickets
from app.domain.errors import NotFound
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.follow_through.opening import open_finding
from app.domain.ids import new_id
from app.domain.policy import BudgetPolicy
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork

OURS = frozenset({"prometheus", "alertmanager", "datadog"})
"""Sources that we read ourselves; nobody else speaks for them."""
DAY = timedelta(days=1)
AT_ONCE = 500


async def raise_boost(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: BudgetPolicy,
    *,
    caller: Caller,
    service: str,
    slo: str,
    signal: Signal,
    source: str,
    observed_at: datetime | None = None,
    expires_at: datetime | None = None,
    reason: str = "",
    burn_rate: float | None = None,
    remaining: float | None = None,
) -> Sighted:
    """Raise a boost, or renew the one there is: renewing is free, new ones have a daily quota per source.

    Raises InvalidBoost, BoostQuotaExceeded, and NotFound with suggestions.
    """
    authorize(caller, Action.RAISE_BOOST)
    now = clock()
    _require_possible(source, burn_rate, remaining, policy)
    sighting = _sighting(source, observed_at or now, expires_at, now, policy)
    sighting = replace(sighting, reason=reason, burn_rate=burn_rate, remaining=remaining)
    async with uow() as u:
        place = await the_place(u, service)
        await u.boosts.lock(place.id)
        key = BoostKey(place.id, slo, source, signal)
        sighted = await sight(u, key, sighting, policy=policy, now=now, actor=caller.actor)
        assert sighted is not None, "what burns is raised"
        if sighted.is_new:
            await _require_quota(u, sighted.boost, now, policy)
        if remaining is not None:
            measured = Measured(sighting.at, remaining, burn_rate)
            await u.boosts.record(BudgetReading(place.id, slo, source, measured))
        await reprioritise(u, place.id, policy=policy, now=now, actor=caller.actor)
        await u.commit()
    return sighted


def _require_possible(source: str, burn_rate: float | None, remaining: float | None, policy: BudgetPolicy) -> None:
    if source in OURS:
        raise InvalidBoost(f"“{source}” is read by norepeat itself; name another source.")
    if burn_rate is not None and not 0 <= burn_rate <= policy.max_burn_rate:
        raise InvalidBoost(f"A burn rate lies between 0 and {policy.max_burn_rate:,.0f}.")
    if remaining is not None and not (isfinite(remaining) and -policy.max_burn_rate <= remaining <= 1):
        raise InvalidBoost("What remains of a budget is a share: 1 is all of it, below 0 it is overspent.")


def _sighting(source: str, at: datetime, expires_at: datetime | None, now: datetime, policy: BudgetPolicy) -> Sighting:
    if at > now + policy.clock_skew:
        raise InvalidBoost("observed_at lies in the future.")
    until = expires_at or at + policy.silent_after.get(source, policy.silent_after_default)
    if until <= now:
        raise InvalidBoost("It lies in the past: nobody vouches for it any more. Look again, or send expires_at.")
    if until > now + policy.longest_vouch:
        raise InvalidBoost(f"expires_at lies more than {policy.longest_vouch.days} days ahead; renew it instead.")
    return Sighting(at, True, until)


async def _require_quota(u: UnitOfWork, boost: Boost, now: datetime, policy: BudgetPolicy) -> None:
    """Counted after adding it: by source and by credential, so that another name brings nothing."""
    raised = await u.boosts.count_new(boost.key.source, boost.raised_by, now - DAY)
    if raised > policy.new_boosts_a_day:
        raise BoostQuotaExceeded


async def lift_boost(
    uow: OpenUnitOfWork, clock: Clock, policy: BudgetPolicy, *, caller: Caller, service: str, boost_id: UUID
) -> Boost:
    """End a boost by hand; a signal that burns on raises a new one. Raises NotFound and BoostEnded."""
    authorize(caller, Action.RAISE_BOOST)
    now = clock()
    async with uow() as u:
        place = await the_place(u, service)
        await u.boosts.lock(place.id)
        old = await u.boosts.get(boost_id)
        if old.key.service_id != place.id:
            raise NotFound(f"“{place.slug}” has no boost with the id {boost_id}.")
        saved = await keep(u, old, old.lift(now, f"lifted by {caller.actor}"), now=now, actor=caller.actor)
        await reprioritise(u, place.id, policy=policy, now=now, actor=caller.actor)
        await u.commit()
    return saved


async def expire_boosts(uow: OpenUnitOfWork, clock: Clock, policy: BudgetPolicy) -> int:
    """What time makes of boosts: lifted, stale or ended; then the falls that tickets may be told of now.

    Returns how many services had boosts to look at.
    """
    async with uow() as u:
        services = await u.boosts.ageing(clock())
    for service_id in services:
        await _age(uow, clock(), policy, service_id)
    async with uow() as u:
        await tell_tickets(u, await u.boosts.withheld(clock(), AT_ONCE), policy=policy, now=clock())
        await u.commit()
    return len(services)


async def _age(uow: OpenUnitOfWork, now: datetime, policy: BudgetPolicy, service_id: UUID) -> None:
    async with uow() as u:
        await u.boosts.lock(service_id)
        for old in await u.boosts.live([service_id]):
            new = await keep(u, old, old.aged(now, policy), now=now, actor=SYSTEM.actor)
            if new.state is BoostState.EXPIRED_UNKNOWN:
                await _report(u, new, now)
        await reprioritise(u, service_id, policy=policy, now=now, actor=SYSTEM.actor)
        await u.commit()


async def _report(u: UnitOfWork, boost: Boost, now: datetime) -> None:
    """Nobody knows whether it recovered; somebody should look."""
    service = await u.services.find(boost.key.service_id)
    place, key = service.name if service else "a service", boost.key
    finding = Finding(
        id=new_id(), code=FindingCode.BOOST_EXPIRED_UNKNOWN, subject_kind="boost", subject_id=boost.id,
        message=f"The {key.signal} boost of {place} ({key.slo}) ended because {key.source} fell silent.",
        remedy="Look whether the budget has recovered and why the source is silent, then dismiss this.",
        opened_at=now, team_id=service.team_id if service else None,
    )  # fmt: skip
    await open_finding(u, finding)


async def reprioritise_item(uow: OpenUnitOfWork, clock: Clock, policy: BudgetPolicy, *, item_id: UUID) -> int:
    """Something about the item changed: its service's items get the priorities that the live boosts make."""
    async with uow() as u:
        (item,) = await u.action_items.find_many([item_id]) or (None,)
        if item is None or item.service_id is None:
            return 0
        await u.boosts.lock(item.service_id)
        changed = await reprioritise(u, item.service_id, policy=policy, now=clock(), actor=SYSTEM.actor)
        await u.commit()
    return len(changed)
