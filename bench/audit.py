"""What the audit log costs a write: units of work with its triggers on, and off, in interleaved rounds.

Without fsync, which would hide it: on a disk that flushes in milliseconds there is no difference to be seen.

python -m bench.audit [SECONDS [ROUNDS]]
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from app.adapters.db.audit import AUDITED, seal_audit_log
from app.adapters.db.engine import open_engine
from app.adapters.db.migrate import migrate
from app.adapters.db.uow import open_unit_of_work
from app.adapters.postgres.server import EmbeddedPostgres
from app.domain.deeds import Deed, doing
from app.domain.events import Event, EventType
from app.domain.ids import new_id
from app.domain.organisation.model import Team

WRITERS = 8


async def write(uow: object, seconds: float, number: int) -> list[float]:
    """One record changed and one event added, committed, again and again; how long each took."""
    ends, took = time.perf_counter() + seconds, []
    now = datetime.now(UTC)
    team = Team(id=new_id(), slug=f"team-{number}-{new_id()}", name="x", created_at=now, updated_at=now)
    async with uow() as u:  # type: ignore[operator]
        await u.teams.add(team)
        await u.commit()
    with doing(Deed("update_team", f"person:{new_id()}", "0123456789abcdef")):
        while (began := time.perf_counter()) < ends:
            async with uow() as u:  # type: ignore[operator]
                stored = await u.teams.get(team.id)
                await u.teams.save(replace(stored, name=f"name {len(took)}"))
                await u.events.add(Event(EventType.FINDING_OPENED, team.id, now, "system"))
                await u.commit()
            took.append(time.perf_counter() - began)
    return took


async def all_writers(uow: object, seconds: float) -> list[float]:
    found = await asyncio.gather(*(write(uow, seconds, number) for number in range(WRITERS)))
    return sorted(one for took in found for one in took)


async def main(seconds: float, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "data", durable=False)
        dsn = server.start()
        try:
            await migrate(dsn)
            engine = open_engine(dsn, pool_size=WRITERS, command_timeout=10)
            found: dict[str, list[tuple[float, float]]] = {"on": [], "off": []}
            for _ in range(rounds):
                for name, word in (("on", "enable"), ("off", "disable")):
                    await switch(dsn, word)
                    uow = open_unit_of_work(engine)
                    took = await all_writers(uow, seconds)
                    found[name].append((len(took) / seconds, took[len(took) // 2] * 1000))
            began = time.perf_counter()
            async with engine.connect() as connection:
                sealed = await seal_audit_log(connection)
            spent = time.perf_counter() - began
            for name, figures in found.items():
                rate, p50 = (statistics.median(values) for values in zip(*figures, strict=True))
                print(json.dumps({"triggers": name, "writes_per_second": round(rate), "p50_ms": round(p50, 2)}))
            ratios = [on[0] / off[0] for on, off in zip(found["on"], found["off"], strict=True)]
            print(
                json.dumps({"ratio_median": round(statistics.median(ratios), 3), "sealed_per_s": round(sealed / spent)})
            )
            await engine.dispose()
        finally:
            server.stop()


async def switch(dsn: str, word: str) -> None:
    connection = await asyncpg.connect(dsn)
    for table in AUDITED:
        await connection.execute(f"alter table {table} {word} trigger norepeat_audit")
    await connection.close()


if __name__ == "__main__":
    given = [float(one) for one in sys.argv[1:]]
    asyncio.run(main(given[0] if given else 3.0, int(given[1]) if len(given) > 1 else 5))
