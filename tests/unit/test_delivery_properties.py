"""Exactly once, whatever happens: deliveries under every mixture of faults, crashes and pauses."""

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.access import Role
from app.domain.policy import DeliveryPolicy
from app.domain.tracking.backoff import next_try
from app.domain.tracking.deliveries import DeliveryState
from app.domain.tracking.use_cases.retry_delivery import retry_delivery
from tests import make
from tests.make import NOW
from tests.unit.ticket_world import POLICY, World, delivery_of
from tests.unit.tracking_fakes import Crash, Happens


@given(attempts=st.integers(0, 200), jitter=st.floats(0, 1, exclude_max=True), wait=st.integers(0, 5000))
def test_a_wait_grows_is_bounded_and_never_shorter_than_asked(attempts: int, jitter: float, wait: int) -> None:
    policy, asked = DeliveryPolicy(), timedelta(seconds=wait)
    waited = next_try(NOW, attempts, policy, jitter=lambda: jitter, at_least=asked) - NOW
    assert asked <= waited <= max(policy.backoff_max, asked + policy.backoff_first)
    assert waited >= policy.backoff_first / 2
    later = next_try(NOW, attempts + 1, policy, jitter=lambda: jitter, at_least=asked) - NOW
    assert later >= waited


@settings(max_examples=300, deadline=None)
@given(plan=st.lists(st.sampled_from(list(Happens)), max_size=30), pause=st.integers(1, 3000))
async def test_whatever_happens_there_is_never_a_second_ticket(plan: list[Happens], pause: int) -> None:
    world = World(*plan)
    for _ in range(POLICY.delivery.max_attempts + 2):
        with suppress(Crash):
            await world.deliver_due()
        assert len(world.tracker.tickets) <= 1
        world.clock.forward(seconds=pause)
    for _ in range(4):
        if world.now_delivery.state is DeliveryState.DEAD:
            admin = make.caller(role=Role.ADMIN)
            await retry_delivery(world.uow, world.clock, caller=admin, delivery_id=world.delivery.id)
        world.tracker.plan.clear()
        world.clock.forward(hours=1)
        await world.deliver_due()
    assert world.now_delivery.state is DeliveryState.SENT
    assert len(world.tracker.tickets) == 1
    assert world.now_ticket.external_id == world.tracker.tickets[0].external_id


@given(attempts=st.lists(st.sampled_from(["claim", "absent", "refuse", "unknown"]), max_size=60))
def test_every_claim_is_counted_unless_it_only_looked(attempts: list[str]) -> None:
    policy, now = DeliveryPolicy(), NOW
    delivery, counted = delivery_of(make.ticket(make.action_item())), 0
    for step in attempts:
        now += timedelta(hours=1)
        claimed = delivery.claim(now, policy)
        if claimed is None:
            assert not delivery.is_unfinished
            break
        match step:
            case "absent":
                delivery = claimed.absent()
            case "refuse":
                delivery, counted = claimed.refused("no", now, policy), counted + 1
            case "unknown":
                delivery, counted = claimed.unknown("?", now, policy), counted + 1
            case "claim":
                delivery, counted = claimed, counted + 1
        assert delivery.attempts == counted


def test_ids_of_items_are_not_markers() -> None:
    """Linear takes only a UUIDv4 as an issue's id, and ours are UUIDv7."""
    world = World()
    assert world.delivery.marker.version == 4
    assert isinstance(world.item.id, UUID)
    assert world.item.id.version == 7
