"""Wording that repeats across postmortems under no factor yet, found by counting phrases and nothing else.

A phrase is two to four words in a row. What counts is how many postmortems use it: its log-odds among those that name
no factor against those that do, with a Dirichlet prior (Monroe, Colaresi and Quinn 2008), as a z-score.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log, sqrt
from uuid import UUID

from app.domain.meta_reviews.model import MetaReviewPolicy

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_BREAK = re.compile(r"[^\w\s'’-]")
_GRAMMAR = """
a about after again all also an and any are as at be because been before being but by can could did do does due
during each few for from further had has have he her here his how however i if in into is it its just may might more
most no not of off on once only or other our out over own s same she should since so some such t than that the their
them then there these they this those through to too under until up us very via was we were what when where which
while who whom why will with within without would yet you your
"""
COMMON = frozenset(_GRAMMAR.split())
"""Words that carry grammar and no subject; a phrase neither begins nor ends with one."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What a postmortem says, and whether it names a factor."""

    incident_id: UUID
    text: str
    has_factor: bool


@dataclass(frozen=True, slots=True)
class Repeated:
    """A phrase that several postmortems without a factor share; `z` is how unlike the others' wording it is."""

    phrase: str
    incident_ids: tuple[UUID, ...]
    n_elsewhere: int
    z: float


def repeated_wording(texts: Iterable[Wording], policy: MetaReviewPolicy) -> list[Repeated]:
    """The phrases that stand out, the clearest first, each one's incidents told by no clearer phrase already."""
    bare: dict[str, list[UUID]] = {}
    elsewhere: Counter[str] = Counter()
    sizes = [0, 0]
    for one in texts:
        sizes[one.has_factor] += 1
        for phrase in phrases_of(one.text, policy.theme_words):
            if one.has_factor:
                elsewhere[phrase] += 1
            else:
                bare.setdefault(phrase, []).append(one.incident_id)
    found = [
        Repeated(phrase, tuple(ids), elsewhere[phrase], z)
        for phrase, ids in bare.items()
        if len(ids) >= policy.theme_incidents
        and (z := _z(len(ids), sizes[0], elsewhere[phrase], sizes[1], policy.theme_prior)) >= policy.theme_z
    ]
    return _apart(sorted(found, key=lambda r: (-len(r.incident_ids), -r.phrase.count(" "), -r.z, r.phrase)), policy)


def phrases_of(text: str, lengths: Sequence[int]) -> set[str]:
    """Every phrase of a text, once; none reaches over a sign or a number."""
    found: set[str] = set()
    for words in _runs(text.lower()):
        starts = [index for index, word in enumerate(words) if word not in COMMON]
        for start in starts:
            for length in lengths:
                end = start + length - 1
                if end < len(words) and words[end] not in COMMON:
                    found.add(" ".join(words[start : end + 1]))
    return found


def _runs(text: str) -> Iterator[list[str]]:
    """Words in a row, so that a phrase stands in the text as it is: numbers and signs end a row."""
    for piece in _BREAK.split(text):
        run: list[str] = []
        for token in piece.split():
            if _WORD.fullmatch(token):
                run.append(token)
            else:
                yield run
                run = []
        yield run


def _z(here: int, of_here: int, there: int, of_there: int, prior: float) -> float:
    """z-score of the log-odds ratio between two shares of postmortems."""
    a, b = here + prior, of_here - here + prior
    c, d = there + prior, of_there - there + prior
    return (log(a / b) - log(c / d)) / sqrt(1 / a + 1 / b + 1 / c + 1 / d)


def _apart(ranked: Sequence[Repeated], policy: MetaReviewPolicy) -> list[Repeated]:
    """Keep a phrase unless most of its incidents are those of one that is kept: the same story told twice."""
    kept: list[Repeated] = []
    for one in ranked:
        ids = set(one.incident_ids)
        if all(2 * len(ids & set(other.incident_ids)) <= len(ids) for other in kept):
            kept.append(one)
        if len(kept) == policy.themes:
            break
    return kept
