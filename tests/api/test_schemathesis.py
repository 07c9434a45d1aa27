"""The API fuzzed by its own contract: no server error, no answer that the contract does not document."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import uvicorn

from app.main import create_app
from app.settings import Settings
from tests.conftest import ADMIN_KEY

EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "5")
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
pytestmark = [pytest.mark.schemathesis]


@pytest.fixture
async def address(settings: Settings, client: httpx2.AsyncClient) -> AsyncIterator[str]:  # `client` makes the admin key
    """The application behind a real server on a thread of its own."""
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings), port=0, log_level="error", timeout_graceful_shutdown=5)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)


@pytest.mark.parametrize("seed", [1, 2])
def test_rest_answers_as_its_contract_says(address: str, seed: int, tmp_path: Path) -> None:
    # Left out: a key that revokes itself would see nothing but 401; a reference to nothing fits the schema and is
    # refused all the same; `/postmortems/{id}.md` also fits `/postmortems/{id}`, whose other methods answer there;
    # the feed of events, which waits up to half a minute for the next one when it is asked to.
    command = [
        str(SCHEMATHESIS), "run", f"{address}/openapi.json", "-H", f"Authorization: Bearer {ADMIN_KEY}",
        "--exclude-operation-id", "revoke_api_key", "--exclude-operation-id", "rotate_api_key",
        "--exclude-operation-id", "list_events",
        "--exclude-checks", "positive_data_acceptance,unsupported_method",
        "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", EXAMPLES, "--seed", str(seed),
        "--generation-database", "none", "--checks", "all", "--continue-on-failure",
        "--suppress-health-check", "all", "--warnings", "off",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
