"""Learning the weights: factors from labelled reports, resemblance from compared pairs. Deterministic, no draws."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from app.domain.learning.cues import CUES
from app.domain.learning.evaluating import earlier_candidates, f_scores, recurrence_groups
from app.domain.learning.examples import Examples, Labels, Relation, Report
from app.domain.learning.factors import FactorModel, Reading, prior_weights, read_cues
from app.domain.learning.fitting import dot, fit_logistic, logistic
from app.domain.learning.resemblance import Account, Comparer, ResemblanceModel, account_of
from app.domain.learning.words import Rarity, bucket, stems


@dataclass(frozen=True, slots=True)
class Learning:
    """How strongly the weights are held at what is known, and how much an example counts."""

    scale: float = 1.7
    bias: float = -3.0
    hold: float = 2.0
    hold_bias: float = 0.1
    partial_weight: float = 0.5
    partial_prior: float = -0.3
    thresholds: tuple[float, ...] = (0.22, 0.25, 0.28, 0.31, 0.34, 0.37, 0.4)
    folds: int = 5
    resemblance_prior: tuple[float, ...] = (2.0, 0.7, 0.4, 3.0)
    resemblance_hold: tuple[float, ...] = (100.0, 100.0, 100.0, 0.5)
    look_alike_weight: float = 2.0
    word_buckets: int = 8192


@dataclass(frozen=True, slots=True)
class Models:
    """Everything that was learnt."""

    factors: FactorModel
    resemblance: ResemblanceModel


READ = Callable[[Report], Reading]


def reader() -> READ:
    """Reads each report once, however often it is asked."""
    return cache(lambda report: read_cues(report.story.whole))


def train(examples: Examples, how: Learning, read: READ, *, fallback: Models | None = None) -> Models:
    """All weights from these examples; what they say nothing about stays as in `fallback`, else as written."""
    factors = fallback.factors if fallback and not examples.labels else train_factors(examples, how, read)
    resemblance = train_resemblance(examples, factors, how, read)
    if fallback and not any(pair.relation.recurs for pair in examples.pairs):
        resemblance = replace(resemblance, weights=fallback.resemblance.weights)
    return Models(factors, resemblance)


def train_factors(examples: Examples, how: Learning, read: READ) -> FactorModel:
    """Weights from all labels; the threshold is the one that is best where it has not seen the labels."""
    labels = [(one, read(examples.reports[one.report_id])) for one in examples.labels]
    whole = [index for index, (one, _) in enumerate(labels) if not one.partial]
    unseen: list[tuple[frozenset[str], Mapping[str, float]]] = []
    for fold in range(how.folds if len(whole) >= how.folds else 0):
        held = set(whole[fold :: how.folds])
        weights = _weights([pair for index, pair in enumerate(labels) if index not in held], how)
        model = FactorModel(weights, 0.5)
        unseen += [(labels[i][0].codes, {c: model.probability(labels[i][1], c) for c in CUES}) for i in sorted(held)]
    return FactorModel(_weights(labels, how), _threshold(unseen, how.thresholds))


def _weights(labels: Sequence[tuple[Labels, Reading]], how: Learning) -> Mapping[str, tuple[float, ...]]:
    counts = [how.partial_weight if one.partial else 1.0 for one, _ in labels]
    learnt = {}
    for code in CUES:
        prior = prior_weights(code, how.scale, how.bias)
        rows = [(2.0 * one.partial, *reading.features(code)) for one, reading in labels]
        hits = [code in one.codes for one, _ in labels]
        strengths = (*[how.hold] * len(prior), how.hold_bias)
        learnt[code] = fit_logistic(rows, hits, counts, (how.partial_prior, *prior), strengths)[1:]
    return learnt


def _threshold(unseen: Sequence[tuple[frozenset[str], Mapping[str, float]]], choices: Sequence[float]) -> float:
    def quality(threshold: float) -> float:
        found = [frozenset(code for code, p in likely.items() if p >= threshold) for _, likely in unseen]
        micro, macro = f_scores([codes for codes, _ in unseen], found)
        return (micro or 0.0) + (macro or 0.0)

    return max(choices, key=lambda choice: (quality(choice), -abs(choice - sum(choices) / len(choices))))


def train_resemblance(examples: Examples, factors: FactorModel, how: Learning, read: READ) -> ResemblanceModel:
    """Weights from pairs: recurrences against look-alikes and against every other earlier incident."""
    reports = examples.reports
    accounts = {id: account_of(factors, report.story, read(report)) for id, report in reports.items()}
    model = ResemblanceModel(how.resemblance_prior, prevalence(list(accounts.values())), word_counts(reports, how))
    comparers = comparers_of(model, reports, accounts)
    rows, hits, counts = [], [], []
    for query, other, hit, count in _compared(examples, how):
        comparer = comparers[reports[query].organisation]
        rows.append((*comparer.compare(accounts[query], accounts[other]).signals, 1.0))
        hits.append(hit)
        counts.append(count)
    learnt = fit_logistic(rows, hits, counts, how.resemblance_prior, how.resemblance_hold)
    weights = (*(max(weight, 0.0) for weight in learnt[:-1]), learnt[-1])
    return replace(model, weights=weights, rarity=replace(model.rarity, counts={}, texts=0))


def comparers_of(
    model: ResemblanceModel, reports: Mapping[str, Report], accounts: Mapping[str, Account]
) -> Mapping[str, Comparer]:
    """One for each organisation: how rare a word is depends on whose incidents they are."""
    names = {report.organisation for report in reports.values()}
    return {
        name: Comparer(model, [accounts[id] for id, report in reports.items() if report.organisation == name])
        for name in names
    }


def _compared(examples: Examples, how: Learning) -> list[tuple[str, str, bool, float]]:
    recurring = [pair for pair in examples.pairs if pair.relation.recurs]
    groups = recurrence_groups(examples.pairs)
    rest = [
        (query, other)
        for query in sorted({pair.b for pair in recurring})
        for other in earlier_candidates(examples, query)
        if other not in groups[query]
    ]
    found = [(pair.b, pair.a, True, 1.0) for pair in recurring]
    alike = [pair for pair in examples.pairs if pair.relation is Relation.NOT_SAME_CAUSE]
    found += [(pair.b, pair.a, False, how.look_alike_weight) for pair in alike]
    return found + [(query, other, False, len(recurring) / len(rest)) for query, other in rest]


def prevalence(accounts: Sequence[Account]) -> Mapping[str, float]:
    """How common each factor is, by its mean probability."""
    return {code: sum(one.factors[code] for one in accounts) / max(len(accounts), 1) for code in CUES}


def word_counts(reports: Mapping[str, Report], how: Learning) -> Rarity:
    """In how many reports words stand, counted in buckets: no word can be read back from it."""
    counts = Counter(
        place
        for report in reports.values()
        for place in {bucket(stem, how.word_buckets) for stem in stems(report.story.whole)}
    )
    return Rarity(0, {}, len(reports), tuple(counts[place] for place in range(how.word_buckets)))


__all__ = ["Learning", "Models", "dot", "logistic", "prevalence", "reader", "train"]
