"""The article's `compute_postmortem_metrics` as it is written, over an ORM session: queries for every postmortem.

python -m bench.article_loop DSN [POSTMORTEMS]: a sample of so many, chosen by their ids, instead of all
"""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.adapters.db.engine import open_engine
from app.adapters.db.tables import ActionItemRow, IncidentRow, PostmortemRow


class PostmortemDb:
    """What the article's `postmortem_db` has to be: each postmortem with its items and its root cause."""

    def __init__(self, session: AsyncSession, sample: int | None = None) -> None:
        self._session = session
        self._sample = sample
        self.n = 0

    async def get_postmortems(self, days: int) -> list[Any]:
        """The whole history, as the benchmark compares what the whole history costs; or a sample of it."""
        asked = select(PostmortemRow).order_by(PostmortemRow.id).limit(self._sample)  # type: ignore[arg-type]
        rows = (await self._session.exec(asked)).all()
        self.n = len(rows)
        return [await self._whole(row) for row in rows]

    async def _whole(self, row: PostmortemRow) -> Any:
        items = (await self._session.exec(select(ActionItemRow).where(ActionItemRow.postmortem_id == row.id))).all()
        incident = (await self._session.exec(select(IncidentRow).where(IncidentRow.id == row.incident_id))).one()
        dated = [SimpleNamespace(due_date=_instant(i.due_on), status=i.status) for i in items if i.due_on]
        return SimpleNamespace(action_items=dated, root_cause=incident.root_cause_id, created_at=row.created_at)


class IncidentDb:
    """And its `incident_db`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get_incidents_with_root_cause(self, cause: Any, after: datetime) -> list[Any]:
        asked = select(IncidentRow).where(IncidentRow.root_cause_id == cause, IncidentRow.started_at > after)
        return list((await self._session.exec(asked)).all())


def _instant(day: Any) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


async def compute_postmortem_metrics(
    postmortem_db: PostmortemDb, incident_db: IncidentDb, lookback_days: int = 180
) -> dict[str, float]:
    postmortems = await postmortem_db.get_postmortems(days=lookback_days)
    metrics: dict[str, float] = {}
    all_action_items = [ai for pm in postmortems for ai in pm.action_items]
    due_items = [ai for ai in all_action_items if ai.due_date < datetime.now(UTC)]
    closed_items = [ai for ai in due_items if ai.status == "closed"]
    metrics["action_item_completion_rate"] = len(closed_items) / len(due_items) if due_items else 0
    recurrences = 0
    for pm in postmortems:
        subsequent_incidents = await incident_db.get_incidents_with_root_cause(pm.root_cause, after=pm.created_at)
        if subsequent_incidents:
            recurrences += 1
    metrics["recurrence_rate"] = recurrences / len(postmortems) if postmortems else 0
    return metrics


async def run(engine: AsyncEngine, sample: int | None = None) -> dict[str, float]:
    """The seconds that it takes, of how many postmortems, and what it finds."""
    async with AsyncSession(engine) as session:
        postmortems = PostmortemDb(session, sample)
        began = time.perf_counter()
        found = await compute_postmortem_metrics(postmortems, IncidentDb(session))
        return {"seconds": time.perf_counter() - began, "postmortems": postmortems.n, **found}


async def main(dsn: str, sample: int | None = None) -> None:
    engine = open_engine(dsn, pool_size=1, command_timeout=600)
    print(json.dumps(await run(engine, sample)))
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
