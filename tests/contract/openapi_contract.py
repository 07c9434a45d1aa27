"""A provider's own OpenAPI file as a judge of requests, stricter than published: unknown names are refused."""

import copy
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers, ImmutableMultiDict

CONTRACTS = Path(__file__).parents[3] / "shared" / "contracts"


def contract_file(name: str) -> Path:
    """A file of the official contracts; the test is skipped where the folder is absent."""
    path = CONTRACTS / name
    if not path.exists():
        pytest.skip(f"The official contracts are not at {CONTRACTS}; {name} is needed here.")
    return path


class BrokenContract(AssertionError):
    """Our adapter sent something that the provider's contract does not know."""


class OpenApiContract:
    """Refuses a request that the contract would not accept, or that lacks a header the provider insists on."""

    def __init__(self, document: dict[str, Any], base_url: str, *, headers: tuple[str, ...]) -> None:
        self._openapi = OpenAPI.from_dict({**strict(document), "servers": [{"url": base_url}]})
        self._headers = headers
        self.document = document

    @classmethod
    @functools.cache
    def load(cls, name: str, base_url: str, *, headers: tuple[str, ...]) -> "OpenApiContract":
        """A file of the official contracts, read once."""
        return cls(json.loads(contract_file(name).read_text()), base_url, headers=headers)

    def check(self, request: httpx2.Request) -> None:
        """Raise BrokenContract naming what is wrong."""
        for name in self._headers:
            if not request.headers.get(name):
                raise BrokenContract(f"{request.method} {request.url}: requests without {name} are refused.")
        try:
            result = self._openapi.unmarshal_request(CheckedRequest(request))
            result.raise_for_errors()
        except OpenAPIError as error:
            raise BrokenContract(f"{request.method} {request.url}: {error!r} {error.__cause__!r}") from error
        unknown = set(request.url.params) - set(result.parameters.query)
        if unknown:
            raise BrokenContract(f"{request.method} {request.url}: unknown query parameters {sorted(unknown)}.")


class CheckedRequest:
    """An httpx2 request in openapi-core's six words."""

    def __init__(self, request: httpx2.Request) -> None:
        self._request = request
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(request.url.params.multi_items()),
            header=Headers(list(request.headers.items())),
            cookie=ImmutableMultiDict(),
        )

    @property
    def host_url(self) -> str:
        return f"{self._request.url.scheme}://{self._request.url.host}"

    @property
    def path(self) -> str:
        return self._request.url.path

    @property
    def method(self) -> str:
        return self._request.method.lower()

    @property
    def body(self) -> bytes | None:
        return self._request.content or None

    @property
    def content_type(self) -> str:
        return self._request.headers.get("content-type", "")


def strict(document: dict[str, Any]) -> dict[str, Any]:
    """The same contract, with every object of a request closed to names it does not list: it finds our typos."""
    stricter = copy.deepcopy(document)
    for operations in stricter["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict):
                operation.pop("security", None)  # The headers are checked apart.
            if isinstance(operation, dict) and "requestBody" in operation:
                for media in operation["requestBody"].get("content", {}).values():
                    media["schema"] = _closed(media["schema"], document)
    return stricter


def _closed(schema: Any, document: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_closed(part, document) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return _closed(target, document)
    closed = {name: _closed(part, document) for name, part in schema.items() if name not in ("example", "properties")}
    if "properties" in schema:
        # One by one: a property may be called `properties` itself.
        closed["properties"] = {name: _closed(part, document) for name, part in schema["properties"].items()}
        if closed.get("additionalProperties", True) is True:
            closed["additionalProperties"] = False
    return closed
