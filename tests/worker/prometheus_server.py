"""A real Prometheus with a history of its own, on a free port of this machine."""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
MISSING = "no Prometheus here: apt-get install --no-install-recommends prometheus"
READY_WITHIN = 20.0


def sample(name: str, value: float, at: float, **labels: str) -> tuple[str, float, str]:
    """One line of a history, with what it is sorted by: OpenMetrics wants each metric in one piece."""
    written = ",".join(f'{key}="{label}"' for key, label in labels.items())
    return name, at, f"{name}{{{written}}} {value} {at:.3f}"


def write_history(folder: Path, samples: Iterable[tuple[str, float, str]]) -> None:
    """Blocks of data as if Prometheus had been there."""
    assert PROMTOOL
    text = folder / "history.txt"
    text.write_text("\n".join([line for *_, line in sorted(samples, key=lambda s: s[:2])] + ["# EOF", ""]))
    command = [PROMTOOL, "tsdb", "create-blocks-from", "--max-block-duration=1440h", "openmetrics"]
    done = subprocess.run([*command, str(text), str(folder / "data")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of a server over this folder's data."""
    assert PROMETHEUS
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 1m}\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                PROMETHEUS, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
                "--storage.tsdb.retention.time=400d", f"--web.listen-address={address}",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
        try:
            _wait(f"http://{address}/-/ready", process)
            yield f"http://{address}"
        finally:
            process.kill()
            process.wait()


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise AssertionError("Prometheus did not become ready")
