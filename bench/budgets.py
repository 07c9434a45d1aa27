"""Error budgets: 1,000 open items of one service re-prioritised, in the database alone and with all that follows.

python -m bench.budgets [ITEMS [ROUNDS]]
"""

import asyncio
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from app.adapters.db.engine import open_engine
from app.adapters.db.migrate import migrate
from app.adapters.db.uow import open_unit_of_work
from app.adapters.postgres.server import EmbeddedPostgres
from app.domain.access import SYSTEM
from app.domain.actions.model import Priority
from app.domain.budgets.measuring import BudgetReading, Measured
from app.domain.budgets.model import Effect
from app.domain.budgets.use_cases.measurements import record_budget
from app.domain.ids import new_id
from app.domain.policy import BudgetPolicy
from app.domain.ports import OpenUnitOfWork
from app.domain.tracking.routing import LOCAL, new_ticket
from bench.webhooks import machine
from tests import make

POLICY = BudgetPolicy()
RAISED = {base: Effect(Priority.URGENT) for base in Priority}
BACK = {base: Effect(base) for base in Priority}


async def fill(uow: OpenUnitOfWork, count: int) -> UUID:
    """A service with so many open items, each with a ticket."""
    service = make.service()
    async with uow() as u:
        await u.services.add(service)
        for _ in range(count):
            item = make.action_item(owner_id=None, service_id=service.id)
            ticket, delivery = new_ticket(item, LOCAL, datetime.now(UTC))
            await u.action_items.add(item)
            await u.tickets.add(ticket)
            await u.deliveries.add(delivery)
        await u.commit()
    return service.id


async def statement(uow: OpenUnitOfWork, service_id: UUID) -> float:
    """The one statement by which boosts change items, committed; then back again, not measured."""
    start = time.perf_counter()
    async with uow() as u:
        changed = await u.boosts.reprioritise(service_id, RAISED)
        await u.commit()
    took = time.perf_counter() - start
    assert changed
    async with uow() as u:
        await u.boosts.reprioritise(service_id, BACK)
        await u.commit()
    return took


async def signal(uow: OpenUnitOfWork, engine: AsyncEngine, service_id: UUID) -> float:
    """A measured burn: reading, boost, items, an event and a ticket delivery for each; then all of it undone."""
    look = Measured(datetime.now(UTC), rates={"1h": 20.0, "5m": 20.0})
    reading = BudgetReading(service_id, f"slo-{new_id()}", "prometheus", look)
    start = time.perf_counter()
    await record_budget(uow, lambda: datetime.now(UTC), POLICY, caller=SYSTEM, reading=reading)
    took = time.perf_counter() - start
    async with engine.begin() as connection:
        told = await connection.scalar(
            sa.text("select count(*) from deliveries where update ->> 'priority' = 'urgent'")
        )
        assert told, "the tickets are told"
        await connection.execute(sa.text("update action_items set boost_id = null, effective_priority = base_priority"))
        await connection.execute(sa.text("delete from deliveries where update ? 'priority'"))
        await connection.execute(sa.text("delete from boosts"))
    return took


async def measure(dsn: str, items: int, rounds: int) -> None:
    await migrate(dsn)
    engine = open_engine(dsn, pool_size=2, command_timeout=60)
    uow = open_unit_of_work(engine)
    service_id = await fill(uow, items)
    statements = [await statement(uow, service_id) for _ in range(rounds)]
    signals = [await signal(uow, engine, service_id) for _ in range(rounds)]
    await engine.dispose()
    print(f"{machine()}; {items:,} open items of one service, {rounds} rounds")
    for name, found in (("items, one statement", statements), ("signal with events and tickets", signals)):
        median, worst = statistics.median(found) * 1000, max(found) * 1000
        print(f"{name:31} median {median:5.0f} ms, worst {worst:5.0f} ms (target 1,000)")


def main(items: int = 1000, rounds: int = 9) -> None:
    with tempfile.TemporaryDirectory(prefix="norepeat-bench-") as name, EmbeddedPostgres(Path(name) / "data") as server:
        asyncio.run(measure(server.dsn, items, rounds))


if __name__ == "__main__":
    main(*(int(given) for given in sys.argv[1:]))
