"""How a simulated Jira refuses: ErrorCollections, and what it takes for a text."""

from collections.abc import Mapping
from typing import Any

import httpx2


class Refused(Exception):
    """An answer that is no success, with its ErrorCollection."""

    def __init__(self, status: int, message: str = "", **errors: str) -> None:
        self.status, self.message, self.errors = status, message, errors


def problem(
    status: int, message: str, headers: Mapping[str, str], errors: Mapping[str, str] | None = None
) -> httpx2.Response:
    """An ErrorCollection."""
    said = {"errorMessages": [message] if message else [], "errors": dict(errors or {})}
    return httpx2.Response(status, json=said, headers=dict(headers))


def require_text(text: Any, *, plain: bool) -> None:
    """Plain text in a data center, a document elsewhere: of known nodes, and without empty texts."""
    if plain:
        if not isinstance(text, str):
            raise Refused(400, "Operation value must be a string.")
    elif not isinstance(text, dict) or text.get("type") != "doc" or text.get("version") != 1 or not _is_node(text):
        raise Refused(400, "INVALID_INPUT: the text is no valid Atlassian document.")


def _is_node(node: Mapping[str, Any]) -> bool:
    if node["type"] == "text":
        return bool(node["text"]) and all(mark["type"] in ("link", "subsup") for mark in node.get("marks", ()))
    known = node["type"] in ("doc", "paragraph", "hardBreak")
    return known and all(map(_is_node, node.get("content", ())))
