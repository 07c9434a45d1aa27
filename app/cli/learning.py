"""`norepeat evaluate` and `norepeat train`: how good suggestions are, and the weights behind them."""

import asyncio
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from app.adapters.db.engine import open_pool
from app.adapters.db.teaching import taught
from app.adapters.models.examples import read_examples
from app.adapters.models.timelines import read_published
from app.adapters.models.weights import SHIPPED, shipped_models, write_models
from app.cli.root import cli
from app.domain.drafting.evaluating import TimelineScore, score_timelines
from app.domain.learning.evaluating import Evaluation
from app.domain.learning.examples import Examples
from app.domain.learning.judging import by_organisation, cross_validate, evaluate, in_turn
from app.domain.learning.training import Learning, reader, train
from app.settings import Settings
from app.wiring import database_url

Given = typer.Option(exists=True, dir_okay=False, readable=True)
SHIPPED_SOURCE = (
    "Weights and hashed word counts learnt from public postmortems under MIT, BSD, Apache-2.0 and CC-BY licences;"
    " no text of them is in here. Apache-2.0."
)


@cli.command(name="evaluate")
def evaluate_suggestions(
    incidents: Annotated[Path | None, Given] = None,
    labels: Annotated[Path | None, Given] = None,
    pairs: Annotated[Path | None, Given] = None,
    transcripts: Annotated[Path | None, typer.Option(exists=True, file_okay=False, help="A folder.")] = None,
    learn_from: Annotated[
        list[Path] | None, typer.Option("--train", exists=True, dir_okay=False, help="Learn from this; may repeat.")
    ] = None,
    cross_validation: Annotated[
        bool, typer.Option("--cross-validation", help="Learn from all but the part that is asked about.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Measure suggestions on incidents whose answers are known; formats in docs/evaluate.md.

    Answers come from the weights that this version ships, or only from the files of `--train`.
    """
    examples = _named(read_examples(file for file in (incidents, labels, pairs) if file))
    timelines = score_timelines(read_published(transcripts) if transcripts else [])
    if cross_validation:
        return _cross_validated(examples, read_examples(learn_from or []), timelines, as_json)
    models, read = shipped_models(), reader()
    if learn_from:
        models = train(read_examples(learn_from).known(), Learning(), read)
    _print({"": _with_timelines(evaluate(examples, models, read), timelines)}, as_json)
    return None


def _with_timelines(found: Evaluation, timelines: TimelineScore) -> Evaluation:
    """The price of the recall goes beside the measures: how much there is to read for each published entry."""
    if timelines.said_per_published is not None:
        typer.echo(
            f"timelines: {timelines.found} of {timelines.findable} entries found ({timelines.published} published),"
            f" {timelines.said_per_published:.2f} entries from chat for each published one",
            err=True,
        )
    return replace(found, timeline_recall=timelines.recall, timeline_ungrounded=timelines.ungrounded_share)


@cli.command(name="train")
def train_suggestions(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Incidents, labels, pairs.")],
    into: Annotated[Path, typer.Option(help="Where the weights go.", dir_okay=False)] = SHIPPED,
) -> None:
    """Learn the weights from labelled incidents and pairs; the same files always give the same weights."""
    examples = read_examples(files).known()
    if not examples.labels:
        raise typer.BadParameter("none of these files has labels of incidents that are here too")
    models = train(examples, Learning(), reader())
    write_models(into, models, source=SHIPPED_SOURCE)
    typer.echo(
        f"{len(examples.labels)} labels, {len(examples.pairs)} pairs, threshold {models.factors.threshold}: {into}"
    )


@cli.command(name="export-examples")
def export_examples(
    file: Annotated[typer.FileBinaryWrite, typer.Argument(help="JSON Lines; - for stdout.")],
    organisation: Annotated[str, typer.Option(help="What these incidents' organisation is called in it.")] = "ours",
) -> None:
    """Write what people decided here, for `norepeat train` and `norepeat evaluate --train`: factors of published
    postmortems, confirmed causes, answers to suggestions. Restricted incidents are left out."""
    typer.echo(f"{asyncio.run(_export(file, organisation))} lines", err=True)


async def _export(file: Any, organisation: str) -> int:
    lines, settings = 0, Settings()
    pool = await open_pool(database_url(settings), size=1, command_timeout=settings.command_timeout)
    try:
        async for line in taught(pool, organisation):
            file.write(line + b"\n")
            lines += 1
    finally:
        await pool.close()
    return lines


def _named(examples: Examples) -> Examples:
    """Raises for labels and pairs whose incidents are not here: they would be left out in silence."""
    known = examples.reports
    missing = [one.report_id for one in examples.labels if one.report_id not in known]
    missing += [id for pair in examples.pairs for id in (pair.a, pair.b) if id not in known]
    if missing:
        raise typer.BadParameter(
            f"{len(missing)} labels or pairs name incidents that --incidents does not have: {missing[0]}"
        )
    return examples


def _cross_validated(examples: Examples, more: Examples, timelines: TimelineScore, as_json: bool) -> None:
    """`more` are examples that help to learn and are not asked about."""
    known = Examples({**more.reports, **examples.reports}, [*examples.labels, *more.labels], examples.pairs).known()
    read = reader()
    _print(
        {
            "by organisation": cross_validate(known, Learning(), read, by_organisation(known)),
            "five parts": cross_validate(known, Learning(), read, in_turn(known, 5)),
        }
        | ({"timelines": _with_timelines(Evaluation(), timelines)} if timelines.published else {}),
        as_json,
    )


def _print(found: dict[str, Evaluation], as_json: bool) -> None:
    rounded: dict[str, dict[str, Any]] = {
        name: {measure: None if value is None else round(value, 4) for measure, value in asdict(one).items()}
        for name, one in found.items()
    }
    if as_json:
        return typer.echo(json.dumps(rounded.get("", rounded)))
    for name, measures in rounded.items():
        typer.echo(name or "shipped or --train")
        for measure, value in measures.items():
            typer.echo(f"  {measure:24} {'not measured' if value is None else value}")
    return None
