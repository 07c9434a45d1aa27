"""Incidents with a published timeline, from folders of JSON Lines: messages, deployments, timeline."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from app.domain.drafting.evaluating import PublishedIncident
from app.domain.errors import Invalid
from app.domain.gathering import SourceFact
from app.domain.postmortems.content import TimelineKind


def read_published(folder: Path) -> list[PublishedIncident]:
    """One for each folder that has a `timeline.jsonl`. Raises Invalid for a line that cannot be read."""
    return [_read(one.parent) for one in sorted(folder.glob("*/timeline.jsonl"))]


def _read(folder: Path) -> PublishedIncident:
    return PublishedIncident(
        tuple(
            SourceFact(
                f"slack:{one.get('channel', '')}/{n}", _at(one), TimelineKind.COMMUNICATION, str(one["text"]), None,
                False, one.get("user"),
            )
            for n, one in _lines(folder / "messages.jsonl")
        ),
        tuple(
            SourceFact(f"deploy:{one['ref']}", _at(one), TimelineKind.NOTE, str(one["title"]), one.get("url"))
            for _, one in _lines(folder / "deployments.jsonl")
        ),
        tuple(_at(one) for _, one in _lines(folder / "timeline.jsonl")),
    )  # fmt: skip


def _at(one: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(one["ts"])


def _lines(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if not file.exists():
        return
    for number, line in enumerate(file.read_text().splitlines(), 1):
        try:
            one = json.loads(line)
            if _at(one).tzinfo is None:
                raise ValueError("a time without an offset")
        except (ValueError, KeyError, TypeError) as error:
            raise Invalid(f"{file.name} line {number}: {error!r}") from error
        yield number, one
