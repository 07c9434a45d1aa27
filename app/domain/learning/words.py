"""Words as evidence that two texts speak of the same thing: stems, how rare they are, and the angle between texts."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import log, log1p, sqrt
from zlib import crc32

_TOKEN = re.compile(r"[a-z][a-z0-9_-]{2,}")
_COMMON = frozenset(
    [
        "the",
        "and",
        "for",
        "with",
        "was",
        "were",
        "are",
        "been",
        "from",
        "that",
        "this",
        "our",
        "not",
        "had",
        "has",
        "have",
        "but",
        "which",
        "they",
        "their",
        "there",
        "then",
        "all",
        "also",
        "into",
        "out",
        "when",
        "after",
        "before",
        "during",
        "due",
        "more",
        "than",
        "will",
        "would",
        "can",
        "could",
        "should",
        "did",
        "does",
        "its",
        "you",
        "who",
        "what",
        "how",
        "where",
        "why",
        "about",
        "over",
        "again",
        "any",
        "some",
        "one",
        "two",
        "other",
        "only",
        "just",
        "time",
        "times",
        "utc",
        "issue",
        "incident",
        "incidents",
        "users",
        "user",
        "team",
        "timeline",
        "summary",
        "impact",
        "resolution",
        "detection",
        "root",
        "cause",
        "causes",
        "trigger",
        "actions",
        "action",
        "items",
        "lessons",
        "learned",
    ]
)
Vector = Mapping[str, float]


def stems(text: str) -> list[str]:
    """The words of a text in their order, without what is everywhere; `load-balancer` counts whole and in parts."""
    return [stem for word in _TOKEN.findall(text.lower()) for stem in _parts(word)]


@lru_cache(maxsize=50_000)
def _parts(word: str) -> tuple[str, ...]:
    parts = dict.fromkeys((word, *word.split("-")))
    return tuple(_stem(part) for part in parts if len(part) > 2 and word not in _COMMON and part not in _COMMON)


def _stem(word: str) -> str:
    if word.endswith("ies") and len(word) > 5:
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith("ss") and len(word) > 4:
        word = word[:-1]
    if word.endswith("ing") and len(word) > 6:
        return word[:-3]
    return word[:-2] if word.endswith("ed") and len(word) > 5 else word


@dataclass(frozen=True, slots=True)
class Rarity:
    """In how many of `texts` a word stands: counted exactly here, and in buckets for the texts it was learnt from."""

    texts: int
    counts: Mapping[str, int]
    learnt_texts: int = 0
    learnt: tuple[int, ...] = ()

    def among(self, texts: Iterable[Iterable[str]]) -> "Rarity":
        """The same background with these texts as the foreground."""
        each = [set(text) for text in texts]
        counts = Counter(word for text in each for word in text)
        return Rarity(len(each), counts, self.learnt_texts, self.learnt)

    def of(self, word: str) -> float:
        """High for a rare word, near 0 for one that is everywhere."""
        seen = self.counts.get(word, 0) + (self.learnt[bucket(word, len(self.learnt))] if self.learnt else 0)
        return max(log((self.texts + self.learnt_texts + 1) / (seen + 0.5)), 0.01)


def bucket(word: str, size: int) -> int:
    """Where a word is counted, the same everywhere and always."""
    return crc32(word.encode()) % size


def vector(weights: Mapping[str, float], rarity: Rarity) -> Vector:
    """Weighted words as a vector of length 1."""
    raw = {word: log1p(weight) * rarity.of(word) for word, weight in weights.items()}
    length = sqrt(sum(value * value for value in raw.values())) or 1.0
    return {word: value / length for word, value in raw.items()}


def cosine(a: Vector, b: Vector) -> float:
    """How alike two vectors of length 1 are, 0 to 1."""
    few, many = (a, b) if len(a) <= len(b) else (b, a)
    return sum(value * many.get(word, 0.0) for word, value in few.items())


def shared(a: Vector, b: Vector, most: int) -> tuple[str, ...]:
    """The words that make two vectors alike, the weightiest first."""
    both = sorted(((value * b[word], word) for word, value in a.items() if word in b), reverse=True)
    return tuple(word for _, word in both[:most])
