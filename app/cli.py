"""The command `norepeat`: serve, worker, migrate, import, openapi."""

import asyncio
import gc
import json
import sys
from importlib import import_module
from importlib.metadata import version as version_of
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

import typer
import uvicorn

from app.adapters.db.engine import without_password
from app.adapters.log import configure_logging
from app.adapters.monitoring.definitions import read_definitions
from app.domain.access import SYSTEM
from app.domain.budgets.use_cases.budgets import ImportedSlos, import_slos
from app.domain.errors import DomainError
from app.domain.incidents import importing
from app.domain.learning.use_cases.risk import refit_recurrence
from app.domain.organisation.use_cases import bootstrap_admin
from app.settings import Settings
from app.wiring import NoDatabase, database_url, diagnose, open_ports

cli = typer.Typer(
    name="norepeat", help="Postmortems that change something.", no_args_is_help=True, add_completion=False
)


def main() -> None:
    """Run the command; a refusal is a sentence and exit code 2, not a traceback."""
    try:
        cli()
    except (DomainError, NoDatabase) as error:
        typer.secho(str(error), fg="red", err=True)
        sys.exit(2)


def late(name: str) -> ModuleType:
    """A module that only one command needs: the worker shall not carry the API's memory, nor start as slowly."""
    return import_module(name)


def collect_garbage() -> None:
    """From here on; what is loaded stays, so the collector need not walk it."""
    gc.freeze()
    gc.enable()


@cli.command()
def serve() -> None:
    """Serve REST, GraphQL and webhooks."""
    settings = Settings()
    configure_logging(settings.log_level)
    application = late("app.main").create_app(settings)
    collect_garbage()
    uvicorn.run(
        application,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        ws="websockets-sansio",
        server_header=False,
        timeout_graceful_shutdown=8,
    )


@cli.command()
def worker() -> None:
    """Deliver tickets, act on events, run checks when their window ends."""
    settings = Settings()
    configure_logging(settings.log_level)
    run_worker = late("app.worker").run_worker
    collect_garbage()
    asyncio.run(run_worker(settings))


@cli.command()
def migrate() -> None:
    """Bring the database to this version; prints the first admin key where there is none yet."""
    settings = Settings()
    token = asyncio.run(_migrate(settings))
    if token is not None:
        typer.echo(f"admin key: {token}")


async def _migrate(settings: Settings) -> str | None:
    dsn = database_url(settings)
    await late("app.adapters.db.migrate").migrate(dsn)
    typer.echo(f"migrated {without_password(dsn)}")
    given = settings.admin_key.get_secret_value() if settings.admin_key else None
    async with open_ports(settings) as opened:
        return await bootstrap_admin(opened.ports.uow, opened.ports.clock, given_key=given)


@cli.command(name="import")
def import_history(
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(metavar="FILE", help="JSON Lines as in docs/import.md; - for stdin.")
    ],
    mapping: Annotated[Literal["corpus"] | None, typer.Option(help="The format, if it is not our own.")] = None,
    errors: Annotated[
        typer.FileTextWrite | None, typer.Option(encoding="utf-8", help="Where every bad line goes, as JSON Lines.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, keep nothing.")] = False,
) -> None:
    """Bring past incidents and postmortems in; what is there already is skipped, so it can be run again."""
    mappings = late("app.adapters.history.mappings")
    parse = mappings.parser(mapping and mappings.MappingName(mapping))
    report = late("app.adapters.history.report").Report(file, errors, dry_run=dry_run)
    asyncio.run(_import(late("app.adapters.history.reading").Reader(file, parse), report, dry_run))
    if report.bad:
        raise typer.Exit(1)


async def _import(reader: Any, report: Any, dry_run: bool) -> None:
    collect_garbage()
    async with open_ports(Settings()) as opened:
        ports = opened.ports
        with report:
            for batch in reader.batches():
                done = await importing.import_history(
                    ports.uow, ports.clock, ports.policy, caller=SYSTEM, past=batch.past, dry_run=dry_run
                )
                report.add(batch, done, batch.bad + [reader.refused(ref, reason) for ref, reason in done.refused])
        if not dry_run:
            await refit_recurrence(ports.uow, ports.clock, ports.risk_policy)


slo = typer.Typer(help="SLO definitions.", no_args_is_help=True)
cli.add_typer(slo, name="slo")


@slo.command(name="import")
def import_slo_files(
    files: Annotated[list[Path], typer.Argument(help="OpenSLO v1 or Sloth, as JSON.", exists=True, dir_okay=False)],
) -> None:
    """Keep SLO definitions of known services; doing it twice changes nothing."""
    done = asyncio.run(_import_slos(files))
    typer.echo(f"{done.added} added, {done.changed} changed, {done.unchanged} unchanged")
    if done.unknown:
        typer.secho(f"no such service: {', '.join(done.unknown)}", fg="red", err=True)
        raise typer.Exit(1)


async def _import_slos(files: list[Path]) -> ImportedSlos:
    definitions = [one for file in files for one in read_definitions(file.read_text(encoding="utf-8"))]
    async with open_ports(Settings()) as opened:
        return await import_slos(opened.ports.uow, opened.ports.clock, caller=SYSTEM, definitions=definitions)


@cli.command()
def doctor() -> None:
    """Check the database and every configured provider live, and say what to fix; exit code 1 if something is wrong."""
    if not asyncio.run(_examine(Settings())):
        raise typer.Exit(1)


async def _examine(settings: Settings) -> bool:
    fine = True
    async for found in diagnose(settings):
        fine = fine and found.ok
        typer.secho(f"{'ok   ' if found.ok else 'WRONG'} {found.subject}: {found.said}", fg=None if found.ok else "red")
    return fine


@cli.command()
def openapi(
    folder: Annotated[Path, typer.Argument(help="Where openapi.json and schema.graphql go.")] = Path("openapi"),
    check: Annotated[bool, typer.Option(help="Write nothing; fail if the files differ.")] = False,
) -> None:
    """Write the API contract: `openapi.json` and `schema.graphql`."""
    texts = {"openapi.json": _openapi_text(), "schema.graphql": _sdl_text()}
    stale = [n for n, text in texts.items() if not (folder / n).is_file() or (folder / n).read_text() != text]
    if check and stale:
        typer.secho(f"{', '.join(stale)} differ from the code; run `make contract`.", fg="red", err=True)
        raise typer.Exit(1)
    for name in stale:
        (folder / name).write_text(texts[name])


def _openapi_text() -> str:
    return json.dumps(late("app.main").create_app(Settings(docs=True)).openapi(), indent=1, ensure_ascii=False) + "\n"


def _sdl_text() -> str:
    return str(late("app.api.graphql.schema").schema_sdl())


@cli.command()
def version() -> None:
    """Print the version."""
    typer.echo(version_of("norepeat"))


if __name__ == "__main__":
    main()
