"""The sprint feed as text: Markdown for a channel, CSV for a sheet; pure functions from the feed's view."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.api.reports.tables import csv_of

COLUMNS = (
    "risk", "probability", "priority", "title", "service", "team", "owner", "status", "due_on", "overdue", "ticket",
    "planned_in", "times_passed_over", "reasons",
)  # fmt: skip


def sprint_rows(items: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """One flat row of texts per item."""
    return [_row(item) for item in items]


def _row(item: Mapping[str, Any]) -> dict[str, str]:
    detail = item["risk_detail"] or {}
    ticket = item["ticket"] or {}
    values = (
        _number(item["risk"]), _number(detail.get("p")), item["effective_priority"], item["title"],
        (item["service"] or {}).get("slug"), (item["team"] or {}).get("slug"), (item["owner"] or {}).get("email"),
        item["status"], item["due_on"], "yes" if item["overdue"] else "no", ticket.get("url") or ticket.get("key"),
        item["planned_in"], item["times_passed_over"], "; ".join(r["text"] for r in detail.get("reasons", [])),
    )  # fmt: skip
    return {name: "" if value is None else str(value) for name, value in zip(COLUMNS, values, strict=True)}


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"


def sprint_csv(items: Sequence[Mapping[str, Any]]) -> str:
    """RFC 4180; a cell that a sheet would run as a formula starts with an apostrophe."""
    return csv_of(COLUMNS, sprint_rows(items))


def sprint_markdown(items: Sequence[Mapping[str, Any]], *, days: int, older_open: int) -> str:
    """What the article has the SRE lead bring to planning: open items, sorted by recurrence risk, with reasons."""
    lines = [f"# Open reliability action items of the past {days} days, by recurrence risk", ""]
    lines += [line for number, row in enumerate(sprint_rows(items), 1) for line in _entry(number, row)]
    lines += ["Nothing is open.", ""] if not items else [""]
    lines.append(f"Older open items, not listed: {older_open}")
    return "\n".join(lines) + "\n"


def _entry(number: int, row: Mapping[str, str]) -> list[str]:
    due = f"due {row['due_on']}" if row["due_on"] else "no due date"
    late = " **overdue**" if row["overdue"] == "yes" else ""
    who = row["owner"] or "no owner"
    lines = [
        f"{number}. **{escaped(row['title'])}** ({escaped(row['service'])}, {escaped(who)})",
        f"   {row['priority']}, {row['status']}, {due}{late}, risk {row['risk'] or 'unknown'}"
        + (f", {escaped(row['ticket'])}" if row["ticket"] else ""),
    ]
    return lines + ([f"   {escaped(row['reasons'])}"] if row["reasons"] else [])


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: neither markup nor HTML."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", text).replace("\n", " ")
