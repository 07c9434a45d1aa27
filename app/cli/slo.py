"""`norepeat slo`: SLO definitions."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.adapters.monitoring.definitions import read_definitions
from app.cli.root import cli
from app.domain.access import SYSTEM
from app.domain.budgets.slos import InvalidSlo, SloDefinition
from app.domain.budgets.use_cases.budgets import ImportedSlos, import_slos
from app.settings import Settings
from app.wiring import open_ports

slo = typer.Typer(help="SLO definitions.", no_args_is_help=True)
cli.add_typer(slo, name="slo")


@slo.command(name="import")
def import_slo_files(
    files: Annotated[
        list[Path], typer.Argument(help="OpenSLO v1 or Sloth, as YAML or JSON.", exists=True, dir_okay=False)
    ],
) -> None:
    """Keep SLO definitions of known services; doing it twice changes nothing."""
    done = asyncio.run(_import_slos(files))
    typer.echo(f"{done.added} added, {done.changed} changed, {done.unchanged} unchanged")
    if done.unknown:
        typer.secho(f"no such service: {', '.join(done.unknown)}", fg="red", err=True)
        raise typer.Exit(1)


def _read(file: Path) -> tuple[SloDefinition, ...]:
    try:
        return read_definitions(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidSlo(f"{file}: This is no text in UTF-8.") from error
    except InvalidSlo as error:
        raise InvalidSlo(f"{file}: {error.message}") from error


async def _import_slos(files: list[Path]) -> ImportedSlos:
    definitions = [one for file in files for one in _read(file)]
    async with open_ports(Settings()) as opened:
        return await import_slos(opened.ports.uow, opened.ports.clock, caller=SYSTEM, definitions=definitions)
