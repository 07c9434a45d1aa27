"""One API process and one worker under the load of a busy portal: the 99th percentile of a query, and memory.

python -m bench.soak_load [SECONDS]   ten minutes unless told
"""

import asyncio
import hashlib
import hmac
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from app.adapters.db.engine import open_engine
from app.adapters.db.migrate import migrate
from app.adapters.db.uow import open_unit_of_work
from app.adapters.postgres.server import EmbeddedPostgres
from app.domain.organisation.use_cases import bootstrap_admin
from tests import make
from tests.faults.soak import KEY, SECRET, answers, client, free_port

READERS, WRITERS, WEBHOOKS_A_SECOND = 50, 5, 100
THINKS = 0.5
"""Seconds between a reader's answers and its next question, give or take half of it."""
GOAL_MS, GOAL_GROWTH = 250.0, 0.05
QUERY = """query Portal { actionItems(first: 50, filter: {status: {in: [OPEN]}}) { nodes { id title status dueOn
  effectivePriority ticket { key url } } } }"""
PLAIN = "query Portal { actionItems(first: 50) { nodes { id title status } } }"


@dataclass(slots=True)
class Measured:
    """Seconds per kind of request, and answers that were no success."""

    times: dict[str, list[float]] = field(default_factory=lambda: {"query": [], "write": [], "webhook": []})
    failed: int = 0

    def p(self, kind: str, share: float) -> float:
        """Milliseconds."""
        ordered = sorted(self.times[kind])
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else float("nan")


class Load:
    """What the clients do."""

    def __init__(self, http: httpx2.AsyncClient, address: str) -> None:
        self._http, self._address = http, address
        self.measured = Measured()
        self._chance = random.Random(20261123)
        self.query = QUERY

    async def read(self) -> None:
        await self._timed("query", self._http.post(f"{self._address}/graphql", json={"query": self.query}))
        await asyncio.sleep(THINKS * self._chance.uniform(0.5, 1.5))

    async def write(self) -> None:
        body = {"title": "Load", "severity": "P3", "services": ["checkout"], "started_at": "2026-01-01T00:00:00Z"}
        await self._timed("write", self._http.post(f"{self._address}/v1/incidents", json=body))
        await asyncio.sleep(0.5)

    async def webhook(self) -> None:
        body = json.dumps({"action": "opened", "issue": {"title": "x" * 1200}}).encode()
        headers = {
            "X-GitHub-Delivery": f"{self._chance.getrandbits(64):x}", "X-GitHub-Event": "issues",
            "X-Hub-Signature-256": f"sha256={hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}",
        }  # fmt: skip
        await self._timed(
            "webhook", self._http.post(f"{self._address}/v1/inbound/github", content=body, headers=headers)
        )

    async def _timed(self, kind: str, asked: Awaitable[httpx2.Response]) -> None:
        began = time.perf_counter()
        try:
            answer = await asked
            ok = answer.status_code < 300 and b'"errors"' not in answer.content[:20]
        except httpx2.HTTPError:
            ok = False
        self.measured.times[kind].append(time.perf_counter() - began)
        self.measured.failed += not ok

    async def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        await asyncio.gather(
            *(self._until(end, self.read) for _ in range(READERS)),
            *(self._until(end, self.write) for _ in range(WRITERS)),
            self._steadily(end),
        )

    async def _until(self, end: float, act: Callable[[], Awaitable[None]]) -> None:
        while time.monotonic() < end:
            await act()

    async def _steadily(self, end: float) -> None:
        """So many a second whether or not the last was answered: senders do not wait for each other."""
        began, sent, tasks = time.monotonic(), 0, set[asyncio.Task[None]]()
        while time.monotonic() < end:
            while sent < (time.monotonic() - began) * WEBHOOKS_A_SECOND:
                task = asyncio.create_task(self.webhook())
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                sent += 1
            await asyncio.sleep(0.01)
        await asyncio.gather(*tasks)


def memory(process: "subprocess.Popen[bytes]") -> float:
    """Resident megabytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


async def measure(seconds: float, folder: Path) -> int:
    with EmbeddedPostgres(folder / "postgres") as server:
        await migrate(server.dsn)
        engine = open_engine(server.dsn, pool_size=2, command_timeout=30)
        uow = open_unit_of_work(engine)
        await bootstrap_admin(uow, _now, given_key=KEY)
        async with uow() as u:
            service = make.service()
            await u.services.add(service)
            for number in range(200):
                await u.action_items.add(make.action_item(owner_id=None, service_id=service.id, title=f"Item {number}"))
            await u.commit()
        await engine.dispose()
        port = free_port()
        environment = {
            **os.environ, "DATABASE_URL": server.dsn, "PORT": str(port), "NOREPEAT_LOG_LEVEL": "error",
            "NOREPEAT_GITHUB_WEBHOOK_SECRETS": json.dumps([SECRET]),
        }  # fmt: skip
        code = "from app.cli import main; main()"
        processes = [
            subprocess.Popen([sys.executable, "-c", code, name], env=environment) for name in ("serve", "worker")
        ]
        try:
            return await _measured(seconds, processes, port)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(15)


def _now() -> datetime:
    return datetime.now(UTC)


async def _measured(seconds: float, processes: list["subprocess.Popen[bytes]"], port: int) -> int:
    limits = httpx2.Limits(max_connections=150)
    async with client() as probe, httpx2.AsyncClient(timeout=30, trust_env=False, limits=limits) as http:
        while not await answers(probe, port):
            await asyncio.sleep(0.1)
        http.headers["Authorization"] = f"Bearer {KEY}"
        load = Load(http, f"http://127.0.0.1:{port}")
        tried = (await http.post(f"http://127.0.0.1:{port}/graphql", json={"query": QUERY})).json()
        load.query = PLAIN if "errors" in tried else QUERY
        warm = min(60.0, seconds / 4)
        await load.run(warm)
        load.measured = Measured()
        before = [memory(process) for process in processes]
        await load.run(seconds - warm)
        after = [memory(process) for process in processes]
    growth = [late / early - 1 for early, late in zip(before, after, strict=True)]
    one = load.measured
    for kind in one.times:
        print(f"{kind:8} n={len(one.times[kind]):6} p50={one.p(kind, 0.5):7.1f} ms p99={one.p(kind, 0.99):7.1f} ms")
    for name, early, late, grown in zip(("api", "worker"), before, after, growth, strict=True):
        print(f"{name:8} memory {early:.0f} MB -> {late:.0f} MB ({grown:+.1%} in {seconds - warm:.0f} s)")
    p99, busy = one.p("query", 0.99), os.getloadavg()[0]
    print(
        f"load: failed={one.failed} query_p99={p99:.0f} ms (goal {GOAL_MS:.0f}), the machine's load average {busy:.1f}"
    )
    return int(bool(one.failed or one.p("query", 0.99) > GOAL_MS or max(growth) > GOAL_GROWTH))


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    folder = Path(tempfile.mkdtemp(prefix="norepeat-load-"))
    try:
        return asyncio.run(measure(seconds, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
