"""Error budgets as Datadog's SLO history has them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from app.adapters.monitoring.datadog_client import DatadogClient, said_wrong
from app.adapters.monitoring.durations import duration
from app.domain.budgets.measuring import Measured, MeasuredBudget, usable
from app.domain.monitoring import InvalidQuery, MonitoringUnavailable

log = structlog.get_logger()
PAGE = 1000
PREFERRED = "30d"
CUSTOM = "custom"
Burns = Mapping[str, tuple[tuple[float, str, str], ...]]


@dataclass(frozen=True, slots=True)
class _Slo:
    """An SLO there: the services that its tags name, what it promises in percent, and over how long."""

    id: str
    name: str
    services: tuple[str | None, ...]
    target: float
    timeframe: str
    period: timedelta


class DatadogBudgets:
    """The port `SloSource`. `burns` are the policy's, so that no window is asked that decides nothing.

    Where the rate limit ends a round, what was measured counts, and the next round goes on from there.
    """

    def __init__(self, client: DatadogClient, *, burns: Burns, tags: str | None = None) -> None:
        self._client = client
        self._burns = burns
        self._tags = {"tags_query": tags} if tags else {}
        self._next = ""

    async def budgets(self, now: datetime) -> tuple[MeasuredBudget, ...]:
        found: list[MeasuredBudget] = []
        for slo in self._in_turn(await self._slos()):
            try:
                measured = await self._measured(slo, now)
            except MonitoringUnavailable as error:
                if not found:
                    raise
                log.warning("datadog_round_cut_short", measured=len(found), error=error.message)
                break
            self._next = slo.id
            found += [MeasuredBudget(service, slo.name, measured) for service in slo.services]
        return tuple(found)

    def _in_turn(self, slos: list[_Slo]) -> list[_Slo]:
        """Those after the last one that was measured come first."""
        ordered = sorted(slos, key=lambda slo: slo.id)
        return [s for s in ordered if s.id > self._next] + [s for s in ordered if s.id <= self._next]

    async def _slos(self) -> list[_Slo]:
        slos: list[_Slo] = []
        offset = 0
        while True:
            try:
                content = await self._client.get("slo", limit=PAGE, offset=offset, **self._tags)
                rows = content["data"]
                slos += [slo for row in rows for slo in _read(row)]
            except InvalidQuery as error:
                raise MonitoringUnavailable(error.message) from error
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise MonitoringUnavailable(f"Datadog answered what it does not document: {error!r}") from error
            if wrong := said_wrong(content):
                log.warning("datadog_slos_incomplete", error=wrong)
            if len(rows) < PAGE:
                return slos
            offset += PAGE

    async def _measured(self, slo: _Slo, now: datetime) -> Measured:
        """What remains, and the burn by window: the short window only where the long one burns."""
        whole = await self._look(slo, now, slo.period)
        rates: dict[str, float] = {}
        for multiple, long, short in (pair for pairs in self._burns.values() for pair in pairs):
            burn = await self._rate(slo, now, long, rates)
            if burn is not None and burn >= multiple:
                await self._rate(slo, now, short, rates)
        return Measured(now, _remaining(slo, whole), next(iter(rates.values()), None), rates)

    async def _rate(self, slo: _Slo, now: datetime, window: str, rates: dict[str, float]) -> float | None:
        length = duration(window)
        if window not in rates and length is not None:
            burn = _burn(slo, await self._look(slo, now, length))
            if burn is not None:
                rates[window] = burn
        return rates.get(window)

    async def _look(self, slo: _Slo, now: datetime, length: timedelta) -> Mapping[str, Any]:
        """The overall figures of a window; none where Datadog says that they are not complete."""
        since, until = int((now - length).timestamp()), int(now.timestamp())
        try:
            content = await self._client.get(f"slo/{slo.id}/history", from_ts=since, to_ts=until, target=slo.target)
        except InvalidQuery as error:
            content = {"errors": error.message}
        data = content.get("data")
        overall = data.get("overall") if isinstance(data, dict) else None
        figures: Mapping[str, Any] = overall if isinstance(overall, dict) else {}
        wrong = said_wrong(content) or said_wrong(figures)
        if wrong:
            log.warning("datadog_slo_not_measured", slo=slo.name, hours=length / timedelta(hours=1), error=wrong)
        return {} if wrong else figures


def _read(row: Mapping[str, Any]) -> Iterator[_Slo]:
    """An SLO with a period of known length; its services are its tags `service:...`."""
    thresholds = {one["timeframe"]: one for one in row.get("thresholds") or [] if duration(one["timeframe"])}
    chosen = thresholds.get(row.get("timeframe")) or thresholds.get(PREFERRED) or next(iter(thresholds.values()), None)
    period = duration(chosen["timeframe"]) if chosen else None
    if chosen is None or period is None or not 0 < float(chosen["target"]) < 100:
        return
    named = [tag.partition(":")[2] for tag in row.get("tags") or [] if tag.startswith("service:")]
    services: tuple[str | None, ...] = tuple(dict.fromkeys(named)) or (None,)
    yield _Slo(str(row["id"]), str(row["name"]), services, float(chosen["target"]), chosen["timeframe"], period)


def _burn(slo: _Slo, figures: Mapping[str, Any]) -> float | None:
    """How many times faster than even: the share of errors over the share that is allowed."""
    good = _number(figures.get("sli_value"))
    return None if good is None else max(0.0, (100 - good) / (100 - slo.target))


def _remaining(slo: _Slo, figures: Mapping[str, Any]) -> float | None:
    """Datadog's own figure, in percent, else what follows from the indicator."""
    said = figures.get("error_budget_remaining")
    own = said.get(CUSTOM, said.get(slo.timeframe)) if isinstance(said, dict) else None
    percent, burn = _number(own), _burn(slo, figures)
    if percent is not None:
        return min(1.0, percent / 100)
    return None if burn is None else 1 - burn


def _number(value: object) -> float | None:
    return usable(float(value)) if isinstance(value, int | float) and not isinstance(value, bool) else None
