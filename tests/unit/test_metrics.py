"""The metrics count what they say, never call no data 0, and do not mind the rows' order."""

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from math import floor
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter

from app.domain.learning.completion import Completion
from app.domain.learning.completion import completion as completion_of
from app.domain.learning.durations import DurationTrend, duration_trend
from app.domain.learning.measures import Measure, MetricsPolicy, Window
from app.domain.learning.recurrence_rate import RecurrenceRate
from app.domain.learning.recurrence_rate import recurrence_rate as rate_of
from app.domain.learning.severities import SeverityDistribution
from app.domain.learning.severities import severity_distribution as distribution_of
from app.domain.learning.trend import TrendVerdict
from tests import metrics_oracle as oracle
from tests.metrics_oracle import IncidentRow, ItemRow, OccurrenceRow, PostmortemRow

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOW = Window(AS_OF, 180)
YEAR = Window(AS_OF, 365)
POLICY = MetricsPolicy(bootstrap_draws=60)
CAUSE, OTHER_CAUSE = UUID(int=1), UUID(int=2)
INSTANTS = (
    "committed_until",
    "due_until",
    "evidence_until",
    "implemented_at",
    "closed_at",
    "declined_at",
)
NO_DATA = Measure(None, 0, 0, {})


def completion(rows: Sequence[ItemRow], window: Window) -> Completion:
    return completion_of(oracle.items(rows, window), window)


def recurrence_rate(
    rows: Sequence[PostmortemRow], occurrences: Sequence[OccurrenceRow], window: Window, policy: MetricsPolicy
) -> RecurrenceRate:
    return rate_of(oracle.recurrences(rows, occurrences, window, policy.recurrence_days), window, policy)


def mttd_trend(rows: Sequence[IncidentRow], window: Window, policy: MetricsPolicy) -> DurationTrend:
    return duration_trend(oracle.phase(rows, window), window, policy)


def severity_distribution(rows: Sequence[IncidentRow], window: Window, policy: MetricsPolicy) -> SeverityDistribution:
    return distribution_of(oracle.severities(rows, window), window, policy)


def ago(days: float | None) -> datetime | None:
    return None if days is None else AS_OF - days * DAY


def made_item(*, created: float = 100, slips: int = 0, **ages: float | None) -> ItemRow:
    instants: dict[str, datetime | None] = dict.fromkeys(INSTANTS)
    instants |= {name: ago(age) for name, age in ages.items()}
    return ItemRow(AS_OF - created * DAY, slips=slips, **instants)


def made_postmortem(
    started: float | None = 300,
    *,
    resolved: float | None = None,
    created: float | None = None,
    cause: UUID | None = CAUSE,
) -> PostmortemRow:
    at = created if created is not None else (started or 300) - 1
    return PostmortemRow(AS_OF - at * DAY, cause, ago(started), ago(resolved))


def made_occurrence(started: float, cause: UUID = CAUSE) -> OccurrenceRow:
    return OccurrenceRow(cause, AS_OF - started * DAY)


def made_phase(started: float | None, minutes: float | None, recorded: float = 0) -> IncidentRow:
    begun = AS_OF - (recorded if started is None else started) * DAY
    reached = None if minutes is None else begun + timedelta(minutes=minutes)
    return IncidentRow(begun, ago(started), reached)


def made_severity(started: float, rank: int) -> IncidentRow:
    return IncidentRow(AS_OF, AS_OF - started * DAY, rank=rank)


def measures(result: object, *, but: str = "") -> list[Measure]:
    """Every measure of a result, those of its buckets too, but for one field."""
    if isinstance(result, Measure):
        return [result]
    if isinstance(result, tuple):
        return [found for part in result for found in measures(part)]
    names = getattr(result, "__dataclass_fields__", ())
    return [found for name in names if name != but for found in measures(getattr(result, name))]


def adds_up(result: Any, total: int) -> bool:
    """Every headline is about all that was asked for, and so are its buckets together."""
    kinds = zip(*(measures(bucket) for bucket in result.buckets), strict=True)
    return all(m.n + m.n_missing == total for m in measures(result, but="buckets")) and all(
        sum(m.n + m.n_missing for m in kind) == total for kind in kinds
    )


def is_sound(result: object, total: int) -> bool:
    return all(
        m.n_missing == sum(m.missing_because.values())
        and (m.value is None if m.n == 0 else m.value is not None)
        and m.n + m.n_missing <= total
        for m in measures(result)
    )


ages = st.none() | st.integers(-30, 400)
some_items = st.lists(
    st.builds(
        made_item,
        created=st.integers(1, 200),
        slips=st.integers(0, 3),
        **dict.fromkeys(INSTANTS, ages),
    ),
    max_size=12,
)
causes = st.sampled_from([CAUSE, OTHER_CAUSE, UUID(int=3)])
some_postmortems = st.lists(
    st.builds(
        made_postmortem,
        st.none() | st.integers(1, 400),
        resolved=ages,
        cause=st.none() | causes,
        created=st.integers(1, 400),
    ),
    max_size=12,
)
some_occurrences = st.lists(st.builds(made_occurrence, st.integers(-20, 400), causes), max_size=12)
some_phases = st.lists(
    st.builds(
        made_phase,
        st.none() | st.integers(0, 200),
        st.none() | st.integers(-5, 500),
        st.integers(1, 200),
    ),
    max_size=30,
)
some_severities = st.lists(st.builds(made_severity, st.integers(1, 200), st.integers(1, 5)), max_size=30)
dice = st.randoms(use_true_random=False)


def shuffled(dice: random.Random, rows: list[Any]) -> list[Any]:
    return dice.sample(rows, len(rows))


@given(some_items, dice)
def test_completion_is_sound_in_any_order(items: list[ItemRow], dice: random.Random) -> None:
    found = completion(items, WINDOW)
    total = sum(WINDOW.holds(item.created_at) for item in items)
    assert adds_up(found, total)
    assert is_sound(found, total)
    assert completion(shuffled(dice, items), WINDOW) == found


@settings(max_examples=40)
@given(some_postmortems, some_occurrences, dice)
def test_the_recurrence_rate_is_sound_in_any_order(
    rows: list[PostmortemRow], occurrences: list[OccurrenceRow], dice: random.Random
) -> None:
    found = recurrence_rate(rows, occurrences, YEAR, POLICY)
    total = sum(YEAR.holds(row.created_at) for row in rows)
    assert adds_up(found, total)
    assert is_sound(found, total)
    assert all(m.value is None or 0 <= m.value <= 1 for m in measures(found))
    again = recurrence_rate(shuffled(dice, rows), shuffled(dice, occurrences), YEAR, POLICY)
    assert again == found


@given(some_phases, dice)
def test_detection_is_sound_in_any_order(rows: list[IncidentRow], dice: random.Random) -> None:
    found = mttd_trend(rows, WINDOW, POLICY)
    total = sum(WINDOW.holds(row.started_at or row.recorded_at) for row in rows)
    assert found.overall.n + found.overall.n_missing == total
    assert sum(b.median.n + b.median.n_missing for b in found.buckets) == total
    assert is_sound(found, total)
    assert mttd_trend(shuffled(dice, rows), WINDOW, POLICY) == found


@given(some_severities, dice)
def test_severity_is_sound_in_any_order(rows: list[IncidentRow], dice: random.Random) -> None:
    found = severity_distribution(rows, WINDOW, POLICY)
    total = sum(WINDOW.holds(row.started_at or row.recorded_at) for row in rows)
    assert found.severe.n + found.severe.n_missing == total
    assert sum(sum(b.by_rank.values()) for b in found.buckets) == found.severe.n
    assert is_sound(found, total)
    assert severity_distribution(shuffled(dice, rows), WINDOW, POLICY) == found


def test_no_data_is_null_everywhere() -> None:
    results = (
        completion([], WINDOW),
        recurrence_rate([], [], WINDOW, POLICY),
        mttd_trend([], WINDOW, POLICY),
        severity_distribution([], WINDOW, POLICY),
    )
    assert all(m == NO_DATA for m in measures(results))
    assert results[1].interval is None
    assert results[2].trend is None
    assert results[2].verdict == results[3].verdict == TrendVerdict.INSUFFICIENT_DATA


def test_completion_counts_what_was_implemented_by_the_committed_date() -> None:
    items = [
        made_item(committed_until=10, implemented_at=11),
        made_item(committed_until=10, implemented_at=10),
        made_item(committed_until=10),
        made_item(committed_until=-5, implemented_at=20),
        made_item(),
        made_item(created=181, committed_until=10, implemented_at=11),
    ]
    assert completion(items, WINDOW).implemented_on_time == Measure(
        1 / 3, 3, 2, {"not_due_yet": 1, "no_committed_date": 1}
    )


def test_declined_items_stay_in_the_base_and_are_shown_apart() -> None:
    items = [
        made_item(committed_until=10, implemented_at=11),
        made_item(committed_until=10, declined_at=50),
        made_item(committed_until=-10, declined_at=50),
        made_item(committed_until=10, declined_at=-1),
    ]
    found = completion(items, WINDOW)
    assert found.implemented_on_time.value == pytest.approx(1 / 3)
    assert found.declined == 1


def test_the_articles_rate_is_closed_of_what_is_due_now() -> None:
    items = [
        made_item(due_until=5, closed_at=1),
        made_item(due_until=5),
        made_item(due_until=5, closed_at=-1),
        made_item(due_until=-5, closed_at=3),
        made_item(),
    ]
    assert completion(items, WINDOW).closed_of_due == Measure(1 / 3, 3, 2, {"not_due_yet": 1, "no_due_date": 1})


def test_evidence_counts_until_its_own_date() -> None:
    items = [
        made_item(evidence_until=5, closed_at=6),
        made_item(evidence_until=5, closed_at=4),
        made_item(),
    ]
    assert completion(items, WINDOW).evidence_on_time == Measure(0.5, 2, 1, {"no_evidence_date": 1})


def test_slips_are_counted_per_item() -> None:
    found = completion([made_item(slips=3), made_item(), made_item()], WINDOW)
    assert found.slips_per_item == Measure(1.0, 3, 0, {})


def recurred(row: PostmortemRow, *occurrences: OccurrenceRow) -> float | None:
    return recurrence_rate([row], occurrences, YEAR, POLICY).recurred.value


def test_a_recurrence_starts_after_the_original_was_resolved() -> None:
    row = made_postmortem(300, resolved=298)
    assert recurred(row, made_occurrence(300), made_occurrence(299)) == 0
    assert recurred(row, made_occurrence(298)) == 0
    assert recurred(row, made_occurrence(297)) == 1
    assert recurred(made_postmortem(300), made_occurrence(299)) == 1


def test_a_recurrence_counts_for_183_days_and_for_its_own_cause() -> None:
    row = made_postmortem(300)
    assert recurred(row, made_occurrence(117)) == 1
    assert recurred(row, made_occurrence(116.9)) == 0
    assert recurred(row, made_occurrence(200, OTHER_CAUSE)) == 0
    assert recurred(made_postmortem(10), made_occurrence(-1)) == 0


def test_the_articles_variant_counts_from_the_postmortems_creation() -> None:
    row = made_postmortem(300, created=290)
    found = recurrence_rate([row], [made_occurrence(295)], YEAR, POLICY)
    assert (found.recurred.value, found.recurred_after_created.value) == (1, 0)


def test_postmortems_without_cause_or_start_are_missing() -> None:
    rows = [made_postmortem(cause=None), made_postmortem(None), made_postmortem(None, resolved=200)]
    found = recurrence_rate(rows, [], YEAR, POLICY)
    assert found.recurred == Measure(0.0, 1, 2, {"cause_undetermined": 1, "no_start": 1})
    assert found.recurred_after_created == Measure(0.0, 2, 1, {"cause_undetermined": 1})


def test_young_postmortems_are_corrected_for_by_kaplan_meier() -> None:
    rolls = random.Random(4)
    rows = [made_postmortem(rolls.uniform(2, 360), cause=UUID(int=rolls.randint(1, 30))) for _ in range(60)]
    occurrences = [made_occurrence(rolls.uniform(0, 360), UUID(int=rolls.randint(1, 30))) for _ in range(25)]
    durations, observed = [], []
    for row in rows:
        assert row.started_at is not None
        later = [
            (o.started_at - row.started_at) / DAY
            for o in occurrences
            if o.cause == row.cause and o.started_at > row.started_at
        ]
        follow_up = (AS_OF - row.started_at) / DAY
        first = min([*later, follow_up])
        durations.append(floor(first) if first <= POLICY.recurrence_days else first)
        observed.append(bool(later))
    expected = 1 - float(KaplanMeierFitter().fit(durations, observed).predict(183))
    found = recurrence_rate(rows, occurrences, YEAR, POLICY)
    assert found.followed.value == pytest.approx(expected)
    assert found.followed.n == 60
    assert found.at_risk == sum(t >= 183 for t in durations)
    assert found.recurred.value is not None
    assert found.recurred.value < expected
    assert found.interval is not None
    assert found.interval.low < expected < found.interval.high


def test_without_long_enough_follow_up_there_is_no_corrected_rate() -> None:
    rows = [made_postmortem(100), made_postmortem(90, cause=None)]
    found = recurrence_rate(rows, [made_occurrence(95)], YEAR, POLICY)
    assert found.recurred.value == 1
    assert found.followed == Measure(None, 0, 2, {"cause_undetermined": 1, "insufficient_follow_up": 1})
    assert (found.interval, found.at_risk) == (None, 0)


def test_detection_is_told_per_month_with_the_empty_months() -> None:
    rows = [
        made_phase(10, 10),
        made_phase(11, 20),
        made_phase(12, 60),
        made_phase(45, 5),
        made_phase(13, None),
        made_phase(14, -3),
        made_phase(None, None, recorded=15),
        made_phase(0.01, 60),
        made_phase(500, 1),
    ]
    found = mttd_trend(rows, Window(AS_OF, 90), POLICY)
    assert [bucket.starts_on for bucket in found.buckets] == [
        date(2026, 4, 1),
        date(2026, 5, 1),
        date(2026, 6, 1),
    ]
    april, may, june = found.buckets
    assert (april.median, april.mean, april.p90) == (NO_DATA, None, None)
    assert (may.median.value, may.mean, may.p90) == (300, 300, 300)
    assert june.median == Measure(1200, 3, 4, {"not_reached": 2, "before_start": 1, "no_start": 1})
    assert (june.mean, june.p90) == pytest.approx((1800, 3120))
    assert (found.overall.value, found.overall.n) == (900, 4)


@pytest.mark.parametrize(
    ("slope", "verdict"),
    [(1, TrendVerdict.IMPROVING), (-1, TrendVerdict.WORSENING), (0, TrendVerdict.NO_EVIDENCE)],
)
def test_detection_improves_when_single_incidents_are_seen_sooner(slope: int, verdict: TrendVerdict) -> None:
    rows = [made_phase(5 * i + 1, 300 + slope * 5 * i + i * 7 % 5) for i in range(30)]
    found = mttd_trend(rows, WINDOW, POLICY)
    assert found.verdict == verdict
    assert found.trend is not None
    assert found.trend.slope == pytest.approx(-60 * slope, abs=4)


def test_the_severe_share_is_told_per_month_with_its_ranks() -> None:
    rows = [
        made_severity(10, 1),
        made_severity(11, 2),
        made_severity(12, 3),
        made_severity(70, 5),
    ]
    found = severity_distribution(rows, Window(AS_OF, 91), POLICY)
    assert [bucket.severe.value for bucket in found.buckets] == [0, None, pytest.approx(2 / 3)]
    assert found.buckets[2].by_rank == {1: 1, 2: 1, 3: 1}
    assert found.severe == Measure(0.5, 4, 0, {})
    assert found.verdict == TrendVerdict.INSUFFICIENT_DATA


def test_fewer_severe_incidents_each_month_are_an_improvement() -> None:
    rows = [made_severity(30 * month + 5 + i, 1 if i < month + 1 else 4) for month in range(6) for i in range(10)]
    found = severity_distribution(rows, WINDOW, POLICY)
    assert found.verdict == TrendVerdict.IMPROVING


def test_buckets_follow_the_zones_days() -> None:
    late = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)
    berlin = ZoneInfo("Europe/Berlin")
    assert Window(AS_OF, 90).bucket(late) == date(2026, 3, 1)
    assert Window(AS_OF, 90, "month", berlin).bucket(late) == date(2026, 4, 1)
    assert Window(AS_OF, 90, "quarter", berlin).bucket(late) == date(2026, 4, 1)
    assert Window(AS_OF, 90, "week").bucket(late) == date(2026, 3, 30)


def test_a_window_lists_the_buckets_it_touches() -> None:
    assert Window(AS_OF, 10, "week").buckets() == [
        date(2026, 6, 15),
        date(2026, 6, 22),
        date(2026, 6, 29),
    ]
    assert Window(AS_OF, 183, "quarter").buckets() == [
        date(2025, 10, 1),
        date(2026, 1, 1),
        date(2026, 4, 1),
    ]
