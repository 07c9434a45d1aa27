"""A quarter of the organisation's calendar: its name, its bounds in time, and the quarter before it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from app.domain.errors import Invalid

_NAME = re.compile(r"(\d{4})-Q([1-4])", re.ASCII)
FIRST_YEAR, LAST_YEAR = 1970, 2200


class InvalidPeriod(Invalid):
    """A period is a calendar quarter such as 2026-Q1."""

    code = "invalid_period"


class PeriodNotBegun(Invalid):
    """The quarter lies in the future; there is nothing to review yet."""

    code = "period_not_begun"


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """Three calendar months; `number` is 1 to 4."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year}-Q{self.number}"

    @property
    def title(self) -> str:
        """As people say it: Q1 2026."""
        return f"Q{self.number} {self.year}"

    @classmethod
    def parse(cls, text: str) -> "Quarter":
        """`2026-Q1`. Raises InvalidPeriod."""
        match = _NAME.fullmatch(text.strip().upper())
        if match is None or not FIRST_YEAR <= int(match[1]) <= LAST_YEAR:
            raise InvalidPeriod(f"“{text[:40]}” is no period; write a calendar quarter such as 2026-Q1.")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def at(cls, instant: datetime, zone: ZoneInfo) -> "Quarter":
        """The quarter that an instant falls into there."""
        local = instant.astimezone(zone)
        return cls(local.year, (local.month + 2) // 3)

    @property
    def previous(self) -> "Quarter":
        return Quarter(self.year - 1, 4) if self.number == 1 else Quarter(self.year, self.number - 1)

    @property
    def following(self) -> "Quarter":
        return Quarter(self.year + 1, 1) if self.number == 4 else Quarter(self.year, self.number + 1)

    def starts_at(self, zone: ZoneInfo) -> datetime:
        """Midnight of its first day there, in UTC."""
        return datetime(self.year, self.number * 3 - 2, 1, tzinfo=zone).astimezone(UTC)

    def ends_at(self, zone: ZoneInfo) -> datetime:
        """The first instant that is not in it any more."""
        return self.following.starts_at(zone)

    def require_begun(self, now: datetime, zone: ZoneInfo) -> None:
        """Raise PeriodNotBegun for a quarter of the future."""
        if self.starts_at(zone) > now:
            latest = Quarter.at(now, zone)
            raise PeriodNotBegun(f"{self} has not begun; the latest period to review is {latest}.")
