"""How errors look in a GraphQL answer: the same codes as in REST, in `extensions`; what is unexpected is masked."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSyntaxError
from pydantic import ValidationError
from strawberry.utils.str_converters import to_camel_case

from app.api.errors import HTTP_CODES, ApiError, pointer_to
from app.domain.errors import DomainError, Problem, Unavailable

_log = structlog.get_logger(__name__)
_SUGGESTION = re.compile(r" Did you mean [^?]*\?")


class DeadlineExceeded(Unavailable):
    """This takes too long; ask for less."""

    code = "timeout"


def present(errors: Iterable[GraphQLError], *, request_id: str | None, hide_suggestions: bool) -> list[dict[str, Any]]:
    """The errors of an answer."""
    return [_presented(error, request_id, hide_suggestions) for error in errors]


def _presented(error: GraphQLError, request_id: str | None, hide_suggestions: bool) -> dict[str, Any]:
    code, message, problems = _said(error, request_id)
    extensions: dict[str, Any] = {"code": code}
    if problems:
        extensions["problems"] = [{"code": p.code, "message": p.message, "pointer": p.pointer} for p in problems]
    if code == HTTP_CODES[500][0]:
        extensions["requestId"] = request_id
    where = {key: value for key, value in error.formatted.items() if key in ("locations", "path")}
    text = _SUGGESTION.sub("", message) if hide_suggestions else message
    return {"message": text, **where, "extensions": extensions}


def _said(error: GraphQLError, request_id: str | None) -> tuple[str, str, Sequence[Problem]]:
    """Code, message and problems."""
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    match cause:
        case None:
            return HTTP_CODES[400 if isinstance(error, GraphQLSyntaxError) else 422][0], error.message, ()
        case DomainError():
            return cause.code, cause.message, cause.problems
        case ApiError():
            return cause.code, cause.message, ()
        case ValidationError():
            return *HTTP_CODES[422], problems_of(cause)
        case _ if error.path is None and error.nodes:
            return HTTP_CODES[422][0], error.message, ()  # a scalar refused what it was given
    _log.error("graphql_error", request_id=request_id, path=error.path, exc_info=cause)
    return *HTTP_CODES[500], ()


def problems_of(error: ValidationError) -> list[Problem]:
    """What a body's rules say is wrong, with pointers into the input."""
    return [Problem(e["type"], e["msg"], pointer_to(("body", *map(_named, e["loc"])))) for e in error.errors()]


def _named(part: int | str) -> int | str:
    return to_camel_case(part) if isinstance(part, str) else part
