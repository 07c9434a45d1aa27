"""Talking to Datadog's API: keys, rate limits, and what its refusals mean."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from app.domain.errors import DomainError
from app.domain.monitoring import InvalidQuery, MonitoringUnavailable

TIMEOUT = 30.0
RESET_WHEN_UNSAID = 60.0
KEYS = "NOREPEAT_DATADOG_API_KEY and NOREPEAT_DATADOG_APPLICATION_KEY"


class DatadogClient:
    """One request at a time, every failure in the domain's words.

    A rate limit is respected: until it is over, nothing of that kind is asked any more. `site` is the part after
    `https://api.`, such as `datadoghq.eu`.
    """

    def __init__(
        self,
        client: httpx2.AsyncClient,
        *,
        site: str,
        api_key: str,
        application_key: str,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._base = f"https://api.{site}/api/v1"
        self._headers = {"DD-API-KEY": api_key, "DD-APPLICATION-KEY": application_key, "User-Agent": "norepeat"}
        self._now = now
        self._closed_until: dict[str, float] = {}

    async def get(self, path: str, **params: Any) -> Mapping[str, Any]:
        """What it answers. Limits are counted by the kind of request, which is the first part of the path."""
        kind = path.partition("/")[0]
        self._require_open(kind)
        try:
            answer = await self._client.get(
                f"{self._base}/{path}", params=params, headers=self._headers, timeout=TIMEOUT, follow_redirects=False
            )
        except httpx2.HTTPError as error:
            raise MonitoringUnavailable(f"Datadog does not answer: {type(error).__name__}.") from error
        if answer.status_code == 429:
            self._closed_until[kind] = self._now() + _reset(answer)
            self._require_open(kind)
        content = _content(answer)
        if answer.status_code >= 300 or content is None:
            raise _meaning(answer, content or {})
        return content

    def _require_open(self, kind: str) -> None:
        wait = self._closed_until.get(kind, 0.0) - self._now()
        if wait > 0:
            raise MonitoringUnavailable(f"Datadog's rate limit for {kind} is used up; it opens in {wait:.0f} s.")


def _reset(answer: httpx2.Response) -> float:
    """Seconds until the limit opens again."""
    try:
        return max(1.0, float(answer.headers["x-ratelimit-reset"]))
    except (KeyError, ValueError):
        return RESET_WHEN_UNSAID


def _content(answer: httpx2.Response) -> Mapping[str, Any] | None:
    try:
        content = answer.json()
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _meaning(answer: httpx2.Response, content: Mapping[str, Any]) -> DomainError:
    said = said_wrong(content) or answer.reason_phrase
    if answer.status_code == 400:
        return InvalidQuery(f"Datadog refused the query: {said}")
    if answer.status_code in (401, 403):
        return MonitoringUnavailable(f"Datadog refused the keys ({said}). Set {KEYS}, and NOREPEAT_DATADOG_SITE.")
    return MonitoringUnavailable(f"Datadog answered {answer.status_code}: {said}")


def said_wrong(content: Mapping[str, Any]) -> str:
    """Its own words about what went wrong, whichever way it writes them; empty if nothing did."""
    errors = content.get("errors") or content.get("error") or []
    if isinstance(errors, str):
        return errors
    return "; ".join(_words(error) for error in errors)


def _words(error: object) -> str:
    if isinstance(error, dict):
        return str(error.get("error") or error.get("error_message") or error)
    return str(error)
