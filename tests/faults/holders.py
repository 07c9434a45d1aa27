"""Starts `postgres_holder`: as this user, as another, or as a root without namespaces."""

import json
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import app.run

ROOT = Path(app.run.__file__).parents[2]
HOLDER = Path(__file__).with_name("postgres_holder.py")
NOBODY = 65534
NO_NAMESPACES = """
import ctypes, os, sys
from pathlib import Path
assert ctypes.CDLL(None).unshare(0x10000000) == 0
print("mapped?", flush=True)
sys.stdin.readline()
os.setgid(0), os.setuid(0)
Path("/proc/sys/user/max_user_namespaces").write_text("0")
os.execv(sys.argv[1], sys.argv[1:])
"""

Holder = subprocess.Popen[str]


def environment(**extra: str) -> dict[str, str]:
    packages = sysconfig.get_paths()["purelib"]
    return {"PATH": os.defpath, "PYTHONPATH": f"{ROOT}{os.pathsep}{packages}", **extra}


def start_holder(
    data_dir: Path,
    *,
    python: str = sys.executable,
    before: tuple[str, ...] = (),
    extra: Mapping[str, str] | None = None,
    **options: Any,
) -> Holder:
    return subprocess.Popen(
        [*before, python, "-B", str(HOLDER), str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env=environment(**(extra or {})),
        **options,
    )


def told(holder: Holder) -> dict[str, Any]:
    assert holder.stdout is not None
    facts: dict[str, Any] = json.loads(holder.stdout.readline())
    return facts


def finish(holder: Holder) -> None:
    holder.communicate(timeout=40)


def python_for(uid: int) -> str:
    """An interpreter this user can run, with the application within reach, or a skip."""
    for python in (sys.executable, "/usr/bin/python3"):
        probe = [python, "-B", "-c", "import sys, app.run; assert sys.version_info >= (3, 11)"]
        try:
            done = subprocess.run(probe, cwd="/", env=environment(), capture_output=True, **identity(uid))
        except OSError:
            continue
        if done.returncode == 0:
            return python
    pytest.skip(f"user {uid} can reach no Python 3.11 or not the application in {ROOT}")


def identity(uid: int) -> dict[str, Any]:
    return {"user": uid, "group": uid, "extra_groups": []}


def start_holder_without_namespaces(data_dir: Path) -> Holder:
    """As root of a namespace that may have no further ones, as in many containers."""
    holder = start_holder(data_dir, before=(sys.executable, "-c", NO_NAMESPACES))
    assert holder.stdin is not None
    assert holder.stdout is not None
    if holder.stdout.readline() != "mapped?\n":
        finish(holder)
        pytest.skip("this system lets nobody make a user namespace")
    for kind in ("uid_map", "gid_map"):
        Path(f"/proc/{holder.pid}/{kind}").write_text("0 0 65536")
    holder.stdin.write("\n")
    holder.stdin.flush()
    return holder


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def exists(pid: int) -> bool:
    """Not counting a process that has ended and waits to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
