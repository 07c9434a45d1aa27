"""`norepeat backtest`: how good the recurrence probability would have been on history."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from app.cli.root import cli, late
from app.domain.learning.backtest import Backtest, backtest
from app.domain.learning.risk import PairHistory, RiskPolicy
from app.settings import Settings
from app.wiring import open_ports


@cli.command(name="backtest")
def backtest_history(
    file: Annotated[
        typer.FileBinaryRead | None,
        typer.Argument(
            metavar="[FILE]", help="A history file as `norepeat import` reads it; the database unless given."
        ),
    ] = None,
    mapping: Annotated[Literal["corpus"] | None, typer.Option(help="The file's format, if it is not our own.")] = None,
    service: Annotated[str | None, typer.Option(help="Only the incidents of this service.")] = None,
    every: Annotated[int, typer.Option(min=1, max=365, help="Days between two predictions.")] = 30,
    warm_up: Annotated[int, typer.Option(min=1, max=3650, help="Days of history before the first one.")] = 180,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Predict recurrences within 90 days at past instants from what was known then, and score what was said.

    Beside p stand the baseline 1 - exp(-n180 x 90/180) and the constant base rate, which knows the outcomes.
    """
    if file is None:
        pairs, until = asyncio.run(_of_database())
    else:
        pairs, until = _of_file(file, mapping), None
    chosen = [pair for pair in pairs if service in (None, pair.service)]
    until = until or max((at for pair in chosen for at in pair.started_at), default=datetime.now(UTC))
    found = backtest(chosen, until, RiskPolicy(), every_days=every, warm_up_days=warm_up)
    typer.echo(json.dumps(asdict(found), default=str)) if as_json else _print(found, len(chosen))


async def _of_database() -> tuple[Sequence[PairHistory], datetime | None]:
    async with open_ports(Settings()) as opened:
        now = opened.ports.clock()
        async with opened.ports.uow() as u:
            return await u.risks.histories(now, None), now


def _of_file(file: Any, mapping: str | None) -> Sequence[PairHistory]:
    mappings = late("app.adapters.history.mappings")
    parse = mappings.parser(mapping and mappings.MappingName(mapping))
    past = []
    for batch in late("app.adapters.history.reading").Reader(file, parse).batches():
        past += batch.past
        for bad in batch.bad:
            typer.secho(f"line {bad.number}: {bad.reason}", fg="yellow", err=True)
    pairs: Sequence[PairHistory] = late("app.adapters.history.pairs").pairs_of(past)
    return pairs


def _print(found: Backtest, pairs: int) -> None:
    console = Console()
    if not found.predictions:
        console.print(f"{pairs} pairs of root cause and service: too short a history to predict and see what happened.")
        return
    console.print(
        f"{pairs} pairs of root cause and service, {found.predictions} predictions at {found.origins} instants from "
        f"{found.first_origin:%Y-%m-%d} to {found.last_origin:%Y-%m-%d}, {found.recurred} recurred within 90 days; "
        f"rates could be fitted at {found.fitted_origins} instants."
    )
    scores = Table("", "Brier", "AUC")
    for name, score in (("p", found.p), ("1 - exp(-n180 x 90/180)", found.baseline), ("base rate", found.base_rate)):
        scores.add_row(name, _said(score.brier), _said(score.auc))
    console.print(scores)
    bins = Table("predicted", "n", "mean p", "came true")
    for one in found.calibration:
        bins.add_row(f"{one.low:.1f} to {one.high:.1f}", str(one.n), _said(one.mean_p), _said(one.occurred))
    console.print(bins)


def _said(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
