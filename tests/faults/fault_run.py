"""A fault run: deliveries to flaky trackers by real workers that are killed, over a PostgreSQL that is killed too.

python -m tests.faults.fault_run   the full size: 1,500 deliveries to GitHub and 300 to each of Jira and Linear, 12 and
3 kills, 100 lost jobs; then clocks ±1 h
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
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
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

LINKED = "select count(distinct (provider, external_id)) from tickets where sync_state = 'synced'"
FAKETIME = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib/faketime/libfaketime.so.1")


@dataclass(frozen=True)
class Size:
    """How much is delivered, and how much is broken meanwhile; `clocks` are the workers', as libfaketime says them.

    `deliveries` go to GitHub, and so many to each of Jira and Linear besides.
    """

    deliveries: int
    worker_kills: int
    postgres_kills: int
    lost_jobs: int
    over_seconds: float
    clocks: tuple[str, ...] = ("", "")
    jira: int = 0
    linear: int = 0

    @property
    def routes(self) -> list[Route]:
        """Where each of them goes, GitHub's first."""
        github = [Route(Provider.GITHUB, "acme/shop", labels=("postmortem",))] * self.deliveries
        return [*github, *[Route(Provider.JIRA, "SHOP")] * self.jira, *[Route(Provider.LINEAR, "ENG")] * self.linear]


CI = Size(300, 5, 2, 30, over_seconds=10, jira=60, linear=60)
FULL = Size(1500, 12, 3, 100, over_seconds=60, clocks=("", "", ""), jira=300, linear=300)
SKEWED = Size(400, 4, 1, 30, over_seconds=20, clocks=("+1h", "-1h", ""), jira=60, linear=60)


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

    def __init__(self, dsn: str, github: str, others: str, clocks: Sequence[str], log: Path) -> None:
        self._dsn, self._github, self._others, self._log = dsn, github, others, log
        self._running = [(clock, self._started(clock)) for clock in clocks]

    def _started(self, clock: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ, "DATABASE_URL": self._dsn, "NOREPEAT_GITHUB_TOKEN": "t0ken",
            "NOREPEAT_GITHUB_URL": self._github, "NOREPEAT_JIRA_URL": self._others, "NOREPEAT_JIRA_TOKEN": "t0ken",
            "NOREPEAT_JIRA_EMAIL": "bot@acme.test", "NOREPEAT_LINEAR_TOKEN": "lin_api_t",
            "NOREPEAT_LINEAR_URL": f"{self._others}/graphql", "PYTHONPATH": str(ROOT),
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
        self._routes = size.routes
        self._chance.shuffle(self._routes)
        self._lost_jobs = 0

    def __call__(self) -> Outcome:
        dsn = self._postgres.start()
        asyncio.run(migrate(dsn))
        with ExitStack() as stack:
            stack.callback(self._postgres.stop)
            seed = str(self._chance.randrange(1000))
            github = stack.enter_context(serving("tests.faults.flaky_github", seed))
            has_others = self._size.jira or self._size.linear
            others = stack.enter_context(serving("tests.faults.flaky_trackers", seed)) if has_others else ""
            workers = Workers(dsn, github, others or github, self._size.clocks, self._folder / "workers.log")
            stack.callback(workers.stop)
            last_fault = asyncio.run(self._break(dsn, workers))
            unsettled = asyncio.run(self._wait(dsn, workers, last_fault + PATIENCE))
            return asyncio.run(self._outcome(dsn, (github, others), unsettled, time.monotonic() - last_fault))

    async def _break(self, dsn: str, workers: Workers) -> float:
        """Add deliveries bit by bit and kill something now and again; when the last kill was."""
        last_kill = time.monotonic()
        size, count = self._size, len(self._routes)
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
        route = self._routes[len(self._markers)]
        if route.provider is Provider.GITHUB:
            route = replace(route, project=f"{route.project}-{self._chance.randrange(REPOSITORIES)}")
        ticket, delivery = new_ticket(item, route, datetime.now(UTC))
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

    async def _outcome(self, dsn: str, addresses: tuple[str, str], unsettled: int, after: float) -> Outcome:
        truths = [await asyncio.to_thread(_truth, address) for address in addresses if address]
        made = Counter(marker for truth in truths for marker in truth["markers"])
        faults = Counter[str]()
        for truth in truths:
            faults.update(truth["faults"])
        counts = [made.get(str(marker), 0) for marker in self._markers]
        connection = await asyncpg.connect(dsn)
        linked = await connection.fetchval(LINKED)
        await connection.close()
        assert self._lost_jobs >= self._size.lost_jobs, f"only {self._lost_jobs} jobs were lost"
        assert unsettled or linked == len(counts), f"{linked} tickets are linked"
        return Outcome(
            len(counts), counts.count(0), sum(n > 1 for n in counts), unsettled, after, dict(faults)
        )  # fmt: skip


@contextmanager
def serving(module: str, seed: str) -> Iterator[str]:
    """One of the flaky programs; its address."""
    process = subprocess.Popen([sys.executable, "-m", module, seed], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


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
