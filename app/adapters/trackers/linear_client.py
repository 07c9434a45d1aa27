"""Talking to Linear's GraphQL API: credentials, and what its errors mean, whichever status they come with."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from app.adapters.trackers.sending import json_of, no_result, send
from app.domain.tracking.errors import TrackerOutcomeUnknown, TrackerRefused, TrackerUnavailable

PUBLIC_API = "https://api.linear.app/graphql"
TOKEN = "NOREPEAT_LINEAR_TOKEN"  # noqa: S105
WAIT_WHEN_UNSAID = 60.0
LIMITS = ("requests", "complexity", "endpoint-requests")
INVALID = ("INPUT_ERROR", "INVALID_INPUT", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT", "USER_ERROR")
FORBIDDEN = ("FORBIDDEN", "FEATURE_NOT_ACCESSIBLE", "USAGE_LIMIT_EXCEEDED")


class LinearInvalid(TrackerRefused):
    """Linear refused what was given, and did nothing."""


class LinearNotFound(LinearInvalid):
    """Linear does not have what an id names."""


class LinearClient:
    """One document at a time, every failure in the domain's words."""

    def __init__(self, client: httpx2.AsyncClient, token: str, url: str) -> None:
        self._client = client
        self._url = url
        # Personal keys are sent bare, everything else is an OAuth token.
        bare = token.startswith(("lin_api_", "Bearer "))
        self._headers = {"Authorization": token if bare else f"Bearer {token}", "User-Agent": "norepeat"}

    async def run(self, document: str, variables: Mapping[str, Any], *, about: str) -> Any:
        """The data that answers; `about` names the subject. Partial data is no answer."""
        safe = document.lstrip().startswith("query")
        body = {"query": document, "variables": variables}
        answer = await send(self._client, "Linear", "POST", self._url, safe=safe, headers=self._headers, json=body)
        if 300 <= answer.status_code < 400:
            raise TrackerRefused("Linear redirects elsewhere. Set NOREPEAT_LINEAR_URL to the address it has itself.")
        said = _content(answer, about)
        if answer.status_code >= 400 or said.get("errors"):
            raise _meaning(answer, said.get("errors") or [], about, safe)
        if said.get("data") is None:
            raise no_result(f"Linear's answer about {about} holds no data.", safe=safe)
        return said["data"]


def _content(answer: httpx2.Response, about: str) -> Mapping[str, Any]:
    try:
        said = json_of(answer, "Linear", about)
    except TrackerOutcomeUnknown:
        if answer.status_code < 400:
            raise
        said = {}
    if not isinstance(said, dict):
        raise TrackerOutcomeUnknown(f"Linear's answer about {about} is not an object.")
    return said


def _meaning(answer: httpx2.Response, errors: Sequence[Any], about: str, safe: bool) -> Exception:
    """What the first error means, in words that name the field and the remedy."""
    error = errors[0] if errors and isinstance(errors[0], dict) else {}
    extensions = error.get("extensions") or {}
    message = str(error.get("message") or answer.reason_phrase or "no message")
    said = str(extensions.get("userPresentableMessage") or message)[:500].rstrip(".")
    kinds = {str(extensions.get(name) or "").upper().replace(" ", "_") for name in ("code", "type")}
    if answer.status_code == 429 or "RATELIMITED" in kinds:
        return TrackerUnavailable(f"Linear asks to wait: {said}.", retry_after=_wait(answer))
    if answer.status_code == 401 or "AUTHENTICATION_ERROR" in kinds:
        return TrackerRefused(f"Linear refused the token ({said}). Set {TOKEN} to a valid one.")
    if answer.status_code == 403 or kinds & {*FORBIDDEN}:
        return TrackerRefused(f"Linear forbids this for {about} ({said}). Give the token's account the permission.")
    if "not found" in message.lower():
        return LinearNotFound(f"Linear does not know {about}, or something it names: {said}. {_remedy(extensions)}")
    if kinds & {*INVALID} or extensions.get("userError") or answer.status_code == 400:
        return LinearInvalid(f"Linear refused {about}: {said}. {_remedy(extensions)}")
    return no_result(f"Linear failed: {said}.", safe=safe)


def _remedy(extensions: Mapping[str, Any]) -> str:
    """Some errors list the arguments that are wrong."""
    wrong = extensions.get("validationErrors") or extensions.get("argumentPath") or ()
    names = [str(one.get("property") if isinstance(one, dict) else one) for one in wrong] if wrong else []
    about = f" ({', '.join(names)})" if names else ""
    return f"Check the project of the tracker route and the fields of the item{about}."


def _wait(answer: httpx2.Response) -> float:
    """Seconds until the exhausted limit is reset; its instants are epoch milliseconds."""
    after = answer.headers.get("retry-after", "")
    if after.isdigit():
        return float(after)
    resets = [
        float(reset) / 1000 - time.time()
        for limit in LIMITS
        if answer.headers.get(f"x-ratelimit-{limit}-remaining", "0") == "0"
        and (reset := answer.headers.get(f"x-ratelimit-{limit}-reset", "")).isdigit()
    ]
    return max(1.0, *resets) if resets else WAIT_WHEN_UNSAID
