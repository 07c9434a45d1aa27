"""What can go wrong with a call of Claude, as a state of the draft with a reason that says what to do."""

import random
from dataclasses import dataclass

import anthropic
import httpx2

from app.domain.drafting.proposal import Writing

FAILURES = (anthropic.AnthropicError, httpx2.HTTPError)
_KEY = "NOREPEAT_ANTHROPIC_API_KEY"
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 8.0
_BUSY = ("overloaded_error", "rate_limit_error")
_TRANSIENT = (*_BUSY, "api_error", "timeout_error")


@dataclass(frozen=True, slots=True)
class Failure:
    """`passes` says whether asking again can help, `retry_after` when the other side says so."""

    writing: Writing
    reason: str
    passes: bool = False
    retry_after: float | None = None

    def wait(self, attempt: int) -> float:
        """Seconds before the next attempt: what was asked for, else twice as long each time."""
        if self.retry_after is not None:
            return self.retry_after
        return float(min(_FIRST_WAIT * 2 ** (attempt - 1), _LONGEST_WAIT) * random.uniform(0.75, 1.0))  # noqa: S311 - no secret


class BrokenOff(anthropic.AnthropicError):
    """The answer ended before it was complete."""


class TooCostly(Exception):
    """The limit of costs is reached."""


def failure_of(error: Exception) -> Failure:
    if isinstance(error, anthropic.APITimeoutError | httpx2.TimeoutException):
        return Failure(Writing.TIMED_OUT, "The model did not answer in time; ask for another draft.", passes=True)
    if isinstance(error, anthropic.APIStatusError):
        return _of_status(error)
    if isinstance(error, anthropic.APIConnectionError | httpx2.HTTPError | BrokenOff):
        reason = "The model could not be reached, or broke off; ask for another draft."
        return Failure(Writing.UNAVAILABLE, reason, passes=True)
    return Failure(Writing.INVALID, f"The answer could not be read ({type(error).__name__}); ask for another draft.")


def _of_status(error: anthropic.APIStatusError) -> Failure:
    """By the type in the body first: errors within a stream come with status 200."""
    kind, status = error.type or "", error.status_code
    if "content filter" in (error.api_message or "").lower():
        return Failure(Writing.FILTERED, "The answer was blocked by the provider's content filter; write it by hand.")
    if kind in _BUSY or status in (429, 529):
        reason = "The model is overloaded; ask for another draft later."
        return Failure(Writing.OVERLOADED, reason, passes=True, retry_after=_retry_after(error))
    if kind in _TRANSIENT or status in (408, 409) or status >= 500:
        reason = f"The model failed ({kind or status}); ask for another draft."
        return Failure(Writing.UNAVAILABLE, reason, passes=True, retry_after=_retry_after(error))
    return Failure(Writing.UNAVAILABLE, _REMEDIES.get(status, f"The model refuses the request ({kind or status})."))


_REMEDIES = {
    401: f"The model does not accept the key; set {_KEY} to a valid one.",
    402: "The model's account has no credit; see its billing.",
    403: f"The key may not use this model; see {_KEY} and NOREPEAT_ANTHROPIC_MODEL.",
    404: "The model is not known; set NOREPEAT_ANTHROPIC_MODEL to one of the account's (`norepeat doctor`).",
    413: "There is more evidence than the model takes; lower NOREPEAT_DRAFTING_MAX_INPUT_TOKENS.",
}


def _retry_after(error: anthropic.APIStatusError) -> float | None:
    try:
        seconds = float(error.response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return max(seconds, 0.0)
