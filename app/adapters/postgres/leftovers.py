"""What an earlier run left behind: a running server, or the lock files of a dead one."""

import os
import signal
import subprocess
import sys
import time
from enum import Enum
from pathlib import Path

from app.adapters.postgres.errors import PostgresError
from app.adapters.postgres.sockets import SOCKET_FILE

POLL_SECONDS = 0.01
ESCALATION = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))


class Occupant(Enum):
    OURS = "a PostgreSQL server of this data directory"
    STRANGER = "something else of this user, or a process that has ended but was not collected"
    UNKNOWN = "nothing, or a process we may not look at: PostgreSQL itself ignores both"


def stop_leftover_server(data_dir: Path) -> None:
    """Only called with the data directory's lock held: nobody else can be supervising it."""
    pid = pid_in(data_dir / "postmaster.pid")
    if pid is None:
        return
    for number, patience in ESCALATION:
        if occupant(pid, data_dir) is not Occupant.OURS:
            return
        send(pid, number)
        wait_until_gone(pid, data_dir, patience)
    if occupant(pid, data_dir) is Occupant.OURS:
        raise PostgresError(f"A PostgreSQL of an earlier run (process {pid}) cannot be stopped.")


def remove_stale_locks(data_dir: Path, socket_dir: Path) -> None:
    """A lock file whose process id was given to another process would stop the start."""
    for lock in (data_dir / "postmaster.pid", socket_dir / f"{SOCKET_FILE}.lock"):
        pid = pid_in(lock)
        if pid is not None and occupant(pid, data_dir) is Occupant.STRANGER:
            lock.unlink()


def pid_in(lock: Path) -> int | None:
    try:
        # A server in single-user mode writes its process id with a minus.
        return abs(int(lock.read_text().split("\n", 1)[0]))
    except (FileNotFoundError, ValueError):
        return None


def occupant(pid: int, data_dir: Path) -> Occupant:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError, OverflowError):
        return Occupant.UNKNOWN
    return linux_occupant(pid, data_dir) if sys.platform == "linux" else other(pid, data_dir)


def linux_occupant(pid: int, data_dir: Path) -> Occupant:
    try:
        program = Path(os.readlink(f"/proc/{pid}/exe")).name
        here = Path(f"/proc/{pid}/cwd").samefile(data_dir)
    except PermissionError:
        return Occupant.UNKNOWN
    except OSError:
        return Occupant.STRANGER
    # After an upgrade of the programs the name of the running one ends in " (deleted)".
    is_postgres = program.split(" ")[0] in ("postgres", "postmaster")
    return Occupant.OURS if is_postgres and here else Occupant.STRANGER


def other(pid: int, data_dir: Path) -> Occupant:
    listing = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True)
    ours = b"postgres" in listing.stdout and os.fsencode(data_dir) in listing.stdout
    return Occupant.OURS if ours else Occupant.STRANGER


def send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def wait_until_gone(pid: int, data_dir: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while occupant(pid, data_dir) is Occupant.OURS and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
