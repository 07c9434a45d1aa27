"""One request to a provider that is no tracker, and what a missing or broken answer means."""

from collections.abc import Mapping
from typing import Any

import httpx2

from app.domain.providers import NotThere, ProviderOutcomeUnknown, ProviderRefused, ProviderUnavailable

NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
WAIT_WHEN_UNSAID = 60.0
LONGEST = 500


async def call(
    client: httpx2.AsyncClient, provider: str, method: str, url: str, *, about: str, remedy: str, **options: Any
) -> Any:
    """The JSON that answers; `about` names the subject, `remedy` says what to do about a refused credential."""
    safe = method == "GET"
    try:
        answer = await client.request(method, url, follow_redirects=False, **options)
    except NOT_SENT as error:
        raise ProviderUnavailable(f"{provider} cannot be reached: {type(error).__name__}.") from error
    except httpx2.HTTPError as error:
        raise _no_result(f"{provider} did not answer: {type(error).__name__}.", safe) from error
    _require_success(answer, provider, about, remedy, safe)
    try:
        return answer.json()
    except ValueError as error:
        raise _no_result(f"{provider}'s answer about {about} is not JSON.", safe) from error


def _no_result(message: str, safe: bool) -> ProviderUnavailable | ProviderOutcomeUnknown:
    return ProviderUnavailable(message) if safe else ProviderOutcomeUnknown(message)


def _require_success(answer: httpx2.Response, provider: str, about: str, remedy: str, safe: bool) -> None:
    status, said = answer.status_code, _said(answer)
    if status < 300:
        return
    if status >= 500:
        raise _no_result(f"{provider} failed with {status} for {about}.", safe)
    if status == 429:
        raise ProviderUnavailable(f"{provider} asks to wait (429).", retry_after=_wait(answer.headers))
    if status == 401:
        raise ProviderRefused(f"{provider} refused the credential (401). {remedy}")
    if status == 403:
        raise Forbidden(f"{provider} forbids this for {about} (403: {said}). {remedy}")
    if status in (404, 410):
        raise NotThere(f"{provider} has no {about}, or the credential may not see it ({status}).")
    raise ProviderRefused(f"{provider} refused {about} ({status}): {said}")


class Forbidden(ProviderRefused):
    """The credential is good, but this is not for it; on some plans a feature is simply not there."""


def _wait(headers: Mapping[str, str]) -> float:
    """Seconds, by whichever header says so."""
    for name in ("retry-after", "ratelimit-reset", "x-ratelimit-reset"):
        if headers.get(name, "").isdigit():
            return float(headers[name])
    return WAIT_WHEN_UNSAID


def _said(answer: httpx2.Response) -> str:
    """The provider's own words, wherever it puts them."""
    try:
        said = answer.json()
    except ValueError:
        return answer.reason_phrase or "no message"
    error = said.get("error", said) if isinstance(said, dict) else said
    if isinstance(error, dict):
        words = [error.get("message") or "", *(error.get("errors") or [])]
        return "; ".join(str(word) for word in words if word)[:LONGEST] or "no message"
    return str(error)[:LONGEST]


def storable(text: object, longest: int = 2000) -> str:
    """Text as PostgreSQL holds it: without NUL and half surrogate pairs, and of a bearable length."""
    return str(text)[:longest].replace("\x00", "").encode("utf-8", "replace").decode().strip()
