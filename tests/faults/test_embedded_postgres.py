"""The embedded PostgreSQL, run for real and hurt in the ways a machine hurts it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import asyncpg
import pytest

from app.adapters.postgres import Binaries, EmbeddedPostgres, PostgresError, running_dsn
from app.adapters.postgres.binaries import find_binaries, system_folders, version_in
from app.adapters.postgres.rootless import choose_identity
from tests.faults.holders import (
    exists,
    finish,
    start_holder,
    told,
    wait_for,
)
from tests.faults.postgres_holder import ask

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties children to parents")
LOWER = "äé|t"
LOWER_QUERY = "select lower('ÄÉ'), 'ÄÉX' ILIKE 'äé%'"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "state" / "postgres"


@contextmanager
def child(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env={"LC_ALL": "C"}) as process:
        try:
            yield process
        finally:
            process.kill()


def quick(data_dir: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(data_dir, durable=False)


async def fetch_value(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def test_a_cold_start_is_quick_and_a_warm_start_finds_the_data(data_dir: Path) -> None:
    times = []
    for sql in ("create table kept as select 1 as n", "select n from kept"):
        server = EmbeddedPostgres(data_dir)
        began = time.monotonic()
        dsn = server.start()
        times.append(time.monotonic() - began)
        found = asyncio.run(fetch_value(dsn, sql))
        server.stop()
    assert found == 1
    print("cold {:.2f} s, warm {:.2f} s".format(*times))


def test_the_server_has_the_settings_it_was_given(data_dir: Path) -> None:
    names = "max_connections", "jit", "TimeZone", "listen_addresses", "fsync", "data_checksums"
    sql = "select concat_ws(' ', " + ", ".join(f"current_setting('{name}')" for name in names) + ")"
    with quick(data_dir) as server:
        assert ask(server.dsn, sql) == "100 off UTC  off on"
        assert server.version == ask(server.dsn, "show server_version")
        ask(server.dsn, "create extension pg_stat_statements; create extension pg_trgm")
        assert data_dir.stat().st_mode & 0o777 == 0o700


def test_committed_rows_survive_a_kill_of_the_server(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        ask(server.dsn, "create table kept as select generate_series(1, 50000) as n")
        for _ in range(3):
            os.kill(server.pid or 0, signal.SIGKILL)
            wait_for(lambda: not server.running)
            server.start()
        assert ask(server.dsn, "select count(*) from kept") == "50000"


@linux
def test_a_process_of_a_killed_server_that_lingers_only_delays_the_start(data_dir: Path) -> None:
    find = "select pid from pg_stat_activity where query like '%sleep(60)' and pid <> pg_backend_pid()"
    with quick(data_dir) as server:
        psql = find_binaries().program("psql")
        with child([psql, "-X", "-d", server.dsn, "-c", "select pg_sleep(60)"]):
            wait_for(lambda: ask(server.dsn, find))
            backend = int(ask(server.dsn, find))
            os.kill(backend, signal.SIGSTOP)
            os.kill(server.pid or 0, signal.SIGKILL)
            wait_for(lambda: not server.running)
            Timer(0.3, os.kill, (backend, signal.SIGKILL)).start()
            server.start()
        assert ask(server.dsn, "select 1") == "1"
    assert "is still in use" in server.log.read_text()


def test_a_stale_pid_file_of_another_process_does_not_stop_the_start(data_dir: Path) -> None:
    with quick(data_dir) as server:
        lines = (data_dir / "postmaster.pid").read_text().splitlines(keepends=True)
    with child(["/bin/sleep", "60"]) as stranger:
        stale = "".join([f"{stranger.pid}\n", *lines[1:]])
        (data_dir / "postmaster.pid").write_text(stale)
        (data_dir / ".s.PGSQL.5432.lock").write_text(stale)
        with quick(data_dir) as server:
            assert ask(server.dsn, "select 1") == "1"
        assert stranger.poll() is None


def test_a_path_with_spaces_works_without_a_locale_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith(("LC_", "LANG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PGPORT", "1")
    with quick(tmp_path / "größe 1" / "post gres") as server:
        assert ask(server.dsn, LOWER_QUERY) == LOWER
        assert asyncio.run(fetch_value(server.dsn, "select lower('ÄÉ')")) == "äé"


def test_a_path_too_long_for_a_socket_gets_a_short_private_folder(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 25) / "postgres"
    with quick(data_dir) as server:
        assert running_dsn(data_dir) == server.dsn
        sockets = Path(server.dsn.split("host=")[1].split("&")[0])
        assert sockets.stat().st_mode & 0o777 == 0o700
        assert ask(server.dsn, "select 1") == "1"
    assert not sockets.exists()


def test_a_server_left_by_a_killed_supervisor_is_replaced(data_dir: Path) -> None:
    with quick(data_dir) as server:
        programs = find_binaries()
        ask(server.dsn, "create table kept as select 1 as n")
    untied = choose_identity(data_dir, programs.folder).command(
        [programs.program("postgres"), "-D", str(data_dir), "-c", "listen_addresses=", "-k", "."], 0
    )
    with child(untied) as leftover:
        wait_for(lambda: running_dsn(data_dir))
        with quick(data_dir) as server:
            assert server.pid != leftover.pid
            assert leftover.wait(1) == 0
            assert ask(server.dsn, "select n from kept") == "1"


@linux
def test_the_server_ends_by_itself_when_its_supervisor_is_killed(data_dir: Path) -> None:
    holder = start_holder(data_dir)
    pid = told(holder)["pid"]
    holder.kill()
    finish(holder)
    wait_for(lambda: not exists(pid))
    assert "fast shutdown" in data_dir.with_name("postgres.log").read_text()


def test_a_start_right_after_the_supervisor_was_killed_succeeds(data_dir: Path) -> None:
    holder = start_holder(data_dir)
    told(holder)
    holder.kill()
    finish(holder)
    with quick(data_dir) as server:
        assert ask(server.dsn, "select 1") == "1"


def test_a_second_supervisor_of_the_same_data_is_refused(data_dir: Path) -> None:
    holder = start_holder(data_dir)
    dsn = told(holder)["dsn"]
    with pytest.raises(PostgresError, match=rf"in use by another norepeat \(process {holder.pid}"):
        quick(data_dir).start()
    assert ask(dsn, "select 1") == "1"
    finish(holder)


def test_data_of_another_version_stops_the_start_and_names_both(data_dir: Path) -> None:
    data_dir.mkdir(parents=True)
    (data_dir / "PG_VERSION").write_text("16\n")
    with pytest.raises(PostgresError, match=r"made by PostgreSQL 16, .* are PostgreSQL 18\."):
        quick(data_dir).start()
    assert (data_dir / "PG_VERSION").read_text() == "16\n"


def test_a_folder_with_other_files_is_not_touched(data_dir: Path) -> None:
    data_dir.mkdir(parents=True)
    (data_dir / "thesis.txt").write_text("years of work")
    with pytest.raises(PostgresError, match="holds files but no PostgreSQL data"):
        quick(data_dir).start()
    assert (data_dir / "thesis.txt").read_text() == "years of work"


def test_a_setting_the_server_refuses_is_told_with_its_own_words(data_dir: Path) -> None:
    with quick(data_dir):
        pass
    with (data_dir / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = on\n")
    with pytest.raises(PostgresError, match="unrecognized configuration parameter"):
        quick(data_dir).start()


def test_a_kill_while_the_data_directory_is_made_leaves_nothing_half_made(data_dir: Path) -> None:
    holder = start_holder(data_dir)
    wait_for(lambda: list(data_dir.parent.glob("postgres.new-*/base/1")))
    holder.kill()
    finish(holder)
    assert not data_dir.exists()
    with quick(data_dir) as server:
        assert ask(server.dsn, "select 1") == "1"
        assert list(data_dir.parent.glob("postgres.new-*")) == []


def test_the_oldest_supported_server_of_the_system_works_too(data_dir: Path) -> None:
    found = {version_in(folder): folder for folder in system_folders()}
    older = [Binaries(path, version) for version, path in found.items() if version]
    usable = [binaries for binaries in older if binaries.major in range(15, 18)]
    if not usable:
        pytest.skip("this system has no PostgreSQL 15, 16 or 17 of its own")
    with EmbeddedPostgres(data_dir, durable=False, binaries=usable[-1]) as server:
        assert ask(server.dsn, "show server_version_num").startswith(str(usable[-1].major))
        assert ask(server.dsn, LOWER_QUERY) == LOWER
