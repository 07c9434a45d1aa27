"""A measured number with what is missing from it, and the windows numbers are measured in."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal

Bucketing = Literal["week", "month", "quarter"]
DAY = timedelta(days=1)
MONTHS: Mapping[Bucketing, int] = {"month": 1, "quarter": 3}
LONGEST_LOOKBACK = 3660
USUAL_LOOKBACK = 365


@dataclass(frozen=True, slots=True)
class MetricsPolicy:
    """The numbers of domain.md section 10."""

    recurrence_days: int = 183
    min_incidents: int = 20
    min_days: float = 90
    level: float = 0.95
    bootstrap_draws: int = 400
    bootstrap_seed: int = 0
    bootstrap_whole: int = 250
    """Up to so many postmortems the bootstrap draws postmortems; beyond, what each cause adds to the estimate."""
    bootstrap_blocks: int = 200
    severe_rank: int = 2
    every_pair_up_to: int = 500
    trend_incidents: int = 4000
    """A trend rests on every pair of incidents, beyond that on half-split pairs, of at most so many incidents."""
    ages: tuple[int, ...] = (30, 90, 180)
    """Days that divide open items by age."""


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

    @property
    def since(self) -> datetime:
        return self.as_of - self.lookback_days * DAY

    def holds(self, at: datetime) -> bool:
        """True from `as_of - lookback_days` up to, not including, `as_of`."""
        return self.since <= at < self.as_of

    def bucket(self, at: datetime) -> date:
        """First day of the bucket of an instant."""
        day = at.astimezone(self.zone).date()
        if self.bucketing == "week":
            return day - day.weekday() * DAY
        months = MONTHS[self.bucketing]
        return day.replace(day=1, month=(day.month - 1) // months * months + 1)

    def buckets(self) -> list[date]:
        """All buckets the window touches, the empty ones too, the oldest first."""
        found, last = [self.bucket(self.since)], self.bucket(self.as_of - timedelta.resolution)
        while found[-1] < last:
            found.append(self._after(found[-1]))
        return found

    def _after(self, starts_on: date) -> date:
        if self.bucketing == "week":
            return starts_on + 7 * DAY
        months = starts_on.month - 1 + MONTHS[self.bucketing]
        return starts_on.replace(year=starts_on.year + months // 12, month=months % 12 + 1)

    def bounds(self) -> list[datetime]:
        """The instants at which the buckets begin, in their order."""
        return [datetime.combine(day, time(), self.zone).astimezone(UTC) for day in self.buckets()]

    def reaching_back(self, lookback_days: int) -> "Window":
        return replace(self, lookback_days=lookback_days)


def measure(value: float | None, n: int, missing: Mapping[str, int]) -> Measure:
    """A value over n rows, beside those missing."""
    reasons = {reason: count for reason, count in sorted(missing.items()) if count}
    return Measure(value, n, sum(reasons.values()), reasons)


def share(successes: int, n: int, missing: Mapping[str, int]) -> Measure:
    """The share of n rows that succeeded, beside those missing."""
    return measure(successes / n if n else None, n, missing)


def total(counts: Mapping[str, int], *more: Mapping[str, int]) -> Counter[str]:
    """Counts by reason, added up."""
    return sum((Counter(one) for one in more), Counter(counts))
