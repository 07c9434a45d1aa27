"""Datadog's metrics as evidence. A query there answers with points of its own spacing and knows no single instant."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

from app.adapters.monitoring.datadog_client import DatadogClient, said_wrong
from app.domain.monitoring import InvalidQuery, MonitoringUnavailable, Series

FINE = timedelta(days=1)
"""Longer ranges come back with points hours apart, which would hide that a bound was broken for a moment."""
STALE_AFTER = 3
"""Spacings without a point after which a series says nothing of the end of the window."""
_SELECTOR = re.compile(r"(?:(\w+)\s*:)?\s*([A-Za-z][\w.]*)\s*\{([^{}]*)\}")
_APP = {"datadoghq.com": "app.datadoghq.com", "datadoghq.eu": "app.datadoghq.eu", "ddog-gov.com": "app.ddog-gov.com"}


class Datadog:
    """The port `Monitoring`.

    At the end of a window the last point counts, so what is added up over it is written with `cumsum(...)`.
    """

    def __init__(self, client: DatadogClient, site: str) -> None:
        self._client = client
        self._app = f"https://{_APP.get(site, site)}"

    def require_series(self, query: str) -> None:
        if not _SELECTOR.search(query):
            raise InvalidQuery("The query reads no metric with its scope, such as sum:errors{service:checkout}.")

    async def at_end(self, query: str, start: datetime, end: datetime) -> tuple[Series, ...]:
        return tuple(_last(series, end) for series in await self._ask(query, start, end))

    async def points(self, query: str, start: datetime, end: datetime, step: float) -> tuple[Series, ...]:  # noqa: ARG002
        """Asked day by day; the spacing is Datadog's, or that of a `.rollup(...)` in the query."""
        found: dict[frozenset[tuple[str, str]], list[Series]] = {}
        for since, until in _days(start, end):
            for series in await self._ask(query, since, until):
                found.setdefault(frozenset(series.labels.items()), []).append(series)
        return tuple(map(_joined, found.values()))

    async def doubts(self, query: str, start: datetime, end: datetime) -> tuple[str, ...]:  # noqa: ARG002
        """Datadog's counts are of events, so none is lost when a series begins."""
        return ()

    def graph(self, query: str, start: datetime, end: datetime) -> str:
        """The metrics explorer, with the first metric of the query."""
        found = _SELECTOR.search(query)
        aggregator, metric, scope = found.groups() if found else (None, query, "*")
        shown = {
            "from_ts": str(_ms(start)), "to_ts": str(_ms(end)), "live": "false", "exp_metric": metric,
            "exp_scope": scope, "exp_agg": aggregator or "avg",
        }  # fmt: skip
        return f"{self._app}/metric/explorer?{urlencode(shown)}"

    async def _ask(self, query: str, start: datetime, end: datetime) -> tuple[Series, ...]:
        asked = {"from": int(start.timestamp()), "to": int(end.timestamp()), "query": query}
        content = await self._client.get("query", **asked)
        if content.get("status") == "error" or content.get("error"):
            raise InvalidQuery(f"Datadog refused the query: {said_wrong(content)}")
        try:
            return tuple(_series(one) for one in content["series"])
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise MonitoringUnavailable(f"Datadog answered what it does not document: {error!r}") from error


def _series(one: Mapping[str, Any]) -> Series:
    """Points without a value are gaps."""
    points = tuple(
        (datetime.fromtimestamp(at / 1000, UTC), float(value)) for at, value in one["pointlist"] if value is not None
    )
    labels = {"metric": str(one.get("expression") or one.get("metric")), "scope": str(one.get("scope") or "*")}
    return Series(labels, points, _every(points, one.get("interval")))


def _every(points: tuple[tuple[datetime, float], ...], said: float | None) -> float | None:
    gaps = [(later - earlier).total_seconds() for (earlier, _), (later, _) in pairwise(points)]
    return min((gap for gap in gaps if gap > 0), default=float(said) if said else None)


def _last(series: Series, end: datetime) -> Series:
    """The last point alone, unless it is too old to say anything of the end. A point stands at its interval's start."""
    if not series.points:
        return series
    oldest = end - timedelta(seconds=STALE_AFTER * (series.every or 0))
    at, value = series.points[-1]
    return Series(series.labels, ((at, value),) if at >= oldest else (), series.every)


def _joined(parts: list[Series]) -> Series:
    """A point that two days share counts once."""
    points = {at: value for part in parts for at, value in part.points}
    spacings = [part.every for part in parts if part.every]
    return Series(parts[0].labels, tuple(sorted(points.items())), min(spacings, default=None))


def _days(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        yield start, min(start + FINE, end)
        start += FINE


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
