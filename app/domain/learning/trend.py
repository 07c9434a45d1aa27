"""Theil-Sen trend of timed values and the verdict a reader may draw from it."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import combinations, groupby
from math import atan, pi, sqrt, tan
from operator import itemgetter
from statistics import NormalDist, median

Point = tuple[float, float]

ENUMERATED_SLOPES = 100_000  # more pairs than this are counted by rank, never listed
RESOLUTION = 1e-12  # of the range of y over the range of x: slopes closer than this are one


class TrendVerdict(StrEnum):
    """What a trend says about a value that should fall."""

    IMPROVING = "improving"
    WORSENING = "worsening"
    NO_EVIDENCE = "no_evidence"
    INSUFFICIENT_DATA = "insufficient_data"


@dataclass(frozen=True)
class Trend:
    """Median slope (unit of y per unit of x), its interval, and the line's intercept.

    `low` and `high` are None where the points are too few or too tied to carry the level.
    """

    slope: float
    low: float | None
    high: float | None
    intercept: float
    n: int


def theil_sen(points: Iterable[Point], level: float) -> Trend | None:
    """Median of the slopes of all pairs with different x (Sen 1968); None without such a pair.

    As scipy.stats.theilslopes with method "separate" (intercept = median y - slope x median x),
    except that SciPy answers the extreme slopes where too few points (under 5 at 95 %) cannot
    carry the level; here such an interval is None. Up to about 450 points every slope is listed;
    beyond, slopes are found by rank in O(n log n) per step, 5,000 points well within a second.
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


def _ranked_slopes(points: Sequence[Point], pairs: int) -> Callable[[int], float]:
    """Function from a rank (from 0) to that slope, for points sorted by x."""
    if pairs <= ENUMERATED_SLOPES:
        slopes = sorted((y - v) / (x - u) for (u, v), (x, y) in combinations(points, 2) if u < x)
        return slopes.__getitem__
    ys = [y for _, y in points]
    scale = (max(ys) - min(ys)) / (points[-1][0] - points[0][0]) or 1.0

    @cache
    def count(slope: float) -> int:
        return _slopes_up_to(points, slope)

    def at_rank(rank: int) -> float:
        low, high, below, up_to = scale * tan(-pi / 2), scale * tan(pi / 2), 0, pairs
        while high - low > RESOLUTION * scale:
            # Angles, not slopes: two incidents a second apart make a slope of any size.
            middle = scale * tan((atan(low / scale) + atan(high / scale)) / 2)
            if count(middle) <= rank:
                low, below = middle, count(middle)
            else:
                high, up_to = middle, count(middle)
            if up_to - below <= ENUMERATED_SLOPES:
                slopes = sorted(_slopes_between(points, low, high))
                return slopes[min(rank - below, len(slopes) - 1)]
        # More equal slopes than are listed fill the bracket; rounding must not sign a flat one.
        return 0.0 if low < 0 <= high else high

    return at_rank


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
