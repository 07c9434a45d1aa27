"""The command `norepeat`; each module holds the commands of one subject."""

import sys

import typer

from app.cli import contract, doctor, history, processes, slo
from app.cli.root import cli
from app.domain.errors import DomainError
from app.wiring import NoDatabase

__all__ = ["contract", "doctor", "history", "main", "processes", "slo"]


def main() -> None:
    """Run the command; a refusal is a sentence and exit code 2, not a traceback."""
    try:
        cli()
    except (DomainError, NoDatabase) as error:
        typer.secho(str(error), fg="red", err=True)
        sys.exit(2)
