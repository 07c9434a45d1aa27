"""How errors reach a caller: one table from the domain's kinds to statuses, RFC 9457 bodies, stable codes."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.domain.errors import DomainError, Kind, Problem, every_error

STATUS: Mapping[Kind, int] = {
    Kind.NOT_FOUND: 404,
    Kind.INVALID: 422,
    Kind.CONFLICT: 409,
    Kind.STALE: 412,
    Kind.FORBIDDEN: 403,
    Kind.UNAUTHENTICATED: 401,
    Kind.UNAVAILABLE: 503,
    Kind.EXHAUSTED: 429,
}

HTTP_CODES: Mapping[int, tuple[str, str]] = {
    400: ("unreadable", "The request cannot be read."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method."),
    413: ("body_too_large", "The body is larger than this address accepts."),
    415: ("unsupported_media_type", "The body must be JSON."),
    422: ("invalid_request", "The request does not fit the contract."),
    428: ("if_match_required", "Send If-Match with the ETag you read, so that nobody's change is lost."),
    429: ("too_many_requests", "Too many requests; wait as Retry-After says."),
    500: ("internal_error", "Something failed here. It is logged under the request id."),
}
"""Errors that the protocol has and the domain does not."""

_log = structlog.get_logger(__name__)


class ApiError(Exception):
    """A refusal of the protocol, not of a rule: its status is in HTTP_CODES."""

    def __init__(self, status: int, message: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.code, standard = HTTP_CODES[status]
        self.message = message or standard
        self.headers = headers or {}
        super().__init__(self.message)


def every_code() -> Mapping[str, tuple[int, str]]:
    """code → (status, meaning), for the documentation and its test: a code is never renamed."""
    table = {code: (status, meaning) for status, (code, meaning) in HTTP_CODES.items()}
    for error in every_error():
        table[error.code] = (STATUS[error.kind], (error.__doc__ or "").strip().splitlines()[0])
    return dict(sorted(table.items()))


def problem(
    status: int,
    code: str,
    message: str,
    *,
    request_id: str | None,
    problems: Sequence[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """An RFC 9457 body with our `code`, and `errors` with JSON pointers where several things are wrong."""
    body: dict[str, Any] = {
        "type": f"urn:norepeat:error:{code}",
        "title": message,
        "status": status,
        "code": code,
        "request_id": request_id,
    }
    if problems:
        body["errors"] = [{"code": p.code, "message": p.message, "pointer": p.pointer} for p in problems]
    extra = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return JSONResponse(body, status, {**extra, **(headers or {})}, media_type="application/problem+json")


def install_error_handlers(app: FastAPI) -> None:
    """Every error of this application ends in one of these."""
    app.add_exception_handler(DomainError, _on_domain_error)
    app.add_exception_handler(ApiError, _on_api_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_unexpected)


def _request_id(request: Request) -> str | None:
    return request.scope.get("request_id")


async def _on_domain_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DomainError)
    status = STATUS[error.kind]
    again = {} if error.wait_seconds is None else {"Retry-After": str(error.wait_seconds)}
    return problem(
        status, error.code, error.message, request_id=_request_id(request), problems=error.problems, headers=again
    )


async def _on_api_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return problem(error.status, error.code, error.message, request_id=_request_id(request), headers=error.headers)


async def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(e["type"] == "json_invalid" for e in found):
        return problem(400, *HTTP_CODES[400], request_id=_request_id(request))
    problems = [Problem(str(e["type"]), str(e["msg"]), pointer_to(e["loc"])) for e in found]
    return problem(422, *HTTP_CODES[422], request_id=_request_id(request), problems=problems)


def pointer_to(location: Sequence[object]) -> str:
    """`("body", "title")` → `/title`; a query parameter or header keeps where it stands in front."""
    where, *rest = [str(part).replace("~", "~0").replace("/", "~1") for part in location] or [""]
    return "/" + "/".join(rest if where == "body" else [where, *rest])


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code, message = HTTP_CODES.get(error.status_code, ("http_error", str(error.detail)))
    headers = dict(error.headers or {})
    if error.status_code == 405 and (methods := _methods_at(request)):
        headers = {"Allow": ", ".join(sorted(methods))}
    return problem(error.status_code, code, message, request_id=_request_id(request), headers=headers)


def _methods_at(request: Request) -> set[str]:
    """Every method of this address by the contract; the framework names those of the first route that fits only."""
    paths: Mapping[str, Mapping[str, Any]] = request.app.openapi()["paths"]
    fitting = [path for path in paths if _pattern(path).fullmatch(request.url.path)]
    closest = max(fitting, key=lambda path: len(re.sub(r"\{[^/{}]+\}", "", path)), default=None)
    return {method.upper() for method in paths[closest]} if closest else set()


@lru_cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{[^/{}]+\}", "[^/]+", re.escape(path).replace(r"\{", "{").replace(r"\}", "}")))


async def _on_unexpected(request: Request, error: Exception) -> JSONResponse:
    """Masked: what failed is in the log under the request id, never in the answer."""
    request_id = _request_id(request)
    _log.error("unexpected_error", request_id=request_id, path=request.url.path, exc_info=error)
    return problem(500, *HTTP_CODES[500], request_id=request_id)
