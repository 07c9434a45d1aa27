"""The supervisor as a process: its signals, its children, and what it tells a person."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.adapters.postgres import running_dsn
from app.adapters.postgres.leftovers import pid_in
from tests.faults.holders import environment, exists, wait_for
from tests.faults.postgres_holder import ask

PROGRAM = Path(__file__).with_name("run_with_fakes.py")
EXTERNAL = "postgresql://somewhere/db"
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties children to parents")


class Run:
    def __init__(self, folder: Path, **extra: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.out = folder / "out.txt"
        self._record = folder / "record.txt"
        settings = {"RECORD": str(self._record), "PORT": str(self.port), **extra}
        with self.out.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-B", str(PROGRAM)],
                cwd=folder,
                env=environment(**settings),
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def until_ready(self) -> "Run":
        wait_for(lambda: self.is_ready() or self.process.poll() is not None)
        assert self.process.poll() is None, self.said()
        return self

    def is_ready(self) -> bool:
        """The supervisor waits for the API alone; these tests need the worker's handlers too."""
        worker = any(line.startswith("worker is") for line in self.recorded())
        return worker and "is ready" in self.said()

    def said(self) -> str:
        return self.out.read_text()

    def recorded(self) -> list[str]:
        return self._record.read_text().splitlines() if self._record.exists() else []

    def pid_of(self, child: str) -> int:
        found = (line for line in self.recorded() if line.startswith(f"{child} is"))
        return int(next(found).split()[-1])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def started(**extra: str) -> Run:
        runs.append(Run(tmp_path, **extra))
        return runs[-1]

    yield started
    for run in runs:
        run.process.terminate()
        run.process.wait(20)


Start = Callable[..., Run]


def test_one_sigterm_stops_the_children_and_then_postgresql(start: Start) -> None:
    run = start(WORKER_STOPS_IN="0.3").until_ready()
    dsn = running_dsn(run.folder / ".norepeat/postgres")
    assert dsn is not None
    wait_for(lambda: f"worker has {dsn}" in run.recorded())
    run.process.terminate()
    wait_for(lambda: "worker got SIGTERM" in run.recorded())
    assert ask(dsn, "select 1") == "1"
    assert run.process.wait(10) == 0
    assert "fast shutdown" in (run.folder / ".norepeat/postgres.log").read_text()
    assert running_dsn(run.folder / ".norepeat/postgres") is None


def test_a_second_interrupt_at_the_terminal_never_reaches_the_worker(start: Start) -> None:
    run = start(DATABASE_URL=EXTERNAL, WORKER_STOPS_IN="0.5").until_ready()
    os.killpg(run.process.pid, signal.SIGINT)
    wait_for(lambda: "worker got SIGTERM" in run.recorded())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        os.killpg(run.process.pid, number)
    assert run.process.wait(10) == 0
    assert [line for line in run.recorded() if "worker got" in line] == ["worker got SIGTERM"]
    assert [line for line in run.recorded() if "serve got" in line] == ["serve got SIGTERM"]
    assert "worker stopped" in run.recorded()


def test_a_terminal_that_closes_stops_the_service_like_a_sigterm(start: Start) -> None:
    run = start(DATABASE_URL=EXTERNAL).until_ready()
    os.killpg(run.process.pid, signal.SIGHUP)
    assert run.process.wait(10) == 0
    assert "worker stopped" in run.recorded()


def test_a_worker_that_does_not_stop_is_killed(start: Start) -> None:
    run = start(DATABASE_URL=EXTERNAL, WORKER_STOPS_IN="60", STOP_PATIENCE="0.3").until_ready()
    run.process.terminate()
    assert run.process.wait(10) == 0
    wait_for(lambda: not exists(run.pid_of("worker")))


def test_a_child_that_dies_is_named_and_ends_the_service(start: Start) -> None:
    run = start(DATABASE_URL=EXTERNAL, WORKER_CODE="3")
    assert run.process.wait(10) == 1
    assert "norepeat: worker ended by itself: exit code 3." in run.said()
    assert "serve stopped" in run.recorded()


def test_a_child_that_is_killed_is_named_with_the_signal(start: Start) -> None:
    run = start(DATABASE_URL=EXTERNAL).until_ready()
    os.kill(run.pid_of("serve"), signal.SIGKILL)
    assert run.process.wait(10) == 1
    assert "serve ended by itself: signal SIGKILL." in run.said()


def test_a_taken_port_is_named_before_anything_starts(start: Start, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        run = start(NOREPEAT_PORT=str(port))
        assert run.process.wait(10) == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in run.said()
    assert "PORT=8001" in run.said()
    assert run.recorded() == []
    assert not (tmp_path / ".norepeat").exists()


def test_a_failed_migration_ends_the_service_but_keeps_no_key_back(start: Start) -> None:
    run = start(DATABASE_URL=EXTERNAL, MIGRATE_CODE="2")
    assert run.process.wait(10) == 1
    assert "The database could not be migrated: exit code 2." in run.said()
    assert "nr_1_secret" in run.said()
    assert run.recorded() == []


def test_a_person_is_told_the_addresses_and_the_key_once(start: Start) -> None:
    run = start(DATABASE_URL=EXTERNAL).until_ready()
    run.process.terminate()
    run.process.wait(10)
    for text in ("migrated to 1", f"http://127.0.0.1:{run.port}/docs", "/graphql", "Save it now"):
        assert text in run.said()
    assert run.said().count("admin key: nr_1_secret") == 1


@linux
def test_no_child_outlives_a_killed_supervisor(start: Start) -> None:
    run = start().until_ready()
    log = run.folder / ".norepeat/postgres.log"
    run.process.kill()
    run.process.wait()
    wait_for(lambda: {"serve stopped", "worker stopped"} <= set(run.recorded()))
    wait_for(lambda: "database system is shut down" in log.read_text())


def test_a_postgresql_that_is_killed_is_started_again(start: Start) -> None:
    run = start().until_ready()
    data_dir = run.folder / ".norepeat/postgres"
    pid = pid_in(data_dir / "postmaster.pid")
    os.kill(pid or 0, signal.SIGKILL)
    wait_for(lambda: "starting it again" in run.said())
    wait_for(lambda: pid_in(data_dir / "postmaster.pid") not in (pid, None))
    wait_for(lambda: running_dsn(data_dir))
    assert ask(running_dsn(data_dir) or "", "select 1") == "1"
    assert exists(run.pid_of("worker"))
    run.process.terminate()
    assert run.process.wait(10) == 0


def test_a_stop_during_the_start_is_a_clean_stop(start: Start) -> None:
    run = start()
    wait_for(lambda: "Starting PostgreSQL" in run.said())
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(10) == 0
    assert run.recorded() == []


def test_a_second_service_on_the_same_data_is_refused(start: Start) -> None:
    start().until_ready()
    second = start()
    assert second.process.wait(10) == 1
    assert "in use by another norepeat" in second.said()
