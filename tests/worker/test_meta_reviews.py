"""The worker begins a quarter's review by itself, once, and counts it where people can see how far it is."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.domain.access import SYSTEM, Role
from app.domain.actions.evidence import CheckKind, Verdict
from app.domain.actions.model import Status
from app.domain.actions.use_cases.evidence import run_checks
from app.domain.actions.use_cases.refutation import refute_action_items
from app.domain.meta_reviews.model import BuildState
from app.domain.meta_reviews.use_cases.drafting import build_meta_review, create_meta_review, draft_due_reviews
from app.domain.meta_reviews.use_cases.items import create_pattern_item
from app.domain.ports import Ports
from app.wiring import Opened
from app.worker.schedules import SCHEDULES, build_reviews
from tests import make
from tests.meta_review_world import BEFORE, NOW, Quarter
from tests.worker.conftest import Shop


async def world_of(ports: Ports) -> Quarter:
    world = Quarter(ports)
    await world.open()
    return world


async def test_two_workers_and_a_missed_tick_make_one_review(ports: Ports) -> None:
    world = await world_of(ports)
    await world.incident("dns")
    await asyncio.gather(*(build_reviews(world.ports) for _ in range(4)))
    world.clock.forward(days=16)  # into the next quarter; nobody ticked on its first day
    await world.incident("dns", start=datetime(2026, 4, 1, tzinfo=UTC))
    await build_reviews(world.ports)
    async with ports.uow() as u:
        ids = await u.meta_reviews.unpublished()
        reviews = [await u.meta_reviews.get(id) for id in ids]
    assert [(str(one.period), one.numbers and one.numbers.n) for one in reviews] == [("2026-Q1", 1), ("2026-Q2", 1)]
    assert SCHEDULES["meta_reviews"]


async def test_a_review_that_is_asked_for_is_counted_by_the_worker(shop: Shop) -> None:
    await create_meta_review(shop.ports.uow, shop.ports.clock, shop.ports.policy, caller=SYSTEM, period="2026-Q1")
    async with shop.worker():
        await shop.until("select build_state from meta_reviews", "done")
    assert await shop.value("select (numbers->>'n')::int from meta_reviews") == 0


async def test_counting_anew_sees_what_changed_until_it_is_published(ports: Ports) -> None:
    world = await world_of(ports)
    await world.incident("dns")
    (id,) = await draft_due_reviews(ports.uow, world.clock, ports.policy)
    await world.build(id)
    await world.incident("dns")
    await build_reviews(world.ports)
    async with ports.uow() as u:
        (pattern,) = await u.meta_reviews.patterns(id)
    assert (pattern.n, pattern.of) == (2, 2)


async def test_a_count_that_fails_says_so_and_is_tried_again(ports: Ports) -> None:
    world = await world_of(ports)
    await world.incident("dns")
    (id,) = await draft_due_reviews(ports.uow, world.clock, ports.policy)
    broken = replace(ports.meta_review_policy, theme_words=())
    object.__setattr__(broken, "theme_words", None)
    await world.incident(summary="Nobody knows.")
    with pytest.raises(TypeError):
        await build_meta_review(ports.uow, world.clock, broken, review_id=id)
    async with ports.uow() as u:
        review = await u.meta_reviews.get(id)
    assert (review.build.state, review.build.error) == (BuildState.FAILED, "TypeError")
    await build_reviews(world.ports)
    async with ports.uow() as u:
        assert (await u.meta_reviews.get(id)).build.state is BuildState.DONE


async def implemented(world: Quarter, id: UUID, deployed_at: datetime) -> UUID:
    """An action item of the pattern `dns` that went live."""
    item = await create_pattern_item(
        world.ports.uow,
        world.clock,
        world.ports.policy,
        {},
        caller=SYSTEM,
        review_id=id,
        key="dns",
        title="Lint zones",
        owner="ada@example.org",
    )
    async with world.ports.uow() as u:
        live = replace(item, status=Status.IMPLEMENTED, implemented_at=deployed_at, due_on=deployed_at.date())
        await u.action_items.save(live.deployed(deployed_at))
        await u.commit()
    return item.id


async def test_an_item_closes_when_its_pattern_became_rarer_in_two_quarters(ports: Ports) -> None:
    world = await world_of(ports)
    for _ in range(4):
        await world.incident("dns", start=BEFORE)
    world.clock.now = datetime(2026, 1, 5, tzinfo=UTC)
    (id,) = await draft_due_reviews(ports.uow, world.clock, ports.policy)
    await world.build(id)
    item_id = await implemented(world, id, datetime(2025, 12, 20, tzinfo=UTC))
    for start in (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)):
        await world.incident("dns", start=start)
        await world.incident("capacity", start=start)
    ask = {"caller": SYSTEM, "item_id": item_id}
    p = world.ports
    (early,) = await run_checks(p.uow, world.clock, p.policy, p.risk_policy, {}, **ask)
    assert (early.kind, early.verdict) == (CheckKind.PATTERN_RATE, Verdict.INCONCLUSIVE)
    assert not await run_checks(p.uow, world.clock, p.policy, p.risk_policy, {}, **ask)
    world.clock.now = datetime(2026, 7, 2, tzinfo=UTC)
    (check,) = await run_checks(p.uow, world.clock, p.policy, p.risk_policy, {}, **ask)
    assert check.verdict is Verdict.PASSED
    assert check.detail["after"] == [{"period": "2026-Q1", "n": 1, "of": 2}, {"period": "2026-Q2", "n": 1, "of": 2}]
    async with ports.uow() as u:
        closed = await u.action_items.get(item_id, make.caller(role=Role.ADMIN))
    assert closed.status is Status.CLOSED
    incident, _ = await world.incident("dns", start=datetime(2026, 4, 1, tzinfo=UTC), cause=make.root_cause("zone"))
    assert await refute_action_items(p.uow, world.clock, p.policy, incident_id=incident.id) == 0


async def test_a_rate_says_nothing_of_an_item_that_is_not_live_or_of_wording(ports: Ports, opened: Opened) -> None:
    world = await world_of(ports)
    for name in ("a", "b", "c"):
        await world.incident(summary=f"Pool {name}: stale feature flags kept workers alive.")
    for _ in range(12):
        await world.incident("dns", summary="The zone had a wrong record.")
    (id,) = await draft_due_reviews(ports.uow, world.clock, ports.policy)
    await world.build(id)
    async with ports.uow() as u:
        themes = await u.meta_reviews.themes(id)
        await u.meta_reviews.save_themes([themes[0].accept(world.ada.id, None, NOW)])
        await u.commit()
    await world.build(id)
    async with ports.uow() as u:
        key = next(one.key for one in await u.meta_reviews.patterns(id) if one.key.startswith("theme-"))
    made = await create_pattern_item(
        ports.uow,
        world.clock,
        ports.policy,
        {},
        caller=SYSTEM,
        review_id=id,
        key=key,
        title="Remove old flags",
        owner="ada@example.org",
    )
    async with ports.uow() as u:
        await u.action_items.save(replace(made, status=Status.IMPLEMENTED, implemented_at=NOW))
        await u.commit()
    p = world.ports
    ask = {"caller": make.caller(role=Role.ADMIN), "item_id": made.id}
    (unknown,) = await run_checks(p.uow, world.clock, p.policy, p.risk_policy, {}, **ask)
    assert "deployment time" in str(unknown.detail["reason"])
    async with ports.uow() as u:
        item = await u.action_items.get(made.id, ask["caller"])
        await u.action_items.save(item.deployed(NOW))
        await u.commit()
    (early,) = await run_checks(p.uow, world.clock, p.policy, p.risk_policy, {}, **ask)
    assert early.detail["before"] == {"period": "2026-Q1", "n": 3, "of": 15}
    assert opened.dsn
