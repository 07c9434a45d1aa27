"""A measured number with what is missing from it, and the windows numbers are measured in."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal, TypeVar

Row = TypeVar("Row")
Bucketing = Literal["week", "month", "quarter"]
DAY = timedelta(days=1)
MONTHS: Mapping[Bucketing, int] = {"month": 1, "quarter": 3}


@dataclass(frozen=True, slots=True)
class MetricsPolicy:
    """The numbers of domain.md section 10."""

    recurrence_days: int = 183
    min_incidents: int = 20
    min_days: float = 90
    level: float = 0.95
    bootstrap_draws: int = 400
    bootstrap_seed: int = 0
    severe_rank: int = 2


@dataclass(frozen=True, slots=True)
class Measure:
    """A number and its base: n rows counted, n_missing left out, by reason.

    n + n_missing is the number of rows asked about; without data `value` is None, never 0.
    """

    value: float | None
    n: int
    n_missing: int
    missing_because: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Window:
    """What is asked for: the `lookback_days` before `as_of`, in buckets of the zone's days."""

    as_of: datetime
    lookback_days: int
    bucketing: Bucketing = "month"
    zone: tzinfo = UTC

    def holds(self, at: datetime) -> bool:
        """True from `as_of - lookback_days` up to, not including, `as_of`."""
        return self.as_of - self.lookback_days * DAY <= at < self.as_of

    def bucket(self, at: datetime) -> date:
        """First day of the bucket of an instant."""
        day = at.astimezone(self.zone).date()
        if self.bucketing == "week":
            return day - day.weekday() * DAY
        months = MONTHS[self.bucketing]
        return day.replace(day=1, month=(day.month - 1) // months * months + 1)

    def buckets(self) -> list[date]:
        """All buckets the window touches, the empty ones too, the oldest first."""
        last = self.as_of - timedelta.resolution
        days = (self.as_of - d * DAY for d in range(1, self.lookback_days + 1))
        return sorted({self.bucket(at) for at in (last, *days)})


def split(rows: Iterable[Row], why_missing: Callable[[Row], str | None]) -> tuple[list[Row], Counter[str]]:
    """The rows that count, and how many do not for each reason."""
    counted: list[Row] = []
    missing: Counter[str] = Counter()
    for row in rows:
        reason = why_missing(row)
        if reason is None:
            counted.append(row)
        else:
            missing[reason] += 1
    return counted, missing


def measure(value: float | None, n: int, missing: Counter[str]) -> Measure:
    """A value over n rows, beside those missing."""
    return Measure(value, n, missing.total(), dict(missing))


def share(
    rows: Iterable[Row],
    why_missing: Callable[[Row], str | None],
    succeeds: Callable[[Row], bool],
) -> Measure:
    """Share of the counted rows that succeed."""
    counted, missing = split(rows, why_missing)
    successes = sum(succeeds(row) for row in counted)
    return measure(successes / len(counted) if counted else None, len(counted), missing)


def by_bucket(window: Window, rows: Iterable[Row], instant: Callable[[Row], datetime]) -> dict[date, list[Row]]:
    """Rows of every bucket of the window, the oldest first; an empty list where there is none."""
    found: defaultdict[date, list[Row]] = defaultdict(list)
    for row in rows:
        found[window.bucket(instant(row))].append(row)
    return {starts_on: found[starts_on] for starts_on in window.buckets()}
