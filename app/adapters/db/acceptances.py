"""Accepted evidence and what followed it, one row each, so that a metric over all of them reads one narrow table."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.adapters.db.facts.scope import CONFIRMED, UNDETERMINED
from app.adapters.db.statements import Statements

LOCK = 7_246_022
_OF_ITEM = "a.id = :item_id"
_OF_CAUSES = "a.root_cause_id = any(:causes)"
_OF_INCIDENT = "a.root_cause_id = (select root_cause_id from incidents where id = :incident_id)"


def following(which: str = "true") -> str:
    """What the rows should be: from the ledger of evidence, each acceptance with the first incident since deployment
    that had the item's cause, confirmed, on its service."""
    since = "coalesce(k.deployed_at, k.closed_item_at)"
    return f"""
select k.id as check_id, k.closed_item_at as accepted_at, {since} as since, a.control_type,
  nullif(a.root_cause_id, {UNDETERMINED}) as root_cause_id, a.service_id, a.team_id, a.incident_id,
  min(j.started_at) as struck_at
from checks k join action_items a on a.id = k.action_item_id
left join (incidents j join incident_services x on x.incident_id = j.id)
  on {CONFIRMED} and j.root_cause_id = a.root_cause_id and j.root_cause_id <> {UNDETERMINED}
  and x.service_id = a.service_id and j.started_at > {since} and j.id is distinct from a.incident_id
where k.closed_item_at is not null and {which}
group by k.id, a.id"""


def _writing(which: str) -> sa.TextClause:
    """Only what is not so already, the same rows in the same order whoever writes."""
    columns = (
        "accepted_at", "since", "control_type", "root_cause_id", "service_id", "team_id", "incident_id", "struck_at",
    )  # fmt: skip
    ours, theirs = (", ".join(f"{table}.{name}" for name in columns) for table in ("acceptances", "excluded"))
    return sa.text(f"""
insert into acceptances (check_id, {", ".join(columns)}) {following(which)} order by 2, 1
on conflict (check_id) do update set ({", ".join(columns)}) = row({theirs})
where ({ours}) is distinct from ({theirs})""")


class SqlAcceptances:
    """Written by who reacts to a change, after it was committed."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def follow_item(self, item_id: UUID) -> int:
        return await self._write(_OF_ITEM, item_id=item_id)

    async def follow_causes(self, causes: Sequence[UUID]) -> int:
        return await self._write(_OF_CAUSES, causes=list(causes))

    async def follow_incident(self, incident_id: UUID) -> int:
        return await self._write(_OF_INCIDENT, incident_id=incident_id)

    async def follow_all(self) -> int:
        return await self._write("true")

    async def _write(self, which: str, **given: Any) -> int:
        # One writer at a time: who comes later sees more, and must not be overwritten by who saw less.
        await self._run.execute(sa.text("select pg_advisory_xact_lock(:lock)").bindparams(lock=LOCK))
        types: dict[str, Any] = {"causes": sa.ARRAY(sa.Uuid)}
        bound = [sa.bindparam(name, value, types.get(name, sa.Uuid)) for name, value in given.items()]
        return await self._run.execute(_writing(which).bindparams(*bound))
