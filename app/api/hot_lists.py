"""Lists that portals poll, answered before FastAPI solves their parameters, which takes longer than the reading.

Only requests that hold nothing but plain texts come this way; for every other one the route matches nothing, so that
FastAPI's own operation, which the contract documents, answers it and words what is wrong with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from app.api.deps import caller_of
from app.api.reading import Listing, answer_list, many
from app.domain.page import DEFAULT_LIMIT, MAX_LIMIT
from app.domain.ports import Ports

_LONGEST = {"sort": 100, "after": 2000}
_PLAN = "hot_list"


@dataclass(frozen=True, slots=True)
class Operation:
    """What metrics and the log call it: as FastAPI's operation."""

    name: str
    path: str


class HotList(Route):
    """GET of a list whose filters in `texts` are comma-separated texts without further rules."""

    def __init__(self, path: str, name: str, listing: Listing, texts: tuple[str, ...]) -> None:
        super().__init__(path, self._answer, methods=["GET"], name=name, include_in_schema=False)
        self._listing = listing
        self._taken = frozenset((*texts, "sort", "after", "limit"))
        self._operation = Operation(name, path)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope["path"] != self.path or scope["method"] != "GET":
            return Match.NONE, {}
        given = self._plain(scope["query_string"])
        if given is None:
            return Match.NONE, {}
        match, child = super().matches(scope)
        return match, {**child, _PLAN: given, "route": self._operation}

    def _plain(self, query: bytes) -> Mapping[str, str] | None:
        """The parameters, if each is a text that needs no checking and stands there once."""
        try:
            pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
        except ValueError:
            return None
        given = dict(pairs)
        is_plain = len(given) == len(pairs) and given.keys() <= self._taken
        fits = all(len(given.get(name, "")) <= longest for name, longest in _LONGEST.items())
        return given if is_plain and fits and _is_limit(given.get("limit")) else None

    async def _answer(self, request: Request) -> Response:
        ports: Ports = request.app.state.ports
        caller = await caller_of(request, ports)
        given: dict[str, Any] = dict(request.scope[_PLAN])
        page = {"sort": given.pop("sort", None), "after": given.pop("after", None)}
        limit = int(given.pop("limit", DEFAULT_LIMIT))
        filters = {name: many(text) for name, text in given.items()}
        return await answer_list(ports, caller, self._listing, filters=filters, limit=limit, **page)


def _is_limit(text: str | None) -> bool:
    return text is None or (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MAX_LIMIT)
