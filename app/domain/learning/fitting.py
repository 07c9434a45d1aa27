"""Logistic regression that starts from what is known: each coefficient is drawn to a prior, by Newton's method."""

from collections.abc import Sequence
from math import exp, log1p

_TOLERANCE = 1e-9


def logistic(score: float) -> float:
    """Log-odds as a probability."""
    if score >= 0:
        return 1 / (1 + exp(-score))
    odds = exp(score)
    return odds / (1 + odds)


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def fit_logistic(
    rows: Sequence[Sequence[float]],
    hits: Sequence[bool],
    weights: Sequence[float],
    prior: Sequence[float],
    strengths: Sequence[float],
) -> tuple[float, ...]:
    """The coefficients that minimise the weighted log loss plus `strength / 2 × (coefficient − prior)²` each.

    Every strength is above 0, so there is exactly one answer and Newton's method with halved steps finds it.
    """
    found = list(prior)
    loss = _loss(found, rows, hits, weights, prior, strengths)
    gained = _TOLERANCE
    while gained >= _TOLERANCE:
        step = _newton_step(found, rows, hits, weights, prior, strengths)
        size = 1.0
        while True:
            moved = [value - size * change for value, change in zip(found, step, strict=True)]
            next_loss = _loss(moved, rows, hits, weights, prior, strengths)
            if next_loss <= loss or size < _TOLERANCE:
                break
            size /= 2
        gained = loss - next_loss
        found, loss = (moved, next_loss) if gained > 0 else (found, loss)
    return tuple(found)


def _loss(
    at: Sequence[float],
    rows: Sequence[Sequence[float]],
    hits: Sequence[bool],
    weights: Sequence[float],
    prior: Sequence[float],
    strengths: Sequence[float],
) -> float:
    fit = sum(
        w * _softplus(-dot(row, at) if hit else dot(row, at)) for row, hit, w in zip(rows, hits, weights, strict=True)
    )
    return fit + sum(s / 2 * (value - p) ** 2 for value, p, s in zip(at, prior, strengths, strict=True))


def _softplus(score: float) -> float:
    return max(score, 0.0) + log1p(exp(-abs(score)))


def _newton_step(
    at: Sequence[float],
    rows: Sequence[Sequence[float]],
    hits: Sequence[bool],
    weights: Sequence[float],
    prior: Sequence[float],
    strengths: Sequence[float],
) -> list[float]:
    size = range(len(at))
    gradient = [s * (value - p) for value, p, s in zip(at, prior, strengths, strict=True)]
    curvature = [[strengths[i] if i == j else 0.0 for j in size] for i in size]
    for row, hit, weight in zip(rows, hits, weights, strict=True):
        p = logistic(dot(row, at))
        slope, bend = weight * (p - hit), weight * p * (1 - p)
        for i, x in enumerate(row):
            if x:
                gradient[i] += slope * x
                line = curvature[i]
                for j, y in enumerate(row):
                    line[j] += bend * x * y
    return solve(curvature, gradient)


def solve(matrix: Sequence[Sequence[float]], vector: Sequence[float]) -> list[float]:
    """The answer of `matrix × answer = vector` for a symmetric positive definite matrix, by Cholesky's method."""
    size = len(vector)
    lower = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            lower[i][j] = rest**0.5 if i == j else rest / lower[j][j]
    answer = list(vector)
    for i in range(size):
        answer[i] = (answer[i] - sum(lower[i][k] * answer[k] for k in range(i))) / lower[i][i]
    for i in reversed(range(size)):
        answer[i] = (answer[i] - sum(lower[k][i] * answer[k] for k in range(i + 1, size))) / lower[i][i]
    return answer
