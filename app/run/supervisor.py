"""The supervisor: PostgreSQL, the migrations, the API and the worker, until a stop is asked for."""

import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.adapters.postgres.binaries import find_binaries
from app.adapters.postgres.dump import backup_before_migration
from app.adapters.postgres.rootless import tied
from app.adapters.postgres.server import EmbeddedPostgres
from app.adapters.postgres.stamp import Stamp
from app.run.settings import Failure, Settings
from app.run.signals import Signals

MIGRATIONS = Path(__file__).parents[1] / "adapters" / "db" / "migrations" / "versions"
REACHABLE_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}
POLL_SECONDS = 0.02
READY_PATIENCE_SECONDS = 60.0
RESTARTS_A_MINUTE = 5
KEY_LINE = "admin key: "
# Loading leaves no garbage behind, and looking for it takes a fifth of the start; the commands switch it on again.
COMMAND = (sys.executable, "-c", "import gc; gc.disable(); from app.cli import main; main()")
Child = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Commands:
    migrate: Sequence[str] = (*COMMAND, "migrate")
    serve: Sequence[str] = (*COMMAND, "serve")
    worker: Sequence[str] = (*COMMAND, "worker")


class Supervisor:
    def __init__(self, settings: Settings, commands: Commands, signals: Signals) -> None:
        self._settings = settings
        self._commands = commands
        self._signals = signals
        self._server: EmbeddedPostgres | None = None
        self._is_new = False
        self._environment: dict[str, str] = {}
        self._children: dict[str, Child] = {}
        self._restarts: list[float] = []
        self._unshown_key: str | None = None

    def run(self) -> int:
        for step in (self._start_database, self._migrate, self._start_children, self._watch):
            if not self._signals.asked():
                step()
        return 0

    def stop(self) -> None:
        """The children get one TERM, however many signals this process gets."""
        living = [child for child in self._children.values() if child.poll() is None]
        for child in living:
            child.terminate()
        deadline = time.monotonic() + self._settings.stop_patience_seconds
        while time.monotonic() < deadline and any(child.poll() is None for child in living):
            self._signals.pause(POLL_SECONDS)
        for child in living:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
        if self._server is not None:
            self._server.stop()
        self._show_key()

    def _start_database(self) -> None:
        url = self._settings.database_url
        if url is None:
            binaries = find_binaries(self._settings.environment)
            server = EmbeddedPostgres(self._settings.data_dir / "postgres", binaries=binaries)
            say(f"Starting PostgreSQL {server.version} in {server.data_dir}")
            self._server, self._is_new = server, not (server.data_dir / "PG_VERSION").exists()
            url = server.start(self._signals.asked)
        self._environment = {
            **self._settings.environment,
            "NOREPEAT_DATABASE_URL": url,
            "NOREPEAT_HOST": self._settings.host,
            "NOREPEAT_PORT": str(self._settings.port),
        }

    def _migrate(self) -> None:
        """Skipped where the stamp beside our own data says that this version has done it."""
        stamp = self._server and Stamp(self._server.data_dir, MIGRATIONS, self._settings.environment)
        if stamp and stamp.fits():
            return
        if self._server and not self._is_new:
            self._back_up(self._server)
        self._run_migrations()
        if stamp and not self._signals.asked():
            stamp.write()

    def _back_up(self, server: EmbeddedPostgres) -> None:
        """A migration that goes wrong can then be undone with `norepeat restore`."""
        kept = self._settings.backups_kept
        file = backup_before_migration(server.dsn, server.data_dir, server.binaries, kept=kept)
        if file is not None:
            say(f"Backed up to {file}, because another version migrates the database now")

    def _run_migrations(self) -> None:
        with tempfile.TemporaryFile() as output:
            child = self._spawn("migrate", self._commands.migrate, output.fileno())
            if self._is_new:
                # Nobody calls a service that never was: the API may load meanwhile, and is ready when this is done.
                self._spawn("serve", self._commands.serve)
            self._wait(lambda: child.poll() is not None)
            output.seek(0)
            for line in output.read().decode(errors="replace").splitlines():
                if line.startswith(KEY_LINE):
                    self._unshown_key = line
                else:
                    say(line)
        if child.returncode:
            raise Failure(f"The database could not be migrated: {ending(child)}.")

    def _start_children(self) -> None:
        self._children.pop("migrate", None)
        if "serve" not in self._children:
            self._spawn("serve", self._commands.serve)
        self._spawn("worker", self._commands.worker)
        self._wait(self._is_ready, time.monotonic() + READY_PATIENCE_SECONDS)
        if not self._signals.asked():
            say(announcement(self._settings))
            self._show_key()

    def _spawn(self, name: str, command: Sequence[str], stdout: int | None = None) -> Child:
        """A session of its own keeps a terminal's Ctrl-C away: only `stop` ends a child."""
        child = subprocess.Popen(
            tied(command, signal.SIGTERM),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            env=self._environment,
            start_new_session=True,
        )
        self._children[name] = child
        return child

    def _wait(self, until: Callable[[], bool], deadline: float = float("inf")) -> None:
        while not self._signals.asked() and not until():
            if time.monotonic() > deadline:
                raise Failure(f"The API was not ready within {READY_PATIENCE_SECONDS:.0f} s.")
            self._signals.pause(POLL_SECONDS)

    def _is_ready(self) -> bool:
        self._check()
        host = REACHABLE_AT.get(self._settings.host, self._settings.host)
        connection = http.client.HTTPConnection(host, self._settings.port, timeout=1)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _show_key(self) -> None:
        if self._unshown_key is not None:
            say(f"\n  {self._unshown_key}\n  Save it now: it is shown this once.\n")
        self._unshown_key = None

    def _watch(self) -> None:
        while not self._signals.asked():
            self._check()
            self._signals.pause(10.0)

    def _check(self) -> None:
        for name, child in self._children.items():
            if child.poll() is not None:
                raise Failure(f"{name} ended by itself: {ending(child)}.")
        if self._server is not None and not self._server.running:
            self._revive(self._server)

    def _revive(self, server: EmbeddedPostgres) -> None:
        """The children reconnect; nothing that was committed is lost."""
        now = time.monotonic()
        self._restarts = [at for at in self._restarts if now - at < 60] + [now]
        if len(self._restarts) > RESTARTS_A_MINUTE:
            raise Failure(f"PostgreSQL keeps ending by itself. See {server.log}.")
        say("PostgreSQL ended by itself; starting it again")
        server.start(self._signals.asked)


def ending(child: Child) -> str:
    code = child.returncode
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def announcement(settings: Settings) -> str:
    host = REACHABLE_AT.get(settings.host, settings.host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
    return f"\n  norepeat is ready at {url}\n  REST     {url}/docs\n  GraphQL  {url}/graphql\n"


def say(text: str) -> None:
    print(text, flush=True)
