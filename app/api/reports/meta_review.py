"""A meta-review as Markdown and CSV: pure functions from its view (the REST record) to text.

The Markdown has the layout people know from the practice: title, number of postmortems, numbered patterns with what was
seen and the proposed systemic fix, then the action items with team and due date.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.api.reports.charts import percent
from app.api.reports.postmortem_markdown import line, link
from app.api.reports.tables import csv_of

View = Mapping[str, Any]

COLUMNS = (
    "period", "status", "pattern", "kind", "title", "n", "of", "share", "low", "high", "previous_n", "previous_of", "p",
    "direction", "forms", "revenue_per_hour_usd", "systemic_fix",
)  # fmt: skip
FORMS = {
    "too_short": "too short",
    "not_configured": "not configured",
    "config_difference": "differences between environments",
    "new_endpoint": "new endpoints",
    "third_party": "third parties",
    "other": "other",
    "canary": "with a canary",
    "staged": "in stages",
    "direct": "directly",
    "unspecified": "not said",
}
DIRECTIONS = {
    "more": "more than in the quarter before",
    "less": "less than in the quarter before",
    "no_evidence": "no evidence of a change against the quarter before",
    "no_comparison": "nothing to compare with in the quarter before",
}
MISSING = {"overdue": "overdue", "not_due_yet": "not due yet"}


def meta_review_markdown(view: View, *, base_url: str) -> str:
    """The whole review."""
    patterns = recurring(view)
    parts = [
        [f"# Postmortem Meta-Review — {period_title(view['period'])}"],
        [f"Incidents reviewed: {plural(view['n'] or 0, 'postmortem')}"],
        [f"- {line(note)}" for note in notes(view)],
        *(_pattern(number, one, base_url) for number, one in enumerate(patterns, 1)),
        _singles(view),
        _themes(view, base_url),
        ["## Action items from meta-review:", "", *_items(view["action_items"])],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def meta_review_csv(view: View) -> str:
    """One row a pattern, those of a single incident too."""
    return csv_of(COLUMNS, (_row(view, one) for one in view["patterns"]))


def _row(view: View, pattern: View) -> dict[str, object]:
    names = {"pattern": "key", "systemic_fix": "fix"}
    row: dict[str, object] = {name: pattern.get(names.get(name, name)) for name in COLUMNS}
    row |= {"period": view["period"], "status": view["status"], "share": share_of(pattern)}
    row["forms"] = "; ".join(f"{part['name']}: {part['n']}" for part in pattern["parts"])
    return row


def _pattern(number: int, pattern: View, base_url: str) -> list[str]:
    n, of = pattern["n"], pattern["of"]
    lines = [f"## Pattern {number}: {line(pattern['title'])} (appeared in {n} of {of} incidents)", ""]
    lines += [f"- {line(text)}" for text in sentences(pattern)]
    for quote in pattern["quotes"]:
        source = link(quote["incident"], f"{base_url}/postmortems/{quote['postmortem_id']}")
        lines.append(f"- “{line(quote['text'])}” ({source})")
    return [*lines, f"- Proposed systemic fix: {line(pattern['fix'])}"]


def sentences(pattern: View) -> list[str]:
    """What the numbers say, in words."""
    said = [in_words(pattern)]
    if pattern["parts"]:
        said.append(forms(pattern))
    said.append(compared(pattern))
    if pattern["revenue_per_hour_usd"] is not None:
        said.append(exposure(pattern))
    return said


def in_words(pattern: View) -> str:
    n = plural(pattern["n"], "incident")
    match pattern["kind"]:
        case "change":
            return f"{n} caused or made worse by a recent change"
        case "theme":
            return f"{n} without a contributing factor described in these words"
        case _:
            return f"{n} with this contributing factor, {percent(share_of(pattern) or 0)} of those reviewed"


def forms(pattern: View) -> str:
    """The sub-codes, or how changes were rolled out."""
    counted = ", ".join(
        f"{FORMS.get(part['name'], part['name'].replace('_', ' '))} {part['n']}" for part in pattern["parts"]
    )
    if pattern["kind"] != "change":
        return f"Forms: {counted}"
    with_canary = sum(part["n"] for part in pattern["parts"] if part["name"] == "canary")
    return f"{with_canary} of {pattern['n']} went through a canary; rolled out {counted}"


def compared(pattern: View) -> str:
    """Interval, quarter before, and what the difference is worth."""
    low, high = pattern["low"], pattern["high"]
    interval = "" if low is None else f"95 % interval {percent(low)} to {percent(high)}; "
    before = f"{pattern['previous_n']} of {pattern['previous_of']} before: "
    p = "" if pattern["p"] is None else f" (p = {pattern['p']:.2g})"
    return f"{interval}{before}{DIRECTIONS[pattern['direction']]}{p}"


def exposure(pattern: View) -> str:
    known = [one for one in pattern["services"] if one["revenue_per_hour_usd"] is not None]
    names = ", ".join(one["name"] for one in known)
    return f"${pattern['revenue_per_hour_usd']:,.0f} of revenue an hour depend on the services it struck: {names}"


def share_of(pattern: View) -> float | None:
    return pattern["n"] / pattern["of"] if pattern["of"] else None


def recurring(view: View) -> list[View]:
    """One incident is no pattern yet."""
    return [one for one in view["patterns"] if one["n"] > 1]


def _singles(view: View) -> list[str]:
    names = [line(one["title"]) for one in view["patterns"] if one["n"] == 1]
    return [f"Seen once, so no pattern yet: {', '.join(names)}"] if names else []


def _themes(view: View, base_url: str) -> list[str]:
    themes = [one for one in view["themes"] if one["status"] == "proposed"]
    lines = []
    for theme in themes:
        quotes = [link(q["incident"], f"{base_url}/postmortems/{q['postmortem_id']}") for q in theme["quotes"]]
        where = f" ({', '.join(quotes)})" if quotes else ""
        lines.append(f"- “{line(theme['phrase'])}”: {plural(theme['n'], 'postmortem')} under no factor{where}")
    return ["## Emerging themes", "", *lines] if lines else []


def _items(items: Iterable[View]) -> list[str]:
    lines = [_item(item) for item in items]
    return lines or ["None yet."]


def _item(item: View) -> str:
    box = "x" if item["status"] == "closed" else " "
    team = line(item["team"]["name"]) if item["team"] else "No team"
    due = f"due {item['due_on']}" if item["due_on"] else "no due date"
    ticket = item["ticket"]
    key = f" ({link(ticket['key'], ticket['url'])})" if ticket and ticket["key"] else ""
    return f"- [{box}] {team}: {line(item['title'])} — {due}{key}"


def notes(view: View) -> list[str]:
    """What a reader must know of the base, as sentences."""
    said: list[str] = []
    if view["built_at"] is None:
        return ["The numbers are being counted."]
    if view["preliminary"]:
        said.append("Preliminary: the quarter had not ended when this was counted.")
    if view["n"] == 0:
        said.append("No postmortem of an incident of this quarter is published, so there is nothing to find in common.")
    elif view["n"] == 1:
        said.append("One postmortem alone shows no pattern.")
    elif not recurring(view):
        said.append("No two postmortems have a contributing factor or a harmful change in common.")
    if view["n_missing"]:
        why = ", ".join(f"{n} {MISSING.get(name, name)}" for name, n in view["missing_because"].items())
        said.append(f"{plural(view['n_missing'], 'required postmortem')} not published and not counted: {why}.")
    if view["waived"]:
        said.append(f"{plural(view['waived'], 'postmortem')} waived.")
    if view["other_modes"]:
        said.append(f"{plural(view['other_modes'], 'postmortem')} of test or tutorial incidents left out.")
    return said


def period_title(period: str) -> str:
    """2026-Q1 → Q1 2026."""
    year, _, quarter = period.partition("-")
    return f"{quarter} {year}"


def plural(n: int, word: str) -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def titles(patterns: Sequence[View]) -> dict[str, str]:
    """By key."""
    return {one["key"]: one["title"] for one in patterns}
