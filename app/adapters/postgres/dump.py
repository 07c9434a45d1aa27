"""Backups by PostgreSQL's own programs: written whole or not at all, restored whole or not at all."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from app.adapters.postgres.binaries import Binaries
from app.adapters.postgres.cluster import clean_environment, sync
from app.adapters.postgres.errors import PostgresError

FOLDER = "backups"
AUTOMATIC = "before-migration-"
LOCK_PATIENCE = "10s"
EMPTY = "drop schema if exists public cascade; create schema public;"


def backup(dsn: str, file: Path, binaries: Binaries) -> int:
    """Write everything behind the address to the file, in pg_dump's own format; its size in bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.partial")
    descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    os.close(descriptor)
    try:
        _run([binaries.program("pg_dump"), "--format=custom", "--no-owner", "--no-acl", "-f", str(draft), "-d", dsn])
        _sync_file(draft)
        draft.replace(file)
        sync(file.parent)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return file.stat().st_size


def restore(dsn: str, file: Path, binaries: Binaries) -> None:
    """Put what the file holds in place of what is there, in one transaction: if it fails, nothing has changed."""
    if not file.is_file():
        raise PostgresError(f"{file} is not there. Name a file that `norepeat backup` wrote.")
    with tempfile.TemporaryDirectory(prefix="norepeat-restore-") as folder:
        script = Path(folder) / "restore.sql"
        _run([binaries.program("pg_restore"), "--no-owner", "--no-acl", "-f", str(script), str(file)])
        _run(
            [binaries.program("psql"), "-XqAt", "--single-transaction", "-v", "ON_ERROR_STOP=1", "-d", dsn,
             "-c", f"set lock_timeout = '{LOCK_PATIENCE}'", "-c", EMPTY, "-f", str(script)],
            hint="The database is as it was. Stop every API and worker process that uses it, then try again.",
        )  # fmt: skip


def is_empty(dsn: str, binaries: Binaries) -> bool:
    """Whether nothing would be lost by restoring into it."""
    question = "select count(*) from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
    return _run([binaries.program("psql"), "-XqAt", "-d", dsn, "-c", question]).strip() == "0"


def backup_before_migration(dsn: str, data_dir: Path, binaries: Binaries, *, kept: int) -> Path | None:
    """A backup beside the data, of which the newest are kept; None where none shall be."""
    if kept < 1:
        return None
    folder = data_dir.with_name(FOLDER)
    file = folder / f"{AUTOMATIC}{datetime.now(UTC):%Y%m%dT%H%M%S%f}.dump"
    backup(dsn, file, binaries)
    for old in sorted(folder.glob(f"{AUTOMATIC}*.dump"))[:-kept]:
        old.unlink()
    return file


def _run(command: Sequence[str], hint: str = "") -> str:
    environment = {**clean_environment(), **{k: v for k, v in os.environ.items() if k.startswith("PGSSL")}}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, start_new_session=True)
    if done.returncode != 0:
        said = done.stderr.strip()[-2000:]
        raise PostgresError(f"{Path(command[0]).name} failed: {said}" + (f"\n{hint}" if hint else ""))
    return done.stdout


def _sync_file(file: Path) -> None:
    with file.open("rb+") as written:
        os.fsync(written.fileno())
