"""Short exact statistics behind the learning metrics, in the standard library alone."""

import random
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import comb, exp, lgamma, log, prod, sqrt
from typing import TypeVar

Row = TypeVar("Row")

SHAPE_BOUNDS = (1e-4, 1e3)  # beyond these a likelihood is flat: the search stops there
EXACT_TABLES = 1000  # beyond so many observations Fisher's weights are logarithms
TIED = 1e-7  # and equal within this
SHAPE_STEPS = 45  # halvings of log(shape): the root is known to about 1e-12


@dataclass(frozen=True)
class Interval:
    """Two-sided interval in the unit of the estimate it belongs to."""

    low: float
    high: float


@dataclass(frozen=True)
class Survival:
    """Kaplan-Meier estimate at a horizon: P(no event up to it), how many were followed to it."""

    probability: float
    at_risk: int


@dataclass(frozen=True)
class GammaPrior:
    """Gamma distribution of a Poisson rate: `shape` (a0, no unit), `days` (b0, inverse scale).

    The mean rate is `shape / days` events a day.
    """

    shape: float
    days: float


def wilson_interval(successes: int, n: int, z: float) -> Interval | None:
    """Score interval of a proportion (Wilson 1927); None without observations.

    `z` is the normal quantile of the wanted level, 1.96 for 95 %.
    """
    if n == 0:
        return None
    share = successes / n
    centre = share + z * z / (2 * n)
    reach = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return Interval(max(0.0, (centre - reach) / scale), min(1.0, (centre + reach) / scale))


def fisher_exact(a: int, b: int, c: int, d: int) -> float:
    """Two-sided p of the table [[a, b], [c, d]] (Fisher 1935).

    The sum over all tables with the same margins that are no likelier than the observed one,
    scipy.stats.fisher_exact's convention; the weights are integers, so ties are exact. Large
    tables, whose integers have thousands of digits, are summed by logarithms.
    """
    if a + b + c + d > EXACT_TABLES:
        return _fisher_by_logarithms(a, b, c, d)
    row, other, column = a + b, c + d, a + c

    def weight(cell: int) -> int:
        return comb(row, cell) * comb(other, column - cell)

    weights = [weight(cell) for cell in range(max(0, column - other), min(row, column) + 1)]
    observed = weight(a)
    return sum(w for w in weights if w <= observed) / sum(weights)


def _fisher_by_logarithms(a: int, b: int, c: int, d: int) -> float:
    """As `fisher_exact`; two tables count as equally likely within TIED, as in SciPy."""
    row, other, column = a + b, c + d, a + c
    constant = lgamma(row + 1) + lgamma(other + 1)

    def weight(cell: int) -> float:
        cells = (cell, row - cell, column - cell, other - column + cell)
        return constant - sum(lgamma(one + 1) for one in cells)

    observed = weight(a)
    weights = [weight(cell) - observed for cell in range(max(0, column - other), min(row, column) + 1)]
    top = max(weights)
    total = sum(exp(w - top) for w in weights)
    return min(1.0, sum(exp(w - top) for w in weights if w <= TIED) / total)


def quantile(values: Iterable[float], q: float) -> float | None:
    """Quantile `q` in [0, 1] by linear interpolation (numpy's default); None without values."""
    ordered = sorted(values)
    if not ordered:
        return None
    position = (len(ordered) - 1) * q
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def median(values: Iterable[float]) -> float | None:
    """Middle value; None without values."""
    return quantile(values, 0.5)


def kaplan_meier(durations: Sequence[float], observed: Sequence[bool], at: float) -> Survival | None:
    """Product-limit survival at the horizon `at` (Kaplan and Meier 1958), durations in its unit.

    `observed[i]` is True where `durations[i]` ended in the event, False where follow-up ended.
    A censoring tied with an event counts as at risk for it; an event at the horizon counts.
    None where the curve ends before the horizon: nobody is left and not all had the event.
    """
    events = Counter(t for t, seen in zip(durations, observed, strict=True) if seen)
    return LifeTable.of(events, Counter(durations), at).survival()


@dataclass(frozen=True, slots=True)
class LifeTable:
    """Events and who was at risk of them, at each instant of an event up to the horizon `at`."""

    at: float
    times: Sequence[float]
    events: Sequence[int]
    at_risk: Sequence[int]
    n: int
    n_at_horizon: int

    @classmethod
    def of(cls, events: Mapping[float, int], ends: Mapping[float, int], at: float) -> "LifeTable":
        """From how many had the event at each instant, and how many were followed to each, with an event or without."""
        instants = sorted(ends)
        left = [*accumulate((ends[t] for t in reversed(instants)), initial=0)][::-1]
        times = sorted(t for t in events if t <= at)
        at_risk = [left[bisect_left(instants, t)] for t in times]
        return cls(at, times, [events[t] for t in times], at_risk, left[0], left[bisect_left(instants, at)])

    def survival(self) -> Survival | None:
        """None where the curve ends before the horizon."""
        probability = self._probability()
        if self.n_at_horizon == 0 and (probability > 0 or self.n == 0):
            return None
        return Survival(probability, self.n_at_horizon)

    def pulls(self, durations: Iterable[float]) -> tuple[Mapping[float, float], Mapping[float, float]]:
        """How much more weight on one follow-up of each duration would change the survival: its derivative (Efron
        1982, chapter 6), where it ended with the event and where without. Zero where nothing moves the estimate."""
        survivors = [at_risk - n for n, at_risk in zip(self.events, self.at_risk, strict=True)]
        if not all(survivors):
            nothing = dict.fromkeys(durations, 0.0)
            return nothing, nothing
        steps = zip(self.events, self.at_risk, survivors, strict=True)
        spared = [0.0, *accumulate(n / (at_risk * alive) for n, at_risk, alive in steps)]
        fatal = {t: 1 / alive for t, alive in zip(self.times, survivors, strict=True)}
        share = self._probability()
        without = {t: share * spared[bisect_right(self.times, t)] for t in durations}
        return {t: pull - share * fatal.get(t, 0.0) for t, pull in without.items()}, without

    def _probability(self) -> float:
        return float(prod(1 - n / at_risk for n, at_risk in zip(self.events, self.at_risk, strict=True)))


def cluster_bootstrap_interval(
    clusters: Sequence[Sequence[Row]],
    statistic: Callable[[Sequence[Row]], float | None],
    *,
    draws: int,
    level: float,
    seed: int,
) -> Interval | None:
    """Percentile interval of `statistic`, resampling whole clusters with replacement.

    Clusters keep dependent rows together (Davison and Hinkley 1997, 3.8). The same clusters in
    the same order and the same seed give the same interval. Draws without a value are left out;
    None with fewer than two clusters or no value at all.
    """
    if len(clusters) < 2:
        return None
    dice = random.Random(seed)
    samples = ([row for cluster in dice.choices(clusters, k=len(clusters)) for row in cluster] for _ in range(draws))
    values = [value for value in map(statistic, samples) if value is not None]
    low, high = quantile(values, (1 - level) / 2), quantile(values, (1 + level) / 2)
    return None if low is None or high is None else Interval(low, high)


def mixed(values: Iterable[float], *, seed: int) -> list[float]:
    """In an order that neither their own nor their size decides."""
    found = sorted(values)
    random.Random(seed).shuffle(found)
    return found


def resampled_sums(values: Sequence[float], *, draws: int, seed: int) -> list[float]:
    """The sums of as many values, drawn with replacement; the same values in the same order give the same sums."""
    take = values.__getitem__
    return [sum(map(take, drawn)) for drawn in _drawn(len(values), draws, seed)]


@lru_cache(maxsize=4)
def _drawn(n: int, draws: int, seed: int) -> list[list[int]]:
    """Kept, because drawing costs more than adding up what was drawn."""
    dice, places = random.Random(seed), range(n)
    return [dice.choices(places, k=n) for _ in range(draws)]


def fit_gamma(counts_and_exposures: Iterable[tuple[int, float]]) -> GammaPrior | None:
    """Gamma distribution of rates by negative-binomial maximum likelihood.

    Each unit has (events n, exposure T in days) with n ~ Poisson(rate x T), rate ~ Gamma. The
    best `days` for a shape solves a falling convex equation (Newton); the shape is the root of
    the profile score (bisection). None without events, or where the counts vary no more than one
    Poisson rate explains, so that the shape has no maximum.
    """
    cells = [(n, days) for n, days in counts_and_exposures if days > 0]
    if not any(n for n, _ in cells):
        return None

    def expected(shape: float) -> list[float]:
        scale = shape / _likeliest_days(cells, shape)
        return [scale * days for _, days in cells]

    shape = _likeliest_shape([n for n, _ in cells], expected)
    return None if shape is None else GammaPrior(shape, _likeliest_days(cells, shape))


def fit_shape(counts_and_means: Iterable[tuple[int, float]]) -> float | None:
    """Shape of a Gamma of mean 1 that multiplies each unit's known mean, by maximum likelihood.

    Each unit has (events n, expected events). None as in `fit_gamma`.
    """
    cells = [(n, mean) for n, mean in counts_and_means if mean > 0]
    if not any(n for n, _ in cells):
        return None
    means = [mean for _, mean in cells]
    return _likeliest_shape([n for n, _ in cells], lambda _shape: means)


def _likeliest_days(cells: Sequence[tuple[int, float]], shape: float) -> float:
    """Root of the score in b: sum of (a T - n b) / (b + T), which falls and is convex."""
    days = shape * sum(t for _, t in cells) / sum(n for n, _ in cells)
    while True:
        score = sum((shape * t - n * days) / (days + t) for n, t in cells)
        slope = sum(t / (days + t) * (n + shape) / (days + t) for n, t in cells)
        step = max(score / slope, -days / 2)
        days += step
        if abs(step) <= 1e-11 * days:
            return days


def _likeliest_shape(counts: Sequence[int], expected: Callable[[float], Sequence[float]]) -> float | None:
    """Root of the shape's score, by bisection of its logarithm; None where it never falls to 0.

    The difference of digammas in the score is a finite sum, because counts are whole numbers.
    """
    exceeding = [sum(n > j for n in counts) for j in range(max(counts))]

    def score(shape: float) -> float:
        rising = sum(units / (shape + j) for j, units in enumerate(exceeding))
        return rising + sum(
            log(shape / (shape + mean)) + (mean - n) / (shape + mean)
            for n, mean in zip(counts, expected(shape), strict=True)
        )

    low, high = SHAPE_BOUNDS
    if score(high) >= 0:
        return None
    for _ in range(SHAPE_STEPS):
        middle = sqrt(low * high)
        low, high = (middle, high) if score(middle) > 0 else (low, middle)
    return sqrt(low * high)
