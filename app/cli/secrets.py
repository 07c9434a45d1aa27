"""`norepeat secrets`: the keys of what is encrypted at rest."""

import asyncio

import typer

from app.adapters.vault import new_key
from app.cli.root import cli
from app.domain.outbound.use_cases.endpoints import renew_webhook_secrets
from app.settings import Settings
from app.wiring import open_ports

secrets = typer.Typer(help="Secrets at rest and their keys.", no_args_is_help=True)
cli.add_typer(secrets, name="secrets")


@secrets.command()
def key() -> None:
    """Print a fresh key for NOREPEAT_ENCRYPTION_KEYS: put it first, run `secrets rotate`, then drop the old one."""
    typer.echo(new_key())


@secrets.command()
def rotate() -> None:
    """Encrypt every kept secret with the first of the configured keys."""
    typer.echo(f"{asyncio.run(_rotate())} secrets encrypted anew")


async def _rotate() -> int:
    async with open_ports(Settings()) as opened:
        return await renew_webhook_secrets(opened.ports.uow, opened.ports.vault)
