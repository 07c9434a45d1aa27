"""What the metrics' statements count, said once more with plain rows: a second implementation to compare with."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import floor
from statistics import fmean
from uuid import UUID

from app.domain.learning.completion import ItemGroup, Promise
from app.domain.learning.durations import PhaseDurations, Spread
from app.domain.learning.measures import DAY, Window
from app.domain.learning.recurrence_rate import CauseFollowUps, RecurrenceCounts, Recurrences
from app.domain.learning.severities import SeverityGroup
from app.domain.learning.statistics import median, quantile


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An action item past `candidate`; the `_until` are the exclusive ends of the days named, in its team's zone."""

    created_at: datetime
    committed_until: datetime | None = None
    due_until: datetime | None = None
    evidence_until: datetime | None = None
    implemented_at: datetime | None = None
    closed_at: datetime | None = None
    declined_at: datetime | None = None
    slips: int = 0


@dataclass(frozen=True, slots=True)
class PostmortemRow:
    """A postmortem and its incident; `cause` is None while proposed or undetermined."""

    created_at: datetime
    cause: UUID | None
    started_at: datetime | None
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OccurrenceRow:
    """A standard incident with a confirmed root cause."""

    cause: UUID
    started_at: datetime


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """A standard incident, one phase of it and its rank."""

    recorded_at: datetime
    started_at: datetime | None
    reached_at: datetime | None = None
    rank: int = 3

    @property
    def begun(self) -> datetime:
        return self.started_at or self.recorded_at


def number(window: Window, at: datetime) -> int:
    return window.buckets().index(window.bucket(at))


def _stands(until: datetime | None, done: datetime | None, as_of: datetime) -> Promise:
    if until is None:
        return Promise.NO_DATE
    if until > as_of:
        return Promise.NOT_DUE_YET
    if done is None or done > as_of:
        return Promise.BROKEN
    return Promise.KEPT if done < until else Promise.KEPT_LATE


def items(rows: Iterable[ItemRow], window: Window) -> list[ItemGroup]:
    groups = []
    for row in rows:
        if not window.holds(row.created_at):
            continue
        as_of = window.as_of
        committed = _stands(row.committed_until, row.implemented_at, as_of)
        committed = Promise.BROKEN if committed is Promise.KEPT_LATE else committed
        due = _stands(row.due_until, row.closed_at, as_of)
        due = Promise.KEPT if due is Promise.KEPT_LATE else due
        evidence = _stands(row.evidence_until, row.closed_at, as_of)
        is_promised = committed in (Promise.BROKEN, Promise.KEPT)
        declined = int(is_promised and row.declined_at is not None and row.declined_at <= as_of)
        bucket = number(window, row.created_at)
        groups.append(ItemGroup(bucket, committed, due, evidence, 1, row.slips, declined))
    return groups


def recurrences(
    postmortems: Iterable[PostmortemRow], occurrences: Iterable[OccurrenceRow], window: Window, horizon: int
) -> Recurrences:
    starts: defaultdict[UUID, list[datetime]] = defaultdict(list)
    for row in sorted(occurrences, key=lambda o: o.started_at):
        if row.started_at <= window.as_of:
            starts[row.cause].append(row.started_at)
    counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    causes: defaultdict[UUID, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for pm in postmortems:
        if window.holds(pm.created_at):
            _count(pm, starts, window, horizon, counts[number(window, pm.created_at)], causes)
    return Recurrences(
        {
            bucket: RecurrenceCounts(
                c["n"], c["recurred"], c["young"], {k: c[k] for k in ("cause_undetermined", "no_start")},
                c["n_created"], c["recurred_created"], {"cause_undetermined": c["cause_undetermined"]},
            )
            for bucket, c in counts.items()
        },
        [
            CauseFollowUps(
                cause, sorted(f["recurred"]), sorted(f["censored"]), len(f["followed"]), len(f["seen"])
            )
            for cause, f in sorted(causes.items())
        ],
    )  # fmt: skip


def _count(
    pm: PostmortemRow,
    starts: dict[UUID, list[datetime]],
    window: Window,
    horizon: int,
    c: Counter[str],
    causes: dict[UUID, dict[str, list[float]]],
) -> None:
    if pm.cause is None:
        c["cause_undetermined"] += 1
        return
    known = starts.get(pm.cause, [])
    c["n_created"] += 1
    c["recurred_created"] += _first(known, pm.created_at, horizon) is not None
    origin = pm.resolved_at or pm.started_at
    if origin is None:
        c["no_start"] += 1
        return
    seen, first = (window.as_of - origin) / DAY, _first(known, origin, horizon)
    c["n"] += 1
    c["recurred"] += first is not None
    c["young"] += first is None and seen < horizon
    into = causes[pm.cause]
    if seen >= horizon:
        into["seen"].append(seen)
    if first is not None:
        into["recurred"].append(floor(first))
    elif seen >= horizon:
        into["followed"].append(horizon)
    else:
        into["censored"].append(max(0, floor(seen)))


def _first(starts: Sequence[datetime], origin: datetime, horizon: int) -> float | None:
    """Days to the first start after the origin, if within the horizon; starts after `as_of` are not among them."""
    later = starts[bisect_right(starts, origin) :][:1]
    days = (later[0] - origin) / DAY if later else None
    return days if days is not None and days <= horizon else None


def phase(rows: Iterable[IncidentRow], window: Window) -> PhaseDurations:
    asked = [row for row in rows if window.holds(row.begun)]
    by_bucket: defaultdict[int, list[IncidentRow]] = defaultdict(list)
    for row in asked:
        by_bucket[number(window, row.begun)].append(row)
    points = [
        ((row.begun - window.as_of) / DAY, took) for row in asked if isinstance(took := _took(row, window), float)
    ]
    return PhaseDurations(_spread(asked, window), {no: _spread(some, window) for no, some in by_bucket.items()}, points)


def _took(row: IncidentRow, window: Window) -> float | str:
    if row.started_at is None:
        return "no_start"
    if row.reached_at is None or row.reached_at > window.as_of:
        return "not_reached"
    took = (row.reached_at - row.started_at).total_seconds()
    return took if took >= 0 else "before_start"


def _spread(rows: Iterable[IncidentRow], window: Window) -> Spread:
    found = [_took(row, window) for row in rows]
    took = [one for one in found if isinstance(one, float)]
    missing = Counter(one for one in found if isinstance(one, str))
    return Spread(len(took), median(took), fmean(took) if took else None, quantile(took, 0.9), missing)


def severities(rows: Iterable[IncidentRow], window: Window) -> list[SeverityGroup]:
    asked = [row for row in rows if window.holds(row.begun)]
    return [SeverityGroup(number(window, row.begun), row.rank, 1, row.begun, row.begun) for row in asked]
