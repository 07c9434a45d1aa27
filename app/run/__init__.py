"""Runs the whole service on one machine, with the standard library alone: `python -m app.run`."""

import os
import sys
from pathlib import Path

from app.adapters.postgres.errors import PostgresError
from app.run.settings import Failure, Settings, parse_dotenv, read_settings, refuse_taken_port
from app.run.signals import Signals
from app.run.supervisor import Commands, Supervisor

__all__ = ["Commands", "Failure", "Settings", "main", "parse_dotenv", "read_settings", "supervise"]


def supervise(settings: Settings, commands: Commands | None = None) -> int:
    signals = Signals()
    supervisor = Supervisor(settings, commands or Commands(), signals)
    try:
        refuse_taken_port(settings)
        return supervisor.run()
    except (Failure, PostgresError, OSError) as error:
        if signals.asked():
            return 0
        print(f"norepeat: {error}", file=sys.stderr, flush=True)
        return 1
    finally:
        supervisor.stop()


def main() -> int:
    try:
        settings = read_settings(os.environ, Path.cwd())
    except (Failure, OSError) as error:
        sys.exit(f"norepeat: {error}")
    return supervise(settings)
