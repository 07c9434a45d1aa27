"""Theil-Sen trend of timed values and the verdict a reader may draw from it."""

import random
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from itertools import combinations, groupby
from math import atan, floor, pi, sqrt, tan
from operator import itemgetter
from statistics import NormalDist, median

Point = tuple[float, float]

LISTED_PAIRS = 20_000  # with more pairs than this, slopes are counted by rank and listed only near it
LISTED_NEARBY = 4_000
PILOT_PAIRS = 1_000  # random pairs that say where to begin to count; the result does not depend on them
RESOLUTION = 1e-12  # of the range of y over the range of x: slopes closer than this are one


class TrendVerdict(StrEnum):
    """What a trend says about a value that should fall."""

    IMPROVING = "improving"
    WORSENING = "worsening"
    NO_EVIDENCE = "no_evidence"
    INSUFFICIENT_DATA = "insufficient_data"


class TrendMethod(StrEnum):
    """Which pairs of points a trend's slopes come from."""

    EVERY_PAIR = "every_pair"
    HALF_SPLIT = "half_split"


@dataclass(frozen=True)
class Trend:
    """Median slope (unit of y per unit of x), its interval, and the line's intercept.

    `low` and `high` are None where the points are too few or too tied to carry the level. `n` points were used.
    """

    slope: float
    low: float | None
    high: float | None
    intercept: float
    n: int
    method: TrendMethod = TrendMethod.EVERY_PAIR


def trend_of(points: Sequence[Point], level: float, *, every_pair_up_to: int) -> Trend | None:
    """Theil-Sen over every pair of points, beyond so many points over half-split pairs."""
    return theil_sen(points, level) if len(points) <= every_pair_up_to else half_split(points, level)


def theil_sen(points: Iterable[Point], level: float) -> Trend | None:
    """Median of the slopes of all pairs with different x (Sen 1968); None without such a pair.

    As scipy.stats.theilslopes with method "separate" (intercept = median y - slope x median x),
    except that SciPy answers the extreme slopes where too few points (under 5 at 95 %) cannot
    carry the level; here such an interval is None. Up to about 200 points every slope is listed;
    beyond, slopes are found by rank in O(n log n) per step, exactly.
    """
    ordered = sorted(points)
    pairs = _choose_two(len(ordered)) - _tied_pairs(x for x, _ in ordered)
    if pairs == 0:
        return None
    at_rank = _ranked_slopes(ordered, pairs)
    slope = (at_rank((pairs - 1) // 2) + at_rank(pairs // 2)) / 2
    ranks = _interval_ranks(ordered, pairs, level)
    low, high = (None, None) if ranks is None else (at_rank(ranks[0]), at_rank(ranks[1]))
    intercept = median(y for _, y in ordered) - slope * median(x for x, _ in ordered)
    return Trend(slope, low, high, intercept, len(ordered))


def half_split(points: Iterable[Point], level: float) -> Trend | None:
    """Theil's incomplete method (1950): the median slope from each point of the first half to one of the second.

    The pairs share no point, so the sign test gives the interval: order statistics, whatever the distribution. Costs
    O(n log n); its standard error is about 1.4 times that of all pairs. None without a pair of different x.
    """
    ordered = sorted(points)
    half = len(ordered) // 2
    pairs = zip(ordered[:half], ordered[-half:], strict=True) if half else ()
    slopes = sorted((y - v) / (x - u) for (u, v), (x, y) in pairs if u < x)
    if not slopes:
        return None
    slope = median(slopes)
    ranks = _sign_test_ranks(len(slopes), level)
    low, high = (None, None) if ranks is None else (slopes[ranks[0]], slopes[ranks[1]])
    intercept = median(y for _, y in ordered) - slope * median(x for x, _ in ordered)
    return Trend(slope, low, high, intercept, len(ordered), TrendMethod.HALF_SPLIT)


def trend_verdict(trend: Trend | None, *, n: int, span_days: float, min_n: int, min_days: float) -> TrendVerdict:
    """TrendVerdict for a value that should fall: only an interval on one side of 0 is evidence."""
    if trend is None or n < min_n or span_days < min_days:
        return TrendVerdict.INSUFFICIENT_DATA
    if trend.high is not None and trend.high < 0:
        return TrendVerdict.IMPROVING
    if trend.low is not None and trend.low > 0:
        return TrendVerdict.WORSENING
    return TrendVerdict.NO_EVIDENCE


def _choose_two(n: int) -> int:
    return n * (n - 1) // 2


def _tied_pairs(values: Iterable[float]) -> int:
    return sum(_choose_two(size) for size in Counter(values).values())


def _interval_ranks(points: Sequence[Point], pairs: int, level: float) -> tuple[int, int] | None:
    """Ranks, from 0, of the slopes that bound the interval (Sen 1968, formula 2.6, with ties)."""

    def spread(sizes: Iterable[int]) -> int:
        return sum(k * (k - 1) * (2 * k + 5) for k in sizes)

    tied = sum(spread(Counter(p[axis] for p in points).values()) for axis in (0, 1))
    variance = (spread([len(points)]) - tied) / 18
    if variance < 0:
        return None
    reach = NormalDist().inv_cdf((1 + level) / 2) * sqrt(variance)
    low, high = round((pairs - reach) / 2) - 1, round((pairs + reach) / 2)
    return (low, high) if low >= 0 and high < pairs else None


def _sign_test_ranks(n: int, level: float) -> tuple[int, int] | None:
    """Ranks, from 0, of the values that bound a median: normal approximation of the binomial, rounded outwards."""
    low = floor((n - NormalDist().inv_cdf((1 + level) / 2) * sqrt(n)) / 2) - 1
    return (low, n - 1 - low) if low >= 0 else None


def _ranked_slopes(points: Sequence[Point], pairs: int) -> Callable[[int], float]:
    """Function from a rank (from 0) to that slope, for points sorted by x."""
    if pairs <= LISTED_PAIRS:
        slopes = sorted((y - v) / (x - u) for (u, v), (x, y) in combinations(points, 2) if u < x)
        return slopes.__getitem__
    return partial(_slope_at, _Counted(points, pairs))


class _Counted:
    """Points, how many of their slopes are at most a given one, and slopes of some pairs to begin with."""

    def __init__(self, points: Sequence[Point], pairs: int) -> None:
        ys = [y for _, y in points]
        self.points, self.pairs = points, pairs
        self.scale = (max(ys) - min(ys)) / (points[-1][0] - points[0][0]) or 1.0
        dice = random.Random(0)  # noqa: S311 - a pilot wants a seed, not secrecy
        drawn = (sorted((dice.choice(points), dice.choice(points))) for _ in range(PILOT_PAIRS))
        self.pilot = sorted((y - v) / (x - u) for (u, v), (x, y) in drawn if u < x)
        self.count = cache(partial(_slopes_up_to, points))


@dataclass
class _Bracket:
    """Slopes in (low, high]: `below` have a smaller or equal one than low, `up_to` than high."""

    low: float
    high: float
    below: int
    up_to: int

    def narrow(self, slope: float, count: int, rank: int) -> None:
        if self.low < slope < self.high:
            if count <= rank:
                self.low, self.below = slope, count
            else:
                self.high, self.up_to = slope, count


def _slope_at(known: _Counted, rank: int) -> float:
    """The slope of a rank: brackets narrowed by counting until the few slopes between can be listed."""
    scale = known.scale
    bracket = _Bracket(scale * tan(-pi / 2), scale * tan(pi / 2), 0, known.pairs)
    for guess in _first_guesses(known, rank):
        bracket.narrow(guess, known.count(guess), rank)
    turn = 0
    while bracket.high - bracket.low > RESOLUTION * scale:
        if bracket.up_to - bracket.below <= LISTED_NEARBY:
            slopes = sorted(_slopes_between(known.points, bracket.low, bracket.high))
            return slopes[min(rank - bracket.below, len(slopes) - 1)]
        guess = _next_guess(bracket, rank, turn, scale)
        bracket.narrow(guess, known.count(guess), rank)
        turn += 1
    # More equal slopes than are listed fill the bracket; rounding must not sign a flat one.
    return 0.0 if bracket.low < 0 <= bracket.high else bracket.high


def _first_guesses(known: _Counted, rank: int) -> list[float]:
    """Slopes of the pilot pairs three standard errors below and above the rank."""
    pilot = known.pilot
    at, reach = len(pilot) * rank / known.pairs, 1.5 * sqrt(len(pilot))
    return [pilot[min(max(0, round(at + side * reach)), len(pilot) - 1)] for side in (-1, 1)] if pilot else []


def _next_guess(bracket: _Bracket, rank: int, turn: int, scale: float) -> float:
    """By interpolation a little below the rank, then a little above it; every third time the middle.

    The middle is that of the angles, not of the slopes: two incidents a second apart make a slope of any size.
    """
    low, high = bracket.low, bracket.high
    if turn % 3 == 2:
        return scale * tan((atan(low / scale) + atan(high / scale)) / 2)
    aim = rank + (LISTED_NEARBY // 4) * (-1 if turn % 3 == 0 else 1)
    part = (aim - bracket.below) / (bracket.up_to - bracket.below)
    return low + (high - low) * min(max(part, 0.001), 0.999)


def _slopes_up_to(points: Sequence[Point], slope: float) -> int:
    """How many pairs have at most this slope: those whose order by y - slope x is not x's."""
    seen: list[float] = []
    total = 0
    for x, group in groupby(points, key=itemgetter(0)):
        keys = [y - slope * x for _, y in group]
        total += sum(len(seen) - bisect_left(seen, key) for key in keys)
        for key in keys:
            insort(seen, key)
    return total


def _slopes_between(points: Sequence[Point], low: float, high: float) -> list[float]:
    """All slopes in (low, high]: the pairs that change order between the two sweeps."""
    seen: list[tuple[float, float, float]] = []
    slopes: list[float] = []
    for x, y in sorted(points, key=lambda p: (p[1] - low * p[0], -p[0])):
        key = y - high * x
        start = bisect_left(seen, (key,))
        slopes += [(y - v) / (x - u) for _, u, v in seen[start:] if u < x]
        insort(seen, (key, x, y))
    return slopes
