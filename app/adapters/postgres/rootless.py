"""Who PostgreSQL runs as, since it refuses root and initdb refuses a user without a name."""

import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL

from app.adapters.postgres.errors import PostgresError

LAUNCHER = Path(__file__).with_name("launch.py")
LAUNCHER_FOUND_UNREACHABLE = 3
NOBODY = 65534
CURE = (
    "Put it where every user may enter (NOREPEAT_DATA_DIR for the data, NOREPEAT_POSTGRES_BIN for "
    "the programs), start as an ordinary user, or set DATABASE_URL to a running PostgreSQL."
)


@dataclass(frozen=True)
class Identity:
    kind: str = "same"
    uid: int = 0
    gid: int = 0

    def __str__(self) -> str:
        return "a user of its own namespace" if self.kind == "namespace" else f"user {self.uid}"

    def command(self, command: Sequence[str], death_signal: int) -> list[str]:
        who = f"{self.kind}:{self.uid}:{self.gid}"
        tie = (str(int(death_signal)), str(os.getpid()), who)
        return [sys.executable, "-I", "-S", str(LAUNCHER), *tie, *command]

    @property
    def owners(self) -> set[int]:
        return {os.geteuid(), self.uid} if self.kind == "user" else {os.geteuid()}

    def own(self, path: Path) -> None:
        if self.kind != "user" or path.stat().st_uid == self.uid:
            return
        for folder, folders, files in os.walk(path):
            for name in (*folders, *files):
                os.lchown(Path(folder, name), self.uid, self.gid)
        os.lchown(path, self.uid, self.gid)


SAME = Identity()


def tied(command: Sequence[str], death_signal: int) -> list[str]:
    """The command, changed so that on Linux it gets the signal when the calling thread ends."""
    return SAME.command(command, death_signal)


def choose_identity(data_dir: Path, programs: Path) -> Identity:
    uid = os.geteuid()
    if uid != 0 and is_named(uid):
        return SAME
    obstacles = []
    for choice in possible_identities(uid, data_dir):
        obstacle = obstacle_for(choice, [data_dir.parent, programs / "postgres"])
        if obstacle is None:
            return choice
        obstacles.append(obstacle)
    reasons = "; ".join(obstacles) or "no other identity is possible on this system"
    raise PostgresError(f"PostgreSQL cannot run as user {uid}: {reasons}. {CURE}")


def possible_identities(uid: int, data_dir: Path) -> list[Identity]:
    owner = data_dir.stat() if data_dir.exists() else None
    if uid == 0 and owner is not None and owner.st_uid != 0:
        return [Identity("user", owner.st_uid, owner.st_gid)]
    nobody = [Identity("user", NOBODY, NOBODY)] if uid == 0 else []
    return [*namespace_identities(), *nobody]


def namespace_identities() -> list[Identity]:
    """Id 1000 where it has a name, which it lacks in many container images, else another."""
    if sys.platform != "linux":
        return []
    named = sorted(pwd.getpwall(), key=lambda user: (user.pw_uid != 1000, user.pw_uid != NOBODY))
    return [Identity("namespace", user.pw_uid, user.pw_gid) for user in named if user.pw_uid][:1]


def is_named(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def obstacle_for(choice: Identity, paths: list[Path]) -> str | None:
    command = choice.command(["--reach", *map(str, paths)], SIGKILL)
    probe = subprocess.run(command, capture_output=True, text=True)
    if probe.returncode == 0:
        return None
    if probe.returncode == LAUNCHER_FOUND_UNREACHABLE:
        return f"{choice} cannot enter {probe.stdout.strip()}"
    return f"{choice} is refused ({probe.stderr.strip()})"
