"""Action items of a window, counted by how their promises stand; and the items open at an instant."""

import asyncio
from collections import Counter

import asyncpg

from app.adapters.db.facts.scope import Scope, bucket
from app.domain.learning.completion import ItemGroup, Promise
from app.domain.learning.facts import FactFilter
from app.domain.learning.follow_through import OpenItems
from app.domain.learning.measures import DAY, Window

# A day ends with its date in the team's time zone. `offset 0` keeps "today" computed once a team, not once an item;
# only instants within two days of the date need the zone at all.
TEAMS = """
left join (select id, slug, time_zone as zone, ($2 at time zone time_zone)::date as today from teams offset 0) m
  on m.id = a.team_id
"""
TODAY = "coalesce(today, ($2 at time zone 'UTC')::date)"


def _stands(due: str, done: str) -> str:
    utc = f"({done} at time zone interval '0')"
    return f"""case when {due} is null then 0 when {due} >= {TODAY} then 1 when {done} is null or {done} > $2 then 2
      when {utc} < {due} then 3 when {utc} >= {due} + 2 then 4
      when ({done} at time zone coalesce(zone, 'UTC'))::date <= {due} then 3 else 4 end"""


def _groups(scope: Scope) -> str:
    return f"""
select {bucket("a.created_at")} as bucket, {_stands("a.committed_due_on", "a.implemented_at")} as committed,
  case when a.due_on is null then 0 when a.due_on >= {TODAY} then 1 when a.closed_at <= $2 then 3 else 2 end as due,
  {_stands("a.evidence_due_on", "a.closed_at")} as evidence, count(*) as n, sum(a.slips) as slips
from action_items a {TEAMS}
where a.status <> 'candidate' and a.created_at >= $1 and a.created_at < $2 {scope.items()}
group by 1, 2, 3, 4"""


def _declined(scope: Scope) -> str:
    """By bucket, and only those that are in the base of what was promised by now."""
    return f"""
select {bucket("a.created_at")} as bucket, count(*) as n from action_items a {TEAMS}
where a.decline is not null and a.status = 'declined' and a.created_at >= $1 and a.created_at < $2
  and (a.decline->>'at')::timestamptz <= $2 and a.committed_due_on < {TODAY} {scope.items()}
group by 1"""


async def item_groups(pool: "asyncpg.Pool[asyncpg.Record]", where: FactFilter, window: Window) -> tuple[ItemGroup, ...]:
    scope, other = Scope(where, window), Scope(where, window)
    groups, declined = await asyncio.gather(scope.fetch(pool, _groups(scope)), other.fetch(pool, _declined(other)))
    left = Counter({row["bucket"]: row["n"] for row in declined})
    found = [
        ItemGroup(
            row["bucket"], _committed(row["committed"]), Promise(row["due"]), Promise(row["evidence"]),
            row["n"], row["slips"],
        )
        for row in groups
    ]  # fmt: skip
    none = Promise.NO_DATE
    apart = [ItemGroup(no, none, none, none, n=0, declined=n) for no, n in left.items()]
    return (*found, *apart)


def _evidence(scope: Scope) -> str:
    return f"""
select {bucket("a.created_at")} as bucket, {_stands("a.evidence_due_on", "a.closed_at")} as evidence, count(*) as n
from action_items a {TEAMS}
where a.status <> 'candidate' and a.created_at >= $1 and a.created_at < $2 {scope.items()}
group by 1, 2"""


async def evidence_groups(
    pool: "asyncpg.Pool[asyncpg.Record]", where: FactFilter, window: Window
) -> tuple[ItemGroup, ...]:
    """Only how the promise of evidence stands."""
    scope, none = Scope(where, window), Promise.NO_DATE
    rows = await scope.fetch(pool, _evidence(scope))
    return tuple(ItemGroup(row["bucket"], none, none, Promise(row["evidence"]), row["n"]) for row in rows)


def _committed(stands: int) -> Promise:
    """What was done late was not done by the committed date."""
    return Promise.BROKEN if stands == Promise.KEPT_LATE else Promise(stands)


def _open(scope: Scope, ages: str) -> str:
    """Open at `as_of`: what is open now, and what was closed or declined only after it.

    Grouped before teams are joined. "Today" is one of few dates whatever the zone, so a date before them all is as
    good as any other of these.
    """
    select = f"""
select a.team_id, width_bucket(a.created_at, {ages}::timestamptz[]) as age,
  case when a.committed_due_on is not null and (a.implemented_at is null or a.implemented_at > $2)
    then greatest(a.committed_due_on, ($2 at time zone 'UTC')::date - 2) end as due_on,
  a.committed_due_on is null as without_date, count(*) as n
from action_items a where {{}} {scope.items()} group by 1, 2, 3, 4"""
    kinds = (
        "a.status in ('open', 'in_progress', 'implemented') and a.created_at < $2",
        "a.status = 'closed' and a.closed_at > $2 and a.created_at < $2",
        "a.status = 'declined' and a.decline is not null and a.created_at < $2 and (a.decline->>'at')::timestamptz > $2"
        " and a.updated_at > $2",
    )
    return f"""
select m.slug as team, age, sum(n)::int as n, coalesce(sum(n) filter (where without_date), 0)::int as without_date,
  coalesce(sum(n) filter (where due_on < {TODAY}), 0)::int as overdue
from ({" union all ".join(f"({select.format(kind)})" for kind in kinds)}) a {TEAMS}
where $1::timestamptz is not null and $3::timestamptz[] is not null
group by 1, 2"""


async def open_items(
    pool: "asyncpg.Pool[asyncpg.Record]", where: FactFilter, window: Window, ages: tuple[int, ...]
) -> tuple[OpenItems, ...]:
    """By team. What was reopened since `as_of` is taken as if it had never been closed."""
    scope = Scope(where, window)
    # The younger, the later: groups are told apart by when their items were created, the oldest group first.
    bounds = [window.as_of - days * DAY for days in reversed(ages)]
    rows = await scope.fetch(pool, _open(scope, scope.value(bounds)))
    teams = {row["team"]: [row2 for row2 in rows if row2["team"] == row["team"]] for row in rows}
    return tuple(
        OpenItems(
            team,
            [sum(row["n"] for row in found if row["age"] == len(ages) - age) for age in range(len(ages) + 1)],
            sum(row["overdue"] for row in found),
            sum(row["without_date"] for row in found),
        )
        for team, found in teams.items()
    )
