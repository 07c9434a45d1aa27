"""Learning from examples, and measuring on those whose answers are known."""

from dataclasses import replace

import pytest
from sklearn.metrics import f1_score

from app.adapters.models.weights import shipped_models
from app.domain.learning.cues import CUES
from app.domain.learning.evaluating import (
    Evaluation,
    earlier_candidates,
    f_scores,
    pair_order,
    prevalence_errors,
    recall_at_1,
    recurrence_groups,
)
from app.domain.learning.examples import Examples, Labels, Pair, Relation, Report
from app.domain.learning.judging import by_organisation, cross_validate, evaluate, in_turn
from app.domain.learning.resemblance import Story
from app.domain.learning.training import Learning, reader, train

TEXTS = {
    "cert-credential-expiry": "The TLS certificate of the {} expired because nobody renewed the certificate.",
    "capacity": "The {} ran out of memory because traffic had doubled and the quota was exhausted.",
    "dns": "The DNS records of the {} were deleted, names could not be resolved.",
    "bad-release": "After the deployment of a new version the {} crashed, so we rolled back the release.",
}


def world() -> Examples:
    reports, labels, pairs = {}, [], []
    for n, place in enumerate(("gateway", "ledger", "search", "mailer", "proxy", "queue")):
        for code, text in TEXTS.items():
            id = f"{code}-{n}"
            story = Story(text.format(place), f"{place} is down")
            reports[id] = Report(id, "one" if n % 2 else "two", story, f"2026-0{n + 1}-01")
            labels.append(Labels(id, frozenset({code}), random_sample=n != 3, partial=n == 5))
            if n >= 2:
                pairs.append(Pair(f"{code}-{n - 2}", id, Relation.SAME_ROOT_CAUSE))
        if n >= 2:
            pairs.append(Pair(f"dns-{n - 2}", f"capacity-{n}", Relation.NOT_SAME_CAUSE))
    return Examples(reports, labels, pairs)


def test_what_was_learnt_answers_what_was_not_seen() -> None:
    examples, read = world(), reader()
    for parts in (by_organisation(examples), in_turn(examples, 3)):
        found = cross_validate(examples, Learning(), read, parts)
        assert found.factor_micro_f1 is not None
        assert found.factor_micro_f1 > 0.8
        assert found.recurrence_recall_at_1 == 1.0
        assert found.recurrence_pair_order == 1.0
        assert found.prevalence_error is not None
        assert found.timeline_recall is None


def test_learning_twice_gives_the_same() -> None:
    assert train(world(), Learning(), reader()) == train(world(), Learning(), reader())


def test_without_labels_or_recurrences_the_weights_stay_as_they_were() -> None:
    shipped, examples = shipped_models(), world()
    alike = [pair for pair in examples.pairs if not pair.relation.recurs]
    kept = train(Examples(examples.reports, (), alike), Learning(), reader(), fallback=shipped)
    assert kept.factors == shipped.factors
    assert kept.resemblance.weights == shipped.resemblance.weights
    learnt = train(examples, Learning(), reader(), fallback=shipped)
    assert learnt.factors != shipped.factors
    assert learnt.resemblance.weights != shipped.resemblance.weights


def test_few_labels_keep_the_threshold_in_the_middle() -> None:
    examples = world()
    few = Examples(examples.reports, examples.labels[:2], ())
    assert train(few, Learning(), reader()).factors.threshold == pytest.approx(0.31)


def test_evaluating_leaves_out_what_there_is_nothing_to_measure_on() -> None:
    examples, read = world(), reader()
    assert evaluate(Examples({}), shipped_models(), read) == Evaluation()
    only_pairs = evaluate(Examples(examples.reports, (), examples.pairs), shipped_models(), read)
    assert only_pairs.factor_micro_f1 is None
    assert only_pairs.recurrence_recall_at_1 is not None
    not_random = [replace(one, random_sample=False) for one in examples.labels]
    only_labels = evaluate(Examples(examples.reports, not_random, ()), shipped_models(), read)
    assert only_labels.factor_micro_f1 is not None
    assert only_labels.prevalence_error is None
    assert only_labels.recurrence_pair_order is None


def test_f_scores_equal_scikit_learn() -> None:
    said = [frozenset({"dns", "capacity"}), frozenset({"dns"}), frozenset({"network"}), frozenset()]
    found = [frozenset({"dns"}), frozenset({"dns", "capacity"}), frozenset(), frozenset({"security"})]
    codes = sorted(CUES)
    a, b = ([[code in one for code in codes] for one in side] for side in (said, found))
    micro, macro = f_scores(said, found)
    assert micro == pytest.approx(f1_score(a, b, average="micro", zero_division=0))
    present = [codes.index(code) for code in ("capacity", "dns", "network")]
    each = f1_score(a, b, average=None, zero_division=0)
    assert macro == pytest.approx(sum(each[index] for index in present) / 3)
    assert f_scores([frozenset()], [frozenset()]) == (None, None)


def test_prevalence_is_compared_code_by_code() -> None:
    likely = [dict.fromkeys(CUES, 0.0) | {"dns": 0.5}, dict.fromkeys(CUES, 0.0) | {"dns": 0.3}]
    errors = prevalence_errors([frozenset({"dns"}), frozenset()], likely)
    assert errors["dns"] == pytest.approx(0.1)
    assert errors["capacity"] == 0
    assert prevalence_errors([], []) == {}


def test_what_recurs_is_passed_on_and_look_alikes_are_not() -> None:
    pairs = [
        Pair("a", "b", Relation.SAME_ROOT_CAUSE), Pair("b", "c", Relation.SAME_STATED_CAUSE),
        Pair("c", "d", Relation.NOT_SAME_CAUSE),
    ]  # fmt: skip
    assert recurrence_groups(pairs) == {"a": {"b", "c"}, "b": {"a", "c"}, "c": {"a", "b"}}


def test_candidates_are_earlier_of_the_same_organisation_and_another_incident() -> None:
    def report(id: str, organisation: str, date: str | None) -> Report:
        return Report(id, organisation, Story(id), date)

    reports = [
        report("asked", "one", "2026-02-01"), report("earlier", "one", "2026-01-01"), report("undated", "one", None),
        report("later", "one", "2026-03-01"), report("theirs", "two", "2026-01-01"),
        report("again", "one", "2026-01-09"),
    ]  # fmt: skip
    same = [Pair("again", "asked", Relation.SAME_INCIDENT), Pair("later", "earlier", Relation.SAME_INCIDENT)]
    examples = Examples({one.id: one for one in reports}, (), same)
    assert earlier_candidates(examples, "asked") == ("earlier", "undated")
    assert set(earlier_candidates(examples, "undated")) == {"asked", "earlier", "later", "again"}


def test_order_and_recall_count_what_scores_higher() -> None:
    reports = {id: Report(id, "one", Story(id), f"2026-01-0{n}") for n, id in enumerate("abcd", 1)}
    pairs = [Pair("a", "d", Relation.SAME_ROOT_CAUSE), Pair("b", "c", Relation.NOT_SAME_CAUSE)]
    examples = Examples(reports, (), pairs)
    scores = {("d", "a"): 0.5, ("d", "b"): 0.4, ("d", "c"): 0.3, ("c", "b"): 0.5}
    assert recall_at_1(examples, lambda query, other: scores[query, other]) == 1.0
    assert pair_order(examples, lambda query, other: scores[query, other]) == 0.5
    assert recall_at_1(Examples(reports), lambda *_: 0.0) is None
    lonely = Examples({"d": reports["d"], "a": replace(reports["a"], date="2027-01-01")}, (), pairs[:1])
    assert recall_at_1(lonely, lambda *_: 0.0) is None


def test_examples_can_leave_organisations_out() -> None:
    examples = world()
    left = examples.without(["one"])
    assert {report.organisation for report in left.reports.values()} == {"two"}
    assert all(pair.a in left.reports and pair.b in left.reports for pair in left.pairs)
    stray = Examples({}, examples.labels, examples.pairs)
    assert stray.known() == Examples({}, [], [])
