"""Talking to PagerDuty's REST API v2: headers, pages, and a short patience with its limits."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx2

from app.adapters.calling import Forbidden, call
from app.domain.providers import NotThere, ProviderUnavailable

PAGE = 100
MOST_PAGES = 10
TRIES = 3
LONGEST_WAIT = 5.0
SETTING = "NOREPEAT_PAGERDUTY_TOKEN"
REMEDY = f"Set {SETTING} to a key that may do this."
ACCEPT = "application/vnd.pagerduty+json;version=2"
Sleep = Callable[[float], Awaitable[None]]


class PagerDutyClient:
    """One call at a time, every failure in the domain's words. `sender` is the e-mail address that writes."""

    def __init__(
        self,
        client: httpx2.AsyncClient,
        token: str,
        base_url: str,
        *,
        sender: str | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._client = client
        self._base = base_url.rstrip("/")
        self._sleep = sleep
        self._sender = {"From": sender} if sender else {}
        authorization = token if " " in token else f"Token token={token}"
        self._headers = {"Authorization": authorization, "Accept": ACCEPT, "Content-Type": "application/json"}

    async def get(self, path: str, *, about: str, params: Mapping[str, str] | None = None) -> Any:
        """The JSON that answers; a short wait that it asks for is waited for, a long one is the caller's."""
        for tries in range(1, TRIES + 1):
            try:
                return await self._call("GET", path, about, self._headers, params=params or {})
            except ProviderUnavailable as error:
                if error.retry_after is None or error.retry_after > LONGEST_WAIT or tries == TRIES:
                    raise
                await self._sleep(error.retry_after)
        raise AssertionError("the last try raises or returns")

    async def pages(
        self, path: str, name: str, *, about: str, params: Mapping[str, str] | None = None
    ) -> tuple[list[Mapping[str, Any]], bool]:
        """The elements of a list, and whether there were more of them than we read."""
        found: list[Mapping[str, Any]] = []
        for page in range(MOST_PAGES):
            asked = {**(params or {}), "limit": str(PAGE), "offset": str(page * PAGE)}
            answer = await self.get(path, about=about, params=asked)
            found += answer.get(name) or []
            if not answer.get("more"):
                return found, False
        return found, True

    async def addon(self, path: str, name: str, *, about: str) -> list[Mapping[str, Any]]:
        """The elements of a list that not every plan has; where it is missing it is empty."""
        try:
            return (await self.get(path, about=about)).get(name) or []
        except (Forbidden, NotThere):
            return []

    async def post(self, path: str, body: Mapping[str, Any], *, about: str) -> Any:
        return await self._call("POST", path, about, self._headers | self._sender, json=body)

    async def _call(self, method: str, path: str, about: str, headers: Mapping[str, str], **options: Any) -> Any:
        url = self._base + path
        return await call(
            self._client, "PagerDuty", method, url, about=about, remedy=REMEDY, headers=headers, **options
        )
