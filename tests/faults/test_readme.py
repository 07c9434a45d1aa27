"""The README's loop, pasted as it stands into a shell beside a service that was just started."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[2]
KEY = "nr_readme_0123456789abcdefghijABCDEFGHIJ0123456789"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NOREPEAT_") and k != "DATABASE_URL"}
    environment |= {"PORT": str(port), "NOREPEAT_DATA_DIR": str(tmp_path / "data"), "NOREPEAT_ADMIN_KEY": KEY}
    with (tmp_path / "log").open("wb") as log:
        service = subprocess.Popen([sys.executable, "-m", "app.run"], cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}", service, tmp_path / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        service.send_signal(signal.SIGTERM)
        assert service.wait(20) == 0


def _wait_until_ready(address: str, service: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and service.poll() is None:
        try:
            with urlopen(f"{address}/health/ready", timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.05)
    pytest.fail(f"the service did not start: {log.read_text()}")


def test_the_loop_of_the_readme_works_when_pasted(address: str) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (loop,) = (block for block in blocks if "call()" in block)
    environment = {**os.environ, "URL": address, "KEY": KEY}
    done = subprocess.run(
        ["sh", "-eu"], input=loop, env=environment, cwd="/", capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    assert set(re.findall(r'"code":"(\w+)"', done.stdout)) >= {"postmortem_not_ready", "not_evidence", "forbidden"}
    assert "\nimplemented\n" in done.stdout
    assert "\nclosed\n" in done.stdout
    assert "1. **Set a timeout to the bank** (checkout, emil@example.org)" in done.stdout
    assert "recurred 1 time in 12 months" in done.stdout
