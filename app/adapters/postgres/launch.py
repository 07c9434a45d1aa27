"""A script that takes on an identity and a tie to its parent's life, then becomes a program.

It runs as `python -I -S launch.py DEATH_SIGNAL PARENT_PID IDENTITY PROGRAM ARGUMENT...`. It is a
process of its own because none of this is safe between fork and exec of a threaded parent.
"""

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
REACH = "--reach"
REFUSED, UNREACHABLE = 4, 3


def check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def enter_namespace(uid: int, gid: int) -> None:
    """Seen from inside this process is `uid`; the kernel and the files still see who it was."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    check(ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {outer_uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {outer_gid} 1")


def become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def take_identity(identity: str) -> None:
    kind, *ids = identity.split(":")
    if kind == "namespace":
        enter_namespace(int(ids[0]), int(ids[1]))
    elif kind == "user":
        become(int(ids[0]), int(ids[1]))


def follow(parent: int, death_signal: int) -> None:
    """Must come after a change of identity, which makes the kernel forget the signal."""
    if sys.platform == "linux":
        check(ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0))
    if os.getppid() != parent:
        sys.exit("the parent ended before its child could start")


def first_unreachable(paths: list[str]) -> Path | None:
    for path in map(Path, paths):
        for step in (*reversed(path.parents), path):
            if not os.access(step, os.X_OK):
                return step
    return None


def main(arguments: list[str]) -> None:
    death_signal, parent, identity, program, *rest = arguments
    try:
        take_identity(identity)
    except OSError as error:
        print(error, file=sys.stderr)
        sys.exit(REFUSED)
    follow(int(parent), int(death_signal))
    if program == REACH:
        unreachable = first_unreachable(rest)
        print(unreachable or "")
        sys.exit(UNREACHABLE if unreachable else 0)
    os.execv(program, [program, *rest])


if __name__ == "__main__":
    main(sys.argv[1:])
