"""GitHub's own OpenAPI file as a judge of requests, with the examples that answers are made from."""

import functools
from typing import Any

import httpx2

from tests.contract.openapi_contract import BrokenContract, OpenApiContract, contract_file

__all__ = ["BASE_URL", "BrokenContract", "GitHubContract", "contract_file"]
BASE_URL = "https://api.github.com"
HEADERS = ("authorization", "user-agent", "x-github-api-version")


class GitHubContract:
    """Refuses a request that GitHub's contract would not accept."""

    def __init__(self, contract: OpenApiContract) -> None:
        self._contract = contract
        entries = contract.document["components"]["examples"].items()
        self.examples: dict[str, Any] = {name: entry["value"] for name, entry in entries}

    @classmethod
    @functools.cache
    def load(cls) -> "GitHubContract":
        return cls(OpenApiContract.load("github-rest.openapi.json", BASE_URL, headers=HEADERS))

    def check(self, request: httpx2.Request) -> None:
        """Raise BrokenContract naming what is wrong."""
        self._contract.check(request)
