"""A PostgreSQL server that lives as long as the process that started it."""

import atexit
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from app.adapters.postgres.binaries import Binaries, find_binaries
from app.adapters.postgres.cluster import clean_environment, ensure_cluster
from app.adapters.postgres.errors import PostgresError
from app.adapters.postgres.leftovers import (
    ESCALATION,
    POLL_SECONDS,
    remove_stale_locks,
    stop_leftover_server,
)
from app.adapters.postgres.lock import DirectoryLock
from app.adapters.postgres.rootless import SAME, Identity, choose_identity
from app.adapters.postgres.sockets import choose_socket_dir, dsn_for, running_dsn

# Recovery after a crash can take minutes; a database that is slow to start is not broken.
START_PATIENCE_SECONDS = 120.0
LARGEST_LOG_BYTES = 10_000_000
SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "jit": "off",
    "TimeZone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def never() -> bool:
    return False


class EmbeddedPostgres:
    """Not for several threads. On Linux the server also ends, by itself, with the thread that
    called `start`, so call it from a thread that lives as long as the server is needed."""

    def __init__(
        self,
        data_dir: Path,
        *,
        durable: bool = True,
        log: Path | None = None,
        binaries: Binaries | None = None,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.log = log or self.data_dir.with_name(f"{self.data_dir.name}.log")
        self._durable = durable
        self._binaries = binaries or find_binaries()
        self._lock = DirectoryLock(self.data_dir)
        self._identity: Identity = SAME
        self._socket_dir = self.data_dir
        self._process: subprocess.Popen[bytes] | None = None
        self._starter = 0

    @property
    def version(self) -> str:
        return self._binaries.version

    @property
    def binaries(self) -> Binaries:
        return self._binaries

    @property
    def dsn(self) -> str:
        return dsn_for(self._socket_dir)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, give_up: Callable[[], bool] = never) -> str:
        """The address once it answers; after a crash, call it again. `give_up` ends the wait."""
        if self.running:
            return self.dsn
        self._starter = os.getpid()
        atexit.register(self.stop)
        try:
            self._prepare()
            self._start_until_ready(give_up)
        except BaseException:
            self.stop()
            raise
        return self.dsn

    def stop(self) -> None:
        """Open transactions are rolled back, committed data is written; then the lock is free."""
        # A fork of the starter carries this object too, but the server is not the fork's.
        if self._starter != os.getpid():
            return
        atexit.unregister(self.stop)
        if self._process is not None:
            end(self._process)
        self._process = None
        if self._socket_dir != self.data_dir and self._socket_dir.exists():
            remove_if_empty(self._socket_dir)
        self._lock.release()

    def _prepare(self) -> None:
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        self._lock.acquire()
        self._identity = choose_identity(self.data_dir, self._binaries.folder)
        stop_leftover_server(self.data_dir)
        ensure_cluster(self.data_dir, self._binaries, self._identity, durable=self._durable)
        self._socket_dir = choose_socket_dir(self.data_dir, self._identity.owners)
        self._identity.own(self._socket_dir)
        remove_stale_locks(self.data_dir, self._socket_dir)
        shorten(self.log)
        # A failing statement is logged with the values in it.
        self.log.touch(mode=0o600)

    def _start_until_ready(self, give_up: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_PATIENCE_SECONDS
        while True:
            offset = self.log.stat().st_size
            self._process = self._launch()
            while self.running and not self._is_ready():
                if give_up() or time.monotonic() > deadline:
                    raise PostgresError(f"PostgreSQL was not ready in time. See {self.log}.")
                time.sleep(POLL_SECONDS)
            if self.running:
                return
            self._explain_or_retry(offset, deadline)

    def _explain_or_retry(self, offset: int, deadline: float) -> None:
        """Processes of a server that was killed take a moment to notice and let go."""
        with self.log.open("rb") as file:
            file.seek(offset)
            messages = file.read().decode(errors="replace")
        passing = "shared memory" in messages and "still in use" in messages
        if not passing or time.monotonic() > deadline:
            raise PostgresError(f"PostgreSQL did not start:\n{messages[-2000:]}")
        time.sleep(5 * POLL_SECONDS)

    def _is_ready(self) -> bool:
        """The server's own note in its pid file, which pg_ctl goes by too."""
        pid_file = self.data_dir / "postmaster.pid"
        try:
            written_by = pid_file.read_text().split("\n", 1)[0]
        except OSError:
            return False
        return written_by == str(self.pid) and running_dsn(self.data_dir) is not None

    def _launch(self) -> subprocess.Popen[bytes]:
        """A session of its own keeps the terminal's signals away from it."""
        command = [self._binaries.program("postgres"), "-D", str(self.data_dir), *self._settings()]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self._identity.command(command, signal.SIGINT),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=clean_environment(),
                cwd="/",
            )

    def _settings(self) -> list[str]:
        chosen = {**SETTINGS, "unix_socket_directories": f'"{self._socket_dir}"'}
        if self._binaries.has_library("pg_stat_statements"):
            chosen["shared_preload_libraries"] = "pg_stat_statements"
        if not self._durable:
            chosen |= FORGETFUL
        return [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]


def end(process: subprocess.Popen[bytes]) -> None:
    for number, patience in ESCALATION:
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue


def shorten(log: Path) -> None:
    if log.exists() and log.stat().st_size > LARGEST_LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))


def remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
