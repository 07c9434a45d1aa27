"""Plain-words reasons for an item's place in the sprint feed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

DAYS_IN_MONTH = 365 / 12


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: a stable code and plain words."""

    code: str
    text: str


def recurrence_reason(
    n: int, incidents: Iterable[tuple[datetime, str]], as_of: datetime, lookback_days: float
) -> Reason:
    """Such as "recurred 3 times in 12 months, last on checkout 12 days ago".

    `incidents` are (started_at, service), in any order; n is counted by the caller.
    """
    known = [(at, service) for at, service in incidents if at <= as_of]
    if not known:
        return Reason("not_seen", "not seen on a service yet")
    at, service = max(known)
    period = plural(round(lookback_days / DAYS_IN_MONTH), "month")
    last = f"last on {service} {ago(as_of - at)}"
    if n == 0:
        return Reason("not_recurred", f"has not recurred in {period}, {last}")
    return Reason("recurred", f"recurred {plural(n, 'time')} in {period}, {last}")


def budget_reason(service: str, burnt: float | None) -> Reason:
    """Such as "checkout has burnt 80 % of its budget", where the share is known."""
    if burnt is None:
        return Reason("budget_burning", f"{service} is burning its budget too fast")
    return Reason("budget_burnt", f"{service} has burnt {round(burnt * 100)} % of its budget")


def ago(elapsed: timedelta) -> str:
    """Whole days in words."""
    return f"{plural(elapsed.days, 'day')} ago" if elapsed.days else "today"


def plural(n: int, word: str) -> str:
    """A number with its noun."""
    return f"{n} {word}" if n == 1 else f"{n} {word}s"
