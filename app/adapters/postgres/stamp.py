"""A note beside the data that this version has migrated it, so that a warm start need not ask."""

import hashlib
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("norepeat", "pgqueuer")


class Stamp:
    """What was migrated with what: the same code, the same cluster, the same first key."""

    def __init__(self, data_dir: Path, migrations: Path, environment: Mapping[str, str]) -> None:
        self._file = data_dir.with_name(f"{data_dir.name}.migrated")
        self._parts = (data_dir / "PG_VERSION", migrations, environment.get("NOREPEAT_ADMIN_KEY", ""))

    def fits(self) -> bool:
        try:
            return self._file.read_text(encoding="ascii") == self._fingerprint()
        except OSError:
            return False

    def write(self) -> None:
        self._file.write_text(self._fingerprint(), encoding="ascii")

    def _fingerprint(self) -> str:
        cluster, migrations, key = self._parts
        made = cluster.stat()
        texts = (file.read_bytes() for file in sorted(migrations.glob("*.py")))
        return _digest([repr((made.st_ino, made.st_mtime_ns, _versions())).encode(), key.encode(), *texts])


def _digest(parts: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _versions() -> list[str]:
    found = []
    for package in _PACKAGES:
        try:
            found.append(version(package))
        except PackageNotFoundError:
            found.append("unknown")
    return found
