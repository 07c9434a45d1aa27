"""The command `norepeat`; each module holds the commands of one subject."""

import sys

import typer

from app.cli import audit, backtest, backup, contract, doctor, documents, history, learning, processes, secrets, slo
from app.cli.root import cli
from app.domain.deeds import Deed, begin
from app.domain.errors import DomainError
from app.wiring import NoDatabase

__all__ = [
    "audit",
    "backtest",
    "backup",
    "contract",
    "doctor",
    "documents",
    "history",
    "learning",
    "main",
    "processes",
    "secrets",
    "slo",
]


def main() -> None:
    """Run the command; a refusal is a sentence and exit code 2, not a traceback."""
    begin(Deed(" ".join(["norepeat", *sys.argv[1:2]])))
    try:
        cli()
    except (DomainError, NoDatabase) as error:
        typer.secho(str(error), fg="red", err=True)
        sys.exit(2)
