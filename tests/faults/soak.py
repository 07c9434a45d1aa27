"""A soak: two API processes and two workers on one PostgreSQL, written to all the while, and everything is broken.

python -m tests.faults.soak [SECONDS]   three minutes unless told; ends with 1 if anything was lost or doubled, or if
recovering took longer than ten seconds
"""

import asyncio
import hashlib
import hmac
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx2

from app.adapters.db.engine import open_engine
from app.adapters.db.migrate import migrate
from app.adapters.db.uow import open_unit_of_work
from app.adapters.postgres.server import EmbeddedPostgres
from app.domain.organisation.model import Provider, Route
from app.domain.organisation.use_cases import bootstrap_admin
from app.domain.tracking.routing import new_ticket
from tests import make
from tests.faults.fault_run import QUICK, ROOT, faketime, serving
from tests.worker.proxy import proxy_for

KEY = "nr_soak_0123456789abcdefghijABCDEFGHIJ0123456789"
SECRET = "whsec-of-the-soak"
PATIENCE = 60.0
RECOVERY_GOAL = 10.0
NO_ANSWER = (httpx2.HTTPError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)


@dataclass(slots=True)
class Written:
    """What was acknowledged, and what was only tried: that may be there or not, but never twice."""

    incidents: set[str] = field(default_factory=set)
    webhooks: set[str] = field(default_factory=set)
    markers: set[str] = field(default_factory=set)
    tried: int = 0
    unanswered: int = 0
    refusals: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Times are told, not judged, where this runs among other tests."""

    acknowledged: int
    lost: int
    doubled: int
    unsettled: int
    faults: dict[str, int]
    recovered_after: float
    settled_after: float
    unanswered: int
    refusals: tuple[str, ...]

    def __str__(self) -> str:
        return f"soak: lost={self.lost} doubled={self.doubled} unsettled={self.unsettled}"


class Processes:
    """API and workers as an operator runs them; who ends is followed by another with the same clock."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment, self._log = environment, log
        self.ports = (free_port(), free_port())
        skewed = ("+1h", "-1h") if faketime() else ("", "")
        self._plans = [
            *[("serve", {"PORT": str(port)}, clock) for port, clock in zip(self.ports, ("", "+1h"), strict=True)],
            *[("worker", {}, clock) for clock in skewed],
        ]
        self._running = [self._start(number) for number in range(len(self._plans))]

    def _start(self, number: int) -> "subprocess.Popen[bytes]":
        command, extra, clock = self._plans[number]
        environment = {**os.environ, **self._environment, **extra}
        if clock and (library := faketime()):
            environment |= {"LD_PRELOAD": library, "FAKETIME": clock, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        code = "from app.cli import main; main()"
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", code, command], cwd=self._log.parent, env=environment, stdout=log, stderr=log
            )

    def kill(self, number: int) -> None:
        self._running[number].kill()
        self.supervise()

    def supervise(self) -> None:
        for number, process in enumerate(self._running):
            if process.poll() is not None or process.returncode is not None:
                self._running[number] = self._start(number)

    def stop(self) -> None:
        for process in self._running:
            process.send_signal(signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(12)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Soak:
    """One run in a folder of its own."""

    def __init__(self, seconds: float, folder: Path, seed: int) -> None:
        self._seconds, self._folder, self._chance = seconds, folder, random.Random(seed)
        self._postgres = EmbeddedPostgres(folder / "postgres")
        self._written = Written()
        self._faults = Counter[str]()
        # PostgreSQL ends with the thread that started it, so one thread does it every time.
        self._starter = ThreadPoolExecutor(1)

    async def __call__(self) -> Outcome:
        async with AsyncExitStack() as stack:
            dsn = await self._on_thread(self._postgres.start)
            stack.push_async_callback(self._on_thread, self._postgres.stop)
            await migrate(dsn)
            await self._first_rows(dsn)
            self._proxy = await stack.enter_async_context(proxy_for(dsn).listening())
            github = stack.enter_context(serving("tests.faults.flaky_github", str(self._chance.randrange(1000))))
            processes = Processes(self._environment(self._proxy.dsn(dsn), github), self._folder / "processes.log")
            stack.callback(processes.stop)
            await self._until_ready(processes)
            async with self._writing(processes, dsn):
                last_fault = await self._break(processes)
                try:
                    recovered = await self._recovered(processes, dsn, last_fault)
                except TimeoutError:
                    recovered = PATIENCE  # Told, not judged: what is lost or doubled is judged below.
            unsettled = await self._settle(processes, dsn, last_fault)
            settled = time.monotonic() - last_fault
            return await self._outcome(dsn, github, unsettled, recovered, settled)

    async def _on_thread(self, act: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._starter, act)

    def _environment(self, dsn: str, github: str) -> dict[str, str]:
        quick = {f"NOREPEAT_DELIVERY_{name}_SECONDS": value for name, value in QUICK.items()}
        return {
            "DATABASE_URL": dsn, "PYTHONPATH": str(ROOT), "NOREPEAT_GITHUB_URL": github, "NOREPEAT_GITHUB_TOKEN": "t",
            "NOREPEAT_GITHUB_WEBHOOK_SECRETS": json.dumps([SECRET]), "NOREPEAT_COMMAND_TIMEOUT": "3", **quick,
        }  # fmt: skip

    async def _first_rows(self, dsn: str) -> None:
        engine = open_engine(dsn, pool_size=1, command_timeout=10)
        uow = open_unit_of_work(engine)
        await bootstrap_admin(uow, lambda: datetime.now(UTC), given_key=KEY)
        async with uow() as u:
            await u.services.add(make.service())
            await u.commit()
        await engine.dispose()

    async def _until_ready(self, processes: Processes) -> None:
        async with asyncio.timeout(90), client() as http:
            for port in processes.ports:
                while not await answers(http, port):
                    processes.supervise()
                    await asyncio.sleep(0.1)

    @asynccontextmanager
    async def _writing(self, processes: Processes, dsn: str) -> AsyncIterator[None]:
        """Incidents, webhooks and tickets, all the while."""
        async with client() as http:
            tasks = [
                asyncio.create_task(self._again(0.1, lambda: self._incident(http, processes))),
                asyncio.create_task(self._again(0.05, lambda: self._webhook(http, processes))),
                asyncio.create_task(self._again(0.2, lambda: self._ticket(dsn))),
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _again(self, pause: float, write: Callable[[], Awaitable[None]]) -> None:
        while True:
            self._written.tried += 1
            try:
                await write()
            except NO_ANSWER:
                self._written.unanswered += 1
            except Exception as error:
                # SQLAlchemy has names of its own for a connection that is gone.
                self._written.refusals.add(type(error).__name__)
                self._written.unanswered += 1
            await asyncio.sleep(pause)

    async def _incident(self, http: httpx2.AsyncClient, processes: Processes) -> None:
        title = f"Incident {self._chance.getrandbits(64):x}"
        body = {"title": title, "severity": "P3", "services": ["checkout"], "started_at": "2026-01-01T00:00:00Z"}
        answer = await http.post(f"{self._one_of(processes)}/v1/incidents", json=body)
        if answer.status_code == 201:
            self._written.incidents.add(title)
        else:
            self._written.unanswered += 1
            self._written.refusals.add(f"{answer.status_code} {answer.json().get('code')}")

    async def _webhook(self, http: httpx2.AsyncClient, processes: Processes) -> None:
        """Sent again until it is accepted, as a sender does."""
        delivery, body = f"{self._chance.getrandbits(64):x}", b'{"action": "opened"}'
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "X-GitHub-Delivery": delivery,
            "X-GitHub-Event": "issues",
            "X-Hub-Signature-256": f"sha256={signature}",
        }
        for _ in range(3):
            try:
                answer = await http.post(f"{self._one_of(processes)}/v1/inbound/github", content=body, headers=headers)
            except NO_ANSWER:
                continue
            if answer.status_code in (200, 202):
                self._written.webhooks.add(delivery)
                return

    async def _ticket(self, dsn: str) -> None:
        """An item with its ticket, as accepting it leaves them."""
        item = make.action_item(owner_id=None, title="Item")
        ticket, delivery = new_ticket(item, Route(Provider.GITHUB, "acme/shop"), datetime.now(UTC))
        engine = open_engine(dsn, pool_size=1, command_timeout=3)
        try:
            async with open_unit_of_work(engine)() as u:
                await u.action_items.add(item)
                await u.tickets.add(ticket)
                await u.deliveries.add(delivery)
                await u.commit()
            self._written.markers.add(str(delivery.marker))
        finally:
            await engine.dispose()

    def _one_of(self, processes: Processes) -> str:
        return f"http://127.0.0.1:{self._chance.choice(processes.ports)}"

    async def _break(self, processes: Processes) -> float:
        """Something every few seconds, each kind in turn; when the last was."""
        end, kinds = time.monotonic() + self._seconds, ("api", "worker", "postgres", "black hole")
        pause = min(9.0, max(3.0, self._seconds / 8))
        while time.monotonic() < end:
            kind = kinds[self._faults.total() % len(kinds)]
            self._faults[kind] += 1
            await self._fault(kind, processes)
            last = time.monotonic()
            for _ in range(10):
                processes.supervise()
                await asyncio.sleep(pause / 10)
        return last

    async def _fault(self, kind: str, processes: Processes) -> None:
        if kind == "black hole":
            self._proxy.swallow()
        elif kind == "postgres":
            os.kill(self._postgres.pid or 0, signal.SIGKILL)
            await asyncio.sleep(0.5)
            await self._on_thread(self._postgres.start)
        else:
            processes.kill(self._chance.choice((0, 1) if kind == "api" else (2, 3)))

    async def _recovered(self, processes: Processes, dsn: str, last_fault: float) -> float:
        """Until both APIs take a write, and a worker has acted on something since: how long the backlog takes is what
        settling says."""
        handled = "select count(*) from events where handled_at is not null"
        async with client() as http, asyncio.timeout(PATIENCE):
            before = await asked(dsn, handled)
            for port in processes.ports:
                while not await takes_a_write(http, port):
                    processes.supervise()
                    await asyncio.sleep(0.1)
            while await asked(dsn, handled) <= before:
                processes.supervise()
                await asyncio.sleep(0.1)
        return time.monotonic() - last_fault

    async def _settle(self, processes: Processes, dsn: str, last_fault: float) -> int:
        """Until nothing waits any more; how much still does when patience ends."""
        question = (
            "select (select count(*) from deliveries where state <> 'sent')"
            " + (select count(*) from inbox where handled_at is null)"
            " + (select count(*) from events where handled_at is null)"
        )
        while (left := await asked(dsn, question)) and time.monotonic() < last_fault + PATIENCE:
            processes.supervise()
            await asyncio.sleep(0.2)
        return int(left)

    async def _outcome(self, dsn: str, github: str, unsettled: int, recovered: float, settled: float) -> Outcome:
        made = Counter(json.load(await asyncio.to_thread(urllib.request.urlopen, f"{github}/truth"))["markers"])
        titles = Counter(await column(dsn, "select title from incidents where title <> 'After'"))
        kept = Counter(await column(dsn, "select delivery_id from inbox"))
        given = ((self._written.incidents, titles), (self._written.webhooks, kept), (self._written.markers, made))
        return Outcome(
            acknowledged=sum(len(acknowledged) for acknowledged, _ in given),
            lost=sum(one not in there for acknowledged, there in given for one in acknowledged),
            doubled=sum(count > 1 for _, there in given for count in there.values()),
            unsettled=unsettled,
            faults=dict(self._faults),
            recovered_after=recovered,
            settled_after=settled,
            unanswered=self._written.unanswered,
            refusals=tuple(sorted(self._written.refusals)),
        )


def client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(timeout=8, trust_env=False, headers={"Authorization": f"Bearer {KEY}"})


async def answers(http: httpx2.AsyncClient, port: int) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/health/ready")).status_code == 200
    except httpx2.HTTPError:
        return False


async def takes_a_write(http: httpx2.AsyncClient, port: int) -> bool:
    body = {"title": "After", "severity": "P3", "services": ["checkout"], "started_at": "2026-01-01T00:00:00Z"}
    try:
        return (await http.post(f"http://127.0.0.1:{port}/v1/incidents", json=body)).status_code == 201
    except httpx2.HTTPError:
        return False


async def asked(dsn: str, question: str) -> int:
    return int((await column(dsn, question))[0])


async def column(dsn: str, question: str) -> list[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        return [row[0] for row in await connection.fetch(question)]
    finally:
        await connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def soak(seconds: float, folder: Path, *, seed: int = 20261123) -> Outcome:
    """Run it."""
    return asyncio.run(Soak(seconds, folder, seed)())


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 180.0
    folder = Path(tempfile.mkdtemp(prefix="norepeat-soak-"))
    try:
        outcome = soak(seconds, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(
        f"{seconds:.0f} s, faults {outcome.faults}, clocks {'±1 h' if faketime() else 'true'}: {outcome.acknowledged}"
        f" writes acknowledged, {outcome.unanswered} without an answer {outcome.refusals};"
        f" recovered {outcome.recovered_after:.1f} s after"
        f" the last fault (goal {RECOVERY_GOAL:.0f} s), all settled after {outcome.settled_after:.1f} s"
    )
    print(outcome)
    return int(bool(outcome.lost or outcome.doubled or outcome.unsettled or outcome.recovered_after > RECOVERY_GOAL))


if __name__ == "__main__":
    sys.exit(main())
