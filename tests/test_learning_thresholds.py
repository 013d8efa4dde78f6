"""Thresholds that blank maps respect, counted or by the shape of what they hold."""

import numpy as np
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter

from exobench.baselines.learning.judgement.thresholds import threshold_by_shape, threshold_for
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


def test_a_quarter_of_a_gaussian_map_tells_what_it_cannot_count():
    rng = np.random.default_rng(0)
    fwhm, maps, found = 3.0, [], []
    inside = annulus((81, 81), 6, 38)
    quarter = inside & (np.arange(81) > 40) & (np.arange(81) > 40)[:, np.newaxis]
    for _ in range(100):
        shown = gaussian_filter(rng.normal(size=(111, 111)), fwhm / 2.355)[15:-15, 15:-15]
        shown /= shown[inside].std()
        maps.append(find_candidates(shown, fwhm, inside)[1])
        peaks = find_candidates(shown, fwhm, quarter)[1]
        threshold = threshold_by_shape(1.0, peaks, quarter.sum() / inside.sum())
        assert threshold.extrapolated
        assert threshold.count == (peaks >= threshold.value).sum()
        found.append(threshold.value)
    assert np.std(found) < 0.15
    values = np.concatenate(maps)
    assert 0.5 < (values >= np.median(found)).sum() / len(maps) < 1.2  # of 1 that is wanted


def test_a_threshold_by_shape_is_as_rare_as_is_wanted():
    peaks = np.concatenate([np.zeros(30), np.full(40, 2.0)])
    for wanted in (1.0, 0.1, 1e-6):
        t = threshold_by_shape(wanted, peaks, 0.5).value
        rate = 80 * t * np.exp(-(t**2) / 2) / (2 * np.exp(-2))
        assert rate == pytest.approx(wanted, rel=1e-6)


def test_many_maps_are_counted_whatever_the_shape(maps):
    fields = list(blank_fields(maps[:30], FWHM, RADII))
    scored = annulus((51, 51), *RADII)
    peaks = np.concatenate([find_candidates(one, FWHM, scored)[1] for one in maps[:30]])
    assert threshold_by_shape(1.0, peaks, 30) == threshold_for(1.0, fields)
    assert not threshold_by_shape(1.0, peaks, 30).extrapolated
    assert threshold_by_shape(0.01, peaks, 30).extrapolated


def test_a_shape_of_few_candidates_is_refused():
    with pytest.raises(InputError, match="got 4; take larger frames"):
        threshold_by_shape(1.0, np.arange(8.0), 0.3)
    with pytest.raises(InputError, match="number above 0, got -1"):
        threshold_by_shape(-1.0, np.arange(30.0), 0.3)
