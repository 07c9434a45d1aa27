"""Whether fixes held and whether work keeps up: censored where too young, null without data, exact where counted."""

import random
from collections import Counter
from datetime import UTC, date, datetime
from itertools import chain
from uuid import UUID

import pytest
from lifelines import KaplanMeierFitter

from app.domain.learning.completion import ItemGroup, Promise
from app.domain.learning.durations import Spread
from app.domain.learning.effectiveness import FixCounts, Fixes, FixFollowUps, fix_effectiveness
from app.domain.learning.follow_through import AgeGroup, OpenItems, Progress, Published, follow_through
from app.domain.learning.measures import Measure, MetricsPolicy, Window
from app.domain.learning.recurrence_rate import CauseFollowUps, survival, survival_interval
from app.domain.learning.statistics import LifeTable, kaplan_meier

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
WINDOW = Window(AS_OF, 60)
POLICY = MetricsPolicy(bootstrap_draws=200)
KINDS = ["prevent", "detect"]
NO_DATA = Measure(None, 0, 0, {})


def test_a_fix_is_effective_as_far_as_it_was_followed() -> None:
    groups = [
        FixFollowUps("prevent", recurred=[10.0, 40.0], censored=[20.0, 90.0], followed=3, seen_to_the_end=3),
        FixFollowUps("detect", recurred=[5.0], censored=[30.0]),
    ]
    found = fix_effectiveness(Fixes(groups=groups, missing={"prevent": {"no_cause": 2}}), KINDS, WINDOW, POLICY)
    lifelines = KaplanMeierFitter().fit([10, 40, 20, 90, 183, 183, 183], [1, 1, 0, 0, 0, 0, 0])
    prevent, detect = found.by_control_type["prevent"], found.by_control_type["detect"]
    assert prevent.effective.value == pytest.approx(float(lifelines.predict(183)))
    assert (prevent.effective.n, prevent.effective.missing_because, prevent.at_risk) == (7, {"no_cause": 2}, 3)
    assert detect.effective == Measure(None, 0, 2, {"insufficient_follow_up": 2})
    assert (found.overall.effective.n, found.overall.effective.n_missing) == (9, 2)
    assert found.overall.interval is not None
    assert found.overall.effective.value is not None
    assert found.overall.interval.low <= found.overall.effective.value <= found.overall.interval.high


def test_fixes_are_a_series_by_when_they_were_accepted() -> None:
    buckets = {1: FixCounts(4, 1, 2, {"no_cause": 1})}
    found = fix_effectiveness(Fixes(buckets=buckets), KINDS, WINDOW, POLICY)
    assert [b.starts_on for b in found.buckets] == [date(2026, 5, 1), date(2026, 6, 1)]
    assert found.buckets[0].held == NO_DATA
    assert (found.buckets[1].held, found.buckets[1].young) == (Measure(0.75, 4, 1, {"no_cause": 1}), 2)


def test_without_fixes_there_is_no_effectiveness() -> None:
    found = fix_effectiveness(Fixes(), KINDS, WINDOW, POLICY)
    assert found.overall.effective == NO_DATA
    assert (found.overall.interval, found.overall.at_risk) == (None, 0)


def test_open_items_are_counted_by_age_and_overdue_by_team() -> None:
    progress = Progress(
        items=[
            ItemGroup(0, Promise.KEPT, Promise.KEPT, Promise.KEPT_LATE, 2),
            ItemGroup(1, Promise.BROKEN, Promise.BROKEN, Promise.BROKEN, 1),
            ItemGroup(1, Promise.NOT_DUE_YET, Promise.NOT_DUE_YET, Promise.NO_DATE, 5),
        ],
        open_items=[
            OpenItems(None, [1, 0, 0, 0], 0, 1),
            OpenItems("b", [1, 2, 0, 4], 3),
            OpenItems("a", [0, 1, 0, 0], 1),
        ],
        published={0: Published(4, 1, Spread(2, 6.0, 7.0, 9.0, {"waived": 1, "not_published": 1}))},
        overall=Spread(2, 6.0, 7.0, 9.0, {"waived": 1, "not_published": 1}),
    )
    found = follow_through(progress, WINDOW, POLICY)
    assert found.open_items == 9
    assert found.open_by_age == (
        AgeGroup(0, 30, 2), AgeGroup(30, 90, 3), AgeGroup(90, 180, 0), AgeGroup(180, None, 4),
    )  # fmt: skip
    assert [(t.team, t.n_overdue) for t in found.overdue_by_team] == [("a", 1), ("b", 3), (None, 0)]
    assert found.overdue_by_team[2].overdue == Measure(None, 0, 1, {"no_committed_date": 1})
    assert found.overdue == Measure(0.5, 8, 1, {"no_committed_date": 1})
    assert found.evidence_rate == Measure(pytest.approx(2 / 3), 3, 5, {"not_implemented": 5})
    assert found.days_to_publish == Measure(6.0, 2, 2, {"not_published": 1, "waived": 1})
    assert (found.waived, found.days_to_publish_p90) == (Measure(0.25, 4, 0, {}), 9.0)
    assert found.buckets[0].evidence_rate.value == 1
    assert found.buckets[1].waived == NO_DATA


def test_without_records_follow_through_is_null() -> None:
    found = follow_through(Progress(), WINDOW, POLICY)
    assert (found.open_items, found.overdue_by_team) == (0, ())
    assert found.overdue == found.days_to_publish == found.evidence_rate == found.waived == NO_DATA


def world(seed: int, causes: int, each: int) -> list[CauseFollowUps]:
    dice = random.Random(seed)
    found = []
    for n in range(causes):
        rate, recurred, censored, followed = dice.gammavariate(1, 1 / 250), [], [], 0
        for _ in range(each):
            event, seen = dice.expovariate(rate), dice.uniform(20, 400)
            if event <= min(seen, 183):
                recurred.append(event)
            elif seen >= 183:
                followed += 1
            else:
                censored.append(seen)
        found.append(CauseFollowUps(UUID(int=n), recurred, censored, followed, followed))
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_many_follow_ups_get_the_interval_that_a_whole_bootstrap_gives(seed: int) -> None:
    causes = world(seed, causes=80, each=6)
    curve = survival(causes, POLICY)
    assert curve is not None
    quick = survival_interval(causes, curve, POLICY)
    whole = survival_interval(causes, curve, MetricsPolicy(bootstrap_draws=200, bootstrap_whole=10_000))
    assert quick is not None
    assert whole is not None
    assert quick.low == pytest.approx(whole.low, abs=0.02)
    assert quick.high == pytest.approx(whole.high, abs=0.02)
    assert quick.low < 1 - curve.probability < quick.high


def test_the_interval_does_not_depend_on_the_order_of_causes() -> None:
    causes = world(3, causes=300, each=3)
    curve = survival(causes, POLICY)
    again = random.Random(1).sample(causes, len(causes))
    assert survival_interval(causes, curve, POLICY) == survival_interval(again, curve, POLICY)


def test_a_pull_is_the_change_of_survival_with_weight() -> None:
    clusters = [[(5.0, True), (200.0, False)], [(8.0, True), (8.0, False)], [(150.0, False), (183.0, False)]]
    before = kaplan_meier(*zip(*chain(*clusters), strict=True), 183)
    assert before is not None
    rows = list(chain(*clusters))
    table = LifeTable.of(Counter(t for t, seen in rows if seen), Counter(t for t, _ in rows), 183)
    happened, ended = table.pulls([t for t, _ in rows])
    for n, cluster in enumerate(clusters):
        pull = sum(happened[t] if seen else ended[t] for t, seen in cluster)
        heavier = chain(*(rows * (101 if no == n else 100) for no, rows in enumerate(clusters)))
        after = kaplan_meier(*zip(*heavier, strict=True), 183)
        assert after is not None
        assert (after.probability - before.probability) * 100 == pytest.approx(pull, abs=0.01)


def test_nothing_pulls_a_survival_of_zero() -> None:
    happened, ended = LifeTable.of({5.0: 2}, {5.0: 2}, 183).pulls([5.0])
    assert (happened, ended) == ({5.0: 0.0}, {5.0: 0.0})


def test_one_cause_alone_has_no_interval_however_often_it_struck() -> None:
    days = [float(day) for day in range(150)] * 2
    causes = [CauseFollowUps(UUID(int=1), days, (), 300, 300)]
    curve = survival(causes, POLICY)
    assert curve is not None
    assert survival_interval(causes, curve, POLICY) is None
