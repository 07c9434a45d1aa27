"""Rows of a report as CSV that no spreadsheet runs."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_of(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """RFC 4180; a text that a sheet would run as a formula starts with an apostrophe. Numbers stay numbers."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    return inert(str(value))


def inert(text: str) -> str:
    """The same text, which no sheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
