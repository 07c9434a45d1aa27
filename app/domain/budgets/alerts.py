"""Alerts about error budgets, in our words, whatever sends them."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.budgets.model import Signal


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. `service` is None where only the SLO's name leads to it."""

    service: str | None
    slo: str
    signal: Signal
    firing: bool
    reason: str = ""


def merged(alerts: Iterable[Alert]) -> list[Alert]:
    """One for each service, SLO and signal: it fires if any of its alerts does."""
    kept: dict[tuple[str | None, str, Signal], Alert] = {}
    for alert in alerts:
        key = (alert.service, alert.slo, alert.signal)
        if key not in kept or (alert.firing and not kept[key].firing):
            kept[key] = alert
    return list(kept.values())
