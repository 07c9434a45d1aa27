"""A meta-review as a page: numbers, charts, patterns with their incidents, themes, action items."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.api.reports.charts import Bar, Chart, bar_chart, heat_map, nothing
from app.api.reports.html import Html, Part, details, joined, link, table, tag
from app.api.reports.meta_review import (
    DIRECTIONS,
    notes,
    period_title,
    plural,
    recurring,
    sentences,
    titles,
)
from app.api.reports.page import badge, page, tiles

View = Mapping[str, Any]
STATES = {"draft": "", "in_review": "warn", "published": "good"}
STEPS = {
    "counting": "counting patterns",
    "quoting": "looking for quotes",
    "comparing": "comparing services",
    "listening": "looking for wording that repeats",
}
SHOWN = 20


def meta_review_html(view: View, *, difference: View | None = None) -> str:
    """The whole page. While it is counted it says how far counting is."""
    counting = view["build"]["state"] in ("queued", "building")
    first = counting and view["built_at"] is None
    content = [_head(view), _progress(view["build"]) if counting else None]
    if not first:
        content += [_numbers(view), _notes(view), _changed(difference), _charts(view), _patterns(view), _themes(view)]
        content.append(_items(view["action_items"]))
    title = f"Meta-review {period_title(view['period'])}"
    return page(title, *content, here="/meta-reviews", watched=counting)


def _head(view: View) -> Html:
    state = badge(view["status"].replace("_", " "), STATES[view["status"]])
    dates = f"{view['starts_at'][:10]} to {view['ends_at'][:10]}, {view['time_zone']}"
    failed = view["build"]["error"]
    return joined(
        [
            tag("h1", f"Postmortem Meta-Review — {period_title(view['period'])}"),
            tag("p", state, " ", dates, class_="lead"),
            tag("p", f"The last count failed ({failed}); it is tried again by itself.", class_="error")
            if failed
            else None,
        ]
    )


def _progress(build: View) -> Html:
    step = STEPS.get(build["step"] or "", "waiting for the worker")
    bar = tag("progress", max=build["of"], value=build["done"], aria_label="Counting")
    said = tag("p", f"Step {build['done'] + 1} of {build['of']}: {step}. ", class_="muted")
    again = tag("p", tag("a", "Look again", href="?"))
    return tag("section", tag("h2", "Counting"), bar, said, again, class_="card", id="counting", aria_live="polite")


def _numbers(view: View) -> Html:
    open_items = sum(item["status"] not in ("closed", "declined") for item in view["action_items"])
    return tiles(
        (view["n"], "postmortems reviewed"),
        (view["previous_n"], "in the quarter before"),
        (view["n_missing"], "required, not published"),
        (len(recurring(view)), "patterns"),
        (open_items, "action items open"),
    )


def _notes(view: View) -> Html:
    return joined(tag("p", note, class_="muted") for note in notes(view))


def _changed(difference: View | None) -> Html | None:
    if difference is None or not (difference["patterns"] or difference["kept_of"] != difference["live_of"]):
        return None
    rows = [
        (row["title"], row["kept_n"], row["live_n"], _named(row["added"]), _named(row["removed"]))
        for row in difference["patterns"]
    ]
    said = f"Counted now it would be {plural(difference['live_of'], 'postmortem')}, not {difference['kept_of']}."
    columns = ("Pattern", "In this review", "Now", "Came in", "Went out")
    return tag(
        "section",
        tag("h2", "What changed since"),
        tag("p", "The numbers of this review stay as they were. ", said, class_="muted"),
        table("What changed since", columns, rows) if rows else None,
        class_="card",
    )


def _named(incidents: Sequence[View]) -> Html:
    return joined((tag("span", f"{one['severity']} {one['title']}") for one in incidents), ", ")


def _charts(view: View) -> Html:
    return tag("div", _bars(view), _heat(view), class_="charts")


def _bars(view: View) -> Html:
    chart = Chart("patterns", "Patterns against the quarter before", "Postmortems that show each pattern, per hundred.")
    bars = [
        Bar(one["title"], 100 * one["n"] / one["of"], _before(one), DIRECTIONS[one["direction"]])
        for one in recurring(view)[:10]
    ]
    if not bars:
        return nothing(chart, "No pattern appeared more than once.")
    return bar_chart(chart, bars, lambda value: f"{value:.0f}", ("This quarter", "The quarter before"))


def _before(pattern: View) -> float | None:
    return 100 * pattern["previous_n"] / pattern["previous_of"] if pattern["previous_of"] else None


def _heat(view: View) -> Html:
    chart = Chart("heat", "Factors by service", "Incidents with each factor on the services struck most.")
    cells = {(cell["pattern"], cell["service"]): cell["n"] for cell in view["heat"] or []}
    if not cells:
        return nothing(chart, "No incident of this quarter names a factor.")
    names = titles(view["patterns"])
    factors = [(one["key"], one["title"]) for one in view["patterns"] if any(key == one["key"] for key, _ in cells)]
    columns: dict[str, str] = {cell["service"]: cell["name"] for cell in view["heat"]}
    totals = {slug: sum(n for (_, service), n in cells.items() if service == slug) for slug in columns}
    ordered = sorted(columns.items(), key=lambda one: (-totals[one[0]], one[0]))
    return heat_map(chart, [(key, names.get(key, title)) for key, title in factors], ordered, cells)


def _patterns(view: View) -> Html:
    patterns = recurring(view)
    if not patterns:
        return Html("")
    return tag(
        "section", tag("h2", "Patterns"), *(_pattern(number, one, view) for number, one in enumerate(patterns, 1))
    )


def _pattern(number: int, pattern: View, view: View) -> Html:
    drill = f"/meta-reviews/{view['id']}/patterns/{pattern['key']}"
    return tag(
        "article",
        tag("h3", f"Pattern {number}: {pattern['title']}"),
        tag("p", link(f"{pattern['n']} of {pattern['of']} incidents", drill), class_="muted"),
        tag("ul", *(tag("li", text) for text in sentences(pattern))),
        *(_quote(quote) for quote in pattern["quotes"]),
        tag("p", tag("strong", "Proposed systemic fix: "), pattern["fix"], class_="fix"),
        class_="card",
        id=f"pattern-{pattern['key']}",
    )


def _quote(quote: View) -> Html:
    source = link(quote["incident"], f"/postmortems/{quote['postmortem_id']}")
    return tag("blockquote", tag("p", quote["text"], " ", tag("cite", source)))


def _themes(view: View) -> Html:
    themes = [one for one in view["themes"] if one["status"] == "proposed"]
    if not themes:
        return Html("")
    cards = [
        tag(
            "article",
            tag("h3", f"“{theme['phrase']}”"),
            tag(
                "p",
                f"{plural(theme['n'], 'postmortem')} under no factor, {theme['n_elsewhere']} with one",
                class_="muted",
            ),
            details("Where it is said", *(_quote(quote) for quote in theme["quotes"])),
            class_="card",
        )
        for theme in themes
    ]
    return tag("section", tag("h2", "Emerging themes"), *cards)


def _items(items: Sequence[View]) -> Html:
    rows = [
        (
            link(item["title"], f"/action-items/{item['id']}"),
            item["team"]["name"] if item["team"] else None,
            item["owner"]["name"] if item["owner"] else None,
            item["due_on"],
            item["status"].replace("_", " "),
            _ticket(item["ticket"]),
        )
        for item in items
    ]
    columns = ("Action item", "Team", "Accountable", "Due", "Status", "Ticket")
    shown: Part = table("Action items", columns, rows) if rows else tag("p", "None yet.", class_="muted")
    return tag("section", tag("h2", "Action items from meta-review"), tag("div", shown, class_="card"))


def _ticket(ticket: View | None) -> Part:
    return link(ticket["key"], ticket["url"]) if ticket and ticket["key"] else None


def pattern_html(view: View, pattern: View, incidents: Sequence[View], *, more: bool) -> str:
    """The incidents behind one number, those the reader may see."""
    hidden = pattern["n"] - len(incidents) if not more else 0
    rows = [
        (
            link(one["title"], f"/postmortems/{one['postmortem']['id']}" if one["postmortem"] else None),
            one["severity"],
            (one["started_at"] or "")[:10],
            one["primary_service"]["name"],
        )
        for one in incidents
    ]
    period = period_title(view["period"])
    return page(
        f"{pattern['title']}, {period}",
        tag("p", link(f"Meta-review {period}", f"/meta-reviews/{view['id']}"), class_="muted"),
        tag("h1", pattern["title"]),
        tag("p", f"{pattern['n']} of {pattern['of']} incidents", class_="lead"),
        tag("div", table("Incidents", ("Incident", "Severity", "Started", "Service"), rows), class_="card"),
        tag("p", f"{plural(hidden, 'incident')} counted that you may not see.", class_="muted") if hidden > 0 else None,
        tag("p", "These are the latest; the API lists all.", class_="muted") if more else None,
        here="/meta-reviews",
    )


def meta_reviews_html(reviews: Sequence[View]) -> str:
    """Every review."""
    rows = [
        (
            link(period_title(one["period"]), f"/meta-reviews/{one['id']}"),
            badge(one["status"].replace("_", " "), STATES[one["status"]]),
            one["n"],
            one["n_missing"],
            (one["published_at"] or "")[:10],
        )
        for one in reviews
    ]
    columns = ("Quarter", "Status", "Reviewed", "Missing", "Published")
    shown: Part = (
        table("Meta-reviews", columns, rows)
        if rows
        else tag("p", "None yet; the first comes by itself when a quarter ends.")
    )
    return page(
        "Meta-reviews",
        tag("h1", "Meta-reviews"),
        tag("p", "What the incidents of a quarter have in common.", class_="lead"),
        tag("div", shown, class_="card"),
        here="/meta-reviews",
    )
