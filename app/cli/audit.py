"""`norepeat audit`: whether the log is as it was sealed, and all of it as lines."""

import asyncio
import sys
from typing import Annotated

import orjson
import typer

from app.adapters.db.audit import head, sealed_entries, unsealed
from app.adapters.db.engine import open_pool
from app.cli.root import cli
from app.domain.audit.model import AuditEntry, Chain, Fault, Head
from app.domain.errors import Invalid
from app.settings import Settings
from app.wiring import database_url

audit = typer.Typer(help="The audit log.", no_args_is_help=True)
cli.add_typer(audit, name="audit")
SHOWN = 50
Kept = Annotated[
    str | None, typer.Option(help="POSITION:HASH that an earlier run printed; shows whether the end was cut off.")
]


@audit.command()
def verify(kept: Kept = None) -> None:
    """Find rows that were changed, removed or moved; ends with 1 if there is one. Keep the head it prints elsewhere."""
    found, end, waiting = asyncio.run(_verify(None if kept is None else head_of(kept)))
    for fault in found[:SHOWN]:
        which = f"position {fault.position}" + (f" (row {fault.id})" if fault.id is not None else "")
        typer.secho(f"{which}: {fault.message}", fg="red", err=True)
    if waiting:
        typer.secho(f"{waiting} rows have waited for a minute: does a worker run?", fg="yellow", err=True)
    typer.echo(f"{end.position} rows sealed, {len(found)} faults; head {end}")
    if found:
        raise typer.Exit(1)


async def _verify(kept: Head | None) -> tuple[list[Fault], Head, int]:
    pool = await open_pool(database_url(Settings()), size=1, command_timeout=60)
    try:
        chain = Chain(kept)
        found = [fault async for batch in sealed_entries(pool) for fault in chain.check(batch)]
        return [*found, *chain.end()], chain.head, await unsealed(pool)
    finally:
        await pool.close()


@audit.command()
def export(after: Annotated[int, typer.Option(help="Only rows after this position.")] = 0) -> None:
    """Every sealed row as JSON Lines, oldest first; the last line's position and hash are the head to keep."""
    asyncio.run(_export(after))


async def _export(after: int) -> None:
    pool = await open_pool(database_url(Settings()), size=1, command_timeout=60)
    try:
        async for batch in sealed_entries(pool, after=after):
            sys.stdout.buffer.write(b"".join(line(entry) for entry in batch))
        typer.echo(f"head {await head(pool)}", err=True)
    finally:
        await pool.close()


def line(entry: AuditEntry) -> bytes:
    """A row as `GET /v1/audit-log.jsonl` shows it."""
    shown = {
        "id": entry.id, "position": entry.position, "at": entry.at, "actor": entry.actor, "action": entry.action,
        "object_kind": entry.object_kind, "object_id": entry.object_id, "request_id": entry.request_id,
        "before": orjson.Fragment(entry.before or "null"), "after": orjson.Fragment(entry.after or "null"),
        "hash": (entry.hash or b"").hex(),
    }  # fmt: skip
    return orjson.dumps(shown, option=orjson.OPT_APPEND_NEWLINE)


def head_of(text: str) -> Head:
    """`POSITION:HASH`. Raises Invalid."""
    position, _, digest = text.partition(":")
    try:
        return Head(int(position), bytes.fromhex(digest))
    except ValueError as error:
        raise Invalid("A head is POSITION:HASH, as `norepeat audit verify` prints it.") from error
