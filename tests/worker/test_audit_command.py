"""`norepeat audit` and `norepeat secrets`, as an operator runs them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import orjson
import pytest
from cryptography.fernet import Fernet
from typer.testing import CliRunner

import app.cli  # noqa: F401  (registers the commands)
from app.adapters.db.audit import seal_audit_log
from app.adapters.db.engine import open_engine
from app.cli.root import cli
from app.domain.errors import Invalid
from tests.conftest import empty

TEAM = """
insert into teams (id, version, created_at, updated_at, slug, name, chat_channel, time_zone, working_days)
values (gen_random_uuid(), 1, now(), now(), $1, 'ü', '', 'UTC', '{1}')
"""


async def _three_rows(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    for slug in ("a", "b", "c"):
        await connection.execute(TEAM, slug)
    await connection.close()
    engine = open_engine(dsn, pool_size=1, command_timeout=5)
    async with engine.connect() as opened:
        await seal_audit_log(opened)
    await engine.dispose()


async def _tamper(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"set session_replication_role = replica; {statement}")
    await connection.close()


@pytest.fixture
def database(dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", dsn)
    asyncio.run(_three_rows(dsn))
    yield dsn
    asyncio.run(empty(dsn))


def test_verify_prints_the_head_and_finds_a_tampered_row(database: str) -> None:
    run = CliRunner().invoke
    clean = run(cli, ["audit", "verify"])
    assert clean.exit_code == 0
    assert clean.stdout.startswith("3 rows sealed, 0 faults; head 3:")
    kept = clean.stdout.strip().rpartition(" ")[2]
    assert run(cli, ["audit", "verify", "--kept", kept]).exit_code == 0
    asyncio.run(_tamper(database, "update audit_log set actor = 'somebody' where position = 2"))
    tampered = run(cli, ["audit", "verify"])
    assert tampered.exit_code == 1
    assert "position 2 (row " in tampered.output
    assert "was changed, or moved, after it was sealed" in tampered.output
    asyncio.run(_tamper(database, "delete from audit_log where position = 3"))
    cut = run(cli, ["audit", "verify", "--kept", kept])
    assert "position 3: is missing: the log was cut off after 2" in cut.output


def test_rows_that_nobody_seals_are_reported(database: str) -> None:
    asyncio.run(
        _tamper(database, "update audit_log set position = null, hash = null, at = now() - interval '2 minutes'")
    )
    said = CliRunner().invoke(cli, ["audit", "verify"])
    assert said.exit_code == 0
    assert "3 rows have waited for a minute: does a worker run?" in said.output


def test_a_head_that_is_none_is_refused(database: str) -> None:
    said = CliRunner().invoke(cli, ["audit", "verify", "--kept", "nonsense"])
    assert isinstance(said.exception, Invalid)


def test_export_is_a_row_a_line_from_where_the_last_one_ended(database: str) -> None:
    lines = [orjson.loads(line) for line in CliRunner().invoke(cli, ["audit", "export"]).stdout.splitlines()]
    assert [line["position"] for line in lines] == [1, 2, 3]
    assert lines[2]["after"]["slug"] == "c"
    later = CliRunner().invoke(cli, ["audit", "export", "--after", "2"]).stdout
    assert [orjson.loads(line) for line in later.splitlines()] == lines[2:]


def test_a_key_is_one_and_rotation_says_how_many_secrets_it_renewed(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = CliRunner().invoke(cli, ["secrets", "key"]).stdout.strip()
    assert Fernet(key)
    monkeypatch.setenv("NOREPEAT_ENCRYPTION_KEYS", orjson.dumps([key]).decode())
    assert CliRunner().invoke(cli, ["secrets", "rotate"]).stdout == "0 secrets encrypted anew\n"
