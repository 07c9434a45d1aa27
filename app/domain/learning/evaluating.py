"""How good suggestions are, on incidents whose answers are known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.domain.learning.cues import CUES
from app.domain.learning.examples import Examples, Pair, Relation

Scorer = Callable[[str, str], float]
"""How likely a later incident has the same cause as an earlier one, by their ids."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The measures of `norepeat evaluate`; None for what was not asked, or for what there was nothing to measure on."""

    factor_micro_f1: float | None = None
    factor_macro_f1: float | None = None
    prevalence_error: float | None = None
    recurrence_recall_at_1: float | None = None
    recurrence_pair_order: float | None = None
    timeline_recall: float | None = None
    timeline_ungrounded: float | None = None


def f_scores(said: Sequence[frozenset[str]], found: Sequence[frozenset[str]]) -> tuple[float | None, float | None]:
    """Micro F1 over all decisions, macro F1 over the codes that people said at least once."""
    micro = _f1(said, found, list(CUES))
    macro = [
        value for code in CUES if any(code in one for one in said) and (value := _f1(said, found, [code])) is not None
    ]
    return micro, sum(macro) / len(macro) if macro else None


def _f1(said: Sequence[frozenset[str]], found: Sequence[frozenset[str]], codes: Sequence[str]) -> float | None:
    hits = sum(code in a and code in b for a, b in zip(said, found, strict=True) for code in codes)
    total = sum((code in a) + (code in b) for a, b in zip(said, found, strict=True) for code in codes)
    return 2 * hits / total if total else None


def prevalence_errors(said: Sequence[frozenset[str]], likely: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """For each code how far the mean probability is from the share of reports that people gave it."""
    n = len(said)
    return {
        code: abs(sum(one[code] for one in likely) / n - sum(code in one for one in said) / n) for code in CUES if n
    }


def recurrence_groups(pairs: Sequence[Pair]) -> Mapping[str, frozenset[str]]:
    """Incidents with one cause, by each of them: what recurs is passed on along a chain of pairs."""
    group: dict[str, set[str]] = {}
    for pair in pairs:
        if pair.relation.recurs:
            joined = group.get(pair.a, {pair.a}) | group.get(pair.b, {pair.b})
            group |= dict.fromkeys(joined, joined)
    return {id: frozenset(members - {id}) for id, members in group.items()}


def earlier_candidates(examples: Examples, query: str) -> tuple[str, ...]:
    """The organisation's other incidents that are not known to be later, nor a second report of the same one."""
    asked = examples.reports[query]
    same = {
        other
        for pair in examples.pairs
        if pair.relation is Relation.SAME_INCIDENT and query in (pair.a, pair.b)
        for other in (pair.a, pair.b)
    }
    return tuple(
        id
        for id, report in examples.reports.items()
        if id != query
        and id not in same
        and report.organisation == asked.organisation
        and (report.date or "") <= (asked.date or "9")
    )


def recall_at_1(examples: Examples, score: Scorer) -> float | None:
    """Share of recurrences whose first suggestion is an earlier incident with the same cause."""
    groups = recurrence_groups(examples.pairs)
    hits = []
    for pair in examples.pairs:
        candidates = earlier_candidates(examples, pair.b) if pair.relation.recurs else ()
        if candidates:
            hits.append(max(candidates, key=lambda id: score(pair.b, id)) in groups[pair.b])
    return sum(hits) / len(hits) if hits else None


def pair_order(examples: Examples, score: Scorer) -> float | None:
    """Share of (recurrence, look-alike) couples in which the recurrence scores higher."""
    recurring = [score(pair.b, pair.a) for pair in examples.pairs if pair.relation.recurs]
    alike = [score(pair.b, pair.a) for pair in examples.pairs if pair.relation is Relation.NOT_SAME_CAUSE]
    couples = [(high > low) + 0.5 * (high == low) for high in recurring for low in alike]
    return sum(couples) / len(couples) if couples else None
