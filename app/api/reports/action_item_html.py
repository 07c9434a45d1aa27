"""An action item as a page: where the link back from its ticket leads."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.api.reports.html import Html, Part, link, prose, table, tag
from app.api.reports.page import badge, facts, page
from app.api.reports.postmortem_html import at

View = Mapping[str, Any]
STATES = {"closed": "good", "declined": "warn", "candidate": ""}


def action_item_html(view: View) -> str:
    """What was promised, by whom, where it stands, and what shows that it works."""
    return page(
        view["title"],
        tag(
            "p", "Action item ", badge(view["status"].replace("_", " "), STATES.get(view["status"], "")), class_="muted"
        ),
        tag("h1", view["title"]),
        _facts(view),
        tag("section", tag("h2", "Description"), prose(view["description"])) if view["description"].strip() else None,
        _plan(view["plan"]),
        _evidence(view["evidence"]),
    )


def _facts(view: View) -> Html:
    ticket, decline = view["ticket"], view["decline"]
    boost = view["boost"]
    return facts(
        ("Comes from", _origin(view)),
        ("Ticket", link(ticket["key"] or ticket["sync_state"], ticket["url"]) if ticket else "none yet"),
        ("Owner", _named(view["owner"])),
        ("Team", _named(view["team"])),
        ("Service", _named(view["service"])),
        ("Root cause", (view["root_cause"] or {}).get("title")),
        ("Due", f"{view['due_on']}{' (overdue)' if view['overdue'] else ''}" if view["due_on"] else ""),
        ("Committed", f"{view['committed_due_on']}, moved {view['slips']} times" if view["committed_due_on"] else ""),
        ("Priority", _priority(view)),
        ("Because", f"{boost['reason'] or boost['signal']} ({boost['slo']})" if boost else ""),
        ("Risk", "" if view["risk"] is None else f"{view['risk']:.2f}"),
        ("Control", f"{view['control_type']}{', systemic' if view['systemic'] else ''}"),
        ("Deployed", at(view["deployed_at"]) if view["deployed_at"] else ""),
        ("Evidence due", view["evidence_due_on"]),
        ("Declined", f"{decline['code'].replace('_', ' ')}: {decline['reason']}" if decline else ""),
    )


def _priority(view: View) -> str:
    base, effective = view["base_priority"], view["effective_priority"]
    return base if base == effective else f"{effective}, lifted from {base}"


def _named(record: View | None) -> str | None:
    return record["name"] if record else None


def _origin(view: View) -> Part:
    if view["pattern"]:
        title = f"{view['pattern']['title']}, meta-review {view['pattern']['period']}"
        return link(title, f"/meta-reviews/{view['pattern']['period']}")
    if view["postmortem"] and view["incident"]:
        return link(view["incident"]["title"], f"/postmortems/{view['postmortem']['id']}")
    return None


def _plan(plan: View | None) -> Html | None:
    if plan is None:
        return None
    checks = " or ".join(one.replace("_", " ") for one in plan["checks"])
    words = tag("p", f"By {checks}, over {plan['window_days']} days in production.")
    asked = tag("p", tag("code", plan["metric"]["query"])) if plan["metric"] else None
    return tag("section", tag("h2", "How we will know that it works"), words, prose(plan["description"]), asked)


def _evidence(checks: Sequence[View]) -> Html | None:
    if not checks:
        return None
    rows = [
        (
            at(one["ran_at"]),
            one["kind"].replace("_", " "),
            (one["verdict"] or "waits for a reviewer").replace("_", " "),
            one["statement"],
            link("see it", one["link"]) if one["link"] else None,
        )
        for one in checks
    ]
    columns = ("When", "What", "Verdict", "Said", "Link")
    return tag("section", tag("h2", "Evidence"), tag("div", table("Evidence", columns, rows), class_="card"))
