"""Jira's texts: descriptions and comments, as Atlassian documents in the cloud and as plain text in a data center."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from app.domain.tracking.model import TicketUpdate

DUE, PRIORITY = "Due:", "Priority:"
LONGEST_SUMMARY = 255
ADDRESS = re.compile(r"(https?://[^\s\"<>|\]]+)")
MARKER = re.compile(r"norepeat-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
LINK = "Action item in norepeat"

Text = str | Mapping[str, Any]
"""A data center's plain text, or the cloud's document."""


def label_of(marker: UUID) -> str:
    """How we find our own issue again; labels have no spaces."""
    return f"norepeat-{marker}"


def marker_in(labels: Iterable[str], text: Text | None) -> UUID | None:
    """The marker that an issue carries as a label, or as a line where there are no labels."""
    found = MARKER.search(" ".join(labels)) or MARKER.search(json.dumps(text))
    return UUID(found[1]) if found else None


def summary_of(title: str) -> str:
    return " ".join(title.split())[:LONGEST_SUMMARY]


def description(body: str, lines: Iterable[str], url: str, *, plain: bool) -> Text:
    """The text, then lines for what the project has no field for, then the link back."""
    if plain:
        return "\n\n".join([*_blocks(body), *lines, f"{LINK}: {url}"])
    link = {"type": "text", "text": LINK, "marks": [_link(url)]}
    blocks = [*map(_paragraph, _blocks(body)), *map(_paragraph, lines), {"type": "paragraph", "content": [link]}]
    return _document(blocks)


def comment(text: str, marker: UUID, *, plain: bool) -> Text:
    """A comment and, small below it, the marker that keeps it from being written twice."""
    mark = f"norepeat:{marker}"
    if plain:
        return f"{text}\n\n{mark}"
    small = {"type": "text", "text": mark, "marks": [{"type": "subsup", "attrs": {"type": "sub"}}]}
    return _document([*map(_paragraph, _blocks(text)), {"type": "paragraph", "content": [small]}])


def contains(text: Text | None, mark: str) -> bool:
    return text is not None and mark in json.dumps(text)


def link_back(text: Text | None) -> str | None:
    """The address of the action item in a description that we wrote."""
    addresses = ADDRESS.findall(text if isinstance(text, str) else json.dumps(text)) if text else []
    return next((address for address in reversed(addresses) if "/action-items/" in address), None)


def updated(text: Text | None, update: TicketUpdate) -> Text | None:
    """The same description with our lines changed; lines that nobody wrote stay away."""
    for label, value in ((DUE, update.due_on), (PRIORITY, update.priority)):
        if value is not None:
            text = _replaced(text, re.compile(rf"^{label} .*$", re.MULTILINE), f"{label} {value}")
    return text


def _replaced(node: Any, line: re.Pattern[str], by: str) -> Any:
    if isinstance(node, str):
        return line.sub(by, node, count=1)
    if isinstance(node, list):
        return [_replaced(part, line, by) for part in node]
    if isinstance(node, dict):
        inner = ("text",) if node.get("type") == "text" else ("content",)
        return {name: _replaced(part, line, by) if name in inner else part for name, part in node.items()}
    return node


def _blocks(text: str) -> list[str]:
    return [block.strip("\n") for block in re.split(r"\n\s*\n", text) if block.strip()]


def _document(content: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": content}


def _paragraph(block: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for line in block.split("\n"):
        content += [{"type": "hardBreak"}] if content else []
        content += [_text(part) for part in ADDRESS.split(line) if part]
    return {"type": "paragraph", "content": content}


def _text(part: str) -> dict[str, Any]:
    """Addresses become links: a document shows them as bare text otherwise. Empty texts are not allowed."""
    if ADDRESS.fullmatch(part):
        return {"type": "text", "text": part, "marks": [_link(part)]}
    return {"type": "text", "text": part}


def _link(url: str) -> dict[str, Any]:
    return {"type": "link", "attrs": {"href": url}}
