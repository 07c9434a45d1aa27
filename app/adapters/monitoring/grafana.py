"""Grafana's annotations: read for timelines, and written where a postmortem is published."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx2

from app.adapters.calling import call, storable
from app.domain.announcing.model import Notice
from app.domain.gathering import SourceFact, Window
from app.domain.organisation.model import Service
from app.domain.postmortems.content import TimelineKind
from app.domain.providers import ProviderUnavailable

SETTING = "NOREPEAT_GRAFANA_TOKEN"
REMEDY = f"Set {SETTING} to a service account token that may read and write annotations."
MOST = 500
MARK = "norepeat:"


class GrafanaClient:
    """One call at a time, every failure in the domain's words."""

    def __init__(self, client: httpx2.AsyncClient, url: str, token: str, *, org_id: int | None = None) -> None:
        self._client = client
        self._api = f"{url.rstrip('/')}/api"
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if org_id is not None:
            self._headers["X-Grafana-Org-Id"] = str(org_id)

    async def call(self, method: str, path: str, **options: Any) -> Any:
        url = self._api + path
        return await call(
            self._client, "Grafana", method, url, about="annotations", remedy=REMEDY, headers=self._headers, **options
        )


class GrafanaBoard:
    """The port `NoticeBoard`: an annotation over the incident's time, tagged with our marker."""

    def __init__(self, client: GrafanaClient) -> None:
        self._client = client

    async def find(self, notice: Notice) -> str | None:
        found = await self._client.call("GET", "/annotations", params={"tags": f"{MARK}{notice.marker}", "limit": "1"})
        return f"annotation {found[0]['id']}" if found else None

    async def post(self, notice: Notice) -> str:
        start = notice.started_at or notice.published_at
        body: dict[str, Any] = {
            "text": f"{notice.severity} {notice.title}\nPostmortem: {notice.url}",
            "tags": ["postmortem", f"{MARK}{notice.marker}", *notice.services],
            "time": _milliseconds(start),
        }
        if notice.resolved_at is not None and notice.resolved_at > start:
            body["timeEnd"] = _milliseconds(notice.resolved_at)
        return f"annotation {(await self._client.call('POST', '/annotations', json=body))['id']}"


class GrafanaTimeline:
    """The port `TimelineSource`: annotations tagged with a service's slug or one of `tags`, and all on `dashboards`."""

    def __init__(self, client: GrafanaClient, *, tags: Sequence[str] = (), dashboards: Sequence[str] = ()) -> None:
        self._client = client
        self._tags, self._dashboards = tuple(tags), tuple(dashboards)

    async def gather(self, window: Window, services: Sequence[Service]) -> tuple[SourceFact, ...]:
        tags = [*(service.slug for service in services), *self._tags]
        answers = [await self._ask(window, {"dashboardUID": uid}) for uid in self._dashboards]
        if tags:
            answers.append(await self._ask(window, {"tags": tags, "matchAny": "true"}))
        found = {one["id"]: one for answer in answers for one in answer}
        try:
            return tuple(fact for one in found.values() if (fact := _fact(one)) is not None)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ProviderUnavailable(f"Grafana answered what it does not document: {error!r}") from error

    async def _ask(self, window: Window, which: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        asked = {"from": str(_milliseconds(window.start)), "to": str(_milliseconds(window.end)), "limit": str(MOST)}
        found: Sequence[Mapping[str, Any]] = await self._client.call("GET", "/annotations", params={**asked, **which})
        return found


def _fact(annotation: Mapping[str, Any]) -> SourceFact | None:
    """An alert's change of state is a detection; what we wrote ourselves is nothing new."""
    if any(str(tag).startswith(MARK) for tag in annotation.get("tags") or ()):
        return None
    alert = annotation.get("alertName") or annotation.get("newState")
    words = storable(re.sub(r"<[^>]*>", "", str(annotation.get("text") or "")))
    text = words or storable(f"{annotation.get('alertName') or 'Alert'}: {annotation.get('newState')}" if alert else "")
    if not text:
        return None
    at = datetime.fromtimestamp(annotation["time"] / 1000, UTC)
    kind = TimelineKind.DETECTION if alert else TimelineKind.NOTE
    return SourceFact(f"grafana:{annotation['id']}", at, kind, text, machine=not annotation.get("login"))


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
