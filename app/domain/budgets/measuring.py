"""What is measured of an error budget, and which signals follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from math import isfinite
from uuid import UUID

from app.domain.budgets.model import Signal
from app.domain.policy import BudgetPolicy


class Reading(StrEnum):
    """What the data say of a signal; `holding`: no longer burning, but not clear enough to lift anything."""

    BURNING = "burning"
    HOLDING = "holding"
    CLEAR = "clear"


class Band(StrEnum):
    """Where a budget stands, the worst first; `unknown` when nobody measured it lately."""

    EXHAUSTED = "exhausted"
    LOW = "low"
    UNKNOWN = "unknown"
    HEALTHY = "healthy"


@dataclass(frozen=True, slots=True)
class Measured:
    """One look at a budget: the share that remains, and how many times faster than even it burns, by window."""

    at: datetime
    remaining: float | None = None
    burn_rate: float | None = None
    rates: Mapping[str, float] = field(default_factory=dict)

    @property
    def says_something(self) -> bool:
        return self.remaining is not None or self.burn_rate is not None or bool(self.rates)


@dataclass(frozen=True, slots=True)
class MeasuredBudget:
    """A look at the budget of one SLO, with the service's name as the monitoring system has it.

    `service` is None where only the SLO's name leads to it.
    """

    service: str | None
    slo: str
    measured: Measured


@dataclass(frozen=True, slots=True)
class BudgetReading:
    """A look that is kept."""

    service_id: UUID
    slo: str
    source: str
    measured: Measured


def usable(value: float | None) -> float | None:
    """The number, unless it is NaN or infinite: no traffic says nothing."""
    return value if value is not None and isfinite(value) else None


def readings(measured: Measured, policy: BudgetPolicy) -> Mapping[Signal, Reading]:
    """What the data say of each signal; one of which they say nothing is absent."""
    found: dict[Signal, Reading] = {}
    if measured.remaining is not None:
        found[Signal.BUDGET_EXHAUSTED] = _budget(measured.remaining, policy.exhausted_at, policy)
        found[Signal.BUDGET_LOW] = _budget(measured.remaining, policy.low_at, policy)
    for name, pairs in policy.burns.items():
        burning = [_burns(measured.rates, *pair) for pair in pairs]
        if True in burning:
            found[Signal(name)] = Reading.BURNING
        elif None not in burning:
            found[Signal(name)] = Reading.CLEAR
    return found


def _budget(remaining: float, at: float, policy: BudgetPolicy) -> Reading:
    if remaining <= at:
        return Reading.BURNING
    # Rounded, because 0.25 + 0.05 must be reached by a remaining 0.30.
    return Reading.CLEAR if round(remaining - at, 9) >= policy.recovery_margin else Reading.HOLDING


def _burns(rates: Mapping[str, float], multiple: float, long: str, short: str) -> bool | None:
    """Both windows at or above it; one that is below settles it, even where the other is unknown."""
    known = [rates.get(long), rates.get(short)]
    if any(rate is not None and rate < multiple for rate in known):
        return False
    return None if None in known else True


def band_of(remaining: float | None, policy: BudgetPolicy) -> Band:
    """The band of what remains."""
    if remaining is None:
        return Band.UNKNOWN
    if remaining <= policy.exhausted_at:
        return Band.EXHAUSTED
    return Band.LOW if remaining <= policy.low_at else Band.HEALTHY


def reason_of(signal: Signal, measured: Measured, policy: BudgetPolicy) -> str:
    """Plain words for a boost that a measurement raised."""
    if not signal.is_burn:
        return f"{max(0.0, measured.remaining or 0.0) * 100:.0f} % of the budget remains"
    pairs = [(rate, long) for rate, long, short in policy.burns[signal] if _burns(measured.rates, rate, long, short)]
    return "; ".join(f"burns {measured.rates[long]:.1f} times too fast over {long}" for _, long in pairs)
