"""Error budgets as Sloth's recording rules keep them in Prometheus."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.adapters.monitoring.prometheus import Prometheus
from app.domain.budgets.measuring import Measured, MeasuredBudget, usable
from app.domain.monitoring import InvalidQuery, MonitoringUnavailable

REMAINING = "slo:period_error_budget_remaining:ratio"
BURN = "slo:current_burn_rate:ratio"
BUDGET = "slo:error_budget:ratio"
ERRORS = '{__name__=~"slo:sli_error:ratio_rate(5m|30m|1h|2h|6h|1d|3d)"}'
_WINDOW = re.compile(r"slo:sli_error:ratio_rate(\w+)")
Key = tuple[str, str]


@dataclass
class _Found:
    """What the rules say of one SLO."""

    remaining: float | None = None
    burn_rate: float | None = None
    budget: float | None = None
    errors: dict[str, float] = field(default_factory=dict)

    def measured(self, at: datetime) -> Measured:
        budget = self.budget
        rates = {window: error / budget for window, error in self.errors.items()} if budget else {}
        return Measured(at, self.remaining, self.burn_rate, rates)


class SlothBudgets:
    """The port `SloSource`."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus

    async def budgets(self, now: datetime) -> tuple[MeasuredBudget, ...]:
        found: defaultdict[Key, _Found] = defaultdict(_Found)
        try:
            for key, _, value in await self._values(REMAINING, now):
                found[key].remaining = value
            for key, _, value in await self._values(BURN, now):
                found[key].burn_rate = value
            for key, _, value in await self._values(BUDGET, now):
                found[key].budget = value
            for key, labels, value in await self._values(ERRORS, now):
                window = _WINDOW.fullmatch(labels["__name__"])
                if window:
                    found[key].errors[window.group(1)] = value
        except InvalidQuery as error:
            raise MonitoringUnavailable(error.message) from error
        return tuple(MeasuredBudget(*key, one.measured(now)) for key, one in sorted(found.items()))

    async def _values(self, query: str, now: datetime) -> list[tuple[Key, Mapping[str, str], float]]:
        """NaN and infinity are left out: no traffic says nothing."""
        series = await self._prometheus.instant(query, now)
        known = [(_key(one.labels), one.labels, usable(one.points[-1][1])) for one in series if one.points]
        return [(key, labels, value) for key, labels, value in known if key is not None and value is not None]


def _key(labels: Mapping[str, str]) -> Key | None:
    service, slo = labels.get("sloth_service"), labels.get("sloth_slo")
    return (service, slo) if service and slo else None
