"""Numbers and clock times in a text, brought to one form so that those of a sentence can be found in its sources."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

CLOCK = re.compile(
    r"(?<![\w:.])(?:(?P<date>\d{4}-\d{2}-\d{2})(?:T|,? (?:at )?))?"
    r"(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?::[0-5]\d(?:\.\d+)?)?"
    r"(?:\s?(?P<half>[ap])\.?m\b\.?)?(?![\d:])\s?(?:UTC\b|GMT\b|Z\b)?",
    re.IGNORECASE,
)
DATE = re.compile(r"(?<![\w-])\d{4}-\d{2}-\d{2}(?![\w-])")
_UNITS: Mapping[str, str] = {
    "%": "%", "percent": "%", "ms": "ms", "millisecond": "ms", "s": "s", "sec": "s", "second": "s", "min": "min",
    "m": "min", "minute": "min", "h": "h", "hr": "h", "hour": "h", "d": "d", "day": "d",
    "kb": "kb", "mb": "mb", "gb": "gb", "tb": "tb", "kib": "kb", "mib": "mb", "gib": "gb", "tib": "tb",
}  # fmt: skip
_SCALES: Mapping[str, float] = {"k": 1e3, "thousand": 1e3, "million": 1e6, "billion": 1e9}
_FIGURE = re.compile(
    r"(?<![\w.:/#])(?<![A-Za-z]-)(?P<value>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?:[\s-]?(?P<unit>%|(?:percent|milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d"
    r"|[kmgt]i?b|thousand|million|billion|k)\b))?(?!\w|[.:/]\w|-[A-Za-z])",
    re.IGNORECASE,
)
_LENGTHS: Mapping[str, timedelta] = {
    "ms": timedelta(milliseconds=1), "s": timedelta(seconds=1), "min": timedelta(minutes=1), "h": timedelta(hours=1),
    "d": timedelta(days=1),
}  # fmt: skip
_DAY = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit, if it has one; `shown` is how it was written."""

    value: float
    unit: str
    shown: str

    def agrees(self, other: "Figure") -> bool:
        """The same number; a unit that only one of them tells does not part them."""
        return self.value == other.value and (self.unit == other.unit or not self.unit or not other.unit)

    @property
    def length(self) -> timedelta | None:
        """How long it is, if it is a duration."""
        unit = _LENGTHS.get(self.unit)
        return None if unit is None or self.value > 10_000 else self.value * unit

    @property
    def precision(self) -> timedelta:
        """How far a duration may be off: half of its unit."""
        return _LENGTHS[self.unit] / 2


@dataclass(frozen=True, slots=True)
class ClockTime:
    """A time of day, with its day if that was written too."""

    hour: int
    minute: int
    date: str | None
    shown: str

    def is_at(self, at: datetime, tolerance: timedelta) -> bool:
        """Whether `at`, in UTC, is within the tolerance of this time on this or an adjacent day."""
        if self.date is not None:
            return abs(datetime.fromisoformat(f"{self.date}T{self.hour:02}:{self.minute:02}+00:00") - at) <= tolerance
        apart = abs(self.hour * 3600 + self.minute * 60 - (at.hour * 3600 + at.minute * 60 + at.second))
        return min(apart, _DAY - apart) <= tolerance.total_seconds()


def figures_of(text: str) -> Iterator[Figure]:
    """Numbers that stand for themselves: not in times, dates, versions or names."""
    for match in _FIGURE.finditer(without_times(text)):
        unit = (match["unit"] or "").lower()
        scale = _SCALES.get(unit, 1.0)
        unit = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"), "")
        yield Figure(float(match["value"].replace(",", "")) * scale, unit, match[0].strip())


def clock_times_of(text: str) -> Iterator[ClockTime]:
    for match in CLOCK.finditer(text):
        hour, half = int(match["hour"]), (match["half"] or "").lower()
        if half:
            hour = hour % 12 + 12 * (half == "p")
        if match["date"] is None or _is_date(match["date"]):
            yield ClockTime(hour, int(match["minute"]), match["date"], match[0].strip())


def dates_of(text: str) -> Iterator[str]:
    """Days that are written without a time."""
    yield from DATE.findall(CLOCK.sub(" ", text))


def without_times(text: str) -> str:
    return DATE.sub(" ", CLOCK.sub(" ", text))


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
