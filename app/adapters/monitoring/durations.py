"""Durations as Prometheus writes them: `5m`, `1h30m`, `4w2d`."""

import re
from datetime import timedelta

_UNITS = {
    "ms": timedelta(milliseconds=1), "s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1),
    "d": timedelta(days=1), "w": timedelta(weeks=1), "y": timedelta(days=365),
}  # fmt: skip
_PART = re.compile(r"(\d{1,9})(ms|[smhdwy])")


def duration(text: str) -> timedelta | None:
    """The length, None for what is no duration or none at all."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    try:
        total = sum((int(number) * _UNITS[unit] for number, unit in parts), timedelta(0))
    except OverflowError:
        return None
    return total or None
