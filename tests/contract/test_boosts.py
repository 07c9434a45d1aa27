"""What the ledger of boosts, the readings and the SLO definitions promise, on the fakes and on PostgreSQL."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.domain.access import SYSTEM
from app.domain.actions.model import ActionItem, Priority, Status
from app.domain.budgets.measuring import BudgetReading, Measured
from app.domain.budgets.model import Boost, BoostKey, BoostState, Effect, Sighting, Signal, effects, new_boost
from app.domain.budgets.slos import Slo
from app.domain.errors import AlreadyExists, NotFound, Stale
from app.domain.ids import new_id
from app.domain.organisation.model import Service
from app.domain.policy import BudgetPolicy
from app.domain.ports import OpenUnitOfWork
from tests import make
from tests.contract.storing import stored
from tests.make import NOW

POLICY = BudgetPolicy()
HOUR = timedelta(hours=1)


def boost(service: Service, *, slo: str = "slo", hours: float = 0, **fields: Any) -> Boost:
    key, at = BoostKey(service.id, slo, "budgetd", Signal.FAST_BURN), NOW + hours * HOUR
    return replace(new_boost(key, Sighting(at, True, at + HOUR), POLICY, raised_by="ci", measured=False), **fields)


@pytest.fixture
async def service(uow: OpenUnitOfWork) -> Service:
    service = make.service()
    await stored(uow, lambda u: u.services.add(service))
    return service


async def test_a_boost_comes_back_and_a_stale_copy_is_not_saved(uow: OpenUnitOfWork, service: Service) -> None:
    one = boost(service, reason="burns", burn_rate=20.0, remaining=-0.5)
    await stored(uow, lambda u: u.boosts.add(one))
    async with uow() as u:
        assert await u.boosts.get(one.id) == await u.boosts.find(one.key) == one
        assert await u.boosts.live([service.id]) == (one,)
        saved = await u.boosts.save(replace(one, reason="worse"))
        assert (saved.version, saved.reason) == (2, "worse")
        with pytest.raises(Stale):
            await u.boosts.save(one)
    async with uow() as u:
        with pytest.raises(NotFound):
            await u.boosts.get(new_id())
        assert await u.boosts.find(replace(one.key, slo="other")) is None
        assert await u.boosts.live([]) == ()


async def test_a_key_has_one_live_boost_and_many_that_ended(uow: OpenUnitOfWork, service: Service) -> None:
    early, late = (
        boost(service, state=BoostState.LIFTED, ended_at=NOW + hours * HOUR, ended_because="recovered")
        for hours in (1, 2)
    )
    await stored(uow, lambda u: u.boosts.add(late), lambda u: u.boosts.add(early))
    async with uow() as u:
        assert await u.boosts.find(early.key) == late
    live = boost(service)
    await stored(uow, lambda u: u.boosts.add(live))
    async with uow() as u:
        assert await u.boosts.find(early.key) == live
        assert await u.boosts.live([service.id]) == (live,)
    with pytest.raises(AlreadyExists):
        await stored(uow, lambda u: u.boosts.add(boost(service)))


async def test_those_that_time_may_change_are_named_by_service(uow: OpenUnitOfWork, service: Service) -> None:
    other = make.service("search")
    clear = boost(other, clear_since=NOW, vouched_until=NOW + 9 * HOUR)
    await stored(
        uow, lambda u: u.services.add(other), lambda u: u.boosts.add(boost(service)), lambda u: u.boosts.add(clear)
    )
    async with uow() as u:
        assert await u.boosts.ageing(NOW) == (other.id,)
        assert set(await u.boosts.ageing(NOW + HOUR)) == {service.id, other.id}


async def test_new_boosts_are_counted_by_source_and_by_credential(uow: OpenUnitOfWork, service: Service) -> None:
    other = boost(service, slo="b")
    other = replace(other, key=replace(other.key, source="elsewhere"))
    await stored(uow, lambda u: u.boosts.add(boost(service)), lambda u: u.boosts.add(other))
    async with uow() as u:
        counts = [
            await u.boosts.count_new(*who, NOW - 9999 * HOUR) for who in (("budgetd", "x"), ("x", "ci"), ("x", "x"))
        ]
    assert counts == [1, 2, 0]


def item_of(service: Service, base: Priority, **fields: Any) -> ActionItem:
    given = {"owner_id": None, "service_id": service.id, "base_priority": base, "effective_priority": base}
    return make.action_item(**(given | fields))


async def test_effects_reach_not_closed_items_of_the_service_by_their_own_base(
    uow: OpenUnitOfWork, service: Service
) -> None:
    one = boost(service)
    low, urgent, closed, elsewhere = (
        item_of(service, Priority.LOW), item_of(service, Priority.URGENT),
        item_of(service, Priority.LOW, status=Status.CLOSED), item_of(service, Priority.LOW, service_id=None),
    )  # fmt: skip
    async with uow() as u:
        await u.boosts.add(one)
        for item in (low, urgent, closed, elsewhere):
            await u.action_items.add(item)
        await u.commit()
    async with uow() as u:
        (changed,) = await u.boosts.reprioritise(service.id, effects([one], POLICY))
        assert (changed.item_id, changed.old, changed.new, changed.boost_id) == (
            low.id, Priority.LOW, Priority.HIGH, one.id,
        )  # fmt: skip
        assert await u.boosts.reprioritise(service.id, effects([one], POLICY)) == ()
        await u.commit()
    async with uow() as u:
        found = {item.id: item.effective_priority for item in await u.action_items.find_many([low.id, closed.id])}
        assert found == {low.id: Priority.HIGH, closed.id: Priority.LOW}
        assert (await u.action_items.get(low.id, SYSTEM)).base_priority is Priority.LOW
        (back,) = await u.boosts.reprioritise(service.id, {base: Effect(base) for base in Priority})
        assert (back.old, back.new, back.boost_id) == (Priority.HIGH, Priority.LOW, None)


def looked(service: Service, minutes: float, remaining: float, *, slo: str = "a", source: str = "x") -> BudgetReading:
    return BudgetReading(
        service.id, slo, source, Measured(NOW + timedelta(minutes=minutes), remaining, 2.0, {"1h": 3.0})
    )


async def test_history_keeps_the_last_look_of_five_minutes(uow: OpenUnitOfWork, service: Service) -> None:
    async with uow() as u:
        for minutes, remaining in ((1, 0.9), (4, 0.8), (2, 0.7), (6, 0.6)):
            await u.boosts.record(looked(service, minutes, remaining))
        assert await u.boosts.recent(service.id, 10) == (looked(service, 6, 0.6), looked(service, 4, 0.8))
        assert await u.boosts.recent(new_id(), 10) == ()


async def test_the_last_look_of_each_slo_and_source_is_always_there(uow: OpenUnitOfWork, service: Service) -> None:
    latest = [looked(service, minutes, 0.5) for minutes in (90, 80, 70)]
    old = [looked(service, 0, 0.1, slo="b"), looked(service, -10, 0.2, source="y"), looked(service, -20, 0.3, slo="b")]
    async with uow() as u:
        for reading in (*latest, *old):
            await u.boosts.record(reading)
        assert await u.boosts.recent(service.id, 2) == (*latest[:2], *old[:2])
        assert await u.boosts.forget_readings(NOW + HOUR) == 2
        assert await u.boosts.recent(service.id, 9) == (*latest, old[0])
        assert await u.boosts.forget_readings(NOW + HOUR) == 0


async def test_definitions_are_found_by_service_and_by_a_name_that_only_one_has(
    uow: OpenUnitOfWork, service: Service
) -> None:
    other = make.service("search")
    one = Slo(new_id(), service.id, "b", 0.999, 30, "sloth", NOW, NOW, spec={"objective": 99.9})
    two, same = replace(one, id=new_id(), name="a"), replace(one, id=new_id(), service_id=other.id)
    await stored(uow, lambda u: u.services.add(other), lambda u: u.slos.add(one), lambda u: u.slos.add(two))
    async with uow() as u:
        assert await u.slos.of_service(service.id) == (two, one)
        assert await u.slos.find(service.id, "b") == one
        assert await u.slos.find(other.id, "b") is None
        assert await u.slos.service_of("b") == service.id
        saved = await u.slos.save(replace(one, objective=0.99))
        assert (saved.version, saved.objective) == (2, 0.99)
        with pytest.raises(Stale):
            await u.slos.save(one)
        await u.slos.add(same)
        assert await u.slos.service_of("b") is await u.slos.service_of("nobody") is None
    with pytest.raises(AlreadyExists):
        await stored(uow, lambda u: u.slos.add(replace(one, id=new_id())))
