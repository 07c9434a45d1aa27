"""Reports are text made of other people's texts: nothing in them is markup, a formula or a way out."""

import csv
import io
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.report_pages import FIRST, own_path
from app.api.reports.charts import (
    Bar,
    Chart,
    Line,
    bar_chart,
    column_chart,
    duration,
    heat_map,
    line_chart,
    nothing,
    percent,
    unit_of,
)
from app.api.reports.html import Html, html, joined, link, prose, table, tag
from app.api.reports.meta_review import meta_review_csv, meta_review_markdown
from app.api.reports.meta_review_html import meta_review_html, pattern_html
from app.api.reports.page import page
from app.api.reports.sprint_html import sprint_html
from app.api.reports.sprint_planning import sprint_csv
from app.api.reports.tables import csv_of, inert

CHART = Chart("c", "Title", "Description")
HOSTILE = "<img src=x onerror=alert(1)> & \"q\" 'a' =1+1 [x](javascript:alert(1)) `code` **b** \x00\x1b"


# ── HTML ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.text(), st.text())
def test_whatever_is_text_stays_text(text: str, attribute: str) -> None:
    made = tag("p", text, title=attribute)
    found = ElementTree.fromstring(re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", " ", made))
    assert len(found) == 0
    assert found.attrib.keys() == {"title"}


def test_markup_is_escaped_once() -> None:
    assert tag("b", tag("i", "<")) == "<b><i>&lt;</i></b>"
    assert html(None) == ""
    assert joined(["<", Html("<br>")], "&") == "&lt;&amp;<br>"
    assert tag("br") == "<br>"
    assert tag("input", required=True, disabled=False, value=None) == "<input required>"


@pytest.mark.parametrize(
    "href",
    ["javascript:alert(1)", "data:text/html,x", "//evil.example", "/\\evil.example", "ftp://x.example", "http://", "",
     None, "/a b", "https://x.example/\x00", "vbscript:x", " javascript:alert(1)", "https://x.example/<b>"],
)  # fmt: skip
def test_a_link_leads_to_the_web_or_to_a_page_of_ours_or_nowhere(href: str | None) -> None:
    assert "<a" not in link("text", href)


def test_links_that_lead_somewhere() -> None:
    assert 'rel="noopener noreferrer nofollow"' in link("t", "https://x.example/a?b=c")
    assert link("<", "/postmortems/1") == '<a href="/postmortems/1">&lt;</a>'
    assert prose("See https://x.example/1.\nNext\n\nLast <b>") == (
        '<p>See <a href="https://x.example/1" rel="noopener noreferrer nofollow">https://x.example/1</a>.<br>Next</p>'
        "<p>Last &lt;b&gt;</p>"
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/meta-reviews/2026-Q1?a=b", "/meta-reviews/2026-Q1?a=b"),
        ("https://evil.example/", FIRST),
        ("//evil.example/", FIRST),
        ("/\\evil.example", FIRST),
        ("/a\\b", FIRST),
        ("javascript:alert(1)", FIRST),
        ("/a\r\nSet-Cookie: x=y", FIRST),
        ("", FIRST),
        ("relative", FIRST),
    ],
)
def test_signing_in_leads_on_to_this_site_only(given: str, expected: str) -> None:
    assert own_path(given) == expected


def test_a_page_names_its_language_and_its_place() -> None:
    text = page("A <title>", "x", here="/effectiveness")
    assert '<html lang="en">' in text
    assert "<title>A &lt;title&gt; · norepeat</title>" in text
    assert '<a href="/effectiveness" aria-current="page">' in text
    assert "<script" not in text
    assert "http-equiv" not in text
    assert "Sign out" not in page("x", signed_in=False)


# ── CSV ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00")))
def test_no_cell_is_a_formula_and_every_cell_comes_back(text: str) -> None:
    (header, row) = list(csv.reader(io.StringIO(csv_of(["a"], [{"a": text}]), newline=""))) or [["a"], [""]]
    assert header == ["a"]
    cell = row[0] if row else ""
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell.removeprefix("'") == text.removeprefix("'") or cell == text


def test_numbers_stay_numbers() -> None:
    assert csv_of(["a", "b", "c"], [{"a": -1.5, "b": None, "c": "-1"}]) == "a,b,c\r\n-1.5,,'-1\r\n"
    assert inert("＝1+1").startswith("'")


def test_the_sprint_feed_as_a_sheet_runs_nothing() -> None:
    text = sprint_csv([sprint_item(title="=cmd|' /C calc'!A0", planned_in="@x")])
    (_, row) = csv.reader(io.StringIO(text))
    assert "'=cmd|' /C calc'!A0" in row
    assert "'@x" in row


# ── Charts ───────────────────────────────────────────────────────────────────────────────────────────────────────


def parsed(figure: Html) -> Any:
    return ElementTree.fromstring(figure.replace("&nbsp;", " "))


def test_a_line_chart_marks_what_is_not_final() -> None:
    line = Line("share", (0.5, None, 0.25, 0.1))
    figure = parsed(
        line_chart(
            CHART, ["a", "b", "c", "d"], [line, Line("trend", (0.5, 0.4, 0.3, 0.2), "trend")], percent, open_from=2
        )
    )
    classes = [one.get("class") for one in figure.iter()]
    assert classes.count("open") == 1
    assert classes.count("point main hollow") == 2
    assert classes.count("point main") == 1
    assert classes.count("line main dashed") == 2
    svg = figure.find("svg")
    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby") == "c-title c-text"
    cells = [cell.text for cell in figure.iter("td")]
    assert cells[:4] == ["50\u202f%", "50\u202f%", "no data", "40\u202f%"]


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e9)), min_size=1, max_size=40))
def test_every_point_lies_inside_its_chart(values: list[float | None]) -> None:
    labels = [str(n) for n in range(len(values))]
    for figure in (
        line_chart(CHART, labels, [Line("x", tuple(values))], duration, unit=unit_of(values)),
        column_chart(CHART, labels, "x", values, labels, percent),
    ):
        for one in parsed(figure).iter():
            for name in ("cy", "y1", "y2", "y"):
                if one.get(name):
                    assert 0 <= float(one.get(name)) <= 210


def test_bars_and_shades_say_their_numbers() -> None:
    bars = [Bar("A long name that goes on and on and on and on and on", 10, 5, "more"), Bar("B", 0, None, "none")]
    figure = parsed(bar_chart(CHART, bars, lambda value: f"{value:.0f}", ("now", "before")))
    assert [one.text for one in figure.iter("td")] == ["10", "5", "more", "0", "no data", "none"]
    heat = parsed(heat_map(CHART, [("dns", "DNS")], [("a", "A"), ("b", "B")], {("dns", "a"): 4}))
    assert {one.get("class") for one in heat.iter("rect")} == {"heat heat-4", "heat heat-0"}
    assert "Nothing here" in nothing(CHART, "Nothing here")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(12, "12\u202fs"), (600, "10\u202fmin"), (7200, "2\u202fh"), (9000, "2.5\u202fh"), (200_000, "2.3\u202fd")],
)
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said
    assert unit_of([None, seconds]) in (1, 60, 3600, 86_400)
    assert unit_of([]) == 1


def test_a_table_names_itself_and_its_rows() -> None:
    found = parsed(table("What", ("A", "B"), [("x", 1)]))
    assert found.get("aria-label") == "What"
    assert found.find(".//th[@scope='row']").text == "x"


# ── Views ────────────────────────────────────────────────────────────────────────────────────────────────────────


def sprint_item(**fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "id": "1", "title": HOSTILE, "status": "open", "effective_priority": "high", "risk": 0.5, "overdue": True,
        "risk_detail": {"p": 0.5, "reasons": [{"code": "x", "text": HOSTILE}]}, "due_on": None, "planned_in": None,
        "times_passed_over": 0, "service": {"slug": "a", "name": HOSTILE}, "team": None,
        "owner": {"email": "a@b", "name": HOSTILE}, "ticket": {"key": HOSTILE, "url": "javascript:alert(1)"},
    }  # fmt: skip
    return given | fields


def pattern(**fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "id": "p", "kind": "factor", "key": "dns", "title": HOSTILE, "n": 2, "of": 4, "low": 0.1, "high": 0.8,
        "previous_n": 1, "previous_of": 4, "p": 0.5, "direction": "no_evidence",
        "parts": [{"name": "other", "n": 2, "previous_n": 0}],
        "quotes": [{"text": HOSTILE, "incident_id": "i", "postmortem_id": "pm", "incident": HOSTILE}],
        "services": [{"service": "a", "name": HOSTILE, "n": 2, "revenue_per_hour_usd": 10.0}],
        "revenue_per_hour_usd": 10.0, "fix": HOSTILE, "fix_is_edited": True,
    }  # fmt: skip
    return given | fields


def review(**fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "id": "r", "version": 1, "period": "2026-Q1", "status": "draft", "preliminary": True, "time_zone": "UTC",
        "starts_at": "2026-01-01T00:00:00+00:00", "ends_at": "2026-04-01T00:00:00+00:00", "built_at": "x",
        "build": {"state": "done", "done": 4, "of": 4, "step": None, "error": "ValueError"}, "n": 4, "n_missing": 3,
        "missing_because": {"overdue": 1, "not_due_yet": 2}, "waived": 1, "other_modes": 1, "previous_n": 4,
        "patterns": [pattern(), pattern(kind="change", key="deployment"), pattern(kind="theme", key="theme-x", n=1)],
        "themes": [{"id": "t", "phrase": HOSTILE, "n": 3, "n_elsewhere": 0, "z": 3.0, "status": "proposed",
                    "quotes": pattern()["quotes"]}],
        "heat": [{"pattern": "dns", "service": "a", "name": HOSTILE, "n": 2}],
        "action_items": [{"id": "1", "title": HOSTILE, "status": "closed", "due_on": None, "team": None, "owner": None,
                          "ticket": {"key": HOSTILE, "url": "javascript:alert(1)"}}],
        "published_at": None,
    }  # fmt: skip
    return given | fields


def test_hostile_texts_are_texts_on_every_page() -> None:
    difference = {
        "kept_of": 4, "live_of": 5,
        "patterns": [{"title": HOSTILE, "kept_n": 1, "live_n": 2, "added": [{"severity": "P1", "title": HOSTILE}],
                      "removed": []}],
    }  # fmt: skip
    incident = {
        "title": HOSTILE,
        "severity": "P1",
        "started_at": None,
        "primary_service": {"name": HOSTILE},
        "postmortem": None,
    }
    pages = (
        meta_review_html(review(), difference=difference),
        pattern_html(review(), pattern(n=5), [incident], more=False),
        sprint_html([sprint_item()], days=90, older_open=0, more=True),
    )
    for text in pages:
        assert "<img" not in text
        assert "onerror=alert(1)&gt;" in text
        assert 'href="javascript' not in text
        assert "\x00" not in text
        assert "<script" not in text
    assert "4 incidents counted that you may not see" in pages[1]


def test_hostile_texts_are_texts_in_markdown_and_in_a_sheet() -> None:
    text = meta_review_markdown(review(), base_url="https://norepeat.example")
    assert not re.search(r"(?<!\\)<img", text)
    assert not re.search(r"(?<!\\)\]\(javascript", text)
    assert "Preliminary" in text
    rows = list(csv.reader(io.StringIO(meta_review_csv(review()))))
    assert len(rows) == 4
    assert all(not cell.startswith(("=", "@")) for row in rows for cell in row)


def test_a_review_that_is_counted_shows_its_progress_and_nothing_else() -> None:
    build = {"state": "building", "done": 1, "of": 4, "step": "quoting", "error": None}
    first = meta_review_html(review(build=build, built_at=None))
    assert '<progress max="4" value="1"' in first
    assert "looking for quotes" in first
    assert "Pattern 1" not in first
    again = meta_review_html(review(build=build))
    assert "Pattern 1" in again
    assert "Counting" in again
    assert "being counted" in meta_review_markdown(
        review(built_at=None, n=None, patterns=[], themes=[], action_items=[]), base_url=""
    )


def test_charts_of_an_empty_review_say_why() -> None:
    text = meta_review_html(review(patterns=[], heat=None, themes=[], action_items=[], n=0))
    assert "No pattern appeared more than once" in text
    assert "names a factor" in text
    assert replace(CHART, id="d").id == "d"
