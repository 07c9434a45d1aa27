"""Where the server's Unix socket lies, and the address clients reach it by."""

import hashlib
import os
import re
import stat
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

from app.adapters.postgres.errors import PostgresError

DATABASE = "norepeat"
SOCKET_FILE = ".s.PGSQL.5432"
# The kernel's limit for a socket's path, without the closing zero byte.
LONGEST = 107 if sys.platform == "linux" else 103
# Clients split or decode a host at these, each in its own way.
UNSAFE = re.compile(r"[,:;%?#&=+\"'\\]")


def dsn_for(socket_dir: Path) -> str:
    # The port is spelt out because clients would otherwise take PGPORT from their environment.
    return f"postgresql:///{DATABASE}?host={quote(str(socket_dir))}&port=5432&user={DATABASE}"


def running_dsn(data_dir: Path) -> str | None:
    """The address of the server that now serves the data directory, asked by another process."""
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
    except OSError:
        return None
    ready = len(lines) > 7 and lines[7].strip() == "ready"
    return dsn_for(Path(lines[4])) if ready else None


def choose_socket_dir(data_dir: Path, owners: set[int]) -> Path:
    if fits(data_dir):
        return data_dir
    name = f"norepeat-{os.geteuid()}-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]}"
    for parent in runtime_parents():
        if fits(parent / name):
            return private_dir(parent / name, owners)
    raise PostgresError(f"No folder for sockets has a path short enough (up to {LONGEST} bytes).")


def fits(folder: Path) -> bool:
    short = len(os.fsencode(folder / SOCKET_FILE)) <= LONGEST
    return short and str(folder).isprintable() and not UNSAFE.search(str(folder))


def runtime_parents() -> list[Path]:
    named = os.environ.get("XDG_RUNTIME_DIR", "")
    folders = (Path(named or "/tmp"), Path(tempfile.gettempdir()), Path("/tmp"))
    return [folder for folder in folders if folder.is_absolute() and os.access(folder, os.W_OK)]


def private_dir(folder: Path, owners: set[int]) -> Path:
    """Whoever owns the folder of a socket can read all that goes through it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    private = stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o700
    if not private or status.st_uid not in owners:
        raise PostgresError(f"{folder} is not a folder only this user may enter. Remove it.")
    return folder
