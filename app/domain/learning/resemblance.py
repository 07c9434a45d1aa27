"""Whether two incidents have the same root cause: few signals, each a reason in plain words, weighed by a model."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import exp, log, sqrt

from app.domain.learning.cues import CUES
from app.domain.learning.factors import MENTIONED, FactorModel, Reading, read_cues
from app.domain.learning.fitting import dot, logistic
from app.domain.learning.prose import Zone
from app.domain.learning.words import Rarity, Vector, cosine, shared, stems, vector

_CAUSAL = re.compile(
    r"\b(?:because|due to|caus(?:e|ed|es|ing)|as a result|result(?:ed|ing) (?:in|from)|led to|trigger\w*|reasons?|since"
    r"|which meant|turned out|the (?:problem|issue) was|introduced|culprit|responsible for|therefore|so that)\b",
    re.I,
)
_SMALLEST = 0.03
_LIKELY = 0.15
_SPOKEN = 0.1
_MOST_REASONS = 3
SIGNALS = ("wording", "mechanism", "factors")
"""Learnt from pairs of incidents; the others have given weights until decisions of people teach better ones."""


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of an incident, as far as it can tell its cause."""

    text: str
    title: str = ""
    stated_cause: str = ""
    factors: frozenset[str] = frozenset()
    service_ids: frozenset[object] = frozenset()
    change_kind: str | None = None
    at: datetime | None = None

    @property
    def whole(self) -> str:
        return f"{self.title}\n\n{self.text}"


@dataclass(frozen=True, slots=True)
class Account:
    """A story as weighted words and likely factors: what is compared."""

    story: Story
    causal: Mapping[str, float]
    mechanism: Mapping[str, float]
    factors: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ResemblanceModel:
    """Weights of the signals, the intercept last, and how common factors and words are."""

    weights: tuple[float, ...]
    prevalence: Mapping[str, float]
    rarity: Rarity
    same_service: float = 0.7
    same_change: float = 0.3
    recent: float = 0.3
    recent_days: float = 90.0


@dataclass(frozen=True, slots=True)
class ResemblanceReason:
    """Why two incidents look as if they had the same cause: a stable code and a sentence."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Likeness:
    """How likely it is that the causes are the same, and why."""

    score: float
    reasons: tuple[ResemblanceReason, ...]


def account_of(model: FactorModel, story: Story, reading: Reading | None = None) -> Account:
    """Read a story. What people said of its factors counts for certain."""
    reading = reading or read_cues(story.whole)
    likely = {code: model.probability(reading, code) for code in CUES} | dict.fromkeys(story.factors, 1.0)
    return Account(story, _causal_words(story, reading, likely), _mechanism(reading, likely), likely)


def _causal_words(story: Story, reading: Reading, likely: Mapping[str, float]) -> Mapping[str, float]:
    """Words weighted by how much their sentence speaks of causes; those of the title name the symptom, so half."""
    title = set(stems(story.title))
    weights: defaultdict[str, float] = defaultdict(float)
    for start, sentence in _sentences(reading.prose.text):
        worth = _worth(reading, start, sentence, likely)
        for word in stems(sentence):
            weights[word] += worth / 2 if word in title else worth
    for word in stems(story.stated_cause):
        weights[word] += 1.5
    return dict(weights)


def _sentences(text: str) -> Sequence[tuple[int, str]]:
    found, start = [], 0
    for sentence in text.split("\n"):
        found.append((start, sentence))
        start += len(sentence) + 1
    return found


def _worth(reading: Reading, start: int, sentence: str, likely: Mapping[str, float]) -> float:
    zone, end = reading.prose.zone_at(start), start + len(sentence)
    worth = 0.15 + 0.6 * bool(_CAUSAL.search(sentence)) + 0.3 * (zone is Zone.CAUSE)
    worth += sum(p for code, p in likely.items() if p > _LIKELY and _speaks(reading, code, start, end))
    return min(worth / 2 if zone in (Zone.TIMELINE, Zone.WELL) else worth, 1.5)


def _speaks(reading: Reading, code: str, start: int, end: int) -> bool:
    return any(start <= match.start < end for match in reading.matches[code] if _says(code, match.cue))


def _says(code: str, cue: int) -> bool:
    name, strength, _ = CUES[code][cue]
    return bool(name != MENTIONED and strength > 0)


def _mechanism(reading: Reading, likely: Mapping[str, float]) -> Mapping[str, float]:
    """The words of the phrases that the likely factors rest on."""
    weights: defaultdict[str, float] = defaultdict(float)
    for code, p in likely.items():
        for match in reading.matches[code] if p > _SPOKEN else ():
            for word in stems(reading.prose.text[match.start : match.end]) if _says(code, match.cue) else ():
                weights[word] += p
    return dict(weights)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The signals of a pair, and what they rest on."""

    signals: tuple[float, ...]
    words: tuple[str, ...]
    phrases: tuple[str, ...]
    factors: tuple[str, ...]


class Comparer:
    """Compares accounts with one another, by how rare words are among them."""

    def __init__(self, model: ResemblanceModel, accounts: Sequence[Account]) -> None:
        self._model = model
        self._rarity = model.rarity.among(account.causal for account in accounts)
        self._vectors: dict[int, tuple[Vector, Vector, Mapping[str, float]]] = {}

    def _of(self, account: Account) -> tuple[Vector, Vector, Mapping[str, float]]:
        made = self._vectors.get(id(account))
        if made is None:
            causal, mechanism = vector(account.causal, self._rarity), vector(account.mechanism, self._rarity)
            made = self._vectors[id(account)] = causal, mechanism, _profile(account.factors, self._model.prevalence)
        return made

    def compare(self, one: Account, other: Account) -> Comparison:
        (causal, mechanism, factors), (causal2, mechanism2, factors2) = self._of(one), self._of(other)
        raw = cosine(causal, causal2), cosine(mechanism, mechanism2), cosine(factors, factors2)
        return Comparison(
            tuple(log(max(value, 0.0) + _SMALLEST) for value in raw),
            shared(causal, causal2, 5),
            shared(mechanism, mechanism2, 4),
            tuple(sorted(code for code, p in one.factors.items() if min(p, other.factors[code]) > 0.3)),
        )

    def likeness(self, one: Account, other: Account) -> Likeness:
        """The probability that both have the same cause, with the reasons that speak for it."""
        found, model = self.compare(one, other), self._model
        circumstances = _circumstances(model, one.story, other.story)
        score = dot((*found.signals, 1.0), model.weights) + sum(weight for weight, _ in circumstances)
        said = _wording(found) + [reason for _, reason in circumstances]
        return Likeness(logistic(score), tuple(said))


def _profile(factors: Mapping[str, float], prevalence: Mapping[str, float]) -> Mapping[str, float]:
    """Likely factors as a vector of length 1, the rare ones counting more."""
    raw = {code: p / sqrt(prevalence[code] + 0.02) for code, p in factors.items()}
    length = sqrt(sum(value * value for value in raw.values()))
    return {code: value / length for code, value in raw.items()}


def _wording(found: Comparison) -> list[ResemblanceReason]:
    reasons = []
    if found.factors:
        reasons.append(
            ResemblanceReason("shared_factors", f"Both speak of {', '.join(found.factors[:_MOST_REASONS])}.")
        )
    if found.phrases:
        reasons.append(ResemblanceReason("same_mechanism", f"Both describe it with: {', '.join(found.phrases)}."))
    if found.words:
        reasons.append(ResemblanceReason("shared_wording", f"Rare words in both: {', '.join(found.words)}."))
    return reasons


def _circumstances(model: ResemblanceModel, one: Story, other: Story) -> list[tuple[float, ResemblanceReason]]:
    found = []
    if one.service_ids & other.service_ids:
        found.append((model.same_service, ResemblanceReason("same_service", "On the same service.")))
    if one.change_kind is not None and one.change_kind == other.change_kind:
        text = f"Both came with a change of the same kind ({one.change_kind})."
        found.append((model.same_change, ResemblanceReason("same_change_kind", text)))
    if one.at is not None and other.at is not None:
        days = abs((one.at - other.at).total_seconds()) / 86_400
        if days <= model.recent_days:
            worth = model.recent * exp(-days / model.recent_days)
            found.append((worth, ResemblanceReason("close_in_time", f"{days:.0f} days apart.")))
    return found
