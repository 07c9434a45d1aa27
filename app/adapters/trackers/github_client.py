"""Talking to GitHub's REST API: headers, redirects, and what its answers mean for a delivery."""

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2

from app.adapters.trackers.sending import json_of, send
from app.domain.tracking.errors import TicketGone, TrackerRefused, TrackerUnavailable

VERSION = "2022-11-28"
MOVED = (301, 302, 307, 308)
MOST_REDIRECTS = 3
WAIT_WHEN_UNSAID = 60.0
SETTING = "NOREPEAT_GITHUB_TOKEN"


class GitHubClient:
    """One call at a time, every failure in the domain's words."""

    def __init__(self, client: httpx2.AsyncClient, token: str, base_url: str) -> None:
        self._client = client
        self._base = base_url.rstrip("/")
        self._origin = origin(httpx2.URL(self._base))
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": VERSION,
            "User-Agent": "norepeat",
        }

    async def call(self, method: str, path: str, *, about: str, known: bool = False, **options: Any) -> Any:
        """The JSON that answers; `about` names the subject, `known` says that it existed before."""
        return json_of(await self._answer(method, self._base + path, about, known, **options), "GitHub", about)

    async def pages(
        self, path: str, *, about: str, params: Mapping[str, str], known: bool = False
    ) -> AsyncIterator[Any]:
        """Every element of a list, however many pages it has."""
        url: str | None = self._base + path
        query: Mapping[str, str] | None = {**params, "per_page": "100"}
        while url is not None:
            answer = await self._answer("GET", url, about, known, params=query)
            for element in json_of(answer, "GitHub", about):
                yield element
            url, query = answer.links.get("next", {}).get("url"), None
            if url is not None:
                self._require_ours(httpx2.URL(url))

    async def _answer(self, method: str, url: str, about: str, known: bool, **options: Any) -> httpx2.Response:
        target = httpx2.URL(url)
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._send(method, target, **options)
            if answer.status_code not in MOVED:
                require_success(answer, about, known)
                return answer
            # A transferred issue or renamed repository; httpx would turn a POST into a GET here.
            target = target.join(answer.headers.get("location", ""))
            self._require_ours(target)
        raise TrackerRefused(f"GitHub redirects {about} in a circle.")

    async def _send(self, method: str, url: httpx2.URL, **options: Any) -> httpx2.Response:
        safe = method == "GET"
        return await send(self._client, "GitHub", method, url, safe=safe, headers=self._headers, **options)

    def _require_ours(self, url: httpx2.URL) -> None:
        """The token goes nowhere else."""
        if origin(url) != self._origin:
            raise TrackerRefused(f"GitHub redirects to {url.host}, which is not {self._origin}.")


def origin(url: httpx2.URL) -> str:
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{url.host}{port}"


def require_success(answer: httpx2.Response, about: str, known: bool) -> None:
    """Raise what this answer means, in words that name the field and the remedy."""
    status = answer.status_code
    if status < 400:
        return
    said = _said(answer)
    if status == 429 or (status == 403 and _is_limit(answer, said)):
        raise TrackerUnavailable(f"GitHub asks to wait ({status}): {said}", retry_after=_wait(answer))
    if status == 401:
        raise TrackerRefused(f"GitHub refused the token (401). Set {SETTING} to a valid one.")
    if status == 403 and "archived" in said.lower():
        raise TrackerRefused(f"GitHub refused {about} (403: {said}). Unarchive it, or change the route's project.")
    if status == 403:
        raise TrackerRefused(f"GitHub forbids this for {about} (403: {said}). Let the token write issues there.")
    if status in (404, 410) and known:
        raise TicketGone(f"GitHub does not have {about} any more ({status}).")
    if status == 404:
        raise TrackerRefused(
            f"GitHub does not know {about} (404), or the token may not see it. "
            f"Check the project of the tracker route and what {SETTING} may read."
        )
    if status == 410:
        raise TrackerRefused(f"Issues are switched off for {about} (410). Switch them on, or choose another project.")
    raise TrackerRefused(f"GitHub refused {about} ({status}): {_fields(answer) or said}")


def _is_limit(answer: httpx2.Response, said: str) -> bool:
    headers = answer.headers
    exhausted = "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
    return exhausted or "rate limit" in said.lower()


def _wait(answer: httpx2.Response) -> float:
    """Seconds to wait, by `retry-after`, else `x-ratelimit-reset`, else the minute that GitHub asks for."""
    after, reset = answer.headers.get("retry-after", ""), answer.headers.get("x-ratelimit-reset", "")
    if after.isdigit():
        return float(after)
    if reset.isdigit() and answer.headers.get("x-ratelimit-remaining") == "0":
        return max(float(reset) - time.time(), 1.0)
    return WAIT_WHEN_UNSAID


def _said(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["message"])[:500]
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase or "no message"


def _fields(answer: httpx2.Response) -> str:
    """`assignees is invalid`, one for each error of a 422."""
    try:
        errors = answer.json()["errors"]
        return "; ".join(
            f"{e['field']} is {e.get('code', 'invalid')}" + (f" ({e['message']})" if e.get("message") else "")
            if isinstance(e, dict) and "field" in e
            else str(e.get("message", e) if isinstance(e, dict) else e)
            for e in errors
        )[:500]
    except (ValueError, KeyError, TypeError):
        return ""
