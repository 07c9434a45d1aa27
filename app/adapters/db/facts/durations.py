"""How long the incidents of a window took to reach their phases, and how severe they were."""

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg

from app.adapters.db.facts.scope import BEGUN, STANDARD, Rows, Scope, bucket
from app.domain.learning.durations import PhaseDurations, Spread
from app.domain.learning.facts import FactFilter, Phase
from app.domain.learning.measures import Window
from app.domain.learning.severities import SeverityGroup

_HASHES = 65_536


def _window(scope: Scope) -> str:
    return f"from incidents i where {STANDARD} and {BEGUN} >= $1 and {BEGUN} < $2 {scope.incidents()}"


def _seconds(phase: Phase) -> str:
    """From start to the phase, if it was reached by `as_of`; negative where the two contradict each other. A start that
    is only known from what detected it says nothing about detection."""
    known = f"i.{phase} <= $2"
    if phase is Phase.DETECTED:
        known += " and i.moment_sources->>'started_at' is distinct from 'pagerduty-trigger'"
    return f"case when {known} then date_part('epoch', i.{phase} - i.started_at) end as {phase}"


def _spreads(scope: Scope, by: str) -> str:
    of_phases = ", ".join(
        f"""count(*) filter (where {p} >= 0) as {p}_n, count(*) filter (where {p} < 0) as {p}_before,
        count(*) filter (where {p} is null and not no_start) as {p}_open,
        percentile_cont(array[0.5, 0.9]) within group (order by {p}) filter (where {p} >= 0) as {p}_spread,
        avg({p}) filter (where {p} >= 0) as {p}_mean"""
        for p in Phase
    )
    return f"""
select {by} as bucket, count(*) filter (where no_start) as no_start, {of_phases}
from (select {bucket(BEGUN)} as bucket, i.started_at is null as no_start, {", ".join(map(_seconds, Phase))}
      {_window(scope)} offset 0) x group by 1"""


def _points(scope: Scope, share: str) -> str:
    """Chosen by a hash of the id: the same ones each time, whatever their order, times or severity."""
    return f"""
select date_part('epoch', i.started_at - $2) / 86400 as age, {", ".join(map(_seconds, Phase))}
{_window(scope)} and i.started_at is not null and $3::timestamptz[] is not null
  and (uuid_hash(i.id) & {_HASHES - 1}) < {share}::int"""


async def durations(
    pool: "asyncpg.Pool[asyncpg.Record]", where: FactFilter, window: Window, at_most: int
) -> Mapping[Phase, PhaseDurations]:
    """Every phase; points of the trend for about `at_most` incidents."""
    one, all_ = Scope(where, window), Scope(where, window)
    by_bucket, overall, points = await asyncio.gather(
        one.fetch(pool, _spreads(one, "bucket")),
        all_.fetch(pool, _spreads(all_, "0")),
        _drawn(pool, where, window, at_most),
    )
    return {
        phase: PhaseDurations(
            _spread(overall[0], phase) if overall else Spread(),
            {row["bucket"]: _spread(row, phase) for row in by_bucket},
            [(row["age"], took) for row in points if (took := row[phase]) is not None and took >= 0],
        )
        for phase in Phase
    }


async def _drawn(pool: "asyncpg.Pool[asyncpg.Record]", where: FactFilter, window: Window, at_most: int) -> Rows:
    scope = Scope(where, window)
    (row,) = await scope.fetch(pool, f"select count(*) as n {_window(scope)} and $3::timestamptz[] is not null")
    share = min(_HASHES, _HASHES * at_most // max(row["n"], 1))
    scope = Scope(where, window)
    return await scope.fetch(pool, _points(scope, scope.value(share)))


def _spread(row: Mapping[str, Any], phase: Phase) -> Spread:
    middle, tail = row[f"{phase}_spread"] or (None, None)
    missing = {
        "no_start": row["no_start"], "not_reached": row[f"{phase}_open"], "before_start": row[f"{phase}_before"],
    }  # fmt: skip
    return Spread(row[f"{phase}_n"], middle, row[f"{phase}_mean"], tail, missing)


async def severity_groups(
    pool: "asyncpg.Pool[asyncpg.Record]", where: FactFilter, window: Window
) -> tuple[SeverityGroup, ...]:
    scope = Scope(where, window)
    sql = f"""
select {bucket(BEGUN)} as bucket, i.severity::int as rank, count(*) as n,
  min({BEGUN}) as first_at, max({BEGUN}) as last_at
{_window(scope)} group by 1, 2"""
    return tuple(SeverityGroup(**row) for row in await scope.fetch(pool, sql))
