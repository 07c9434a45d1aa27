"""Slack's own markup: read as plain words, and written."""

import html
import re
from collections.abc import Iterable, Mapping

REFERENCE = re.compile(r"<([^<>]+)>")
USER = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
LONGEST_SECTION = 2900


def people_in(text: str) -> frozenset[str]:
    """The ids of the people whom a text mentions."""
    return frozenset(USER.findall(text))


def plain(text: str, names: Mapping[str, str]) -> str:
    """As a person reads it: names for ids, a link with its label, no escapes. Escapes are undone last, so that what was
    escaped is never taken for markup."""

    def said(match: re.Match[str]) -> str:
        target, _, label = match[1].partition("|")
        if target.startswith("@"):
            return f"@{label or names.get(target[1:], target[1:])}"
        if target.startswith("#"):
            return f"#{label or target[1:]}"
        if target.startswith("!"):
            return _special(target[1:], label)
        return f"{label} ({target})" if label and label != target else target.removeprefix("mailto:")

    return html.unescape(REFERENCE.sub(said, text))


def _special(target: str, label: str) -> str:
    """`!here`, `!subteam^S1|@oncall`, `!date^1392734382^{date}|Feb 18`."""
    return label or f"@{target.split('^')[-1] if target.startswith('subteam') else target.split('^')[0]}"


def escaped(text: str) -> str:
    """Text in which nothing is markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def link(url: str, label: str) -> str:
    """A link; a label cannot hold what ends it."""
    return f"<{url}|{escaped(label).replace('|', '¦')}>"


def section(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:LONGEST_SECTION]}}


def header(text: str) -> dict[str, object]:
    return {"type": "header", "text": {"type": "plain_text", "text": text[:150]}}


def context(parts: Iterable[str]) -> dict[str, object]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": part[:LONGEST_SECTION]} for part in parts]}
