"""Runs the whole service on one machine: PostgreSQL, the migrations, the API and the worker."""

import http.client
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.adapters.postgres.binaries import find_binaries
from app.adapters.postgres.errors import PostgresError
from app.adapters.postgres.rootless import tied
from app.adapters.postgres.server import EmbeddedPostgres
from app.adapters.postgres.stamp import Stamp

MIGRATIONS = Path(__file__).parent / "adapters" / "db" / "migrations" / "versions"
REACHABLE_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}
POLL_SECONDS = 0.02
READY_PATIENCE_SECONDS = 60.0
RESTARTS_A_MINUTE = 5
KEY_LINE = "admin key: "
# Loading leaves no garbage behind, and looking for it takes a fifth of the start; the commands switch it on again.
COMMAND = (sys.executable, "-c", "import gc; gc.disable(); from app.cli import main; main()")
ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
QUOTED = re.compile(r"""(["'])(.*?)(?<!\\)\1\s*(?:#.*)?""")


class Failure(Exception):
    """Ends the run with exit code 1; its text is for the person who started it."""


Child = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Settings:
    host: str
    port: int
    data_dir: Path
    database_url: str | None
    environment: Mapping[str, str] = field(repr=False)
    stop_patience_seconds: float = 10.0


@dataclass(frozen=True)
class Commands:
    migrate: Sequence[str] = (*COMMAND, "migrate")
    serve: Sequence[str] = (*COMMAND, "serve")
    worker: Sequence[str] = (*COMMAND, "worker")


def parse_dotenv(text: str) -> dict[str, str]:
    found = (ASSIGNMENT.fullmatch(line.strip()) for line in text.splitlines())
    return {match[1]: unquote(match[2]) for match in found if match}


def unquote(value: str) -> str:
    quoted = QUOTED.fullmatch(value)
    if quoted is None:
        return re.split(r"(?:^|\s)#", value, maxsplit=1)[0].strip()
    return quoted[2] if quoted[1] == "'" else re.sub(r'\\(["\\$])', r"\1", quoted[2])


def read_settings(environment: Mapping[str, str], folder: Path) -> Settings:
    """The real environment wins over `.env`; an empty value counts as none."""
    dotenv = folder / ".env"
    text = dotenv.read_text(encoding="utf-8") if dotenv.exists() else ""
    layers = (environment, parse_dotenv(text))

    def first(*names: str) -> str | None:
        values = (layer.get(name) for layer in layers for name in names)
        return next(filter(None, values), None)

    return Settings(
        host=first("NOREPEAT_HOST") or "127.0.0.1",
        port=port_from(first("NOREPEAT_PORT", "PORT") or "8000"),
        data_dir=folder / (first("NOREPEAT_DATA_DIR") or ".norepeat"),
        database_url=first("NOREPEAT_DATABASE_URL", "DATABASE_URL"),
        environment={**layers[1], **environment},
    )


def port_from(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise Failure(f"PORT must be a number from 1 to 65535, not {text!r}.")


def refuse_taken_port(settings: Settings) -> None:
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, kind, _, _, target = found[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
    except OSError as error:
        raise Failure(
            f"Port {settings.port} on {settings.host} cannot be used ({error.strerror}). "
            f"Stop what uses it or choose another: PORT=8001 make run, or PORT=8001 in .env."
        ) from None


class Signals:
    """Remembers that a stop was asked for, and wakes the waiting loop at once."""

    def __init__(self) -> None:
        self._stop_asked = False
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        # nohup ignores the hang-up of a terminal on purpose.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._ask_to_stop)

    def asked(self) -> bool:
        return self._stop_asked

    def pause(self, seconds: float) -> None:
        if select.select([self._reader], [], [], seconds)[0]:
            self._reader.recv(4096)

    def _ask_to_stop(self, *_: object) -> None:
        self._stop_asked = True


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
        self._run_migrations()
        if stamp and not self._signals.asked():
            stamp.write()

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


def supervise(settings: Settings, commands: Commands | None = None) -> int:
    signals = Signals()
    supervisor = Supervisor(settings, commands or Commands(), signals)
    try:
        refuse_taken_port(settings)
        return supervisor.run()
    except (Failure, PostgresError, OSError) as error:
        if signals.asked():
            return 0
        print(f"norepeat: {error}", file=sys.stderr, flush=True)
        return 1
    finally:
        supervisor.stop()


def main() -> int:
    try:
        settings = read_settings(os.environ, Path.cwd())
    except (Failure, OSError) as error:
        sys.exit(f"norepeat: {error}")
    return supervise(settings)


if __name__ == "__main__":
    sys.exit(main())
