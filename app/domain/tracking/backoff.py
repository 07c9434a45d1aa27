"""When to try again after a failure: doubling, with jitter, never earlier than we were asked to wait."""

from collections.abc import Callable
from datetime import datetime, timedelta

from app.domain.policy import DeliveryPolicy

Jitter = Callable[[], float]
"""A number from 0 to below 1, `random.random` in real life."""


def next_try(
    now: datetime,
    attempts: int,
    policy: DeliveryPolicy,
    *,
    jitter: Jitter,
    at_least: timedelta = timedelta(0),
) -> datetime:
    """Between half of the doubled wait and all of it, after `at_least` where that is longer."""
    doubled = policy.backoff_first * 2.0 ** min(max(attempts - 1, 0), 30)
    wait = min(doubled, policy.backoff_max) * (0.5 + jitter() / 2)
    # What asked everybody to wait for the same time must not be met by everybody at the same moment.
    return now + max(wait, at_least + policy.backoff_first * jitter() * bool(at_least))
