"""A program for the tests: holds an embedded PostgreSQL until its input ends.

It prints one JSON line: `dsn`, `pid` and `lower`, or `error`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from app.adapters.postgres import EmbeddedPostgres, PostgresError, find_binaries


def say(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


def ask(dsn: str, sql: str) -> str:
    psql = find_binaries().program("psql")
    command = [psql, "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", dsn, "-c", sql]
    environment = {**os.environ, "PGCLIENTENCODING": "UTF8"}
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    return done.stdout.decode().strip()


def hold(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as server:
        lower = ask(server.dsn, "select lower('ÄÉ'), 'ÄÉX' ILIKE 'äé%'")
        say(dsn=server.dsn, pid=server.pid, lower=lower)
        sys.stdin.read()


if __name__ == "__main__":
    try:
        hold(Path(sys.argv[1]))
    except PostgresError as error:
        say(error=str(error))
