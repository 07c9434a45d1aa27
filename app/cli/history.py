"""`norepeat import`: past incidents and postmortems."""

import asyncio
from typing import Annotated, Any, Literal

import typer

from app.cli.root import cli, collect_garbage, late
from app.domain.access import SYSTEM
from app.domain.incidents import importing
from app.domain.learning.use_cases.risk import refit_recurrence
from app.settings import Settings
from app.wiring import open_ports


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
