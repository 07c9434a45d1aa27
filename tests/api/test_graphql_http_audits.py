"""The audits of the GraphQL-over-HTTP specification (npm `graphql-http`) against the service on a socket."""

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI

from tests.conftest import ADMIN_KEY

AUDITS = Path(__file__).parents[2] / "bench" / "postgraphile"

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (AUDITS / "node_modules" / "graphql-http").exists(),
    reason="The audits are not installed: install npm and run `make peer`",
)


@pytest.fixture
async def address(application: FastAPI, client: httpx2.AsyncClient) -> AsyncIterator[str]:
    """The application that `client` calls, on a port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(application, lifespan="off", log_config=None))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/graphql"
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await serving


async def test_every_must_and_should_of_graphql_over_http_is_met(address: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "node", "audit.mjs", address, ADMIN_KEY, cwd=AUDITS, stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    out, _ = await process.communicate()
    audits = [json.loads(line) for line in out.splitlines()]
    asked = [audit for audit in audits if audit["name"].startswith(("MUST", "SHOULD"))]
    assert len(asked) > 30
    assert [f"{audit['id']} {audit['name']}: {audit['reason']}" for audit in asked if audit["status"] != "ok"] == []
