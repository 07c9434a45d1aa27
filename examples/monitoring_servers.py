"""A real Prometheus and a real Alertmanager on free ports of this machine, with a history written beforehand."""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
MISSING = "no Prometheus here: apt-get install --no-install-recommends prometheus"
MISSING_ALERTMANAGER = "no Alertmanager here: apt-get install --no-install-recommends prometheus-alertmanager"
READY_WITHIN = 20.0
Sample = tuple[str, float, str]


def sample(name: str, value: float, at: float, **labels: str) -> Sample:
    """One line of a history, with what it is sorted by: OpenMetrics wants each metric in one piece."""
    written = ",".join(f'{key}="{label}"' for key, label in labels.items())
    return name, at, f"{name}{{{written}}} {value} {at:.3f}"


def write_history(folder: Path, samples: Iterable[Sample]) -> None:
    """Blocks of data as if Prometheus had been there."""
    assert PROMTOOL
    text = folder / "history.txt"
    text.write_text("\n".join([line for *_, line in sorted(samples, key=lambda s: s[:2])] + ["# EOF", ""]))
    command = [PROMTOOL, "tsdb", "create-blocks-from", "--max-block-duration=1440h", "openmetrics"]
    command += [str(text), str(folder / "data")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (found by name)
    assert done.returncode == 0, done.stderr


@contextmanager
def prometheus(
    folder: Path, *, rules: Path | None = None, alertmanager: str | None = None, address: str | None = None
) -> Iterator[str]:
    """The address of a server over this folder's data; with rules it looks at them every second."""
    assert PROMETHEUS
    config = ["global: {scrape_interval: 1m, evaluation_interval: 1s}"]
    if rules is not None:
        config.append(f"rule_files: ['{rules}']")
    if alertmanager is not None:
        target = alertmanager.removeprefix("http://")
        config.append(f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{target}']}}]}}]}}")
    (folder / "prometheus.yml").write_text("\n".join([*config, ""]))
    address = address or free_address()
    command = [
        PROMETHEUS, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=400d", "--rules.alert.resend-delay=1s", f"--web.listen-address={address}",
    ]  # fmt: skip
    with running(command, folder / "prometheus.log", f"http://{address}/-/ready"):
        yield f"http://{address}"


@contextmanager
def alertmanager(folder: Path, *, webhook: str, token: str) -> Iterator[str]:
    """The address of a server that posts every group to `webhook` at once."""
    assert ALERTMANAGER
    (folder / "alertmanager.yml").write_text(
        f"""\
route: {{receiver: norepeat, group_by: [sloth_id], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: norepeat
    webhook_configs:
      - {{url: '{webhook}', send_resolved: true, http_config: {{authorization: {{credentials: '{token}'}}}}}}
"""
    )
    address = free_address()
    command = [
        ALERTMANAGER, f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder / 'alerts'}",
        f"--web.listen-address={address}", "--cluster.listen-address=",
    ]  # fmt: skip
    with running(command, folder / "alertmanager.log", f"http://{address}/-/ready"):
        yield f"http://{address}"


@contextmanager
def running(command: Sequence[str], log: Path, ready: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process until the end of the block, from when this address answers."""
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)  # noqa: S603 (found by name)
        try:
            _wait(ready, process, log)
            yield process
        finally:
            process.kill()
            process.wait()


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 (this machine)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise AssertionError(f"{url} did not become ready: {log.read_text()[-2000:]}")


def free_address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"
