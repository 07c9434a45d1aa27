"""The servers that are compared, each a process of its own, and the processor time that they use."""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import orjson

from bench.asking import request

ROOT = Path(__file__).parents[1]
PEER = Path(__file__).with_name("postgraphile")
NODE = PEER / "node_modules" / "node" / "bin" / "node"
_PATIENCE = 60.0
_SERVE = """
import sys, uvicorn
from bench.{module} import app
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False, server_header=False)
"""
_MODULES = {"limit": "graphql_limit", "textbook": "graphql_textbook", "bare": "graphql_bare"}
_ANY = str(10**9)


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that answers."""

    port: int
    pid: int

    def ask(self, text: str) -> tuple[int, bytes]:
        """Status and body of one answer."""
        head, _, body = request(text).partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        method, path, _ = first.split()
        connection.request(method, path, body or None, dict(line.split(": ", 1) for line in lines))
        answer = connection.getresponse()
        return answer.status, answer.read()

    def json(self, text: str) -> object:
        status, body = self.ask(text)
        assert status == 200, body[:2000]
        return orjson.loads(body)


def lacking() -> list[str]:
    """What this machine has not got, and what is not measured therefore."""
    missing = []
    if shutil.which("npm") is None and not NODE.exists():
        missing.append("npm is not installed: nothing is compared with PostGraphile")
    if shutil.which("wrk") is None:
        missing.append("wrk is not installed: a generator in Python asks, which takes processor time from the servers")
    return missing


def installed_peer() -> bool:
    """PostGraphile and the Node it needs, from the lock; false without npm."""
    if not NODE.exists() and shutil.which("npm"):
        line = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(line, cwd=PEER, check=True, stdout=subprocess.DEVNULL)
    return NODE.exists()


@contextmanager
def serving(name: str, dsn: str) -> Iterator[Serving]:
    """A server with one worker process, ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    server = subprocess.Popen(_line(name, port), cwd=ROOT, env=_environment(dsn, port), stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + _PATIENCE
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert server.poll() is None, f"{name} did not start"
            assert time.monotonic() < until, f"{name} takes too long to start"
            time.sleep(0.1)
        yield Serving(port, server.pid)
    finally:
        server.terminate()
        server.wait()


def _line(name: str, port: int) -> list[str]:
    if name == "postgraphile":
        return [str(NODE), str(PEER / "serve.mjs"), str(port)]
    if name in _MODULES:
        return [sys.executable, "-c", _SERVE.format(module=_MODULES[name]), str(port)]
    return [sys.executable, "-m", "app.cli", "serve"]


def _environment(dsn: str, port: int) -> dict[str, str]:
    where = parse_qs(urlsplit(dsn).query)
    return {
        **os.environ, "DATABASE_URL": dsn, "PYTHONPATH": str(ROOT), "NODE_ENV": "production",
        "NOREPEAT_PORT": str(port), "PORT": str(port),
        # Counted as always, but one machine asks more than any portal may.
        "NOREPEAT_RATE_LIMIT_ADDRESS": _ANY, "NOREPEAT_RATE_LIMIT_CREDENTIAL": _ANY,
        "PGHOST": where["host"][0], "PGUSER": where["user"][0], "PGDATABASE": urlsplit(dsn).path.lstrip("/"),
    }  # fmt: skip


def cpu(pids: list[int]) -> float:
    """Seconds of processor time that these processes have used, with all their threads."""
    return sum(_nanoseconds(task) for pid in pids for task in Path(f"/proc/{pid}/task").glob("*")) / 1e9


def _nanoseconds(task: Path) -> int:
    try:
        return int((task / "schedstat").read_text().split()[0])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def backends(postmaster: int) -> list[int]:
    """The processes of a PostgreSQL server."""
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text()
    return [int(pid) for pid in children.split()]
