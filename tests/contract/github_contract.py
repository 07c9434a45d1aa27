"""GitHub's own OpenAPI file as a judge of requests, stricter than published: unknown names are refused."""

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
BASE_URL = "https://api.github.com"


def contract_file(name: str) -> Path:
    """A file of the official contracts; the test is skipped where the folder is absent."""
    path = CONTRACTS / name
    if not path.exists():
        pytest.skip(f"The official contracts are not at {CONTRACTS}; {name} is needed here.")
    return path


class BrokenContract(AssertionError):
    """Our adapter sent something that GitHub's contract does not know."""


class GitHubContract:
    """Refuses a request that GitHub's contract would not accept."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.examples = {name: entry["value"] for name, entry in document["components"]["examples"].items()}
        self._openapi = OpenAPI.from_dict({**strict(document), "servers": [{"url": BASE_URL}]})
        self._document = document

    @classmethod
    @functools.cache
    def load(cls) -> "GitHubContract":
        return cls(json.loads(contract_file("github-rest.openapi.json").read_text()))

    def check(self, request: httpx2.Request) -> None:
        """Raise BrokenContract naming what is wrong."""
        for name in ("authorization", "user-agent", "x-github-api-version"):
            if not request.headers.get(name):
                raise BrokenContract(f"{request.method} {request.url}: GitHub refuses requests without {name}.")
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
    closed = {name: _closed(part, document) for name, part in schema.items() if name != "example"}
    if "properties" in closed:
        closed.setdefault("additionalProperties", False)
    return closed
