"""The delivery machine under random steps: attempts, crashes, lost replies, pauses, sweeps, retries by hand."""

import asyncio
import os
from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app.domain.access import Role
from app.domain.tracking.deliveries import DeliveryState
from app.domain.tracking.use_cases.retry_delivery import retry_delivery
from tests import make
from tests.unit.ticket_world import POLICY, SETTLE, World
from tests.unit.tracking_fakes import Crash, Happens

EXAMPLES = int(os.environ.get("NOREPEAT_MODEL_EXAMPLES", "40"))
STEPS = 50


class DeliveryMachine(RuleBasedStateMachine):
    """One delivery; each step is what a worker, the tracker, the clock or an admin may do."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.world = World()
        self.made = 0

    @rule(happens=st.sampled_from(list(Happens)))
    def a_worker_attempts_what_is_due(self, happens: Happens) -> None:
        self.world.tracker.plan[:] = [happens]
        self._run()

    @rule(first=st.sampled_from(list(Happens)), then=st.sampled_from(list(Happens)))
    def a_worker_attempts_and_looks_up_under_faults(self, first: Happens, then: Happens) -> None:
        self.world.tracker.plan[:] = [first, then]
        self._run()

    @rule()
    def another_worker_wakes_on_the_same_delivery(self) -> None:
        self.world.tracker.plan.clear()
        with suppress(Crash):
            self.loop.run_until_complete(self.world.deliver())

    @rule(seconds=st.integers(1, 7200))
    def time_passes(self, seconds: int) -> None:
        self.world.clock.forward(seconds=seconds)

    @rule()
    def an_admin_retries_what_was_given_up(self) -> None:
        if self.world.now_delivery.state is DeliveryState.DEAD:
            admin = make.caller(role=Role.ADMIN)
            self.loop.run_until_complete(
                retry_delivery(self.world.uow, self.world.clock, caller=admin, delivery_id=self.world.delivery.id)
            )

    def _run(self) -> None:
        with suppress(Crash):
            self.loop.run_until_complete(self.world.deliver_due())

    @invariant()
    def there_is_never_a_second_ticket(self) -> None:
        assert len(self.world.tracker.tickets) <= 1

    @invariant()
    def what_was_made_stays_made(self) -> None:
        assert len(self.world.tracker.tickets) >= self.made
        self.made = len(self.world.tracker.tickets)

    @invariant()
    def sent_means_that_the_ticket_is_there_and_known(self) -> None:
        if self.world.now_delivery.state is DeliveryState.SENT:
            (there,) = self.world.tracker.tickets
            assert self.world.now_ticket.external_id == there.external_id

    @invariant()
    def attempts_are_bounded(self) -> None:
        assert self.world.now_delivery.attempts <= POLICY.delivery.max_attempts

    def teardown(self) -> None:
        """However it went: with a tracker that works again, it ends well."""
        for _ in range(6):
            self.an_admin_retries_what_was_given_up()
            self.world.tracker.plan.clear()
            self.world.clock.forward(seconds=int(SETTLE.total_seconds()) + 7200)
            self._run()
        state = self.world.now_delivery.state
        self.loop.close()
        assert state is DeliveryState.SENT
        assert len(self.world.tracker.tickets) == 1


def test_no_order_of_faults_loses_or_doubles_a_ticket() -> None:
    run_state_machine_as_test(
        DeliveryMachine, settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None)
    )
    print(f"delivery machine: {EXAMPLES} x {STEPS} steps, nothing lost, nothing doubled")
