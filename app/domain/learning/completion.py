"""Completion: what was promised, by when, and whether it was done and shown to work by then."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from app.domain.learning.measures import Measure, Window, measure, share


class Promise(IntEnum):
    """How a date of an item stands at `as_of`."""

    NO_DATE = 0
    NOT_DUE_YET = 1
    BROKEN = 2
    KEPT = 3
    KEPT_LATE = 4


DUE = frozenset({Promise.BROKEN, Promise.KEPT, Promise.KEPT_LATE})


@dataclass(frozen=True, slots=True)
class ItemGroup:
    """Items past `candidate`, created in one bucket, that stand alike.

    `committed`: implemented by the committed date. `due`: closed now, of what is due by its current date. `evidence`:
    closed with evidence by the end of its window. `slips` is how often their dates were moved, all together.
    """

    bucket: int
    committed: Promise
    due: Promise
    evidence: Promise
    n: int
    slips: int = 0
    declined: int = 0


@dataclass(frozen=True, slots=True)
class CompletionBucket:
    """The shares of the items created in one bucket."""

    starts_on: date
    implemented_on_time: Measure
    closed_of_due: Measure
    evidence_on_time: Measure
    declined: int


@dataclass(frozen=True, slots=True)
class Completion:
    """Shares of items; `declined` are in `implemented_on_time`'s base, counted as not done unless they were."""

    implemented_on_time: Measure
    closed_of_due: Measure
    evidence_on_time: Measure
    slips_per_item: Measure
    declined: int
    buckets: tuple[CompletionBucket, ...]


def completion(groups: Sequence[ItemGroup], window: Window) -> Completion:
    """Items created in the window: done by the committed date, and the article's closed / due.

    An item counts once its date has passed; before, it is missing as `not_due_yet`.
    """
    n = sum(group.n for group in groups)
    slips = sum(group.slips for group in groups) / n if n else None
    return Completion(
        committed_share(groups),
        due_share(groups),
        evidence_share(groups),
        measure(slips, n, {}),
        sum(group.declined for group in groups),
        tuple(_bucket(on, [g for g in groups if g.bucket == no]) for no, on in enumerate(window.buckets())),
    )


def committed_share(groups: Iterable[ItemGroup]) -> Measure:
    return _kept([(g.committed, g.n) for g in groups], "no_committed_date")


def due_share(groups: Iterable[ItemGroup]) -> Measure:
    return _kept([(g.due, g.n) for g in groups], "no_due_date")


def evidence_share(groups: Iterable[ItemGroup]) -> Measure:
    return _kept([(g.evidence, g.n) for g in groups], "no_evidence_date")


def evidence_rate(groups: Iterable[ItemGroup]) -> Measure:
    """Implemented items whose evidence was due and was given, in time or late."""
    found = [(Promise.KEPT if g.evidence is Promise.KEPT_LATE else g.evidence, g.n) for g in groups]
    return _kept(found, "not_implemented")


def _kept(found: Iterable[tuple[Promise, int]], without_date: str) -> Measure:
    counts = dict.fromkeys(Promise, 0)
    for promise, n in found:
        counts[promise] += n
    missing = {without_date: counts[Promise.NO_DATE], "not_due_yet": counts[Promise.NOT_DUE_YET]}
    return share(counts[Promise.KEPT], sum(counts[promise] for promise in DUE), missing)


def _bucket(starts_on: date, groups: Sequence[ItemGroup]) -> CompletionBucket:
    return CompletionBucket(
        starts_on,
        committed_share(groups),
        due_share(groups),
        evidence_share(groups),
        sum(group.declined for group in groups),
    )
