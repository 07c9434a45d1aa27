"""A postmortem as a page: a pure function from its view (the REST record, or a frozen version) to HTML."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from app.api.reports.html import Html, Part, link, prose, table, tag
from app.api.reports.page import badge, facts, page

View = Mapping[str, Any]
BEFORE = (("summary", "Summary"), ("impact", "Impact"))
TIERS = {1: "1 (full)", 2: "2 (standard)", 3: "3 (summary)"}
MOMENTS = ("started_at", "detected_at", "mitigated_at", "resolved_at")
STATES = {"published": "good", "in_review": "warn", "required": "bad"}


def postmortem_html(view: View) -> str:
    """The whole page. Parts that are empty are left out."""
    title = view["incident"]["title"]
    return page(
        title,
        tag(
            "p", "Postmortem ", badge(view["status"].replace("_", " "), STATES.get(view["status"], "")), class_="muted"
        ),
        tag("h1", title),
        _facts(view),
        *(_text(view, name, heading) for name, heading in BEFORE),
        _timeline(view),
        _text(view, "root_cause", "Root cause"),
        _listed("Five whys", "ol", [why["text"] for why in view["whys"]]),
        _factors(view["factors"]),
        _text(view, "lessons", "Lessons"),
        _items("Action items", view["action_items"]),
        _items("Action items of earlier postmortems", view["linked_items"]),
        _review(view),
    )


def _facts(view: View) -> Html:
    incident = view["incident"]
    cause = incident["root_cause"]
    moments = [f"{name.removesuffix('_at')} {at(incident[name])}" for name in MOMENTS if incident[name]]
    return facts(
        ("Severity", f"{incident['severity']}, customer impact {incident['customer_impact']}"),
        ("Tier", f"{TIERS[view['tier']]}: {'; '.join(view['tier_reasons'])}"),
        ("Services", ", ".join(service["name"] for service in incident["services"])),
        ("Incident", ", ".join(moments)),
        ("Root cause", f"{cause['title']} ({incident['root_cause_status']})" if cause else ""),
        ("Author", (view["author"] or {}).get("name")),
        ("Facilitator", (view["facilitator"] or {}).get("name")),
    )


def _text(view: View, name: str, heading: str) -> Html | None:
    section = view["sections"].get(name)
    if section is None or not section["text"].strip():
        return None
    unreviewed = section["machine_written"] and not section["reviewed"]
    mark = tag("p", "Written by a machine and not yet reviewed.", class_="muted") if unreviewed else None
    return tag("section", tag("h2", heading), mark, prose(section["text"]))


def _timeline(view: View) -> Html | None:
    entries = [
        tag("li", tag("time", at(one["occurred_at"])), " ", badge(one["kind"]), prose(one["text"]))
        for one in view["timeline"]
    ]
    entries += [
        tag("li", badge(phase), prose(f"Not in order: {text}"))
        for phase, text in sorted(view["phase_explanations"].items())
    ]
    return tag("section", tag("h2", "Timeline"), tag("ol", *entries, class_="timeline")) if entries else None


def _listed(heading: str, kind: str, texts: Sequence[str]) -> Html | None:
    return tag("section", tag("h2", heading), tag(kind, *(tag("li", text) for text in texts))) if texts else None


def _factors(factors: Sequence[View]) -> Html | None:
    entries = [
        tag("li", tag("strong", one["code"]), f" ({one['sub_code']})" if one["sub_code"] else None,
            f": {one['why']}" if one["why"] else None)
        for one in factors
    ]  # fmt: skip
    return tag("section", tag("h2", "Contributing factors"), tag("ul", *entries)) if entries else None


def _items(heading: str, items: Sequence[View]) -> Html | None:
    if not items:
        return None
    rows = [
        (
            link(item["title"], f"/action-items/{item['id']}"),
            (item["owner"] or {}).get("name", "nobody"),
            item["due_on"],
            item["status"].replace("_", " "),
            _ticket(item["ticket"]),
        )
        for item in items
    ]
    columns = ("Action item", "Owner", "Due", "Status", "Ticket")
    return tag("section", tag("h2", heading), tag("div", table(heading, columns, rows), class_="card"))


def _ticket(ticket: View | None) -> Part:
    return link(ticket["key"], ticket["url"]) if ticket and ticket["key"] else None


def _review(view: View) -> Html | None:
    review = view["review"]
    said = [f"Reviewed on {review['held_on']} ({review['forum'].replace('_', ' ')})"] if review else []
    said += [f"Signed by {one['person']['name']} on {at(one['at'])}" for one in view["sign_offs"] if one["person"]]
    return _listed("Review", "ul", said)


def at(text: str) -> str:
    """An instant for people."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
