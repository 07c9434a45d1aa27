"""The data directory: made whole or not at all, and matched with the programs."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from app.adapters.postgres.binaries import NAMED_FOLDER, Binaries
from app.adapters.postgres.errors import PostgresError
from app.adapters.postgres.rootless import Identity
from app.adapters.postgres.sockets import DATABASE

FIRST_WITH_BUILTIN_LOCALE = 17


def clean_environment() -> dict[str, str]:
    """Neither the caller's locale nor its PG variables nor its secrets reach PostgreSQL."""
    kept = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    ours = {name: os.environ[name] for name in kept if name in os.environ}
    return {**ours, "LC_ALL": "C", "TZ": "UTC"}


def ensure_cluster(data_dir: Path, binaries: Binaries, who: Identity, *, durable: bool) -> None:
    remove_half_made(data_dir)
    if data_dir.exists():
        refuse_other_owner(data_dir)
    if (data_dir / "PG_VERSION").exists():
        refuse_other_version(data_dir, binaries)
        who.own(data_dir)
    elif data_dir.exists() and any(data_dir.iterdir()):
        raise PostgresError(f"{data_dir} holds files but no PostgreSQL data. Choose another folder.")
    else:
        make_cluster(data_dir, binaries, who, durable=durable)


def remove_half_made(data_dir: Path) -> None:
    for leftover in data_dir.parent.glob(f"{data_dir.name}.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def refuse_other_version(data_dir: Path, binaries: Binaries) -> None:
    made_with = (data_dir / "PG_VERSION").read_text().strip()
    if made_with == str(binaries.major):
        return
    raise PostgresError(
        f"The data in {data_dir} was made by PostgreSQL {made_with}, but the programs in "
        f"{binaries.folder} are PostgreSQL {binaries.version}. Set {NAMED_FOLDER} to the programs "
        f"of PostgreSQL {made_with}; to move to {binaries.major}, make a backup with those "
        f"(pg_dump), start with a new data folder and restore the backup there."
    )


def refuse_other_owner(data_dir: Path) -> None:
    owner = data_dir.stat().st_uid
    if os.geteuid() not in (0, owner):
        raise PostgresError(
            f"{data_dir} belongs to user {owner} and this is user {os.geteuid()}. "
            f"Start as that user or set NOREPEAT_DATA_DIR to another folder."
        )


def make_cluster(data_dir: Path, binaries: Binaries, who: Identity, *, durable: bool) -> None:
    """A killed run leaves only the temporary folder, which the next run removes."""
    draft = Path(tempfile.mkdtemp(prefix=f"{data_dir.name}.new-", dir=data_dir.parent))
    try:
        who.own(draft)
        run(who, [binaries.program("initdb"), *initdb_flags(binaries.major), "-D", str(draft)])
        make_database(draft, binaries, who)
        if durable:
            run(who, [binaries.program("initdb"), "--sync-only", "-D", str(draft)])
        draft.rename(data_dir)
        if durable:
            sync(data_dir.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def initdb_flags(major: int) -> list[str]:
    flags = ["-A", "trust", "-U", DATABASE, "-E", "UTF8", "--no-sync", "--no-instructions"]
    if major >= FIRST_WITH_BUILTIN_LOCALE:
        return [*flags, "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return [*flags, "--locale=C.UTF-8"]


def make_database(draft: Path, binaries: Binaries, who: Identity) -> None:
    single = [binaries.program("postgres"), "--single", "-F", "-D", str(draft), "postgres"]
    messages = run(who, single, f"CREATE DATABASE {DATABASE};\n")
    if "ERROR:" in messages or "FATAL:" in messages:
        raise PostgresError(f"The database {DATABASE} could not be made:\n{messages}")


def run(who: Identity, command: list[str], text: str = "") -> str:
    """Its own session, so that Ctrl-C at a terminal does not end it half-way."""
    done = subprocess.run(
        who.command(command, signal.SIGTERM),
        input=text,
        capture_output=True,
        text=True,
        start_new_session=True,
        env=clean_environment(),
        cwd="/",
    )
    if done.returncode != 0:
        raise PostgresError(f"{command[0]} failed:\n{done.stderr or done.stdout}")
    return done.stderr


def sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
