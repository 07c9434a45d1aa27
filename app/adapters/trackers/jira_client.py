"""Talking to Jira's REST API, in the cloud and in a data center: addresses, credentials, and what its answers mean."""

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx2

from app.adapters.trackers.sending import json_of, send
from app.domain.tracking.errors import (
    TicketGone,
    TrackerOutcomeUnknown,
    TrackerRefused,
    TrackerUnavailable,
)

TOKEN, URL = "NOREPEAT_JIRA_TOKEN", "NOREPEAT_JIRA_URL"
OAUTH_HOST = "api.atlassian.com"
WAIT_WHEN_UNSAID, WAIT_FOR_QUOTA = 10.0, 300.0
PAGE = 100


class JiraRefused(TrackerRefused):
    """Jira refused the values of these fields, and did nothing."""

    def __init__(self, message: str, fields: frozenset[str] = frozenset()) -> None:
        super().__init__(message)
        self.fields = fields


class JiraClient:
    """One call at a time, every failure in the domain's words. An e-mail address makes the token an API token."""

    def __init__(
        self, client: httpx2.AsyncClient, *, base_url: str, token: str, email: str | None, data_center: bool
    ) -> None:
        self._client = client
        self.base = base_url.rstrip("/")
        self.data_center = data_center
        self._api = f"{self.base}/rest/api/{2 if data_center else 3}"
        self._site: str | None = None if httpx2.URL(self.base).host == OAUTH_HOST else self.base
        pair = base64.b64encode(f"{email}:{token}".encode()).decode()
        self._headers = {
            "Authorization": f"Basic {pair}" if email and not data_center else f"Bearer {token}",
            "Accept": "application/json",
            "User-Agent": "norepeat",
        }

    async def call(
        self, method: str, path: str, *, about: str, known: bool = False, safe: bool = False, **options: Any
    ) -> Any:
        """The JSON that answers, None if there is none; `about` names the subject, `known` says that it existed."""
        safe = safe or method == "GET"
        answer = await send(self._client, "Jira", method, self._api + path, safe=safe, headers=self._headers, **options)
        _require_success(answer, about, known)
        return json_of(answer, "Jira", about) if answer.content else None

    async def site(self) -> str:
        """Where people see it; tokens of OAuth apps call another host, which has to be asked."""
        if self._site is None:
            info = _object(await self.call("GET", "/serverInfo", about="the site"), "the site")
            self._site = str(info.get("baseUrl") or self.base).rstrip("/")
        return self._site

    async def pages(self, path: str, name: str, *, about: str, known: bool = False) -> AsyncIterator[Any]:
        """Every element of a list that counts its elements; a data center calls the list `values`."""
        start = 0
        while True:
            query = {"startAt": str(start), "maxResults": str(PAGE)}
            page = _object(await self.call("GET", path, about=about, known=known, params=query), about)
            elements = page.get(name) or page.get("values") or []
            for element in elements:
                yield element
            start += len(elements)
            if not elements or start >= page.get("total", 0):
                return

    async def search(self, jql: str, fields: Sequence[str], *, about: str) -> AsyncIterator[Any]:
        """Every issue that the query finds; it must be bounded."""
        asked: dict[str, Any] = {"jql": jql, "fields": list(fields), "maxResults": PAGE}
        path = "/search" if self.data_center else "/search/jql"
        found = 0
        while True:
            page = _object(await self.call("POST", path, about=about, safe=True, json=asked), about)
            issues = page.get("issues") or []
            for issue in issues:
                yield issue
            found += len(issues)
            if self.data_center and issues and found < page.get("total", 0):
                asked["startAt"] = found
            elif not self.data_center and page.get("nextPageToken"):
                asked["nextPageToken"] = page["nextPageToken"]
            else:
                return


def _object(answer: Any, about: str) -> Mapping[str, Any]:
    if not isinstance(answer, dict):
        raise TrackerOutcomeUnknown(f"Jira's answer about {about} is not an object.")
    return answer


def _require_success(answer: httpx2.Response, about: str, known: bool) -> None:
    """Raise what this answer means, in words that name the field and the remedy."""
    status = answer.status_code
    if status < 300:
        return
    said, fields = _said(answer)
    if status < 400:
        raise TrackerRefused(f"Jira redirects {about} elsewhere ({status}). Set {URL} to the address it has itself.")
    if status == 429:
        raise TrackerUnavailable(f"Jira asks to wait ({_reason(answer)}).", retry_after=_wait(answer))
    if status == 409:
        raise TrackerUnavailable(f"Somebody else is changing {about} in Jira at this moment (409).")
    if status == 401:
        raise TrackerRefused(f"Jira refused the token (401). Set {TOKEN}, and NOREPEAT_JIRA_EMAIL for an API token.")
    if status == 403:
        raise TrackerRefused(f"Jira forbids this for {about} (403: {said}). Give the token's account the permission.")
    if status in (404, 410) and known:
        raise TicketGone(f"Jira does not have {about} any more ({status}), or the token may not see it.")
    if status == 404:
        raise TrackerRefused(
            f"Jira does not know {about} (404), or the token may not see it: {said}. "
            f"Check the project of the tracker route and what {TOKEN} may read."
        )
    if status == 410:
        raise TrackerRefused(f"Jira has removed the address we call for {about} (410: {said}). Update norepeat.")
    raise JiraRefused(
        f"Jira refused {about} ({status}): {said}. Change the field in Jira, or the issue type of the tracker route.",
        fields,
    )


def _said(answer: httpx2.Response) -> tuple[str, frozenset[str]]:
    """An ErrorCollection as one line, and the fields it names."""
    try:
        collection = answer.json()
        fields: Mapping[str, Any] = collection.get("errors") or {}
        texts = [*(collection.get("errorMessages") or []), *(f"{name}: {text}" for name, text in fields.items())]
        line = "; ".join(map(str, texts)) or str(collection.get("message") or "")
    except (ValueError, TypeError, AttributeError):
        line, fields = "", {}
    return (line or answer.reason_phrase or "no message")[:500].rstrip("."), frozenset(fields)


def _reason(answer: httpx2.Response) -> str:
    return str(answer.headers.get("ratelimit-reason") or "429")


def _wait(answer: httpx2.Response) -> float:
    """Seconds to wait, by `Retry-After`, else by the instant of the reset, else by what limit it was."""
    after, reset = answer.headers.get("retry-after", ""), answer.headers.get("x-ratelimit-reset", "")
    if after.isdigit():
        return float(after)
    try:
        until = datetime.fromisoformat(reset)
        return max((until - datetime.now(UTC)).total_seconds(), 1.0)
    except (ValueError, TypeError):
        return WAIT_FOR_QUOTA if "quota" in _reason(answer) else WAIT_WHEN_UNSAID
