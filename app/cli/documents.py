"""`norepeat graphql`: which documents are trusted."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.root import cli, late
from app.settings import Settings
from app.wiring.documents import NoDocument, texts_in, trusted_file, write_trusted

graphql = typer.Typer(help="GraphQL documents.", no_args_is_help=True)
cli.add_typer(graphql, name="graphql")


@graphql.callback()
def _group() -> None:
    """Keeps `trust` a command of its own while it is the only one."""


@graphql.command()
def trust(
    files: Annotated[
        list[Path], typer.Argument(help="A document each, or a manifest of them in JSON.", exists=True, dir_okay=False)
    ],
) -> None:
    """Trust documents by their SHA-256: clients may send the hash alone. All of them are valid, or none is added."""
    texts = [(file, text) for file in files for text in texts_in(file)]
    documents = late("app.api.graphql.documents").Documents(
        late("app.api.graphql.schema").SCHEMA._schema, introspection=True
    )
    for file, text in texts:
        if errors := documents.read(text).errors:
            raise NoDocument(f"{file}: {errors[0].message}")
    digest_of = late("app.api.graphql.trusted").digest_of
    settings = Settings()
    added = write_trusted(settings, [(digest_of(text), text) for _, text in texts])
    for file, text in texts:
        typer.echo(f"{digest_of(text)}  {file}")
    typer.echo(f"{added} added to {trusted_file(settings)}; a running service reads it when it starts")
