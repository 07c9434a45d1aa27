"""What sources tell of incidents, as rows."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import IncidentAccountRow, IncidentFactRow
from app.domain.gathering import SourceFact
from app.domain.incidents.model import Severity
from app.domain.incidents.paging import Account
from app.domain.postmortems.content import TimelineKind

_facts, _accounts = table(IncidentFactRow), table(IncidentAccountRow)


class SqlIncidentFacts:
    """Facts and accounts in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def find_account(self, incident_id: UUID, source: str) -> Account | None:
        same = (_accounts.c.incident_id == incident_id) & (_accounts.c.source == source)
        row = await self._run.first(sa.select(_accounts).where(same))
        return None if row is None else _to_account(row)

    async def keep_account(self, account: Account) -> None:
        values = {
            "told_at": account.told_at,
            "title": account.title,
            "severity": int(account.severity),
            "moments": {name: at and at.isoformat() for name, at in account.moments.items()},
        }
        new = insert(_accounts).values(incident_id=account.incident_id, source=account.source, **values)
        await self._run.execute(new.on_conflict_do_update(index_elements=["incident_id", "source"], set_=values))

    async def add(self, incident_id: UUID, facts: Sequence[SourceFact], now: datetime) -> int:
        if not facts:
            return 0
        rows = [
            {
                "incident_id": incident_id, "fact_id": fact.id, "occurred_at": fact.occurred_at, "recorded_at": now,
                "kind": fact.kind, "text": fact.text, "url": fact.url, "machine": fact.machine, "taken": False,
            }
            for fact in {fact.id: fact for fact in facts}.values()
        ]  # fmt: skip
        return await self._run.execute(insert(_facts).values(rows).on_conflict_do_nothing())

    async def untaken(self, incident_id: UUID, limit: int) -> tuple[SourceFact, ...]:
        waiting = sa.select(_facts).where(_facts.c.incident_id == incident_id, ~_facts.c.taken)
        in_order = waiting.order_by(_facts.c.occurred_at, _facts.c.fact_id).limit(max(limit, 0)).with_for_update()
        return tuple(_to_fact(row) for row in await self._run.all(in_order))

    async def all(self, incident_id: UUID, limit: int) -> tuple[SourceFact, ...]:
        known = sa.select(_facts).where(_facts.c.incident_id == incident_id)
        return tuple(_to_fact(row) for row in await self._run.all(known.order_by(_facts.c.occurred_at).limit(limit)))

    async def taken(self, incident_id: UUID, ids: Sequence[str]) -> None:
        among = _facts.c.fact_id == sa.any_(sa.literal(list(ids), sa.ARRAY(sa.Text)))
        statement = sa.update(_facts).where(_facts.c.incident_id == incident_id, among)
        await self._run.execute(statement.values(taken=True))


def _to_fact(row: Row) -> SourceFact:
    kind = TimelineKind(row["kind"])
    return SourceFact(row["fact_id"], row["occurred_at"], kind, row["text"], row["url"], row["machine"])


def _to_account(row: Row) -> Account:
    told = {name: datetime.fromisoformat(at) if at else None for name, at in row["moments"].items()}
    return Account(row["incident_id"], row["source"], row["told_at"], row["title"], Severity(row["severity"]), told)
