"""The sprint feed as a page: what to plan next, with the reasons for each place."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.api.reports.html import Html, Part, link, tag
from app.api.reports.page import badge, page

View = Mapping[str, Any]
URGENCY = {"urgent": "bad", "high": "warn"}


def sprint_html(items: Sequence[View], *, days: int, older_open: int, more: bool) -> str:
    """The riskiest first."""
    said = f"Created, reopened or recurred in the past {days} days, and everything overdue; by recurrence risk."
    shown: Part = (
        tag("ol", *map(_entry, items), class_="feed") if items else tag("p", "Nothing is open.", class_="card")
    )
    rest = "These are the riskiest; the API lists all. " if more else ""
    return page(
        "Sprint planning",
        tag("h1", "What to plan next"),
        tag("p", said, class_="lead"),
        shown,
        tag("p", f"{rest}Older open items, not listed: {older_open}.", class_="muted"),
        here="/sprint-planning",
    )


def _entry(item: View) -> Html:
    detail, ticket = item["risk_detail"] or {}, item["ticket"] or {}
    names = [(item[key] or {}).get("name") for key in ("service", "team", "owner")]
    due = f"due {item['due_on']}" if item["due_on"] else "no due date"
    risk = "risk not computed yet" if item["risk"] is None else f"risk {item['risk']:.2f}"
    return tag(
        "li",
        tag("h2", link(item["title"], f"/action-items/{item['id']}"), class_="title"),
        tag(
            "p",
            badge(item["effective_priority"], URGENCY.get(item["effective_priority"], "")), " ",
            badge("overdue", "bad") if item["overdue"] else None, " ",
            badge(item["status"].replace("_", " ")), " ", badge(risk),
        ),
        tag("p", " · ".join(filter(None, [*names, due])), class_="muted"),
        tag("ul", *(tag("li", reason["text"]) for reason in detail["reasons"])) if detail.get("reasons") else None,
        tag("p", "Ticket ", link(ticket["key"], ticket["url"])) if ticket.get("key") else None,
        class_="card",
    )  # fmt: skip
