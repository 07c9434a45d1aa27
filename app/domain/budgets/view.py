"""What can be said of a service's error budgets at an instant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.budgets.measuring import Band, BudgetReading, Measured, band_of
from app.domain.budgets.model import Boost, counted
from app.domain.budgets.slos import Slo
from app.domain.policy import BudgetPolicy


@dataclass(frozen=True, slots=True)
class SloBudget:
    """One SLO: its band now, and the last known figures with their age in seconds."""

    slo: str
    band: Band
    source: str | None
    objective: float | None
    last: Measured | None
    age: float | None
    history: tuple[Measured, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceBudget:
    """All SLOs of a service, the worst band of them, and the boosts that raise its items now."""

    service_id: UUID
    service: str
    band: Band
    levels: int
    slos: tuple[SloBudget, ...]
    boosts: tuple[Boost, ...]


def budget_view(
    service_id: UUID,
    service: str,
    *,
    slos: Sequence[Slo],
    readings: Sequence[BudgetReading],
    boosts: Sequence[Boost],
    now: datetime,
    policy: BudgetPolicy,
) -> ServiceBudget:
    """Put together what is known. A reading that nobody renewed says `unknown`, never "recovered"."""
    objectives = {slo.name: slo.objective for slo in slos}
    names = sorted({*objectives, *(reading.slo for reading in readings)})
    budgets = tuple(_of_slo(name, objectives.get(name), readings, now, policy) for name in names)
    worst = min((budget.band for budget in budgets), key=list(Band).index, default=Band.UNKNOWN)
    active = tuple(counted(boosts))
    return ServiceBudget(service_id, service, worst, max((b.levels for b in active), default=0), budgets, active)


def _of_slo(
    name: str, objective: float | None, readings: Sequence[BudgetReading], now: datetime, policy: BudgetPolicy
) -> SloBudget:
    """Where several sources measure it, the worst of those that are not silent speaks; else the last one that did."""
    own = sorted((r for r in readings if r.slo == name), key=lambda reading: reading.measured.at, reverse=True)
    if not own:
        return SloBudget(name, Band.UNKNOWN, None, objective, None, None)
    latest: dict[str, BudgetReading] = {}
    for reading in own:
        latest.setdefault(reading.source, reading)
    fresh = [one for one in latest.values() if one.measured.remaining is not None and _is_fresh(one, now, policy)]
    band, shown = min(
        ((band_of(one.measured.remaining, policy), one) for one in fresh),
        key=lambda found: list(Band).index(found[0]),
        default=(Band.UNKNOWN, own[0]),
    )
    history = tuple(one.measured for one in own if one.source == shown.source)
    age = max(0.0, (now - shown.measured.at).total_seconds())
    return SloBudget(name, band, shown.source, objective, shown.measured, age, history)


def _is_fresh(reading: BudgetReading, now: datetime, policy: BudgetPolicy) -> bool:
    return now - reading.measured.at <= policy.silent_after.get(reading.source, policy.silent_after_default)
