"""Boosts: what signals do to a priority, when they let go, and what never counts as a recovery."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from math import inf, nan
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.actions.model import Priority
from app.domain.budgets.alerts import Alert, merged
from app.domain.budgets.measuring import Band, BudgetReading, Measured, Reading, band_of, readings, reason_of, usable
from app.domain.budgets.model import (
    Boost,
    BoostEnded,
    BoostKey,
    BoostState,
    Sighting,
    Signal,
    clear_for,
    effective_priority,
    effects,
    levels_and_burnt,
    new_boost,
)
from app.domain.budgets.slos import InvalidSlo, Slo, SloDefinition
from app.domain.budgets.view import SloBudget, budget_view
from app.domain.ids import new_id
from app.domain.policy import BudgetPolicy
from tests.make import NOW

POLICY = BudgetPolicy()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SERVICE: UUID = new_id()


def sighting(hours: float = 0, *, burning: bool = True, vouched: float = 6, **fields: Any) -> Sighting:
    at = NOW + hours * HOUR
    return Sighting(at, burning, at + vouched * HOUR, **fields)


def boost(signal: Signal = Signal.FAST_BURN, *, measured: bool = False, slo: str = "slo", **fields: Any) -> Boost:
    key = BoostKey(SERVICE, slo, "prometheus" if measured else "alertmanager", signal)
    made = new_boost(key, sighting(), POLICY, raised_by="system", measured=measured)
    return replace(made, **fields)


def after(hours: float) -> datetime:
    return NOW + hours * HOUR


# ── What signals do ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        (Signal.BUDGET_EXHAUSTED, "urgent urgent urgent high"),
        (Signal.FAST_BURN, "urgent urgent urgent high"),
        (Signal.BURN, "urgent urgent high medium"),
        (Signal.BUDGET_LOW, "urgent urgent high medium"),
        (Signal.SLOW_BURN, "urgent high high medium"),
    ],
)
def test_each_signal_lifts_each_base_by_the_policy(signal: Signal, expected: str) -> None:
    lifted = [effective_priority(base, [boost(signal)], POLICY)[0] for base in Priority]
    assert [priority.name.lower() for priority in lifted] == expected.split()


def test_boosts_apply_separately_and_the_strongest_explains() -> None:
    weak, strong = boost(Signal.BURN), boost(Signal.BUDGET_EXHAUSTED)
    assert effective_priority(Priority.LOW, [weak, boost(Signal.BUDGET_LOW), strong], POLICY) == (Priority.HIGH, strong)
    assert effective_priority(Priority.LOW, [weak, boost(Signal.BUDGET_LOW)], POLICY) == (Priority.MEDIUM, weak)
    assert effective_priority(Priority.URGENT, [strong], POLICY) == (Priority.URGENT, None)


def test_a_measured_burn_overrides_an_alerts_guess_for_the_same_slo_only() -> None:
    guess, measured = boost(Signal.FAST_BURN), boost(Signal.BURN, measured=True)
    assert effective_priority(Priority.LOW, [guess, measured], POLICY) == (Priority.MEDIUM, measured)
    other = replace(measured, key=replace(measured.key, slo="other"))
    assert effective_priority(Priority.LOW, [guess, other], POLICY) == (Priority.HIGH, guess)
    silent = replace(measured, state=BoostState.STALE)
    assert effective_priority(Priority.LOW, [guess, silent], POLICY) == (Priority.HIGH, guess)
    budget = boost(Signal.BUDGET_EXHAUSTED)
    assert effective_priority(Priority.LOW, [budget, measured], POLICY) == (Priority.HIGH, budget)


def test_risk_learns_the_strongest_level_and_the_least_that_remains() -> None:
    assert levels_and_burnt([]) == (0, None)
    assert levels_and_burnt([boost(Signal.BURN)]) == (1, None)
    known = [boost(Signal.BUDGET_LOW, remaining=0.2), boost(Signal.FAST_BURN, remaining=0.3)]
    assert levels_and_burnt(known) == (2, 0.8)
    assert levels_and_burnt([boost(remaining=0.2, state=BoostState.LIFTED)]) == (0, None)


boosts = st.builds(
    boost,
    st.sampled_from(Signal),
    measured=st.booleans(),
    slo=st.sampled_from(["a", "b"]),
    state=st.sampled_from(BoostState),
)


@settings(deadline=None)
@given(st.sampled_from(Priority), st.lists(boosts, max_size=8))
def test_effective_is_never_below_base_and_never_above_urgent(base: Priority, some: list[Boost]) -> None:
    priority, why = effective_priority(base, some, POLICY)
    assert Priority.URGENT <= priority <= base
    assert (why is None) == (priority is base)
    assert why is None or why.is_live


@settings(deadline=None)
@given(st.sampled_from(Priority), st.lists(boosts, max_size=6), st.randoms())
def test_the_order_of_boosts_does_not_matter(base: Priority, some: list[Boost], random: Any) -> None:
    shuffled = random.sample(some, len(some))
    one, other = effective_priority(base, some, POLICY), effective_priority(base, shuffled, POLICY)
    assert one[0] == other[0]
    assert (one[1] and one[1].key) == (other[1] and other[1].key)


@settings(deadline=None)
@given(st.sampled_from(Priority), st.lists(boosts, max_size=8), st.booleans())
def test_priorities_return_to_base_when_every_boost_has_ended(base: Priority, some: list[Boost], by_hand: bool) -> None:
    if by_hand:
        ended = [one.lift(after(1), "by hand") if one.is_live else one for one in some]
    else:
        ended = [one.aged(after(6 + 72), POLICY) for one in some]
    assert effective_priority(base, ended, POLICY) == (base, None)
    assert {effect.boost_id for effect in effects(ended, POLICY).values()} == {None}


# ── Sightings ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_later_sighting_wins_and_an_earlier_one_only_says_when_it_began() -> None:
    late = boost().seen(sighting(2, reason="worse", burn_rate=20.0, remaining=0.1))
    assert (late.observed_at, late.reason, late.burn_rate, late.remaining) == (after(2), "worse", 20.0, 0.1)
    same = late.seen(sighting(-1, reason="old", burn_rate=15.0))
    assert same == replace(late, raised_at=after(-1))
    assert late.seen(sighting(1, burning=False)) == late
    assert late.seen(sighting(3)).reason == "worse"


def test_a_late_sighting_of_burning_interrupts_the_clear_time() -> None:
    clear = boost().seen(sighting(1, burning=False)).seen(sighting(5, burning=False))
    assert clear.clear_since == after(1)
    assert clear.seen(sighting(0.5)).clear_since == after(1)
    assert clear.seen(sighting(3)).clear_since == after(5)
    assert clear.seen(sighting(5)).clear_since is None


seen_at = st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=1, max_size=5, unique_by=lambda seen: seen[0])


@settings(deadline=None)
@given(seen_at)
def test_the_order_of_arrival_does_not_matter(seen: list[tuple[int, bool]]) -> None:
    ends = set()
    for order in permutations(seen):
        one = boost()
        for hours, burning in order:
            one = one.seen(sighting(hours, burning=burning))
        ends.add(
            (one.observed_at, one.clear_since is None, one.state, effective_priority(Priority.LOW, [one], POLICY)[0])
        )
    assert len(ends) == 1


# ── Letting go ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_resolved_alert_lifts_after_six_hours_of_silence_about_it() -> None:
    clear = boost().seen(sighting(1, burning=False))
    assert clear.aged(after(6.9), POLICY) == clear
    lifted = clear.aged(after(7), POLICY)
    assert (lifted.state, lifted.ended_at, lifted.ended_because) == (BoostState.LIFTED, after(7), "recovered")
    assert lifted.aged(after(100), POLICY) == lifted
    with pytest.raises(BoostEnded):
        lifted.lift(after(8), "again")


def test_a_measured_boost_lifts_only_after_a_clear_time_that_was_watched() -> None:
    clear = boost(Signal.BUDGET_LOW, measured=True).seen(sighting(1, burning=False, vouched=0.1))
    assert clear.aged(after(50), POLICY).state is BoostState.STALE
    watched = clear.seen(sighting(2, burning=False, vouched=0.1))
    assert watched.aged(after(2), POLICY).state is BoostState.LIFTED


def test_burns_and_budgets_have_their_own_clear_times() -> None:
    hours = {signal: clear_for(signal, POLICY) / HOUR for signal in Signal}
    assert hours == {"budget_exhausted": 1, "fast_burn": 6, "burn": 6, "budget_low": 1, "slow_burn": 6}


def test_a_silent_source_makes_it_stale_and_after_three_days_unknown() -> None:
    one = boost()
    assert one.aged(after(5.9), POLICY) == one
    stale = one.aged(after(6), POLICY)
    assert (stale.state, stale.stale_since) == (BoostState.STALE, after(6))
    assert effective_priority(Priority.LOW, [stale], POLICY)[0] is Priority.HIGH
    assert stale.seen(sighting(10)).state is BoostState.ACTIVE
    gone = stale.aged(after(78), POLICY)
    assert (gone.state, gone.ended_because) == (BoostState.EXPIRED_UNKNOWN, "its source fell silent")


@settings(deadline=None)
@given(boosts, st.lists(st.integers(0, 5), max_size=5), st.integers(0, 500))
def test_silence_is_never_a_recovery(one: Boost, renewed: list[int], hours: int) -> None:
    for at in renewed:
        one = one.seen(sighting(at))
    aged = one.aged(after(hours), POLICY)
    assert aged.state is not BoostState.LIFTED or one.state is BoostState.LIFTED


def test_a_signal_that_flaps_every_two_hours_for_a_week_never_lifts() -> None:
    one = boost(Signal.BURN)
    for hours in range(2, 7 * 24, 2):
        one = one.seen(sighting(hours, burning=hours % 4 == 0)).aged(after(hours + 1.9), POLICY)
        assert one.is_live


# ── Measuring ────────────────────────────────────────────────────────────────────────────────────────────────────

B, H, C = Reading.BURNING, Reading.HOLDING, Reading.CLEAR


@pytest.mark.parametrize(
    ("remaining", "exhausted", "low", "band"),
    [
        (-0.5, B, B, Band.EXHAUSTED),
        (0.0, B, B, Band.EXHAUSTED),
        (0.04, H, B, Band.LOW),
        (0.05, C, B, Band.LOW),
        (0.25, C, B, Band.LOW),
        (0.26, C, H, Band.HEALTHY),
        (0.30, C, C, Band.HEALTHY),
    ],
)
def test_bands_let_go_five_points_above_themselves(
    remaining: float, exhausted: Reading, low: Reading, band: Band
) -> None:
    found = readings(Measured(NOW, remaining), POLICY)
    assert found == {Signal.BUDGET_EXHAUSTED: exhausted, Signal.BUDGET_LOW: low}
    assert band_of(remaining, POLICY) is band


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ({"1h": 14.4, "5m": 14.4}, {Signal.FAST_BURN: B}),
        ({"1h": 20, "5m": 1}, {Signal.FAST_BURN: C}),
        ({"1h": 20}, {}),
        ({"5m": 3}, {Signal.FAST_BURN: C}),
        ({"6h": 6, "30m": 7}, {Signal.BURN: B}),
        ({"1d": 3, "2h": 3}, {Signal.SLOW_BURN: B}),
        ({"3d": 1, "6h": 1.5}, {Signal.SLOW_BURN: B, Signal.BURN: C}),
        ({"1d": 1, "2h": 3, "3d": 0.5, "6h": 1}, {Signal.SLOW_BURN: C, Signal.BURN: C}),
        ({"1d": 1, "2h": 3}, {}),
    ],
)
def test_both_windows_make_a_burn_and_missing_ones_say_nothing(rates: dict[str, float], expected: Any) -> None:
    assert readings(Measured(NOW, rates=rates), POLICY) == expected


def test_numbers_that_are_none_say_nothing() -> None:
    assert [usable(value) for value in (nan, inf, None, 0.5)] == [None, None, None, 0.5]
    assert not Measured(NOW).says_something
    assert Measured(NOW, burn_rate=1.0).says_something
    assert band_of(None, POLICY) is Band.UNKNOWN


def test_reasons_are_plain_words() -> None:
    look = Measured(NOW, -0.2, rates={"1h": 20, "5m": 30, "1d": 4, "2h": 5, "3d": 2, "6h": 3})
    assert reason_of(Signal.BUDGET_EXHAUSTED, look, POLICY) == "0 % of the budget remains"
    assert reason_of(Signal.FAST_BURN, look, POLICY) == "burns 20.0 times too fast over 1h"
    assert (
        reason_of(Signal.SLOW_BURN, look, POLICY)
        == "burns 4.0 times too fast over 1d; burns 2.0 times too fast over 3d"
    )


def test_one_alert_of_a_kind_is_left_and_it_fires_if_any_does() -> None:
    resolved = Alert("checkout", "slo", Signal.BURN, False)
    firing, other = replace(resolved, firing=True, reason="x"), replace(resolved, slo="other")
    assert merged([resolved, firing, resolved, other]) == [firing, other]


# ── The view ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_slo_that_nobody_measured_is_unknown_and_the_worst_band_is_the_services() -> None:
    slo = Slo(new_id(), SERVICE, "promised", 0.999, 30, "sloth", NOW, NOW)
    looks = [
        BudgetReading(SERVICE, "a", "prometheus", Measured(after(0), 0.9)),
        BudgetReading(SERVICE, "b", "prometheus", Measured(after(-1), -1.0)),
        BudgetReading(SERVICE, "a", "prometheus", Measured(after(-1), 0.1)),
    ]
    view = budget_view(SERVICE, "checkout", slos=[slo], readings=looks, boosts=[boost()], now=NOW, policy=POLICY)
    assert [(one.slo, one.band, one.age) for one in view.slos] == [
        ("a", Band.HEALTHY, 0.0), ("b", Band.UNKNOWN, 3600.0), ("promised", Band.UNKNOWN, None),
    ]  # fmt: skip
    assert (view.band, view.levels, view.slos[2].objective) == (Band.UNKNOWN, 2, 0.999)


def test_of_several_sources_the_worst_that_is_not_silent_speaks() -> None:
    looks = [
        BudgetReading(SERVICE, "a", "prometheus", Measured(after(0), 0.9)),
        BudgetReading(SERVICE, "a", "datadog", Measured(after(-0.2), 0.1)),
        BudgetReading(SERVICE, "a", "datadog", Measured(after(-0.4), 0.2)),
        BudgetReading(SERVICE, "a", "budgetd", Measured(after(0), None, 3.0)),
    ]

    def view(hours: float) -> SloBudget:
        given = {"slos": [], "readings": looks, "boosts": [], "now": after(hours), "policy": POLICY}
        (one,) = budget_view(SERVICE, "checkout", **given).slos  # type: ignore[arg-type]
        return one

    now = view(0)
    assert (now.band, now.source, [look.remaining for look in now.history]) == (Band.LOW, "datadog", [0.1, 0.2])
    later = view(0.4)
    assert (later.band, later.source, later.age) == (Band.UNKNOWN, "prometheus", 1440.0)


@pytest.mark.parametrize(
    "wrong",
    [{"service": ""}, {"name": ""}, {"objective": 1.0}, {"objective": 0.0}, {"window_days": 0}, {"window_days": 400}],
)
def test_a_definition_that_promises_nothing_is_refused(wrong: dict[str, Any]) -> None:
    given: dict[str, Any] = {
        "service": "checkout",
        "name": "slo",
        "objective": 0.99,
        "window_days": 30,
        "source": "sloth",
    }
    SloDefinition(**given)
    with pytest.raises(InvalidSlo):
        SloDefinition(**(given | wrong))
