"""The queue's pitfalls, numbered as in `docs/adr/0005-exactly-once-deliveries.md`; those not here are named there."""

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI

from app.adapters import queue
from app.adapters.clock import utc_now
from app.adapters.db.engine import open_engine
from app.adapters.db.uow import open_unit_of_work
from app.adapters.trackers.github import GitHubIssues
from app.domain.organisation.model import Provider, Route
from app.domain.ports import Tracker
from app.domain.tracking.model import RemoteTicket, TicketDraft
from app.domain.tracking.use_cases.deliver_due import deliver_due
from app.settings import Settings
from app.wiring import open_ports
from app.worker import work
from tests.contract.github_simulator import GitHubSimulator
from tests.worker.conftest import QUICK, Shop
from tests.worker.proxy import proxy_for

ROOT = Path(__file__).parents[2]
LOCAL = Route(Provider.LOCAL, "norepeat", restricted=True)
SENT = "select count(*) from deliveries where state = 'sent'"


# ── 5: a blocked event loop ──────────────────────────────────────────────────────────────────────────────────────

HEARTBEAT = timedelta(seconds=0.6)


class Blocking(GitHubIssues):
    """Whose library does not know of event loops: the whole process waits."""

    async def create(self, route: Route, draft: TicketDraft) -> RemoteTicket:
        time.sleep(2.5)
        return await super().create(route, draft)


def blocked_worker(dsn: str, simulator: GitHubSimulator, started: list[str], stop_at: float) -> None:
    """A worker in a thread with an event loop of its own, which its tracker blocks."""

    async def run() -> None:
        engine = open_engine(dsn, pool_size=2, command_timeout=10)
        async with simulator.client() as client:
            trackers: Mapping[Provider, Tracker] = {Provider.GITHUB: Blocking(client, token="t0ken")}
            policy = replace(QUICK, delivery=replace(QUICK.delivery, lease=timedelta(seconds=30)))
            stop = asyncio.Event()

            async def deliveries() -> None:
                started.append("blocked")
                await deliver_due(open_unit_of_work(engine), utc_now, policy, trackers)

            consuming = queue.run(dsn, {"deliveries": deliveries}, stop=stop, heartbeat=HEARTBEAT)
            asyncio.get_running_loop().call_later(stop_at, stop.set)
            await consuming
        await engine.dispose()

    asyncio.run(run())


async def test_5_a_job_that_runs_twice_because_its_worker_was_blocked_makes_one_ticket(shop: Shop) -> None:
    started: list[str] = []
    await shop.item()
    blocked = threading.Thread(target=blocked_worker, args=(shop.dsn, shop.simulator, started, 3.5))
    blocked.start()
    while not started:
        await asyncio.sleep(0.05)
    await asyncio.sleep(2 * HEARTBEAT.total_seconds())
    stop = asyncio.Event()

    async def deliveries() -> None:
        started.append("other")
        ports = shop.ports
        await deliver_due(ports.uow, ports.clock, ports.policy, ports.trackers)

    other = asyncio.create_task(queue.run(shop.dsn, {"deliveries": deliveries}, stop=stop, heartbeat=HEARTBEAT))
    while "other" not in started and blocked.is_alive():
        await asyncio.sleep(0.05)
    await shop.until(SENT, 1)
    await asyncio.to_thread(blocked.join, 15)
    stop.set()
    await other
    assert "other" in started, "the queue gave the job to somebody else, because nobody heard of its worker"
    assert len(shop.simulator.issues) == 1
    assert await shop.value("select attempts from deliveries") == 1, "our lease kept the other one away"


# ── 7: connections that die silently ─────────────────────────────────────────────────────────────────────────────

COMMAND_TIMEOUT = 2.0


# A connection that nobody answers is dropped, not closed: closing it would wait for an answer too.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
async def test_7_a_worker_whose_connections_all_die_silently_goes_on(shop: Shop, settings: Settings) -> None:
    async with proxy_for(shop.dsn).listening() as proxy:
        through = Settings(_env_file=None, database_url=proxy.dsn(shop.dsn), command_timeout=COMMAND_TIMEOUT)
        async with open_ports(through) as opened:
            stop = asyncio.Event()
            worker = asyncio.create_task(
                work(
                    opened.ports, opened.engine, opened.dsn, stop=stop, sweep_every=0.5, stamp_every=0.5,
                    command_timeout=COMMAND_TIMEOUT,
                )
            )  # fmt: skip
            await shop.item(title="Before", route=LOCAL)
            await shop.until(SENT, 1)
            assert proxy.swallow() > 2
            await shop.item(title="After", route=LOCAL)
            start = time.monotonic()
            await shop.until(SENT, 2, seconds=60)
            print(f"\nprogress {time.monotonic() - start:.1f} s after the black hole; time-out {COMMAND_TIMEOUT} s")
            stop.set()
            await asyncio.wait_for(worker, 20)
    gc.collect()


async def test_7_a_statement_over_a_dead_connection_is_given_up(shop: Shop) -> None:
    """Without the time-out this would wait for as long as TCP does."""
    async with proxy_for(shop.dsn).listening() as proxy:
        engine = open_engine(proxy.dsn(shop.dsn), pool_size=1, command_timeout=0.5)
        uow = open_unit_of_work(engine)
        async with uow() as u:
            await u.services.slugs()
            proxy.swallow()
            with pytest.raises((TimeoutError, asyncpg.InterfaceError, ConnectionError)):
                await u.services.slugs()
        async with uow() as u:
            assert await u.services.slugs() == (shop.service.slug,)
        await engine.dispose()


# ── A database that is away when the worker starts ───────────────────────────────────────────────────────────────

WORKER = """
import asyncio
from app.adapters.log import configure_logging
from app.settings import Settings
from app.worker import run_worker
configure_logging("info")
asyncio.run(run_worker(Settings()))
"""


def worker_process(environment: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("wb") as out:
        command = [sys.executable, "-c", WORKER]
        return subprocess.Popen(command, cwd=log.parent, env=dict(environment), stdout=out, stderr=out)


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
    return port


async def test_a_worker_that_starts_before_its_database_waits_and_starts_by_itself(shop: Shop, tmp_path: Path) -> None:
    await shop.item(route=LOCAL)
    proxy = proxy_for(shop.dsn, free_port())
    environment = {**os.environ, "DATABASE_URL": proxy.dsn(shop.dsn), "PYTHONPATH": str(ROOT)}
    log = tmp_path / "worker.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER], cwd=tmp_path, env=environment, stdout=out, stderr=out
        )
    try:
        deadline = time.monotonic() + 30
        while log.read_text().count("database_unreachable") < 2:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            await asyncio.sleep(0.1)
        async with proxy.listening():
            await shop.until(SENT, 1, seconds=30)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 20) == 0
    finally:
        process.kill()
        process.wait()


async def test_a_worker_that_is_stopped_while_it_waits_for_its_database_ends_at_once(tmp_path: Path) -> None:
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    environment = {**os.environ, "DATABASE_URL": nowhere, "PYTHONPATH": str(ROOT)}
    log = tmp_path / "worker.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER], cwd=tmp_path, env=environment, stdout=out, stderr=out
        )
    try:
        while "database_unreachable" not in log.read_text():
            assert process.poll() is None, log.read_text()
            await asyncio.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 20) == 0
    finally:
        process.kill()
        process.wait()


# ── 10, 12, 13 ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_10_a_schedule_only_queues_a_job_once_for_its_period(shop: Shop) -> None:
    """The clock's handler is not tried again when it fails, so it does nothing that could be missed."""
    runs: list[float] = []

    async def work_of_the_period() -> None:
        runs.append(time.monotonic())

    pool = await asyncpg.create_pool(shop.dsn, min_size=1, max_size=1)
    tick = queue._tick(pool, "prune")
    schedule: Any = type("Schedule", (), {"next_run": utc_now().replace(microsecond=0)})()
    for _ in range(3):
        await tick(schedule)
    await pool.close()
    keys = await shop.rows("select dedupe_key from pgqueuer where entrypoint = 'prune'")
    assert len(keys) == 1
    assert str(schedule.next_run) in keys[0][0]
    stop = asyncio.Event()
    running = asyncio.create_task(queue.run(shop.dsn, {"prune": work_of_the_period}, stop=stop))
    await shop.until("select count(*) from pgqueuer where entrypoint = 'prune'", 0)
    stop.set()
    await running
    assert len(runs) == 1


async def test_12_the_queues_dashboard_is_not_served(application: FastAPI, client: httpx2.AsyncClient) -> None:
    assert not [route for route in application.routes if "pgq" in str(getattr(route, "path", ""))]
    for path in ("/pgqueuer", "/queue", "/dashboard"):
        assert (await client.get(path)).status_code == 404


def test_12_and_13_the_dependencies_say_what_the_queue_needs() -> None:
    """An upgrade of PgQueuer changes its tables; SQLAlchemy 2.1 brings greenlet only with this extra."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert any(one.startswith("pgqueuer~=1.6") for one in wanted)
    assert any(one.startswith("sqlalchemy[asyncio]") for one in wanted)
