"""Backup and restore by the command line, on an embedded server of our own and its databases."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from typer.testing import CliRunner

from app.adapters.db.migrate import migrate
from app.adapters.postgres import PostgresError, find_binaries
from app.adapters.postgres.dump import backup_before_migration
from app.adapters.postgres.dump import restore as restore_file
from app.cli import cli


def run_on(dsn: str, statement: str) -> Any:
    async def ask() -> Any:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(ask())


def database(dsn: str, name: str) -> str:
    run_on(dsn, f'create database "{name}"')
    return dsn.replace(urlsplit(dsn).path, f"/{name}", 1)


@pytest.fixture(scope="module")
def filled(dsn: str) -> Iterator[str]:
    """A migrated database with one team in it."""
    own = database(dsn, "backed_up")
    asyncio.run(migrate(own))
    run_on(
        own,
        "insert into teams (id, version, created_at, updated_at, slug, name, time_zone, working_days)"
        " values (gen_random_uuid(), 1, now(), now(), 'payments', 'Zahlungen ä', 'UTC', '{1,2,3,4,5}')",
    )
    yield own
    run_on(dsn, 'drop database "backed_up" with (force)')


@pytest.fixture(scope="module")
def empty_database(dsn: str) -> Iterator[str]:
    yield database(dsn, "restored")
    run_on(dsn, 'drop database "restored" with (force)')


def norepeat(dsn: str, *arguments: str) -> Any:
    return CliRunner().invoke(cli, arguments, env={"DATABASE_URL": dsn})


def test_what_was_backed_up_is_restored_as_it_was(filled: str, empty_database: str, tmp_path: Path) -> None:
    file = tmp_path / "norepeat.dump"
    assert norepeat(filled, "backup", str(file)).exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    restored = norepeat(empty_database, "restore", str(file))
    assert restored.exit_code == 0, restored.output
    assert run_on(empty_database, "select name from teams") == "Zahlungen ä"
    for table in ("teams", "audit_log", "factors", "root_causes", "pgqueuer"):
        count = f"select count(*) from {table}"
        assert run_on(empty_database, count) == run_on(filled, count)


def test_a_database_that_holds_something_is_replaced_only_when_asked(filled: str, tmp_path: Path) -> None:
    file = tmp_path / "norepeat.dump"
    norepeat(filled, "backup", str(file))
    run_on(
        filled,
        "insert into teams (id, version, created_at, updated_at, slug, name, time_zone, working_days)"
        " select gen_random_uuid(), 1, now(), now(), 'later', 'Later', 'UTC', '{1}'",
    )
    refused = norepeat(filled, "restore", str(file))
    assert refused.exit_code != 0
    assert "--replace" in str(refused.exception)
    assert run_on(filled, "select count(*) from teams") == 2
    assert norepeat(filled, "restore", str(file), "--replace").exit_code == 0
    assert run_on(filled, "select count(*) from teams") == 1


def test_a_restore_that_fails_changes_nothing(filled: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.dump"
    broken.write_bytes(b"PGDMP and then nothing")
    before = run_on(filled, "select count(*) from teams")
    with pytest.raises(PostgresError, match="pg_restore failed"):
        restore_file(filled, broken, find_binaries())
    with pytest.raises(PostgresError, match="is not there"):
        restore_file(filled, tmp_path / "nothing.dump", find_binaries())
    assert run_on(filled, "select count(*) from teams") == before


def test_a_backup_that_fails_leaves_no_file(tmp_path: Path) -> None:
    file = tmp_path / "norepeat.dump"
    answer = norepeat("postgresql:///nowhere?host=/nowhere&user=nobody", "backup", str(file))
    assert answer.exit_code != 0
    assert "pg_dump failed" in str(answer.exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_disk_stops_a_backup_with_a_message(filled: str, tmp_path: Path) -> None:
    (tmp_path / "full.dump.partial").symlink_to("/dev/full")
    answer = norepeat(filled, "backup", str(tmp_path / "full.dump"))
    assert answer.exit_code != 0
    assert "pg_dump failed" in str(answer.exception)
    assert not (tmp_path / "full.dump").exists()


def test_only_the_newest_automatic_backups_are_kept(filled: str, tmp_path: Path) -> None:
    data_dir = tmp_path / "postgres"
    made = [backup_before_migration(filled, data_dir, find_binaries(), kept=2) for _ in range(3)]
    assert sorted((tmp_path / "backups").iterdir()) == made[1:]
    assert backup_before_migration(filled, data_dir, find_binaries(), kept=0) is None


def test_a_stopped_embedded_database_is_started_for_its_backup(tmp_path: Path) -> None:
    file = tmp_path / "norepeat.dump"
    own = {"NOREPEAT_DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": None, "NOREPEAT_DATABASE_URL": None}
    answer = CliRunner().invoke(cli, ["backup", str(file)], env=own)
    assert answer.exit_code == 0, answer.output
    assert file.exists()
    assert not (tmp_path / "data" / "postgres" / "postmaster.pid").exists()
