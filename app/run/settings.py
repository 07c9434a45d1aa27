"""What the supervisor reads from the environment and from `.env`."""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
QUOTED = re.compile(r"""(["'])(.*?)(?<!\\)\1\s*(?:#.*)?""")


class Failure(Exception):
    """Ends the run with exit code 1; its text is for the person who started it."""


@dataclass(frozen=True)
class Settings:
    host: str
    port: int
    data_dir: Path
    database_url: str | None
    environment: Mapping[str, str] = field(repr=False)
    stop_patience_seconds: float = 10.0
    backups_kept: int = 5


def parse_dotenv(text: str) -> dict[str, str]:
    found = (ASSIGNMENT.fullmatch(line.strip()) for line in text.splitlines())
    return {match[1]: unquote(match[2]) for match in found if match}


def unquote(value: str) -> str:
    quoted = QUOTED.fullmatch(value)
    if quoted is None:
        return re.split(r"(?:^|\s)#", value, maxsplit=1)[0].strip()
    return quoted[2] if quoted[1] == "'" else re.sub(r'\\(["\\$])', r"\1", quoted[2])


def read_settings(environment: Mapping[str, str], folder: Path) -> Settings:
    """The real environment wins over `.env`; an empty value counts as none."""
    dotenv = folder / ".env"
    text = dotenv.read_text(encoding="utf-8") if dotenv.exists() else ""
    layers = (environment, parse_dotenv(text))

    def first(*names: str) -> str | None:
        values = (layer.get(name) for layer in layers for name in names)
        return next(filter(None, values), None)

    return Settings(
        host=first("NOREPEAT_HOST") or "127.0.0.1",
        port=port_from(first("NOREPEAT_PORT", "PORT") or "8000"),
        data_dir=folder / (first("NOREPEAT_DATA_DIR") or ".norepeat"),
        database_url=first("NOREPEAT_DATABASE_URL", "DATABASE_URL"),
        environment={**layers[1], **environment},
        backups_kept=number_from(first("NOREPEAT_BACKUPS_KEPT") or "5"),
    )


def port_from(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise Failure(f"PORT must be a number from 1 to 65535, not {text!r}.")


def number_from(text: str) -> int:
    if text.isdecimal():
        return int(text)
    raise Failure(f"NOREPEAT_BACKUPS_KEPT must be a number, 0 for none, not {text!r}.")


def refuse_taken_port(settings: Settings) -> None:
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, kind, _, _, target = found[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
    except OSError as error:
        raise Failure(
            f"Port {settings.port} on {settings.host} cannot be used ({error.strerror}). "
            f"Stop what uses it or choose another: PORT=8001 make run, or PORT=8001 in .env."
        ) from None
