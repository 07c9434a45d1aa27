"""The quarter's review by its rules: periods, patterns, wording, rates, and what may happen when."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from app.domain.actions.evidence import CheckKind, InvalidPlan, Verdict, VerificationPlan, require_plan_fits
from app.domain.errors import OwnWork
from app.domain.ids import new_id
from app.domain.learning.statistics import fisher_exact
from app.domain.learning.taxonomy import FACTORS
from app.domain.meta_reviews.building import (
    counted_patterns,
    hash_of,
    heat_of,
    numbers_of,
    renewed,
    renewed_themes,
    theme_counted,
    theme_key,
    vanished,
)
from app.domain.meta_reviews.counting import Seen, Totals
from app.domain.meta_reviews.difference import difference_of
from app.domain.meta_reviews.fixes import FIXES, FOR_WORDING, systemic_fix
from app.domain.meta_reviews.model import (
    Build,
    BuildState,
    BuildStep,
    MetaReview,
    MetaReviewBuilding,
    MetaReviewPolicy,
    MetaReviewStatus,
    MetaReviewWrongState,
    Numbers,
    NumbersChanged,
    PeriodNotEnded,
)
from app.domain.meta_reviews.pattern import (
    Counted,
    Direction,
    Exposed,
    Part,
    PatternKind,
    in_order,
    pattern_of,
)
from app.domain.meta_reviews.period import InvalidPeriod, PeriodNotBegun, Quarter
from app.domain.meta_reviews.rate import Rate, quarters_after, rate_verdict
from app.domain.meta_reviews.theme import Theme, ThemeDecided, ThemeStatus
from app.domain.meta_reviews.wording import Repeated, Wording, phrases_of, repeated_wording
from tests import make

UTC_ZONE, TOKYO = ZoneInfo("UTC"), ZoneInfo("Asia/Tokyo")
POLICY = MetaReviewPolicy()
Q1 = Quarter(2026, 1)


# ── Periods ──────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.integers(1970, 2200), st.integers(1, 4))
def test_a_quarter_is_read_as_it_is_written_and_neighbours_touch(year: int, number: int) -> None:
    quarter = Quarter.parse(f" {year}-q{number} ")
    assert str(quarter) == f"{year}-Q{number}"
    assert quarter.following.previous == quarter
    for zone in (UTC_ZONE, TOKYO, ZoneInfo("America/New_York")):
        assert quarter.ends_at(zone) == quarter.following.starts_at(zone)
        assert Quarter.at(quarter.starts_at(zone), zone) == quarter
        assert Quarter.at(quarter.ends_at(zone) - timedelta.resolution, zone) == quarter


def test_a_quarter_begins_at_its_own_midnight() -> None:
    assert Q1.starts_at(TOKYO) == datetime(2025, 12, 31, 15, tzinfo=UTC)
    assert (Q1.title, Q1.previous) == ("Q1 2026", Quarter(2025, 4))


@pytest.mark.parametrize("text", ["", "2026", "2026-Q5", "2026-Q0", "26-Q1", "2026Q1", "1969-Q4", "2201-Q1", "٢٠٢٦-Q1"])
def test_what_is_no_period(text: str) -> None:
    with pytest.raises(InvalidPeriod, match="such as 2026-Q1"):
        Quarter.parse(text)


def test_a_quarter_of_the_future_has_nothing_to_review() -> None:
    Quarter(2026, 2).require_begun(make.NOW, UTC_ZONE)
    with pytest.raises(PeriodNotBegun, match="2026-Q3 has not begun; the latest period to review is 2026-Q2"):
        Quarter(2026, 3).require_begun(make.NOW, UTC_ZONE)


# ── The review ───────────────────────────────────────────────────────────────────────────────────────────────────


def review(**fields: Any) -> MetaReview:
    given: dict[str, Any] = {
        "id": new_id(), "period": Q1, "time_zone": "UTC", "starts_at": Q1.starts_at(UTC_ZONE),
        "ends_at": Q1.ends_at(UTC_ZONE), "created_at": make.NOW, "updated_at": make.NOW,
        "numbers": Numbers(3, {"overdue": 1, "not_due_yet": 2}, 2), "content_hash": "abc",
    }  # fmt: skip
    return MetaReview(**(given | fields))


def test_from_draft_to_published_by_two_people() -> None:
    ada, ben = new_id(), new_id()
    submitted = review().submit(ada, make.NOW)
    assert submitted.status is MetaReviewStatus.IN_REVIEW
    with pytest.raises(OwnWork):
        submitted.publish(ada, None, make.NOW)
    with pytest.raises(NumbersChanged):
        submitted.publish(ben, "other", make.NOW)
    published = submitted.publish(ben, "abc", make.NOW)
    assert (published.is_published, published.published_by_id) == (True, ben)
    assert submitted.send_back().submitted_by_id is None
    assert published.numbers is not None
    assert published.numbers.n_missing == 3


def test_steps_out_of_turn_are_refused() -> None:
    ada = new_id()
    published = review(status=MetaReviewStatus.PUBLISHED)
    for step in (
        lambda: published.submit(ada, make.NOW),
        lambda: published.counted(Numbers(1, {}, 0), "x", make.NOW),
        lambda: review().send_back(),
        lambda: review().publish(ada, None, make.NOW),
    ):
        with pytest.raises(MetaReviewWrongState):
            step()
    with pytest.raises(MetaReviewBuilding):
        review(numbers=None).submit(ada, make.NOW)
    with pytest.raises(PeriodNotEnded):
        review().submit(ada, Q1.ends_at(UTC_ZONE) - timedelta.resolution)


def test_a_build_shows_its_steps() -> None:
    build = Build().at(BuildStep.COMPARING)
    assert (build.state, build.done, build.of) == (BuildState.BUILDING, 2, 4)
    assert build.failed("ValueError").error == "ValueError"
    assert build.finished() == Build(BuildState.DONE, 4, 4)


# ── Patterns ─────────────────────────────────────────────────────────────────────────────────────────────────────


def counted(n: int = 9, previous_n: int = 5, key: str = "dns", **fields: Any) -> Counted:
    given: dict[str, Any] = {
        "kind": PatternKind.FACTOR,
        "key": key,
        "title": key.title(),
        "n": n,
        "previous_n": previous_n,
    }
    return Counted(**(given | fields))


def pattern(n: int = 9, of: int = 23, previous_n: int = 5, previous_of: int = 20, **fields: Any) -> Any:
    return pattern_of(new_id(), new_id(), counted(n, previous_n, **fields), of, previous_of, POLICY)


@given(st.integers(1, 60), st.integers(0, 60), st.data())
def test_a_pattern_is_compared_as_scipy_compares(of: int, previous_of: int, data: st.DataObject) -> None:
    n, previous_n = data.draw(st.integers(0, of)), data.draw(st.integers(0, previous_of))
    made = pattern(n, of, previous_n, previous_of)
    low, high = stats.binomtest(n, of).proportion_ci(0.95, method="wilson")
    assert made.interval is not None
    assert (made.interval.low, made.interval.high) == pytest.approx((low, high), abs=1e-9)
    if previous_of == 0:
        assert (made.p, made.direction) == (None, Direction.NO_COMPARISON)
        return
    expected = stats.fisher_exact([[n, of - n], [previous_n, previous_of - previous_n]]).pvalue
    assert made.p == pytest.approx(expected, abs=1e-9)
    assert (made.direction in (Direction.MORE, Direction.LESS)) is (made.p <= 0.05)


@pytest.mark.parametrize(
    "table", [(600, 900, 300, 1200), (5000, 20_000, 4500, 21_000), (0, 1500, 3, 1200), (700, 700, 700, 700)]
)
def test_a_large_table_is_compared_as_scipy_compares(table: tuple[int, int, int, int]) -> None:
    a, b, c, d = table
    assert fisher_exact(a, b, c, d) == pytest.approx(stats.fisher_exact([[a, b], [c, d]]).pvalue, rel=1e-6)


def test_more_and_less_need_evidence() -> None:
    assert pattern(20, 23, 2, 20).direction is Direction.MORE
    assert pattern(2, 23, 18, 20).direction is Direction.LESS
    assert pattern(0, 0, 3, 20).interval is None


def test_revenue_is_the_sum_of_what_services_say() -> None:
    services = (Exposed("a", "A", 2, 100.0), Exposed("b", "B", 1, None))
    assert pattern(services=services).revenue_per_hour_usd == 100
    assert pattern(services=services[1:]).revenue_per_hour_usd is None


def test_every_factor_has_a_systemic_fix_and_wording_a_question() -> None:
    assert {factor.code for factor in FACTORS} < FIXES.keys()
    assert "$1,000 of revenue" in systemic_fix("change", 1000)
    assert systemic_fix("theme-x", 1000) == FOR_WORDING
    change = pattern(kind=PatternKind.CHANGE, key="deployment")
    assert "canary" in change.fix


def test_the_most_frequent_pattern_comes_first() -> None:
    found = in_order([pattern(2, key="dns"), pattern(9, key="network"), pattern(2, key="capacity")])
    assert [one.key for one in found] == ["network", "capacity", "dns"]


def ids(n: int) -> tuple[UUID, ...]:
    return tuple(new_id() for _ in range(n))


def seen(key: str = "dns", n: int = 2, kind: PatternKind = PatternKind.FACTOR, parts: Any = None) -> Seen:
    return Seen(kind, key, key.title(), parts or (Part("unspecified", n, 1),), ids(n))


def test_forms_are_shown_where_somebody_said_which() -> None:
    unsaid, said, change = (
        seen(),
        seen("missing-alerting", 3, parts=(Part("other", 2), Part("unspecified", 1), Part("third_party", 0, 4))),
        seen("deployment", 2, PatternKind.CHANGE),
    )
    found = counted_patterns([unsaid, said, change], {}, {"dns": (Exposed("a", "A", 2),)}, POLICY)
    assert [[part.name for part in one.parts] for one in found] == [[], ["other", "unspecified"], ["unspecified"]]
    assert (found[0].services[0].service, found[1].previous_n) == ("a", 4)


def test_counting_anew_keeps_ids_and_words_and_drops_what_nothing_shows() -> None:
    review_id, totals = new_id(), Totals(5, 4, {}, 0, 0)
    first = renewed(review_id, [], [counted(3), counted(0, 2, "network")], totals, POLICY)
    assert [one.key for one in first] == ["dns"]
    worded = first[0].with_fix("Mine")
    (again,) = renewed(review_id, [worded], [counted(4)], totals, POLICY)
    assert (again.id, again.n, again.fix, again.fix_is_edited) == (worded.id, 4, "Mine", True)
    assert vanished(worded, totals, POLICY).n == 0
    (plain,) = renewed(review_id, first, [counted(1)], totals, POLICY)
    assert plain.fix == FIXES["dns"]


def test_the_fingerprint_changes_with_numbers_and_words_only() -> None:
    numbers = numbers_of(Totals(5, 4, {"overdue": 1}, 1, 2), ())
    one = pattern()
    assert hash_of(numbers, [one]) == hash_of(numbers, [replace(one, id=new_id())])
    assert hash_of(numbers, [one]) != hash_of(numbers, [one.with_fix("Other")])
    assert hash_of(numbers, [one]) != hash_of(replace(numbers, n=6), [one])


def test_the_heat_map_has_the_services_struck_most() -> None:
    policy = replace(POLICY, heat_services=1)
    struck = {"dns": (Exposed("a", "A", 2), Exposed("b", "B", 3)), "deployment": (Exposed("a", "A", 9),)}
    cells = heat_of([seen("dns"), seen("deployment", kind=PatternKind.CHANGE)], struck, policy)
    assert [(cell.pattern, cell.service, cell.n) for cell in cells] == [("dns", "b", 3)]


def test_what_changed_since_names_incidents_that_came_and_went() -> None:
    stays, comes, goes = ids(3)
    kept = [
        replace(pattern(), incident_ids=(stays, goes)),
        replace(pattern(key="theme-x"), incident_ids=(goes,)),
        replace(pattern(key="network"), incident_ids=(goes,)),
    ]
    live = [
        Seen(PatternKind.FACTOR, "dns", "DNS", (), (stays, comes)),
        Seen(PatternKind.FACTOR, "capacity", "C", (), (comes,)),
    ]
    found = difference_of(5, kept, Totals(6, 0, {}, 0, 0), live)
    assert {row.key: (row.kept_n, row.live_n) for row in found.patterns} == {
        "capacity": (0, 1),
        "dns": (2, 2),
        "network": (1, 0),
    }
    dns = next(row for row in found.patterns if row.key == "dns")
    assert (dns.added_ids, dns.removed_ids, found.is_none) == ((comes,), (goes,), False)
    same = [Seen(PatternKind.FACTOR, "dns", "DNS", (), (goes, stays))]
    assert difference_of(5, kept[:1], Totals(5, 0, {}, 0, 0), same).is_none


# ── Wording ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_phrases_stand_in_the_text_as_they_are() -> None:
    text = "The Connection pool was empty; retries\nhad no limit. Error 500 came back (pool size)."
    found = phrases_of(text, (2, 3))
    assert {"connection pool", "pool was empty", "pool size"} <= found
    assert not any(phrase.startswith(("the ", "was ")) or phrase.endswith((" was", " no")) for phrase in found)
    flat = " ".join(text.lower().split())
    assert all(phrase in flat for phrase in found)
    assert "error came" not in found


@given(st.text(max_size=200))
def test_any_text_has_phrases_of_its_own_words(text: str) -> None:
    flat = " ".join(text.lower().split())
    assert all(phrase in flat for phrase in phrases_of(text, (2, 3, 4)))


def test_wording_that_repeats_under_no_factor_is_found_and_told_once() -> None:
    bare = [Wording(new_id(), f"Service {word}: stale feature flags kept workers alive.", False) for word in "abcd"]
    coded = [Wording(new_id(), "The zone had a wrong record.", True) for _ in range(12)]
    (found,) = repeated_wording([*bare, *coded], POLICY)
    assert "feature flags" in found.phrase
    assert set(found.incident_ids) == {one.incident_id for one in bare}
    assert (found.n_elsewhere, found.z > POLICY.theme_z) == (0, True)


def test_wording_that_everybody_uses_is_no_theme() -> None:
    texts = [Wording(new_id(), "Customers saw errors.", number % 2 == 0) for number in range(40)]
    assert repeated_wording(texts, POLICY) == []
    assert repeated_wording([], POLICY) == []


def test_the_order_of_texts_changes_nothing_and_there_are_few_themes() -> None:
    names = ("cache warmup", "lease renewal", "token rotation")
    texts = [Wording(new_id(), f"{name} hit {name[0]}{letter}q.", False) for name in names for letter in "xyz"]
    texts += [Wording(new_id(), "All was quiet.", True) for _ in range(30)]
    shuffled = texts[:]
    random.Random(3).shuffle(shuffled)
    found = repeated_wording(texts, POLICY)
    assert [one.phrase for one in found] == [one.phrase for one in repeated_wording(shuffled, POLICY)]
    assert len(found) == 3
    assert len(repeated_wording(texts, replace(POLICY, themes=2))) == 2


def test_a_theme_is_decided_once_and_keeps_its_decision() -> None:
    review_id, ada = new_id(), new_id()
    (theme,) = renewed_themes(review_id, [], [Repeated("feature flags", ids(3), 0, 3.21987)], {})
    accepted = theme.accept(ada, "config-change", make.NOW)
    assert (theme.n, theme.z, accepted.status, accepted.factor_code) == (3, 3.22, ThemeStatus.ACCEPTED, "config-change")
    for decide in (lambda: accepted.dismiss(ada, "no", make.NOW), lambda: accepted.accept(ada, None, make.NOW)):
        with pytest.raises(ThemeDecided):
            decide()
    (again,) = renewed_themes(review_id, [accepted], [Repeated("feature flags", ids(4), 1, 2.5)], {})
    assert (again.id, again.n, again.status) == (theme.id, 4, ThemeStatus.ACCEPTED)
    dismissed: Theme = theme.dismiss(ada, "a product's name", make.NOW)
    assert (dismissed.is_open, dismissed.reason) == (False, "a product's name")


def test_an_accepted_theme_is_a_pattern_named_after_its_wording() -> None:
    (theme,) = renewed_themes(new_id(), [], [Repeated("on-call’s feature flags", ids(3), 0, 3)], {})
    made = theme_counted(theme, ids(3), 1, [])
    assert (made.key, made.n, made.previous_n) == ("theme-on-call-s-feature-flags", 3, 1)
    found = pattern_of(new_id(), theme.review_id, made, 9, 9, POLICY)
    assert found.phrase == theme.phrase
    assert theme_key("a b") == "theme-a-b"


# ── Verification ─────────────────────────────────────────────────────────────────────────────────────────────────


def rates(n: int, m: int, of: int = 20) -> list[Rate]:
    return [Rate(Quarter(2026, 2), n, of), Rate(Quarter(2026, 3), m, of)]


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        (rates(4, 2), Verdict.PASSED),
        (rates(4, 8), Verdict.INCONCLUSIVE),
        (rates(10, 12), Verdict.FAILED),
        (rates(0, 0, of=0), Verdict.INCONCLUSIVE),
    ],
)
def test_a_pattern_that_became_rarer_in_both_quarters_shows_that_its_fix_works(
    after: list[Rate], verdict: Verdict
) -> None:
    now = Quarter(2026, 4).starts_at(UTC_ZONE)
    assert rate_verdict(Rate(Q1, 8, 20), after, now, UTC_ZONE).verdict is verdict
    early = rate_verdict(Rate(Q1, 8, 20), after, now - timedelta.resolution, UTC_ZONE)
    assert (early.verdict, "has not ended" in str(early.detail["reason"])) == (Verdict.INCONCLUSIVE, True)


def test_nothing_is_shown_against_an_empty_quarter() -> None:
    found = rate_verdict(Rate(Q1, 0, 0), rates(1, 1), Quarter(2027, 1).starts_at(UTC_ZONE), UTC_ZONE)
    assert found.verdict is Verdict.INCONCLUSIVE


def test_the_quarters_that_count_follow_the_fix_and_the_review() -> None:
    assert quarters_after(datetime(2026, 5, 3, tzinfo=UTC), Q1, UTC_ZONE) == (Quarter(2026, 3), Quarter(2026, 4))
    assert quarters_after(datetime(2026, 1, 3, tzinfo=UTC), Q1, UTC_ZONE) == (Quarter(2026, 2), Quarter(2026, 3))


def test_a_plan_fits_what_the_item_comes_from() -> None:
    silence = VerificationPlan((CheckKind.NO_RECURRENCE,), 30)
    rate = VerificationPlan((CheckKind.PATTERN_RATE,), 30)
    require_plan_fits(silence, of_pattern=False)
    require_plan_fits(rate, of_pattern=True)
    for plan, of_pattern in ((silence, True), (rate, False)):
        with pytest.raises(InvalidPlan):
            require_plan_fits(plan, of_pattern=of_pattern)
