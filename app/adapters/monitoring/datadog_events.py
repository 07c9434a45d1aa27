"""Events in Datadog: a published postmortem, found again by its tag before it is told a second time."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from app.adapters.calling import call
from app.domain.announcing.model import Notice

OLDEST = timedelta(hours=18)
"""Datadog takes no event that happened longer ago."""
MARGIN = timedelta(minutes=5)
LONGEST_TEXT, LONGEST_TITLE = 4000, 500
REMEDY = "Set NOREPEAT_DATADOG_API_KEY, NOREPEAT_DATADOG_APPLICATION_KEY and NOREPEAT_DATADOG_SITE."
TOO_OLD = (
    "The incident was more than 18 hours ago, the longest that Datadog takes, so this event stands where it was told."
)


class DatadogBoard:
    """The port `NoticeBoard`: an event at the incident's start where Datadog still takes that, else at once."""

    def __init__(
        self,
        client: httpx2.AsyncClient,
        *,
        site: str,
        api_key: str,
        application_key: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._url = f"https://api.{site}/api/v1/events"
        self._headers = {"DD-API-KEY": api_key, "DD-APPLICATION-KEY": application_key, "User-Agent": "norepeat"}
        self._now = now

    async def find(self, notice: Notice) -> str | None:
        since, until = notice.published_at - OLDEST - MARGIN, self._now() + MARGIN
        asked = {
            "start": str(int(since.timestamp())), "end": str(int(until.timestamp())), "tags": _tag(notice),
            "unaggregated": "true",
        }  # fmt: skip
        content = await self._call("GET", params=asked)
        events = content.get("events") or []
        return next((_name(event) for event in events if _tag(notice) in (event.get("tags") or [])), None)

    async def post(self, notice: Notice) -> str:
        content = await self._call("POST", json=_event(notice, self._now()))
        return _name(content.get("event") or {})

    async def _call(self, method: str, **options: Any) -> Mapping[str, Any]:
        content = await call(
            self._client, "Datadog", method, self._url, about="events", remedy=REMEDY, headers=self._headers, **options
        )
        return content if isinstance(content, dict) else {}


def _event(notice: Notice, now: datetime) -> Mapping[str, Any]:
    happened = notice.started_at or notice.published_at
    is_too_old = now - happened > OLDEST - MARGIN
    ending = "\n\n".join([*([TOO_OLD] if is_too_old else []), notice.url])
    summary = notice.summary[: LONGEST_TEXT - len(ending) - 2]
    return {
        "title": f"Postmortem: {notice.title}"[:LONGEST_TITLE],
        "text": f"{summary}\n\n{ending}",
        "tags": [_tag(notice), f"severity:{notice.severity.lower()}", *(f"service:{slug}" for slug in notice.services)],
        "alert_type": "info",
        "aggregation_key": _tag(notice),
        "date_happened": int((now if is_too_old else happened).timestamp()),
    }


def _tag(notice: Notice) -> str:
    return f"norepeat:{notice.marker}"


def _name(event: Mapping[str, Any]) -> str:
    """What people find it by; what was taken without a name is told all the same."""
    return f"event {event.get('id_str') or event.get('id') or 'without an id'}"
