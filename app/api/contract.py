"""The OpenAPI document: FastAPI's, with our errors on every operation instead of its own."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.middleware import INBOUND_PREFIX

_PROBLEM = {
    "title": "Problem",
    "description": "An error as of RFC 9457; `code` is stable and listed in the description of this document.",
    "type": "object",
    "required": ["type", "title", "status", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:norepeat:error:not_found"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "examples": ["not_found"]},
        "request_id": {"type": ["string", "null"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "message", "pointer"],
                "properties": {
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                    "pointer": {"type": ["string", "null"], "description": "A JSON pointer into the body."},
                },
            },
        },
    },
}
_ANSWER = {
    "description": "Refused; `code` says why.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_ONCE = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "For a day the same key and body get the first answer again, with `Idempotency-Replayed: true`."
    " With another body: 422; while the first is being answered: 409 with Retry-After.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]{1,255}$"},
}
_FASTAPIS = ("HTTPValidationError", "ValidationError")


def install_contract(app: FastAPI) -> None:
    """`app.openapi()` gives the document, made once."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = document["components"]["schemas"]
    for name in _FASTAPIS:
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _with_our_errors(operation["responses"])
            if method == "post" and path.startswith("/v1/") and not path.startswith(INBOUND_PREFIX):
                operation.setdefault("parameters", []).append(_ONCE)
    return document


def _with_our_errors(responses: dict[str, Any]) -> None:
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    responses["4XX"] = _ANSWER
    responses.setdefault("503", _ANSWER)
