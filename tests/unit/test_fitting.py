"""Logistic regression against scikit-learn, and what it promises by itself."""

import pytest
from sklearn.linear_model import LogisticRegression

from app.domain.learning.fitting import dot, fit_logistic, logistic, solve

ROWS = [(x / 7, ((x * 5) % 11) / 11, 1.0) for x in range(40)]
HITS = [(x * 7) % 10 < 4 + x / 20 for x in range(40)]


def test_it_equals_scikit_learn_where_nothing_is_known() -> None:
    found = fit_logistic(ROWS, HITS, [1.0] * 40, (0.0, 0.0, 0.0), (2.0, 2.0, 1e-9))
    theirs = LogisticRegression(C=0.5, tol=1e-10, max_iter=5000).fit([row[:2] for row in ROWS], HITS)
    assert found == pytest.approx((*theirs.coef_[0], theirs.intercept_[0]), abs=1e-4)


def test_weights_count_as_repeated_rows() -> None:
    prior, hold = (0.3, -0.2, 0.0), (1.0, 1.0, 0.1)
    once = fit_logistic(ROWS, HITS, [2.0] * 40, prior, hold)
    twice = fit_logistic([*ROWS, *ROWS], [*HITS, *HITS], [1.0] * 80, prior, hold)
    assert once == pytest.approx(twice, abs=1e-6)


def test_without_examples_it_says_what_was_known() -> None:
    assert fit_logistic([], [], [], (1.0, -2.0), (3.0, 4.0)) == (1.0, -2.0)


def test_examples_that_are_split_cleanly_do_not_run_away() -> None:
    found = fit_logistic([(-60.0,), (60.0,)], [False, True], [1.0, 1.0], (40.0,), (0.001,))
    assert 0 < found[0] <= 40


def test_a_far_start_still_ends_at_the_least_loss() -> None:
    far = fit_logistic(ROWS, HITS, [50.0] * 40, (30.0, -30.0, 10.0), (0.01, 0.01, 0.01))
    near = fit_logistic(ROWS, HITS, [50.0] * 40, (0.0, 0.0, 0.0), (0.01, 0.01, 0.01))
    assert far == pytest.approx(near, abs=0.05)


def test_probabilities_stay_within_bounds_far_out() -> None:
    assert logistic(0) == 0.5
    assert logistic(-800) == pytest.approx(0)
    assert logistic(800) == pytest.approx(1)
    assert dot((1.0, 2.0), (3.0, 4.0)) == 11.0
    assert solve([[4.0, 2.0], [2.0, 3.0]], [2.0, 1.0]) == pytest.approx([0.5, 0.0])
