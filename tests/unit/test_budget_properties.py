"""What holds of boosts whatever is reported, in whatever order, through the use cases themselves."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.access import SYSTEM, Role
from app.domain.actions.model import ActionItem, Priority
from app.domain.budgets.alerts import Alert
from app.domain.budgets.measuring import BudgetReading, Measured
from app.domain.budgets.model import BoostState, Signal, clear_for
from app.domain.budgets.use_cases.boosts import expire_boosts, raise_boost
from app.domain.budgets.use_cases.measurements import apply_alerts, record_budget
from app.domain.policy import BudgetPolicy
from app.domain.tracking.deliveries import Delivery
from tests import make
from tests.fakes import FakeUnitOfWork
from tests.make import NOW, FixedClock

POLICY = BudgetPolicy()
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
CALLER = make.caller(role=Role.RESPONDER)


@dataclass(frozen=True)
class Report:
    """What somebody says at a minute."""

    minute: int
    signal: Signal
    slo: str
    through: str

    async def arrive(self, world: "World") -> None:
        at = NOW + self.minute * MINUTE
        if self.through == "alert":
            alerts = [Alert("checkout", self.slo, self.signal, True)]
            await apply_alerts(world.uow, world.clock, POLICY, alerts=alerts, received_at=at)
        else:
            await raise_boost(
                world.uow, world.clock, POLICY, caller=CALLER, service="checkout", slo=self.slo, signal=self.signal,
                source=self.through, observed_at=at, burn_rate=2.0,
            )  # fmt: skip


class NoTickets:
    """These items have no tickets that could be told anything."""

    async def add_many(self, deliveries: Sequence[Delivery]) -> None:
        assert not deliveries


class World:
    """A service with an item of each base priority, in memory, two hours after the first report."""

    def __init__(self) -> None:
        self.uow, self.clock, self.service = FakeUnitOfWork(), FixedClock(NOW + 2 * HOUR), make.service("checkout")
        self.items = [
            make.action_item(service_id=self.service.id, base_priority=base, effective_priority=base)
            for base in Priority
        ]
        self.uow.deliveries = NoTickets()  # type: ignore[assignment]
        self.uow.seed(self.service, *self.items)

    async def now(self) -> list[ActionItem]:
        async with self.uow() as u:
            return list(await u.action_items.find_many([item.id for item in self.items]))

    async def priorities(self) -> dict[Priority, Priority]:
        return {item.base_priority: item.effective_priority for item in await self.now()}


reports = st.lists(
    st.builds(
        Report, st.integers(0, 110), st.sampled_from(Signal), st.sampled_from(["a", "b"]),
        st.sampled_from(["alert", "budgetd", "other"]),
    ),
    max_size=8,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(reports, st.randoms(use_true_random=False))
async def test_the_order_in_which_reports_arrive_does_not_matter(given: list[Report], chance: random.Random) -> None:
    one, other = World(), World()
    for report in given:
        await report.arrive(one)
        assert all(Priority.URGENT <= now <= base for base, now in (await one.priorities()).items())
    for report in chance.sample(given, len(given)):
        await report.arrive(other)
    assert await one.priorities() == await other.priorities()
    for item in await one.now():
        assert (item.boost_id is None) == (item.effective_priority is item.base_priority)


@settings(max_examples=40, deadline=None)
@given(reports)
async def test_every_item_is_back_at_its_base_when_all_boosts_have_ended(given: list[Report]) -> None:
    world = World()
    for report in given:
        await report.arrive(world)
    for _ in range(2):
        world.clock.forward(hours=100)
        await expire_boosts(world.uow, world.clock, POLICY)
    assert all(now is base for base, now in (await world.priorities()).items())
    async with world.uow() as u:
        assert await u.boosts.live([world.service.id]) == ()


looks = st.lists(st.tuples(st.integers(1, 240), st.sampled_from([0.5, 7.0, None])), max_size=12)


@settings(max_examples=80, deadline=None)
@given(looks, st.integers(0, 200))
async def test_a_silent_source_never_looks_like_a_recovery(given: list[tuple[int, float | None]], silence: int) -> None:
    """Polled now and then, sometimes without an answer: a boost is lifted only after a clear time that was watched."""
    world, clear_since, seen_clear = World(), None, timedelta(0)
    world.clock.now = NOW
    for minutes, burn in [(0, 7.0), *given]:
        world.clock.forward(minutes=minutes)
        if burn is not None:
            rates = {"6h": burn, "30m": burn}
            reading = BudgetReading(world.service.id, "a", "prometheus", Measured(world.clock(), rates=rates))
            await record_budget(world.uow, world.clock, POLICY, caller=SYSTEM, reading=reading)
            clear_since = None if burn >= 6 else clear_since or world.clock()
            seen_clear = max(seen_clear, world.clock() - clear_since) if clear_since else seen_clear
        await expire_boosts(world.uow, world.clock, POLICY)
    world.clock.forward(hours=silence)
    await expire_boosts(world.uow, world.clock, POLICY)
    lifted = [b for b in world.uow.boosts.rows.values() if b.state is BoostState.LIFTED]  # type: ignore[attr-defined]
    assert not lifted or seen_clear >= clear_for(Signal.BURN, POLICY)
    assert all(b.state is not BoostState.ACTIVE for b in world.uow.boosts.rows.values()) or silence == 0  # type: ignore[attr-defined]
