"""Evaluating models on examples: the measures of `norepeat evaluate`, and cross-validation by organisation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.learning.cues import CUES
from app.domain.learning.evaluating import Evaluation, Scorer, f_scores, pair_order, prevalence_errors, recall_at_1
from app.domain.learning.examples import Examples
from app.domain.learning.resemblance import account_of
from app.domain.learning.training import READ, Learning, Models, comparers_of, train


@dataclass(slots=True)
class Judged:
    """Answers collected over examples, and what people had said."""

    said: list[frozenset[str]] = field(default_factory=list)
    found: list[frozenset[str]] = field(default_factory=list)
    said_at_random: list[frozenset[str]] = field(default_factory=list)
    likely_at_random: list[Mapping[str, float]] = field(default_factory=list)
    scores: dict[tuple[str, str], float] = field(default_factory=dict)

    def factors(self, examples: Examples, models: Models, read: READ) -> None:
        """Ask for the factors of every report that was read as a whole."""
        for one in examples.labels:
            if not one.partial:
                reading = read(examples.reports[one.report_id])
                likely = {code: models.factors.probability(reading, code) for code in CUES}
                self.said.append(one.codes)
                self.found.append(frozenset(code for code in CUES if likely[code] >= models.factors.threshold))
                if one.random_sample:
                    self.said_at_random.append(one.codes)
                    self.likely_at_random.append(likely)

    def evaluation(self, examples: Examples) -> Evaluation:
        """What it comes to."""
        micro, macro = f_scores(self.said, self.found) if self.said else (None, None)
        errors = prevalence_errors(self.said_at_random, self.likely_at_random)
        score: Scorer = lambda query, other: self.scores[query, other]  # noqa: E731 (one line says it)
        return Evaluation(
            factor_micro_f1=micro,
            factor_macro_f1=macro,
            prevalence_error=sum(errors.values()) / len(errors) if errors else None,
            recurrence_recall_at_1=recall_at_1(examples, score),
            recurrence_pair_order=pair_order(examples, score),
        )


def compare_pairs(examples: Examples, models: Models, read: READ, scores: dict[tuple[str, str], float]) -> None:
    """Score every later incident of a pair against the other incidents of its organisation."""
    accounts = {id: account_of(models.factors, one.story, read(one)) for id, one in examples.reports.items()}
    comparers = comparers_of(models.resemblance, examples.reports, accounts)
    for query in {pair.b for pair in examples.pairs}:
        organisation = examples.reports[query].organisation
        others = [id for id, one in examples.reports.items() if one.organisation == organisation and id != query]
        others += [pair.a for pair in examples.pairs if pair.b == query]
        for other in dict.fromkeys(others):
            likeness = comparers[organisation].likeness(accounts[query], accounts[other])
            scores[query, other] = likeness.score


def evaluate(examples: Examples, models: Models, read: READ) -> Evaluation:
    """As these models answer, whatever they were learnt from."""
    judged = Judged()
    judged.factors(examples, models, read)
    if examples.pairs:
        compare_pairs(examples, models, read, judged.scores)
    return judged.evaluation(examples)


def cross_validate(examples: Examples, how: Learning, read: READ, parts: Sequence[frozenset[str]]) -> Evaluation:
    """Each part of the reports is asked about by models that never saw it; thresholds are chosen inside."""
    judged = Judged()
    for part in parts:
        inside = {id: one for id, one in examples.reports.items() if id in part}
        outside = {id: one for id, one in examples.reports.items() if id not in part}
        models = train(examples.only(outside), how, read)
        judged.factors(examples.only(inside), models, read)
        compare_pairs(_asked_in(examples, part), models, read, judged.scores)
    return judged.evaluation(examples)


def _asked_in(examples: Examples, part: frozenset[str]) -> Examples:
    """Pairs whose later incident is in this part, with the whole history they are looked for in."""
    pairs = [pair for pair in examples.pairs if pair.b in part]
    return Examples(examples.reports, (), pairs)


def by_organisation(examples: Examples) -> tuple[frozenset[str], ...]:
    """One part for each organisation."""
    names = sorted({one.organisation for one in examples.reports.values()})
    return tuple(frozenset(id for id, one in examples.reports.items() if one.organisation == name) for name in names)


def in_turn(examples: Examples, parts: int) -> tuple[frozenset[str], ...]:
    """Every so many-th report of those with labels, then of the rest."""
    labelled = [one.report_id for one in examples.labels if not one.partial]
    rest = [id for id in examples.reports if id not in set(labelled)]
    return tuple(frozenset(labelled[part::parts] + rest[part::parts]) for part in range(parts))
