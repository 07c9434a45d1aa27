"""A 6x signal that flaps every two hours for a week, through the real use cases under a clock that is moved."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from app.domain.access import SYSTEM
from app.domain.actions.model import Priority
from app.domain.budgets.measuring import BudgetReading, Measured
from app.domain.budgets.model import Signal
from app.domain.budgets.use_cases.boosts import expire_boosts
from app.domain.budgets.use_cases.measurements import record_budget
from app.domain.policy import BudgetPolicy
from app.domain.tracking.routing import LOCAL
from tests.make import FixedClock
from tests.worker.conftest import Shop

STEP, DAY = timedelta(minutes=30), timedelta(hours=24)
FLAP_STEPS, WEEK_STEPS = 4, 7 * 24 * 2
POLICY = replace(BudgetPolicy(), silent_after={"prometheus": timedelta(hours=1)})
HASTY = replace(POLICY, burn_clear=timedelta(hours=1))
"""Lifts within every pause, so that only the limit on falls keeps the ticket quiet."""


async def told(shop: Shop) -> list[tuple[str, datetime]]:
    """What tickets were told of priorities, and when."""
    statement = "select update->>'priority', created_at from deliveries where update ? 'priority' order by created_at"
    return [(priority, at) for priority, at in await shop.rows(statement)]


async def flap_for_a_week(shop: Shop, clock: FixedClock, policy: BudgetPolicy) -> None:
    uow = shop.ports.uow
    for step in range(WEEK_STEPS):
        burn = 6.5 if step // FLAP_STEPS % 2 == 0 else 0.5
        look = Measured(clock(), rates={"6h": burn, "30m": burn})
        reading = BudgetReading(shop.service.id, "availability", "prometheus", look)
        await record_budget(uow, clock, policy, caller=SYSTEM, reading=reading)
        await expire_boosts(uow, clock, policy)
        clock.now += STEP


@pytest.mark.parametrize(("policy", "lifts"), [(POLICY, False), (HASTY, True)])
async def test_a_flapping_burn_lowers_a_ticket_at_most_once_a_day(
    shop: Shop, policy: BudgetPolicy, lifts: bool
) -> None:
    clock = FixedClock(shop.ports.clock())
    await shop.item(base_priority=Priority.MEDIUM, route=LOCAL)
    await flap_for_a_week(shop, clock, policy)
    ended = await shop.value("select count(*) from boosts where state = 'lifted'")
    assert (ended > 20) is lifts
    assert await shop.rows("select distinct signal from boosts") == [(Signal.BURN,)]
    seen = await told(shop)
    falls = [at for priority, at in seen if priority == "medium"]
    assert seen[0][0] == "high"
    assert all(later - earlier >= DAY for earlier, later in pairwise(falls)), falls
    assert (5 <= len(falls) <= 8) if lifts else not falls
