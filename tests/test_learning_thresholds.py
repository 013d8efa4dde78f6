"""Thresholds that blank maps respect, counted or by the tail of what they hold."""

import numpy as np
import pytest
from scipy import stats

from exobench.baselines.learning.judgement.thresholds import threshold_by_tail, threshold_for
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import annulus
from exobench.scoring.calibration import blank_fields
from exobench.scoring.candidates import find_candidates

FWHM, RADII = 4.0, (5.0, 22.0)


@pytest.fixture(scope="module")
def maps():
    return np.random.default_rng(4).normal(size=(60, 51, 51))


@pytest.mark.parametrize("wanted", [0.1, 1.0, 4.0])
def test_blank_maps_have_as_many_false_positives_as_wanted_and_new_ones_too(maps, wanted):
    threshold = threshold_for(wanted, blank_fields(maps[:30], FWHM, RADII))
    scored = annulus((51, 51), *RADII)

    def false_positives(some):
        return sum(
            int((find_candidates(one, FWHM, scored)[1] >= threshold.value).sum()) for one in some
        )

    assert false_positives(maps[:30]) == threshold.count == round(30 * wanted)
    low, high = threshold.interval
    assert low < wanted < high
    new = false_positives(maps[30:])
    assert abs(new - threshold.count) <= 3 * np.sqrt(2 * threshold.count)
    expected = stats.chi2.ppf([0.025, 0.975], [2 * threshold.count, 2 * threshold.count + 2]) / 60
    np.testing.assert_allclose(threshold.interval, expected)


def test_equal_candidates_count_all_or_none(maps):
    flat = np.where(np.isin(maps[:4], [one.max() for one in maps[:4]]), 1.0, 0.0)
    flat[:, 0, 0] = 0.0
    loose = threshold_for(200.0, blank_fields(flat, FWHM, RADII))
    assert loose.value <= 0.0
    top = np.zeros((3, 51, 51))
    top[:, 25, 35] = top[:, 25, 12] = 1.0
    strict = threshold_for(1.0, blank_fields(top, FWHM, RADII))
    assert strict.value > 1.0
    assert strict.count == 0


def test_rates_that_the_blank_maps_do_not_resolve_are_refused(maps):
    with pytest.raises(InputError, match="by 2 blank maps; give 10 or more"):
        threshold_for(0.1, blank_fields(maps[:2], FWHM, RADII))
    with pytest.raises(InputError, match="number above 0, got nan"):
        threshold_for(np.nan, blank_fields(maps[:2], FWHM, RADII))


def test_the_tail_tells_what_too_few_maps_cannot_count():
    rng = np.random.default_rng(0)
    # Candidates of an exponential tail, 80 in a map: 1 a map above 2 + 0.5 log 80.
    truth = 2 + 0.5 * np.log(80)
    found = []
    for _ in range(200):
        peaks = 2 + rng.exponential(0.5, rng.poisson(80 * 0.35))
        threshold = threshold_by_tail(1.0, peaks, 0.35)
        assert threshold.extrapolated
        assert threshold.count == (peaks >= threshold.value).sum()
        found.append(threshold.value)
    # An error of 0.5 is one of a factor e in the rate.
    assert abs(np.median(found) - truth) < 0.15
    assert np.std(found) < 0.5


def test_many_maps_are_counted_whatever_the_tail(maps):
    fields = list(blank_fields(maps[:30], FWHM, RADII))
    scored = annulus((51, 51), *RADII)
    peaks = np.concatenate([find_candidates(one, FWHM, scored)[1] for one in maps[:30]])
    assert threshold_by_tail(1.0, peaks, 30) == threshold_for(1.0, fields)
    assert not threshold_by_tail(1.0, peaks, 30).extrapolated
    assert threshold_by_tail(0.01, peaks, 30).extrapolated


def test_a_tail_of_few_candidates_is_refused():
    with pytest.raises(InputError, match="got 8; take larger frames"):
        threshold_by_tail(1.0, np.arange(8.0), 0.3)
    with pytest.raises(InputError, match="number above 0, got -1"):
        threshold_by_tail(-1.0, np.arange(30.0), 0.3)
