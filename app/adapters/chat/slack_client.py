"""Talking to Slack's Web API: every failure in the domain's words, pages by cursor, and a bounded patience."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NoReturn

import httpx2

from app.adapters.calling import call
from app.domain.providers import NotThere, ProviderOutcomeUnknown, ProviderRefused, ProviderUnavailable

SETTING = "NOREPEAT_SLACK_TOKEN"
REMEDY = f"Set {SETTING} to the bot token of your app."
TRIES = 5
LONGEST_WAIT = 65.0
WAIT_WHEN_UNSAID = 30.0
Sleep = Callable[[float], Awaitable[None]]
Record = Mapping[str, Any]
TOKEN = frozenset({"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"})
UNDONE = frozenset({"internal_error", "fatal_error", "request_timeout", "team_added_to_org", "service_unavailable"})
"""Slack failed; after a write nobody knows what came of it."""
SAYINGS: Mapping[str, str] = {
    "not_in_channel": "The bot is not a member of {about}. Invite it there.",
    "is_archived": "{about} is archived. Unarchive it, or name another channel.",
    "msg_too_long": "The message for {about} is too long.",
    "no_permission": "The workspace does not let this app do that in {about}.",
}
GONE = frozenset({"channel_not_found", "thread_not_found", "user_not_found", "message_not_found"})


class SlackClient:
    """One call at a time. `page` is how many messages are asked for at once: 15 for an app that is distributed outside
    the Marketplace, up to 999 for one's own."""

    def __init__(
        self,
        client: httpx2.AsyncClient,
        token: str,
        base_url: str,
        *,
        page: int = 200,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._client, self._base, self._sleep = client, base_url.rstrip("/"), sleep
        self.page = page
        self._headers = {"Authorization": f"Bearer {token}"}

    async def get(self, method: str, *, about: str, **params: str) -> Record:
        """What a method that only reads answers; a short wait that Slack asks for is waited for."""
        for tries in range(1, TRIES + 1):
            try:
                return await self._call("GET", method, about, params=params)
            except ProviderUnavailable as error:
                if error.retry_after is None or error.retry_after > LONGEST_WAIT or tries == TRIES:
                    raise
                await self._sleep(error.retry_after)
        raise AssertionError("the last try raises or returns")

    async def post(self, method: str, body: Record, *, about: str) -> Record:
        return await self._call("POST", method, about, json=body)

    async def pages(self, method: str, name: str, *, about: str, most: int, **params: str) -> AsyncIterator[Record]:
        """The elements of a list, by cursor, `most` of them at the most."""
        count, cursor = 0, ""
        while count < most:
            asked = {**params, "limit": str(min(self.page, most - count)), **({"cursor": cursor} if cursor else {})}
            answer = await self.get(method, about=about, **asked)
            for one in answer.get(name) or []:
                yield one
                count += 1
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    async def scopes(self) -> tuple[Record, frozenset[str]]:
        """Who we are there, and what our token may do as its header says."""
        url = f"{self._base}/auth.test"
        try:
            response = await self._client.request("POST", url, headers=self._headers, follow_redirects=False)
            answer = response.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise ProviderUnavailable(f"Slack cannot be asked: {type(error).__name__}.") from error
        self._require_ok(answer, "auth.test", "the token", safe=True)
        given = response.headers.get("x-oauth-scopes", "")
        return answer, frozenset(filter(None, (scope.strip() for scope in given.split(","))))

    async def _call(self, verb: str, method: str, about: str, **options: Any) -> Record:
        url, headers = f"{self._base}/{method}", self._headers
        if verb == "POST":
            headers = {**headers, "Content-Type": "application/json; charset=utf-8"}
        answer = await call(self._client, "Slack", verb, url, about=about, remedy=REMEDY, headers=headers, **options)
        self._require_ok(answer, method, about, safe=verb == "GET")
        return answer  # type: ignore[no-any-return]

    def _require_ok(self, answer: Any, method: str, about: str, *, safe: bool) -> None:
        if not isinstance(answer, dict):
            raise ProviderUnavailable(f"Slack answered {method} with what is no object.")
        if not answer.get("ok"):
            _refuse(answer, method, about, safe=safe)


def _refuse(answer: Record, method: str, about: str, *, safe: bool) -> NoReturn:
    """Slack says 200 to everything; what it means stands in `error`."""
    error = str(answer.get("error") or "no error named")
    if error in ("ratelimited", "rate_limited"):
        raise ProviderUnavailable("Slack asks to wait.", retry_after=WAIT_WHEN_UNSAID)
    if error in UNDONE:
        message = f"Slack failed at {method} ({error})."
        raise ProviderUnavailable(message) if safe else ProviderOutcomeUnknown(message)
    if error == "missing_scope":
        needed, provided = answer.get("needed") or "one that it does not name", answer.get("provided") or "none"
        raise ProviderRefused(
            f"The token lacks the scope {needed} for {method} (it has {provided}). Add it and reinstall the app."
        )
    if error in TOKEN:
        raise ProviderRefused(f"Slack refused the token ({error}). {REMEDY}")
    if error in GONE:
        raise NotThere(f"Slack has no {about}, or the bot may not see it ({error}).")
    saying = SAYINGS.get(error, "Slack refused {about} ({error}).")
    text = saying.format(about=about, error=error)
    raise ProviderRefused(text[:1].upper() + text[1:])
