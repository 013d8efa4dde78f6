"""The faintest flux that reaches 5 sigma, searched where significance is a known function."""

import numpy as np
import pytest

from exobench.datasets.limit_search import SIGMA, Search

ROUNDS = 8


def searched(significance, first):
    """What a search from a first guess ends with, and the fluxes that it tried."""
    search, flux, tried = Search(), first, []
    while flux is not None and len(tried) < ROUNDS:
        tried.append(flux)
        search.learn(flux, float(significance(flux)))
        flux = search.next_flux()
    return search.root(), tried


def saturating(highest):
    """5 at flux 1; linear at first, towards `highest` at last."""
    linear = 5 / np.sqrt(1 - (5 / highest) ** 2)
    return lambda f: linear * f / np.hypot(1, linear * f / highest)


def falling(brightest):
    """5 at flux 1; highest at `brightest`, and less beyond, as what a subtraction eats up."""
    return lambda f: 5 * (1 + brightest**-2) * f / (1 + (f / brightest) ** 2)


def offset(blank):
    """5 at flux 1; not 0 without a probe."""
    return lambda f: blank + (5 - blank) * f


CURVES = {
    "saturates far above": saturating(30),
    "saturates at 10": saturating(10),
    "saturates at 6": saturating(6),
    "falls from 4 times the limit on": falling(4),
    "falls from 2 times the limit on": falling(2),
    "on a dark spot": offset(-0.5),
    "on a bright spot": offset(0.7),
}


@pytest.mark.parametrize("first", [1 / 100, 1 / 30, 1 / 5, 1, 5, 30, 100])
@pytest.mark.parametrize("curve", CURVES)
def test_the_limit_is_found_from_far_too_bright_and_too_faint(curve, first):
    root, tried = searched(CURVES[curve], first)
    assert root == pytest.approx(1, rel=0.08)
    assert max(tried) <= max(10, 7 * first)


@pytest.mark.parametrize("first", [0.95, 1, 1.05])
@pytest.mark.parametrize("curve", sorted(CURVES.keys() - {"saturates at 6"}))
def test_from_near_by_two_trials_are_enough(curve, first):
    root, tried = searched(CURVES[curve], first)
    assert root == pytest.approx(1, rel=0.02)
    assert len(tried) == 2


def test_of_two_crossings_the_faint_one_is_the_limit():
    curve = falling(1.5)
    assert curve(2.25) == pytest.approx(5)
    for first in (0.3, 2.0, 2.4, 7.0, 20.0):
        root, _ = searched(curve, first)
        assert root == pytest.approx(1, rel=0.08)


def test_a_peak_between_two_trials_is_looked_for():
    # 2.1 sigma at the first and 4.6 at the second try; 5.16 at the peak between them.
    root, tried = searched(falling(1.3), 6.0)
    assert root == pytest.approx(1, rel=0.05)
    assert max(falling(1.3)(f) for f in tried[:2]) < SIGMA


@pytest.mark.parametrize("first", [1 / 30, 1, 30])
@pytest.mark.parametrize("highest", [1.5, 3.0, 4.5, 4.9])
def test_what_never_reaches_5_sigma_is_given_up_before_the_rounds_are(highest, first):
    root, tried = searched(lambda f: highest * f / np.hypot(f, 1), first)
    assert np.isinf(root)
    assert len(tried) <= 6
    assert max(tried) < 30 * max(first, 1)


def test_what_falls_before_5_sigma_is_given_up_too():
    for first in (1 / 30, 1, 30):
        root, _ = searched(lambda f: 3 * falling(1.0)(f) / 5, first)
        assert np.isinf(root)


def test_what_cannot_be_measured_has_no_limit():
    assert searched(lambda f: np.nan, 1.0) == (np.inf, [1.0])
    assert np.isinf(searched(lambda f: 7 if f > 0.9 else np.nan, 1.0)[0])
