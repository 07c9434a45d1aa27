"""The processes, and the database they stand on: serve, worker, migrate."""

import asyncio

import typer
import uvicorn

from app.adapters.db.engine import without_password
from app.adapters.log import configure_logging
from app.adapters.process_metrics import serve_metrics
from app.cli.production import refuse_unsafe
from app.cli.root import cli, collect_garbage, late
from app.domain.organisation.use_cases import bootstrap_admin
from app.settings import Settings
from app.wiring import database_url, open_ports
from app.wiring.tracing import tracing


@cli.command()
def serve() -> None:
    """Serve REST, GraphQL and webhooks."""
    settings = Settings()
    refuse_unsafe(settings)
    configure_logging(settings.log_level)
    with tracing(settings, "api"):
        _serve(settings)


def _serve(settings: Settings) -> None:
    application = late("app.main").create_app(settings)
    collect_garbage()
    uvicorn.run(
        application,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        ws="websockets-sansio",
        ws_per_message_deflate=False,  # its window would take 80 KB more of each connection
        ws_max_size=131_072,
        server_header=False,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        timeout_graceful_shutdown=8,
    )


@cli.command()
def worker() -> None:
    """Deliver tickets, act on events, run checks when their window ends."""
    settings = Settings()
    refuse_unsafe(settings)
    configure_logging(settings.log_level)
    run_worker = late("app.worker").run_worker
    if settings.worker_metrics_port is not None:
        serve_metrics(settings.worker_metrics_host, settings.worker_metrics_port)
    collect_garbage()
    with tracing(settings, "worker"):
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
