"""Webhook ingest: our route, an ORM-session endpoint, and pgbench with our statement, in interleaved rounds.

python -m bench.webhooks [SECONDS [ROUNDS]]
"""

import asyncio
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import asyncpg

from app.adapters.db.inbox import STATEMENT
from app.adapters.db.migrate import migrate
from app.adapters.postgres.binaries import find_binaries
from app.adapters.postgres.server import EmbeddedPostgres
from bench.load import CONNECTIONS, SECRET, issue_event

SERVERS = {
    "norepeat": "from app.main import create_app; from app.settings import Settings; app = create_app(Settings())",
    "orm": "from bench.orm_endpoint import app",
}
SERVE = """
import sys, uvicorn
{imports}
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False, server_header=False)
"""
ROOT = Path(__file__).parents[1]
JOBS = "create table if not exists bench_jobs (id bigserial primary key, entrypoint text, created timestamptz)"


@contextmanager
def serving(name: str, dsn: str) -> Iterator[int]:
    """A server process with one worker; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    environment = {**os.environ, "DATABASE_URL": dsn, "NOREPEAT_GITHUB_WEBHOOK_SECRETS": json.dumps([SECRET])}
    command = [sys.executable, "-c", SERVE.format(imports=SERVERS[name]), str(port)]
    server = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                assert server.poll() is None, f"{name} did not start"
                time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait()


def posted(port: int, seconds: float) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.load", str(port), str(seconds)]
    answer: dict[str, float] = json.loads(subprocess.check_output(command, cwd=ROOT))
    assert not answer["refused"], answer
    return answer


def pgbench(dsn: str, script: Path, seconds: float) -> dict[str, float]:
    """The same statement for one delivery at a time, prepared, over as many connections."""
    command = [
        find_binaries().program("pgbench"), "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "1",
        "-T", str(max(1, round(seconds))), "-f", str(script), dsn,
    ]  # fmt: skip
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = next(line for line in said.splitlines() if line.startswith("tps"))
    latency = next(line for line in said.splitlines() if line.startswith("latency average"))
    return {"rate": float(rate.split()[2]), "p50": float(latency.split()[3]), "p99": float("nan")}


def script_in(folder: Path) -> Path:
    """Our own statement with its five arrays filled in."""
    headers = json.dumps({"content-type": "application/json", "x-github-event": "issues"})
    arrays = (
        "array[gen_random_uuid()]", "array['github']", "array[gen_random_uuid()::text]",
        f"array['{headers}']::jsonb[]", f"array['\\x{issue_event().hex()}'::bytea]",
    )  # fmt: skip
    text = STATEMENT
    for number, array in enumerate(arrays, 1):
        kind = ("uuid[]", "text[]", "text[]", "jsonb[]", "bytea[]")[number - 1]
        text = text.replace(f"${number}::{kind}", array)
    path = folder / "put.sql"
    path.write_text(" ".join(text.split()) + ";\n")
    return path


async def empty(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(JOBS)
    await connection.execute("truncate inbox, bench_jobs, pgqueuer, pgqueuer_log")
    await connection.execute("checkpoint")
    await connection.close()


def machine() -> str:
    """What the figures were measured on."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("fastapi", "uvicorn", "asyncpg", "sqlalchemy"))
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"PostgreSQL {find_binaries().version}, {packages}"
    )


def main(seconds: float = 3, rounds: int = 9) -> None:
    results: dict[str, list[dict[str, float]]] = {"norepeat": [], "orm": [], "pgbench": []}
    with (
        tempfile.TemporaryDirectory(prefix="norepeat-bench-") as name,
        EmbeddedPostgres(Path(name) / "data") as postgres,
    ):
        dsn, script = postgres.dsn, script_in(Path(name))
        asyncio.run(migrate(dsn))
        asyncio.run(empty(dsn))
        with serving("norepeat", dsn) as ours, serving("orm", dsn) as orm:
            for port in (ours, orm):
                posted(port, 1)
            for _ in range(rounds):
                results["norepeat"].append(posted(ours, seconds))
                results["pgbench"].append(pgbench(dsn, script, seconds))
                results["orm"].append(posted(orm, seconds))
                asyncio.run(empty(dsn))
    report(results, seconds, rounds)


def report(results: dict[str, list[dict[str, float]]], seconds: float, rounds: int) -> None:
    """Medians, and the median of the rounds' ratios: rounds differ by what else the machine does, both halves alike."""
    print(f"{machine()}; {CONNECTIONS} connections, {rounds} interleaved rounds of {seconds:g} s, medians")
    for name, found in results.items():
        rate = statistics.median(one["rate"] for one in found)
        waits = {part: statistics.median(one[part] for one in found) for part in ("p50", "p99")}
        said = ", ".join(f"{part} {wait:.1f} ms" for part, wait in waits.items() if wait == wait)
        print(f"{name:9} {rate:6.0f} a second   {said}")
    for peer, target in (("orm", 8), ("pgbench", 0.5)):
        pairs = zip(results["norepeat"], results[peer], strict=True)
        ratios = sorted(ours["rate"] / theirs["rate"] for ours, theirs in pairs)
        spread = f"{ratios[0]:.1f} to {ratios[-1]:.1f}"
        print(f"norepeat / {peer}: {statistics.median(ratios):.1f} ({spread}; target {target})")


if __name__ == "__main__":
    main(*(int(given) for given in sys.argv[1:]))
