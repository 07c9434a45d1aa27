"""What sources say about a time and some services: facts with stable ids, and which sources did not answer."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from app.domain.errors import DomainError
from app.domain.organisation.model import Service
from app.domain.postmortems.content import TimelineKind


@dataclass(frozen=True, slots=True)
class SourceFact:
    """Something that happened, as a source tells it. `id` is the same each time the source tells it again, such as
    `grafana:42`; `machine` says that no person wrote the text, `author` who did."""

    id: str
    occurred_at: datetime
    kind: TimelineKind
    text: str
    url: str | None = None
    machine: bool = True
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time, both ends included."""

    start: datetime
    end: datetime

    def holds(self, at: datetime) -> bool:
        return self.start <= at <= self.end


class TimelineSource(Protocol):
    """Somewhere that knows what happened."""

    async def gather(self, window: Window, services: Sequence[Service]) -> tuple[SourceFact, ...]: ...


@dataclass(frozen=True, slots=True)
class Gathered:
    """The facts in order, each id once, and why a source is not among them, by its name."""

    facts: tuple[SourceFact, ...]
    failed: Mapping[str, str]


async def gather(
    sources: Mapping[str, TimelineSource], window: Window, services: Sequence[Service], *, patience: timedelta
) -> Gathered:
    """Ask every source, each with its own time-out; one that fails is named and stops nothing."""
    names = list(sources)
    answers = await asyncio.gather(*(_ask(sources[name], window, services, patience) for name in names))
    found: dict[str, SourceFact] = {}
    for facts in answers:
        if not isinstance(facts, str):
            found |= {fact.id: fact for fact in facts if window.holds(fact.occurred_at)}
    in_order = sorted(found.values(), key=lambda fact: (fact.occurred_at, fact.id))
    failed = {name: answer for name, answer in zip(names, answers, strict=True) if isinstance(answer, str)}
    return Gathered(tuple(in_order), failed)


async def _ask(
    source: TimelineSource, window: Window, services: Sequence[Service], patience: timedelta
) -> tuple[SourceFact, ...] | str:
    try:
        async with asyncio.timeout(patience.total_seconds()):
            return await source.gather(window, services)
    except TimeoutError:
        return f"It did not answer within {patience.total_seconds():.0f} s."
    except DomainError as error:
        return error.message
