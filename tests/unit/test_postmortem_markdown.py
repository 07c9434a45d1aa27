"""A postmortem's page: what it says, and that nothing anybody wrote becomes markup, HTML or a dangerous link."""

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.api.reports.postmortem_markdown import block, line, link, postmortem_markdown

PARSER = MarkdownIt("commonmark").enable("table").enable("strikethrough")
HARMLESS = {"text", "text_special", "link_open", "link_close", "softbreak"}
PERSON = {"id": "1", "email": "ada@example.org", "name": "Ada"}
ITEM = {
    "id": "2", "title": "Add a limit", "control_type": "prevent", "systemic": True, "status": "in_progress",
    "owner": PERSON, "due_on": "2026-07-15",
    "ticket": {"provider": "github", "key": "shop#7", "url": "https://github.example/7", "sync_state": "synced"},
}  # fmt: skip
VIEW: dict[str, Any] = {
    "status": "in_review",
    "tier": 1,
    "tier_reasons": ["severity P1", "customer impact none"],
    "incident": {
        "title": "Checkout fails",
        "severity": "P1",
        "customer_impact": "none",
        "started_at": "2026-06-15T11:00:00.5+00:00",
        "detected_at": None,
        "mitigated_at": None,
        "resolved_at": "2026-06-15T14:00:00+02:00",
        "root_cause": {"id": "3", "slug": "no-limit", "title": "No limit"},
        "root_cause_status": "confirmed",
        "services": [{"id": "4", "slug": "checkout", "name": "Checkout"}],
    },
    "author": PERSON,
    "facilitator": None,
    "sections": {
        "summary": {"text": "It broke.\n\nIt was mended.", "machine_written": True, "reviewed": False},
        "lessons": {"text": " ", "machine_written": False, "reviewed": False},
    },
    "whys": [{"text": "because", "confirmed_by_id": None}],
    "phase_explanations": {"mitigation": "It healed by itself."},
    "timeline": [{"occurred_at": "2026-06-15T11:05:00+00:00", "kind": "detection", "text": "An alert"}],
    "factors": [
        {"code": "dns", "sub_code": None, "why": ""},
        {"code": "capacity", "sub_code": "pool", "why": "It was full."},
    ],
    "action_items": [
        ITEM,
        ITEM | {"status": "closed", "owner": None, "due_on": None, "ticket": None, "systemic": False},
    ],
    "linked_items": [],
    "review": {"held_on": "2026-06-16", "forum": "all_hands"},
    "sign_offs": [{"person": PERSON, "at": "2026-06-16T09:00:00+00:00"}],
}


def test_a_page_says_everything_that_is_there() -> None:
    assert postmortem_markdown(VIEW) == (
        "# Postmortem: Checkout fails\n\n"
        "- **Status:** in review\n"
        "- **Severity:** P1, customer impact none\n"
        "- **Tier:** 1 (full): severity P1; customer impact none\n"
        "- **Services:** Checkout\n"
        "- **Incident:** started 2026-06-15 11:00 UTC, resolved 2026-06-15 12:00 UTC\n"
        "- **Root cause:** No limit (confirmed)\n"
        "- **Author:** Ada\n\n"
        "## Summary\n\n"
        "*Written by a machine and not yet reviewed.*\n\n"
        "It broke.\n\nIt was mended.\n\n"
        "## Timeline\n\n"
        "- 2026-06-15 11:05 UTC, **detection:** An alert\n"
        "- No mitigation in order: It healed by itself.\n\n"
        "## Five whys\n\n"
        "1. because\n\n"
        "## Contributing factors\n\n"
        "- **dns**\n"
        "- **capacity (pool)**: It was full.\n\n"
        "## Action items\n\n"
        "- [ ] Add a limit: prevent, systemic; Ada; due 2026-07-15; in progress; [shop#7](<https://github.example/7>)\n"
        "- [x] Add a limit: prevent; no owner; no due date; closed; no ticket yet\n\n"
        "## Review\n\n"
        "- Reviewed on 2026-06-16 (all hands)\n"
        "- Signed by Ada on 2026-06-16 09:00 UTC\n"
    )


def test_a_page_without_a_word_is_only_its_head() -> None:
    empty: dict[str, Any] = {
        **VIEW, "sections": {}, "whys": [], "phase_explanations": {}, "timeline": [], "factors": [], "action_items": [],
        "review": None, "sign_offs": [], "author": None, "incident": VIEW["incident"] | {"root_cause": None},
    }  # fmt: skip
    page = postmortem_markdown(empty)
    assert "##" not in page
    assert "Root cause" not in page


SPECIAL = "<>[]()!`*_~#-+=|&:/.@\\\"'{}$^ \n\t\r\x00\u2028ab1\u00e9"
FRAGMENTS = (
    "<script>", "</b>", "![x](", "[a](javascript:x)", "https://", "http://a.b/c_d", "javascript:alert(1)", "# ", "- ",
    "1. ", "2) ", "```", "---", "===", "> ", "&lt;", "\\", "| a | b |", "    ", "\n", "*", "_", "]: x", "<!--",
)  # fmt: skip
characters = st.text(st.sampled_from(SPECIAL) | st.characters(exclude_categories=["Cs"]), max_size=60)
hostile = characters | st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join)


@given(hostile)
@example("https://a.b/)[x](javascript:1)")
@example("[a]: https://x.y 'z'")
@example("<https://a.b>")
@example("https://a.b\\[c](d)")
def test_a_line_shows_as_it_is(text: str) -> None:
    tokens = PARSER.parse(line(text))
    shown = "".join(child.content for token in tokens for child in token.children or [])
    assert shown == " ".join(re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", " ", text).split())
    assert [token.type for token in tokens] in ([], ["paragraph_open", "inline", "paragraph_close"])
    for child in [child for token in tokens for child in token.children or []]:
        assert child.type in HARMLESS
        if child.type == "link_open":
            assert re.match(r"https?://", str(child.attrs["href"]), re.IGNORECASE)


@given(hostile)
def test_a_text_of_several_lines_has_paragraphs_and_nothing_else(text: str) -> None:
    tokens = PARSER.parse(block(text))
    assert {token.type for token in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
    assert {child.type for token in tokens for child in token.children or []} <= HARMLESS


@given(hostile, hostile)
def test_a_link_leads_to_a_web_address_or_nowhere(text: str, address: str) -> None:
    for url in (address, f"https://a.b/{address}", f"javascript:{address}"):
        tokens = PARSER.parse(f"x {link(text, url)} y")
        assert {token.type for token in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
        children = [child for token in tokens for child in token.children or []]
        assert {child.type for child in children} <= HARMLESS
        hrefs = [str(child.attrs["href"]) for child in children if child.type == "link_open"]
        assert all(re.match(r"https?://", href, re.IGNORECASE) for href in hrefs)


@pytest.mark.parametrize(
    "url", [None, "", "javascript:alert(1)", "data:text/html,x", "https://a b", "https://a>b", "//a"]
)
def test_what_is_no_web_address_is_no_link(url: str | None) -> None:
    assert link("shop#7", url) == "shop#7"


def test_web_addresses_in_texts_are_links_without_the_punctuation_behind_them() -> None:
    assert line("See (https://a.b/c_d?e=1&f=2).") == "See (<https://a.b/c_d?e=1&f=2>)."
