"""`norepeat backup` and `norepeat restore`: everything in one file, from and to any PostgreSQL."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from app.adapters.postgres import EmbeddedPostgres, PostgresError, find_binaries, running_dsn
from app.adapters.postgres import dump as dumps
from app.cli.root import cli, late
from app.domain.errors import Invalid
from app.settings import Settings
from app.wiring import database_url

Target = Annotated[Path, typer.Argument(help="Where the backup goes, such as norepeat.dump.", dir_okay=False)]
Source = Annotated[Path, typer.Argument(help="What `norepeat backup` wrote.", dir_okay=False)]
Replace = Annotated[bool, typer.Option("--replace", help="The database is not empty, and all in it may go.")]


@cli.command()
def backup(file: Target) -> None:
    """Write the whole database to FILE while everything runs. Keys of secrets at rest are not in it: keep them too."""
    with _server() as dsn:
        size = dumps.backup(dsn, file, find_binaries())
    typer.echo(f"{file}: {size} bytes")


@cli.command()
def restore(file: Source, replace: Replace = False) -> None:
    """Put FILE in place of what the database holds, then migrate it to this version. Stop API and worker before."""
    with _server() as dsn:
        binaries = find_binaries()
        if not replace and not dumps.is_empty(dsn, binaries):
            raise Invalid("The database is not empty. With --replace everything in it goes, and FILE comes instead.")
        dumps.restore(dsn, file, binaries)
        asyncio.run(late("app.adapters.db.migrate").migrate(dsn))
    typer.echo(f"restored {file}")


@contextmanager
def _server() -> Iterator[str]:
    """The configured server, or our own: started for as long as this takes where it does not run."""
    settings = Settings()
    data_dir = settings.data_dir / "postgres"
    try:
        if settings.database_url is not None or running_dsn(data_dir) is not None:
            yield database_url(settings)
            return
        with EmbeddedPostgres(data_dir) as server:
            yield server.dsn
    except PostgresError as error:
        raise Invalid(str(error)) from error
