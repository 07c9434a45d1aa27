"""What a run says: a line for each server, and the machine it ran on."""

import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import orjson

from bench.servers import NODE, PEER

_LIBRARIES = ("strawberry-graphql", "graphql-core", "fastapi", "starlette", "uvicorn", "asyncpg", "sqlmodel", "orjson")


class Round(Protocol):
    @property
    def per_second(self) -> float: ...
    @property
    def server_ms(self) -> float: ...
    @property
    def postgres_ms(self) -> float: ...
    @property
    def p50(self) -> float: ...
    @property
    def p99(self) -> float: ...


def report(read: str, found: Mapping[str, Sequence[Round]]) -> None:
    """Medians, with the load of the machine, which is not ours alone."""
    print(f"\n{read} (load {os.getloadavg()[0]:.1f})", flush=True)
    for name, rounds in found.items():
        rps, own, postgres, p50, p99 = (
            statistics.median(getattr(one, of) for one in rounds)
            for of in ("per_second", "server_ms", "postgres_ms", "p50", "p99")
        )
        ours = statistics.median(b.per_second / a.per_second for a, b in zip(rounds, found["norepeat"], strict=True))
        print(
            f"  {name:14} {rps:7.0f} a second  cpu {own:6.2f} + {postgres:5.2f} ms  p50 {p50:6.1f}  p99 {p99:6.1f} ms"
            f"  norepeat is {ours:5.2f} of it", flush=True,
        )  # fmt: skip


def machine(rounds: int, seconds: float) -> dict[str, object]:
    cpus = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    versions = {name: version(name) for name in _LIBRARIES} | {"python": platform.python_version()}
    if NODE.exists():
        installed = orjson.loads((PEER / "node_modules" / "postgraphile" / "package.json").read_bytes())["version"]
        node = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        versions |= {"postgraphile": installed, "node": node}
    return {
        "cpu": cpus[0].partition(": ")[2] if cpus else platform.machine(),
        "cores": os.cpu_count(),
        "load_at_end": round(os.getloadavg()[0], 1),
        "rounds": rounds,
        "seconds": seconds,
        "versions": versions,
    }
