"""What a live check of a provider says: what is right, what is wrong and how to mend it, and whether clocks agree."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx2

from app.domain.errors import DomainError

TOLERATED = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at. What is wrong says what to do about it."""

    subject: str
    ok: bool
    said: str


class Dates:
    """A hook of an HTTP client that notes how far the other side's clock is ahead of ours."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self.ahead: timedelta | None = None

    async def __call__(self, answer: httpx2.Response) -> None:
        try:
            self.ahead = parsedate_to_datetime(answer.headers["date"]) - self._now()
        except (KeyError, ValueError, TypeError):
            return

    def diagnosis(self, provider: str) -> Diagnosis | None:
        """None if the provider never said what time it is."""
        if self.ahead is None:
            return None
        ok = abs(self.ahead) <= TOLERATED
        seconds = abs(self.ahead).total_seconds()
        which = "behind" if self.ahead > timedelta(0) else "ahead of"
        said = "agrees" if ok else f"is {seconds:.0f} s {which} the provider's. Synchronise it (NTP)."
        return Diagnosis(f"{provider} clock", ok, f"This machine's clock {said}")


@asynccontextmanager
async def checked_client(
    transport: httpx2.AsyncBaseTransport | None,
) -> AsyncIterator[tuple[httpx2.AsyncClient, Dates]]:
    """An HTTP client that notes the provider's clock."""
    dates = Dates()
    async with httpx2.AsyncClient(
        transport=transport, timeout=15, trust_env=False, event_hooks={"response": [dates]}
    ) as client:
        yield client, dates


def secrets(provider: str, live: bool) -> Diagnosis:
    """Without a secret the route for webhooks is closed."""
    name = f"NOREPEAT_{provider.upper()}_WEBHOOK_SECRETS"
    said = "is set" if live else f"is missing: {provider}'s webhooks are refused. Set {name} to the webhook's secret."
    return Diagnosis(f"{provider} webhook secret", live, f"{name} {said}" if live else f"It {said}")


async def examined(subject: str, check: Awaitable[str]) -> Diagnosis:
    """What a check says; a refusal carries its own remedy."""
    try:
        return Diagnosis(subject, True, await check)
    except Wrong as wrong:
        return Diagnosis(subject, False, str(wrong))
    except DomainError as error:
        return Diagnosis(subject, False, error.message)


class Wrong(Exception):
    """The provider answers, but something is not as it has to be."""


def require(fine: bool, remedy: str) -> None:
    if not fine:
        raise Wrong(remedy)
