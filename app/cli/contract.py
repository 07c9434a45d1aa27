"""What this version is: openapi, version."""

import json
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

import typer

from app.cli.root import cli, late
from app.settings import Settings


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
