"""The command `norepeat`: serve, worker, migrate, import, openapi."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from app.adapters.db.engine import without_password
from app.adapters.db.migrate import migrate as migrate_database
from app.adapters.log import configure_logging
from app.domain.errors import DomainError
from app.domain.organisation.use_cases import bootstrap_admin
from app.main import VERSION, create_app
from app.settings import Settings
from app.wiring import NoDatabase, database_url, open_ports
from app.worker import run_worker

cli = typer.Typer(name="norepeat", help="Postmortems that change something.", no_args_is_help=True, add_completion=False)


def main() -> None:
    """Run the command; a refusal is a sentence and exit code 2, not a traceback."""
    try:
        cli()
    except (DomainError, NoDatabase) as error:
        typer.secho(str(error), fg="red", err=True)
        sys.exit(2)


@cli.command()
def serve() -> None:
    """Serve REST, GraphQL and webhooks."""
    settings = Settings()
    configure_logging(settings.log_level)
    uvicorn.run(
        create_app(settings),
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
    await migrate_database(dsn)
    typer.echo(f"migrated {without_password(dsn)}")
    given = settings.admin_key.get_secret_value() if settings.admin_key else None
    async with open_ports(settings) as opened:
        return await bootstrap_admin(opened.ports.uow, opened.ports.clock, given_key=given)


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
    return json.dumps(create_app(Settings(docs=True)).openapi(), indent=1, ensure_ascii=False) + "\n"


def _sdl_text() -> str:
    return ""


@cli.command()
def version() -> None:
    """Print the version."""
    typer.echo(VERSION)


if __name__ == "__main__":
    main()
