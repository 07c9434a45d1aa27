"""`norepeat doctor`: what is configured, looked at live."""

import asyncio

import typer

from app.cli.root import cli
from app.settings import Settings
from app.wiring.doctor import diagnose


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
