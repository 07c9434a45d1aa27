"""A fault run: deliveries to a flaky tracker by real workers that are killed, over a PostgreSQL that is killed too.

python -m tests.faults.fault_run   the full size: 1,500 deliveries, 12 and 3 kills, 100 lost jobs; then clocks ±1 h
"""

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from app.adapters.db.engine import open_engine
from app.adapters.db.migrate import migrate
from app.adapters.db.uow import open_unit_of_work
from app.adapters.postgres.server import EmbeddedPostgres
from app.domain.organisation.model import Provider, Route
from app.domain.ports import OpenUnitOfWork
from app.domain.tracking.routing import new_ticket
from tests import make

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
REPOSITORIES = 10
QUICK = {"SETTLE": "1.5", "LEASE": "3", "BACKOFF": "0.5"}
WORKER = """
import asyncio
from app.settings import Settings
from app.worker import run_worker
asyncio.run(run_worker(Settings()))
"""
"""What `norepeat worker` runs, without importing the API."""

LINKED = "select count(distinct external_id) from tickets where sync_state = 'synced'"
FAKETIME = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib/faketime/libfaketime.so.1")


@dataclass(frozen=True)
class Size:
    """How much is delivered, and how much is broken meanwhile; `clocks` are the workers', as libfaketime says them."""

    deliveries: int
    worker_kills: int
    postgres_kills: int
    lost_jobs: int
    over_seconds: float
    clocks: tuple[str, ...] = ("", "")


CI = Size(300, 5, 2, 30, over_seconds=10)
FULL = Size(1500, 12, 3, 100, over_seconds=60, clocks=("", "", ""))
SKEWED = Size(400, 4, 1, 30, over_seconds=20, clocks=("+1h", "-1h", ""))


@dataclass(frozen=True)
class Outcome:
    """What came of it. `settled_after` is counted from the last kill."""

    deliveries: int
    lost: int
    doubled: int
    unsettled: int
    settled_after: float
    faults: dict[str, int]

    def __str__(self) -> str:
        return (
            f"faults: deliveries={self.deliveries} lost={self.lost} doubled={self.doubled} unsettled={self.unsettled}"
        )


def faketime() -> str | None:
    """The library that gives a process another clock, where it is installed."""
    return next((str(path) for pattern in FAKETIME for path in Path("/").glob(pattern[1:])), None)


class Workers:
    """Real worker processes; one that is killed is followed by another with the same clock."""

    def __init__(self, dsn: str, github: str, clocks: Sequence[str], log: Path) -> None:
        self._dsn, self._github, self._log = dsn, github, log
        self._running = [(clock, self._started(clock)) for clock in clocks]

    def _started(self, clock: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ, "DATABASE_URL": self._dsn, "NOREPEAT_GITHUB_TOKEN": "t0ken",
            "NOREPEAT_GITHUB_URL": self._github, "PYTHONPATH": str(ROOT),
            **{f"NOREPEAT_DELIVERY_{name}_SECONDS": value for name, value in QUICK.items()},
        }  # fmt: skip
        library = faketime()
        if clock and library:
            environment |= {"LD_PRELOAD": library, "FAKETIME": clock, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", WORKER], cwd=self._log.parent, env=environment, stdout=log, stderr=log
            )

    def kill(self, number: int) -> None:
        """SIGKILL one, in turn, and start its successor."""
        at = number % len(self._running)
        clock, process = self._running[at]
        process.kill()
        process.wait()
        self._running[at] = (clock, self._started(clock))

    def supervise(self) -> None:
        """Start again what ended by itself: a worker needs the database to start, though not to stay."""
        for at, (clock, process) in enumerate(self._running):
            if process.poll() is not None:
                self._running[at] = (clock, self._started(clock))

    def stop(self) -> None:
        for _, process in self._running:
            process.send_signal(signal.SIGTERM)
        for _, process in self._running:
            try:
                process.wait(12)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Run:
    """One run in a folder of its own."""

    def __init__(self, size: Size, folder: Path, seed: int) -> None:
        self._size, self._folder, self._chance = size, folder, random.Random(seed)
        self._postgres = EmbeddedPostgres(folder / "postgres")
        self._markers: list[UUID] = []
        self._lost_jobs = 0

    def __call__(self) -> Outcome:
        dsn = self._postgres.start()
        asyncio.run(migrate(dsn))
        command = [sys.executable, "-m", "tests.faults.flaky_github", str(self._chance.randrange(1000))]
        github = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert github.stdout is not None
        address = github.stdout.readline().strip()
        workers = Workers(dsn, address, self._size.clocks, self._folder / "workers.log")
        try:
            last_fault = asyncio.run(self._break(dsn, workers))
            unsettled = asyncio.run(self._wait(dsn, workers, last_fault + PATIENCE))
            return asyncio.run(self._outcome(dsn, address, unsettled, time.monotonic() - last_fault))
        finally:
            workers.stop()
            github.kill()
            github.wait()
            github.stdout.close()
            self._postgres.stop()

    async def _break(self, dsn: str, workers: Workers) -> float:
        """Add deliveries bit by bit and kill something now and again; when the last kill was."""
        last_kill = time.monotonic()
        size, count = self._size, self._size.deliveries
        steps = 60
        kills = {round((n + 1) * steps / (size.worker_kills + 1)): n for n in range(size.worker_kills)}
        crashes = {round((n + 0.7) * steps / size.postgres_kills) for n in range(size.postgres_kills)}
        at = time.monotonic()
        for number in range(steps):
            while len(self._markers) < count * (number + 1) // steps:
                await self._add(dsn, min(25, count * (number + 1) // steps - len(self._markers)))
            if number in kills:
                workers.kill(kills[number])
            if number in crashes:
                os.kill(self._postgres.pid or 0, signal.SIGKILL)
                await asyncio.sleep(0.5)
                self._postgres.start()
            if number in kills or number in crashes:
                last_kill = time.monotonic()
            workers.supervise()
            await asyncio.sleep(max(0.0, at + size.over_seconds * (number + 1) / steps - time.monotonic()))
        return last_kill

    async def _add(self, dsn: str, count: int) -> None:
        """Items with their tickets, as accepting them leaves them; some of the jobs are lost at once."""
        engine = open_engine(dsn, pool_size=1, command_timeout=10)
        try:
            for _ in range(count):
                self._markers.append(await self._one(open_unit_of_work(engine)))
        finally:
            await engine.dispose()
        connection = await asyncpg.connect(dsn)
        losing = "delete from pgqueuer where ctid in (select ctid from pgqueuer limit $1)"
        share = self._size.lost_jobs - self._lost_jobs
        self._lost_jobs += int((await connection.execute(losing, share)).split()[1])
        await connection.close()

    async def _one(self, uow: OpenUnitOfWork) -> UUID:
        item = make.action_item(owner_id=None, title=f"Item {len(self._markers)}")
        project = f"acme/shop-{self._chance.randrange(REPOSITORIES)}"
        ticket, delivery = new_ticket(item, Route(Provider.GITHUB, project, labels=("postmortem",)), datetime.now(UTC))
        async with uow() as u:
            await u.action_items.add(item)
            await u.tickets.add(ticket)
            await u.deliveries.add(delivery)
            await u.commit()
        return delivery.marker

    async def _wait(self, dsn: str, workers: Workers, until: float) -> int:
        connection = await asyncpg.connect(dsn)
        try:
            while True:
                left: int = await connection.fetchval("select count(*) from deliveries where state <> 'sent'")
                if not left or time.monotonic() > until:
                    return left
                workers.supervise()
                await asyncio.sleep(0.1)
        finally:
            await connection.close()

    async def _outcome(self, dsn: str, address: str, unsettled: int, after: float) -> Outcome:
        truth = await asyncio.to_thread(_truth, address)
        bodies = [issue["body"] for issue in truth["issues"]]
        made = Counter(body[body.index("norepeat:") + 9 :][:36] for body in bodies)
        counts = [made.get(str(marker), 0) for marker in self._markers]
        connection = await asyncpg.connect(dsn)
        linked = await connection.fetchval(LINKED)
        await connection.close()
        assert self._lost_jobs >= self._size.lost_jobs, f"only {self._lost_jobs} jobs were lost"
        assert unsettled or linked == len(counts), f"{linked} tickets are linked"
        return Outcome(
            len(counts), counts.count(0), sum(n > 1 for n in counts), unsettled, after, truth["faults"]
        )  # fmt: skip


def _truth(address: str) -> Any:
    with urllib.request.urlopen(f"{address}/truth") as answer:
        return json.load(answer)


def fault_run(size: Size, folder: Path, *, seed: int = 20261123) -> Outcome:
    """Run it. PostgreSQL ends with the thread that started it, so call this from one that stays."""
    return Run(size, folder, seed)()


def main() -> int:
    sizes = [FULL]
    if faketime():
        sizes.append(SKEWED)
    else:
        print("faults: worker clocks of ±1 h are left out: libfaketime is not installed (apt install faketime)")
    outcomes = []
    for size in sizes:
        folder = Path(tempfile.mkdtemp(prefix="norepeat-faults-"))
        try:
            outcome = fault_run(size, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        clocks = ", ".join(clock or "true" for clock in size.clocks)
        broken = f"{size.worker_kills} worker and {size.postgres_kills} PostgreSQL kills, {size.lost_jobs} lost jobs"
        print(f"{broken}, clocks {clocks}; {outcome.faults}; settled {outcome.settled_after:.1f} s after the last kill")
        outcomes.append(outcome)
    total = [sum(getattr(o, name) for o in outcomes) for name in ("deliveries", "lost", "doubled", "unsettled")]
    print("faults: deliveries={} lost={} doubled={} unsettled={}".format(*total))
    return int(any(total[1:]))


if __name__ == "__main__":
    sys.exit(main())
