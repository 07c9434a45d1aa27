"""The whole loop through HTTP only: incident → postmortem → action item → ticket → evidence → closed → reopened."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from app.domain.ports import Ports
from app.main import create_app
from app.settings import Settings
from app.wiring import Opened, open_ports
from app.worker import work
from tests.conftest import ADMIN_KEY
from tests.contract.github_simulator import GitHubSimulator

NOW = datetime.now(UTC)
SECRET = "whsec-one"


class Person:
    """Somebody with a key; the expected status of each call is an argument, so a test reads like a specification."""

    def __init__(self, http: httpx2.AsyncClient, key: str) -> None:
        self.http = http
        self.headers = {"Authorization": f"Bearer {key}"}

    async def call(self, method: str, path: str, body: Any = None, *, expect: int, etag: str | None = None) -> Any:
        headers = self.headers | ({"If-Match": etag} if etag else {})
        response = await self.http.request(method, path, json=body, headers=headers)
        assert response.status_code == expect, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    async def get(self, path: str) -> Any:
        return await self.call("GET", path, expect=200)

    async def post(self, path: str, body: Any = None, *, expect: int = 200) -> Any:
        return await self.call("POST", path, body, expect=expect)

    async def patch(self, path: str, body: Any, *, expect: int = 200) -> Any:
        version = (await self.get(path))["version"]
        return await self.call("PATCH", path, body, expect=expect, etag=f'"{version}"')


@pytest.fixture
async def github(request: pytest.FixtureRequest) -> GitHubSimulator:
    return GitHubSimulator("acme/checkout")


@pytest.fixture
async def running(
    settings: Settings, ports: Ports, github: GitHubSimulator
) -> AsyncIterator[tuple[httpx2.AsyncClient, Opened]]:
    """API and worker over a GitHub that validates every request against the official contract."""
    with_github = settings.model_copy(update={"github_token": "t0ken", "github_url": github.base_url})
    transport = httpx2.MockTransport(github.handle)
    async with open_ports(Settings(**with_github.model_dump()), transport=transport) as opened:
        app = create_app(with_github)
        app.state.ports = opened.ports
        stop = asyncio.Event()
        worker = asyncio.create_task(work(opened, stop))
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app), base_url="http://norepeat.test"
        ) as http:
            yield http, opened
        stop.set()
        with suppress(asyncio.CancelledError):
            await worker
