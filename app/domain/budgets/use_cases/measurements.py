"""Signals that we read ourselves: polled budgets and alerts."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.domain.access import SYSTEM, Action, Caller, authorize
from app.domain.budgets.alerts import Alert, merged
from app.domain.budgets.measuring import BudgetReading, MeasuredBudget, Reading, readings, reason_of
from app.domain.budgets.model import BoostKey, Sighting, Signal
from app.domain.budgets.places import find_place, report_unmatched
from app.domain.budgets.recording import reprioritise, sight
from app.domain.policy import BudgetPolicy
from app.domain.ports import Clock, InboxItem, OpenUnitOfWork, SignalSource, SloSource

ALERTED = "alertmanager"


async def poll_budgets(uow: OpenUnitOfWork, clock: Clock, policy: BudgetPolicy, name: str, source: SloSource) -> int:
    """Look at every budget that the source of this name measures; how many were recorded.

    Raises MonitoringUnavailable and records nothing then: silence is no recovery.
    """
    count = 0
    for budget in await source.budgets(clock()):
        count += await _record(uow, clock, policy, name, budget)
    return count


async def _record(uow: OpenUnitOfWork, clock: Clock, policy: BudgetPolicy, source: str, budget: MeasuredBudget) -> bool:
    if not budget.measured.says_something:
        return False
    async with uow() as u:
        service = await find_place(u, budget)
    if service is None:
        await report_unmatched(uow, clock, budget.service, budget.slo, source)
        return False
    reading = BudgetReading(service.id, budget.slo, source, budget.measured)
    await record_budget(uow, clock, policy, caller=SYSTEM, reading=reading)
    return True


async def record_budget(
    uow: OpenUnitOfWork, clock: Clock, policy: BudgetPolicy, *, caller: Caller, reading: BudgetReading
) -> None:
    """Keep a look at a budget and turn its signals on and off; what the data say nothing of stays as it is."""
    authorize(caller, Action.RAISE_BOOST)
    now, measured, service_id = clock(), reading.measured, reading.service_id
    said = readings(measured, policy)
    async with uow() as u:
        await u.boosts.lock(service_id)
        await u.boosts.record(reading)
        live = {boost.key for boost in await u.boosts.live([service_id])}
        for signal, what in said.items():
            key = BoostKey(service_id, reading.slo, reading.source, signal)
            sighting = _sighting(reading, signal, what, policy)
            if key in live or what is Reading.BURNING:
                await sight(u, key, sighting, policy=policy, now=now, actor=caller.actor, measured=True)
        await reprioritise(u, service_id, policy=policy, now=now, actor=caller.actor)
        await u.commit()


def _sighting(reading: BudgetReading, signal: Signal, what: Reading, policy: BudgetPolicy) -> Sighting:
    measured = reading.measured
    return Sighting(
        at=measured.at,
        burning=what is not Reading.CLEAR,
        vouched_until=measured.at + policy.silent_after.get(reading.source, policy.silent_after_default),
        reason=reason_of(signal, measured, policy) if what is Reading.BURNING else "",
        burn_rate=measured.burn_rate,
        remaining=measured.remaining,
    )


def act_on_alerts(
    uow: OpenUnitOfWork, clock: Clock, policy: BudgetPolicy, source: SignalSource
) -> Callable[[InboxItem], Awaitable[str]]:
    """What to do with a post of this source; its time is when we received it."""

    async def act(item: InboxItem) -> str:
        alerts = source.webhooks.alerts(item.body)
        return await apply_alerts(uow, clock, policy, alerts=alerts, received_at=item.received_at)

    return act


async def apply_alerts(
    uow: OpenUnitOfWork, clock: Clock, policy: BudgetPolicy, *, alerts: Sequence[Alert], received_at: datetime
) -> str:
    """Raise, renew or start to clear a boost for each alert; what happened, in words.

    Safe to repeat. An alert about a service that nobody knows becomes a finding and stops no other.
    """
    unmatched, by_service = 0, defaultdict[UUID, list[Alert]](list)
    for alert in merged(alerts):
        async with uow() as u:
            service = await find_place(u, alert)
        if service is None:
            unmatched += 1
            await report_unmatched(uow, clock, alert.service, alert.slo, ALERTED)
        else:
            by_service[service.id].append(alert)
    for service_id, own in by_service.items():
        await _apply(uow, clock, policy, service_id, own, received_at)
    applied = sum(map(len, by_service.values()))
    return f"{applied} applied, {unmatched} unmatched" if applied or unmatched else "of no interest"


async def _apply(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: BudgetPolicy,
    service_id: UUID,
    alerts: Sequence[Alert],
    received_at: datetime,
) -> None:
    """All that a post says of one service, in one transaction: its items are re-prioritised once."""
    now, actor = clock(), SYSTEM.actor
    until = received_at + policy.silent_after[ALERTED]
    async with uow() as u:
        await u.boosts.lock(service_id)
        for alert in alerts:
            key = BoostKey(service_id, alert.slo, ALERTED, alert.signal)
            sighting = Sighting(received_at, alert.firing, until, alert.reason if alert.firing else "")
            await sight(u, key, sighting, policy=policy, now=now, actor=actor)
        await reprioritise(u, service_id, policy=policy, now=now, actor=actor)
        await u.commit()


async def forget_readings(uow: OpenUnitOfWork, clock: Clock, policy: BudgetPolicy) -> int:
    """Drop old history; how many readings that were."""
    async with uow() as u:
        count = await u.boosts.forget_readings(clock() - timedelta(days=policy.history_days))
        await u.commit()
    return count
