"""All we know of Prometheus' HTTP API: queries for evidence, and errors in its own words."""

import math
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx2

from app.adapters.monitoring.promql import counters, reads_series
from app.domain.monitoring import InvalidQuery, MonitoringUnavailable, Series

REFUSED = (400, 422)
"""Its statuses for a query that cannot be parsed, and for one that cannot be executed."""
TIMEOUT = 30.0
LATE = (
    "{count:.0f} series of {counter} appeared within the window, above 0: what they began with is not counted. "
    "Let the counter start at 0."
)


class Prometheus:
    """The port `Monitoring`. `credential` is a bearer token, or `user:password` for basic auth."""

    def __init__(
        self,
        client: httpx2.AsyncClient,
        url: str,
        *,
        credential: str | None = None,
        org_id: str | None = None,
        public_url: str | None = None,
    ) -> None:
        self._client = client
        self._base = url.rstrip("/")
        self._public = (public_url or url).rstrip("/")
        self._headers = {"X-Scope-OrgID": org_id} if org_id else {}
        if credential:
            basic = f"Basic {b64encode(credential.encode()).decode()}"
            self._headers["Authorization"] = basic if ":" in credential else f"Bearer {credential}"

    def require_series(self, query: str) -> None:
        if not reads_series(query):
            raise InvalidQuery("The query reads no series, so it can show nothing about production.")

    async def at_end(self, query: str, start: datetime, end: datetime) -> tuple[Series, ...]:  # noqa: ARG002
        """The window's length is in the query itself, as `[30d]`."""
        return await self.instant(query, end)

    async def instant(self, query: str, at: datetime) -> tuple[Series, ...]:
        data = await self._ask("query", {"query": query, "time": _time(at)})
        return _series(data)

    async def points(self, query: str, start: datetime, end: datetime, step: float) -> tuple[Series, ...]:
        form = {"query": query, "start": _time(start), "end": _time(end), "step": f"{step:g}"}
        return _series(await self._ask("query_range", form))

    async def doubts(self, query: str, start: datetime, end: datetime) -> tuple[str, ...]:
        """Counters that appeared within the window above 0: `increase()` does not count what they began with."""
        seconds = f"{max(1, round((end - start).total_seconds()))}s"
        found: list[str] = []
        for counter in counters(query):
            late = f"count(({counter} unless {counter} offset {seconds}) and min_over_time({counter}[{seconds}]) > 0)"
            answer = await self.instant(late, end)
            if answer:
                found.append(LATE.format(count=answer[0].points[-1][1], counter=counter))
        return tuple(found)

    def graph(self, query: str, start: datetime, end: datetime) -> str:
        hours = max(1, math.ceil((end - start) / timedelta(hours=1)))
        shown = {
            "g0.expr": query,
            "g0.tab": "0",
            "g0.range_input": f"{hours}h",
            "g0.end_input": f"{end:%Y-%m-%d %H:%M:%S}",
        }
        return f"{self._public}/graph?{urlencode(shown)}"

    async def _ask(self, path: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        """The data of an answer. A form, because a query may be longer than an address."""
        url = f"{self._base}/api/v1/{path}"
        try:
            answer = await self._client.post(
                url, data=form, headers=self._headers, timeout=TIMEOUT, follow_redirects=False
            )
        except httpx2.HTTPError as error:
            raise MonitoringUnavailable(f"Prometheus does not answer: {type(error).__name__}.") from error
        content = _content(answer)
        if answer.status_code in REFUSED and content.get("status") == "error":
            raise InvalidQuery(f"Prometheus refused the query: {content.get('error')}")
        if answer.status_code != 200 or content.get("status") != "success":
            said = content.get("error") or answer.reason_phrase
            raise MonitoringUnavailable(f"Prometheus answered {answer.status_code}: {said}")
        data: Mapping[str, Any] = content["data"]
        return data


def _content(answer: httpx2.Response) -> Mapping[str, Any]:
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _series(data: Mapping[str, Any]) -> tuple[Series, ...]:
    try:
        return _read(data)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise MonitoringUnavailable(f"Prometheus answered what it does not document: {error!r}") from error


def _read(data: Mapping[str, Any]) -> tuple[Series, ...]:
    result = data["result"]
    match data["resultType"]:
        case "vector":
            return tuple(Series(one["metric"], (_point(one["value"]),)) for one in result)
        case "matrix":
            return tuple(Series(one["metric"], tuple(map(_point, one["values"]))) for one in result)
        case "scalar":
            return (Series({}, (_point(result),)),)
        case kind:
            raise InvalidQuery(f"The query answers with a {kind}, which cannot be compared.")


def _point(pair: tuple[float, str]) -> tuple[datetime, float]:
    """Values are strings, because JSON has no NaN and no infinity."""
    at, value = pair
    return datetime.fromtimestamp(at, UTC), float(value)


def _time(at: datetime) -> str:
    return f"{at.timestamp():.3f}"
