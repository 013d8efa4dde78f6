"""Thresholds that blank maps respect, counted or by the shape of what they hold."""

import numpy as np
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter

from exobench.baselines.learning.judgement.thresholds import threshold_by_shape
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import annulus
from exobench.scoring.candidates import find_candidates

FWHM, RADII = 4.0, (5.0, 22.0)


@pytest.fixture(scope="module")
def maps():
    return np.random.default_rng(4).normal(size=(60, 51, 51))


def peaks_of(maps):
    """Values of all their candidates."""
    scored = annulus(maps.shape[-2:], *RADII)
    return np.concatenate([find_candidates(one, FWHM, scored)[1] for one in maps])


@pytest.mark.parametrize("wanted", [0.1, 1.0, 4.0])
def test_blank_maps_have_as_many_false_positives_as_wanted_and_new_ones_too(maps, wanted):
    peaks = peaks_of(maps[:30])
    threshold = threshold_by_shape(wanted, peaks, 30)
    assert not threshold.extrapolated
    assert (peaks >= threshold.value).sum() == threshold.count == round(30 * wanted)
    low, high = threshold.interval
    assert low < wanted < high
    new = (peaks_of(maps[30:]) >= threshold.value).sum()
    assert abs(new - threshold.count) <= 3 * np.sqrt(2 * threshold.count)
    expected = stats.chi2.ppf([0.025, 0.975], [2 * threshold.count, 2 * threshold.count + 2]) / 60
    np.testing.assert_allclose(threshold.interval, expected)


def test_a_rate_that_many_maps_do_not_resolve_is_not_counted(maps):
    assert threshold_by_shape(0.01, peaks_of(maps[:30]), 30).extrapolated


def test_equal_candidates_count_all_or_none():
    loose = threshold_by_shape(200.0, [0.0] * 50 + [1.0] * 4, 4)
    assert (loose.value, loose.count) == (0.0, 54)
    strict = threshold_by_shape(1.0, [1.0] * 6, 3)
    assert strict.value > 1.0
    assert strict.count == 0


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


@pytest.mark.parametrize(("n_low", "begin"), [(30, 2.0), (60, 1.0)])
def test_a_threshold_by_shape_is_as_rare_as_is_wanted(n_low, begin):
    """Counted from the median on, or from 1 sigma on if that is higher."""
    peaks = np.concatenate([np.full(n_low, 0.5), np.full(40, 2.0)])
    for wanted in (1.0, 0.1, 1e-6):
        t = threshold_by_shape(wanted, peaks, 0.5).value
        rate = 80 * t * np.exp(-(t**2) / 2) / (begin * np.exp(-(begin**2) / 2))
        assert rate == pytest.approx(wanted, rel=1e-6)


def test_a_shape_of_few_candidates_is_refused():
    with pytest.raises(InputError, match="got 4; take larger frames"):
        threshold_by_shape(1.0, np.arange(8.0), 0.3)
    assert threshold_by_shape(1.0, np.arange(9.0), 0.3).extrapolated
    for wanted in (1.0, 4.0):
        with pytest.raises(InputError, match="no candidate where the detector was not trained"):
            threshold_by_shape(wanted, [], 0.3)
    for wanted in (-1.0, np.nan):
        with pytest.raises(InputError, match=f"number above 0, got {wanted}"):
            threshold_by_shape(wanted, np.arange(30.0), 0.3)
