"""A boost: a dated ledger row that raises the priority of a service's items while its error budget burns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from app.domain.actions.model import Priority
from app.domain.errors import Exhausted, Invalid, WrongState
from app.domain.ids import new_id
from app.domain.policy import BudgetPolicy


class Signal(StrEnum):
    """What is wrong with a budget, the most urgent first. What each one does is the policy's to say."""

    BUDGET_EXHAUSTED = "budget_exhausted"
    FAST_BURN = "fast_burn"
    BURN = "burn"
    BUDGET_LOW = "budget_low"
    SLOW_BURN = "slow_burn"

    @property
    def is_burn(self) -> bool:
        return self in (Signal.FAST_BURN, Signal.BURN, Signal.SLOW_BURN)


class BoostState(StrEnum):
    """`stale`: its source is silent, so it keeps its level for a while; only `lifted` means a recovery."""

    ACTIVE = "active"
    STALE = "stale"
    LIFTED = "lifted"
    EXPIRED_UNKNOWN = "expired_unknown"


LIVE = (BoostState.ACTIVE, BoostState.STALE)


class BoostEnded(WrongState):
    """This boost has ended already."""

    code = "boost_ended"


class BoostQuotaExceeded(Exhausted):
    """This source has raised as many new boosts as it may in a day; renewing the ones it has is free."""

    code = "boost_quota_exceeded"


class InvalidBoost(Invalid):
    """The boost contradicts itself or what is possible."""

    code = "invalid_boost"


@dataclass(frozen=True, slots=True)
class BoostKey:
    """What a boost is about: at most one of a key is live."""

    service_id: UUID
    slo: str
    source: str
    signal: Signal


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a source said at an instant: it burns, or it is clear. `vouched_until` is how long that holds."""

    at: datetime
    burning: bool
    vouched_until: datetime
    reason: str = ""
    burn_rate: float | None = None
    remaining: float | None = None


@dataclass(frozen=True, slots=True)
class Boost:
    """A priority raised by a signal, from `raised_at` until it ends.

    `measured`: its source looks again and again, so a clear time counts only as far as it was observed.
    """

    id: UUID
    key: BoostKey
    levels: int
    raised_at: datetime
    observed_at: datetime
    vouched_until: datetime
    raised_by: str = "system"
    measured: bool = False
    state: BoostState = BoostState.ACTIVE
    clear_since: datetime | None = None
    stale_since: datetime | None = None
    ended_at: datetime | None = None
    ended_because: str = ""
    reason: str = ""
    burn_rate: float | None = None
    remaining: float | None = None
    version: int = 1

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    def seen(self, sighting: Sighting) -> "Boost":
        """The same boost after another sighting; the later one wins, whatever the order they arrive in."""
        if sighting.at <= self.observed_at:
            return self._seen_late(sighting)
        clear_since = None if sighting.burning else self.clear_since or sighting.at
        return replace(
            self,
            state=BoostState.ACTIVE,
            observed_at=sighting.at,
            vouched_until=sighting.vouched_until,
            clear_since=clear_since,
            stale_since=None,
            reason=sighting.reason or self.reason,
            burn_rate=sighting.burn_rate,
            remaining=sighting.remaining,
        )

    def _seen_late(self, sighting: Sighting) -> "Boost":
        """It says when the burning began, or that the clear time was interrupted, but nothing about now."""
        if not sighting.burning:
            return self
        began = min(self.raised_at, sighting.at)
        if self.clear_since is None or sighting.at < self.clear_since:
            return replace(self, raised_at=began)
        last_clear = self.observed_at if sighting.at < self.observed_at else None
        return replace(self, raised_at=began, clear_since=last_clear)

    def aged(self, now: datetime, policy: BudgetPolicy) -> "Boost":
        """What time alone makes of it: lifted after enough clear time, stale and ended where its source is silent."""
        if not self.is_live:
            return self
        if self.clear_since is not None:
            known_until = self.observed_at if self.measured else now
            if known_until - self.clear_since >= clear_for(self.key.signal, policy):
                return self._end(BoostState.LIFTED, now, "recovered")
            if not self.measured:
                return self
        if now < self.vouched_until:
            return self
        if now >= self.vouched_until + policy.max_stale:
            return self._end(BoostState.EXPIRED_UNKNOWN, now, "its source fell silent")
        return replace(self, state=BoostState.STALE, stale_since=self.vouched_until)

    def lift(self, now: datetime, because: str) -> "Boost":
        """End it by hand. Raises BoostEnded."""
        if not self.is_live:
            raise BoostEnded
        return self._end(BoostState.LIFTED, now, because)

    def _end(self, state: BoostState, now: datetime, because: str) -> "Boost":
        return replace(self, state=state, ended_at=now, ended_because=because)


def new_boost(key: BoostKey, sighting: Sighting, policy: BudgetPolicy, *, raised_by: str, measured: bool) -> Boost:
    """The first sighting of a key makes the boost; its levels are ours to say, never the caller's."""
    return Boost(
        id=new_id(),
        key=key,
        levels=policy.levels[key.signal],
        raised_at=sighting.at,
        observed_at=sighting.at,
        vouched_until=sighting.vouched_until,
        raised_by=raised_by,
        measured=measured,
        reason=sighting.reason,
        burn_rate=sighting.burn_rate,
        remaining=sighting.remaining,
    )


def clear_for(signal: Signal, policy: BudgetPolicy) -> timedelta:
    """How long the signal must be clear before its boost is lifted."""
    return policy.burn_clear if signal.is_burn else policy.budget_clear


# ── What boosts do ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Effect:
    """An effective priority, and the boost that explains it, if any does."""

    priority: Priority
    boost_id: UUID | None = None


def counted(boosts: Iterable[Boost]) -> list[Boost]:
    """Live boosts, the most urgent signal first. An alert's guess gives way to a burn measured for the same SLO."""
    live = [boost for boost in boosts if boost.is_live]
    measured = {b.key.slo for b in live if b.measured and b.key.signal.is_burn and b.state is BoostState.ACTIVE}
    kept = (b for b in live if b.measured or not b.key.signal.is_burn or b.key.slo not in measured)
    return sorted(kept, key=lambda b: (list(Signal).index(b.key.signal), b.key.slo, b.key.source))


def effective_priority(base: Priority, boosts: Iterable[Boost], policy: BudgetPolicy) -> tuple[Priority, Boost | None]:
    """The most urgent result of applying each boost separately to the base, and the boost that explains it."""
    best, why = base, None
    for boost in counted(boosts):
        raised = _raised(base, boost.key.signal, policy)
        if raised < best:
            best, why = raised, boost
    return best, why


def _raised(base: Priority, signal: Signal, policy: BudgetPolicy) -> Priority:
    if base < policy.least_base_rank.get(signal, Priority.URGENT):
        return base
    return Priority(max(Priority.URGENT, base - policy.levels[signal]))


def effect_on(base: Priority, boosts: Iterable[Boost], policy: BudgetPolicy) -> Effect:
    """The effect on one base priority."""
    priority, boost = effective_priority(base, boosts, policy)
    return Effect(priority, boost.id if boost else None)


def effects(boosts: Sequence[Boost], policy: BudgetPolicy) -> Mapping[Priority, Effect]:
    """The effect on each base priority there is."""
    return {base: effect_on(base, boosts, policy) for base in Priority}


def levels_and_burnt(boosts: Iterable[Boost]) -> tuple[int, float | None]:
    """What recurrence risk asks of a service: levels of its strongest boost, the share of its budget that is burnt."""
    strongest = counted(boosts)
    known = [b.remaining for b in strongest if b.remaining is not None]
    burnt = max(0.0, 1 - min(known)) if known else None
    return max((b.levels for b in strongest), default=0), burnt
