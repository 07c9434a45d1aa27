"""A report's text as a response, with the headers its kind needs."""

import base64
import hashlib
from typing import Any

from fastapi import Response

from app.api.reports.page import STYLE, WATCH


def _named(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY = (
    f"default-src 'none'; style-src {_named(STYLE)}; script-src {_named(WATCH)}; connect-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing is loaded: the one style and the one script are named by their hashes."""


def html_answer(text: str, *, status: int = 200) -> Response:
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return Response(text, status, headers, media_type="text/html; charset=utf-8")


def markdown_answer(text: str) -> Response:
    return Response(text, media_type="text/markdown; charset=utf-8")


def csv_answer(text: str) -> Response:
    return Response(text, media_type="text/csv; charset=utf-8")


def shown_as(media_type: str) -> Any:
    """How the contract describes such an answer."""
    return {200: {"content": {media_type: {"schema": {"type": "string"}}}, "description": "The report."}}
