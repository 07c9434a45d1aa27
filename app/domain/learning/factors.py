"""Which contributing factors a text speaks of: cues counted by sentence and place, weighed by a learnt model."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from math import log

from app.domain.learning.cues import CUES
from app.domain.learning.fitting import dot, logistic
from app.domain.learning.prose import Prose, Zone

MENTIONED = "mentioned"
"""The cue of a factor that only says its topic came up."""
OPENING = 700
"""So many characters at the start count as the heart of a report, as does what stands under a heading of causes."""
_WENT_WELL = 0.2
_LENGTH_CENTRE, _LENGTH_SCALE = 3.8, 2.0


@dataclass(frozen=True, slots=True)
class Match:
    """Where a cue was found among the sentences, and how much its place counts."""

    cue: int
    start: int
    end: int
    weight: float
    core: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """A text with the matches of every factor's cues."""

    prose: Prose
    matches: Mapping[str, tuple[Match, ...]]

    def features(self, code: str) -> tuple[float, ...]:
        """For each cue how often it was found, overall and at the heart; then the length; then 1 for the intercept."""
        overall, core = [0.0] * len(CUES[code]), [0.0] * len(CUES[code])
        for match in self.matches[code]:
            overall[match.cue] += match.weight
            core[match.cue] += match.weight * match.core
        pairs = (value for pair in zip(overall, core, strict=True) for value in pair)
        return (*(1 - 0.5**value for value in pairs), _length(len(self.prose.text)), 1.0)


@dataclass(frozen=True, slots=True)
class FactorModel:
    """For each factor the weights of its features, and the probability from which it is suggested."""

    weights: Mapping[str, tuple[float, ...]]
    threshold: float

    def probability(self, reading: Reading, code: str) -> float:
        return logistic(dot(reading.features(code), self.weights[code]))


@dataclass(frozen=True, slots=True)
class FactorSuggestion:
    """A factor, how likely it is, and the phrase of the given text that it rests on."""

    code: str
    confidence: float
    phrase: str
    start: int
    end: int


def read_cues(text: str) -> Reading:
    """Find every cue in a text."""
    prose = Prose.of(text)
    return Reading(prose, {code: tuple(_matches(prose, code)) for code in CUES})


def suggest_factors(model: FactorModel, text: str) -> tuple[FactorSuggestion, ...]:
    """The factors that are likely enough, the likeliest first."""
    return suggestions(model, read_cues(text), text)


def suggestions(model: FactorModel, reading: Reading, text: str) -> tuple[FactorSuggestion, ...]:
    """As `suggest_factors`, for a text that was read already."""
    found = []
    for code in CUES:
        confidence = model.probability(reading, code)
        match = _best(reading.matches[code], model.weights[code])
        if confidence >= model.threshold and match is not None:
            start, end = reading.prose.span(match.start, match.end)
            found.append(FactorSuggestion(code, confidence, text[start:end], start, end))
    return tuple(sorted(found, key=lambda one: -one.confidence))


def prior_weights(code: str, scale: float, bias: float) -> tuple[float, ...]:
    """What the weights are before anything is learnt: the strengths that were written beside the cues."""
    strengths = (strength * share for _, strength, _ in CUES[code] for share in (scale, 0.7 * scale))
    return (*strengths, 0.0, bias)


def _best(matches: tuple[Match, ...], weights: tuple[float, ...]) -> Match | None:
    def worth(match: Match) -> float:
        return match.weight * (weights[2 * match.cue] + match.core * weights[2 * match.cue + 1])

    speaking = [match for match in matches if worth(match) > 0]
    return max(speaking, key=worth, default=None)


def _matches(prose: Prose, code: str) -> Iterator[Match]:
    for index, pattern in enumerate(compiled(code)):
        for match in pattern.finditer(prose.text):
            zone = prose.zone_at(match.start())
            weight = _WENT_WELL if zone is Zone.WELL else 1.0
            end = match.start() + len(match[0].rstrip())
            yield Match(index, match.start(), end, weight, match.start() < OPENING or zone is Zone.CAUSE)


@cache
def compiled(code: str) -> tuple[re.Pattern[str], ...]:
    """The patterns of a factor's cues, made when they are first needed."""
    return tuple(re.compile("|".join(patterns), re.I | re.M) for _, _, patterns in CUES[code])


def _length(characters: int) -> float:
    return log(max(characters, 1)) / _LENGTH_SCALE - _LENGTH_CENTRE
