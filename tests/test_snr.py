"""S/N and significance maps against their published definition."""

import numpy as np
import pytest
from mpmath import mp
from photutils.aperture import CircularAperture
from scipy import stats

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import frame_centre, radius_map
from exobench.scoring.apertures import disc_overlaps
from exobench.scoring.snr import (
    n_noise_apertures,
    significance,
    significance_at,
    significance_map,
    snr_at,
    snr_map,
)


def ring(shape, fwhm, y, x):
    """Aperture centres (y, x) of a ring: the tested one first, then clockwise, y up."""
    cy, cx = frame_centre(shape)
    radius, azimuth = np.hypot(y - cy, x - cx), np.arctan2(y - cy, x - cx)
    half_step = np.arcsin(fwhm / (2 * radius))
    azimuths = azimuth - 2 * half_step * np.arange(int(np.pi / half_step + 1e-9))
    return np.stack([cy + radius * np.sin(azimuths), cx + radius * np.cos(azimuths)], axis=-1)


def pixels(shape):
    return np.stack(np.indices(shape), axis=-1)


def textbook_snr(frame, fwhm, y, x):
    """Mawet et al. (2014), Eq. 9, one aperture after the other."""
    cy, cx = frame_centre(frame.shape)
    if np.hypot(y - cy, x - cx) < fwhm / 2:
        return np.nan
    centres, margin = ring(frame.shape, fwhm, y, x), fwhm / 2 - 0.5 - 1e-9
    inside = (centres >= margin) & (centres <= np.array(frame.shape) - 1 - margin)
    if len(centres) < 3 or not inside.all():
        return np.nan
    apertures = CircularAperture(centres[:, ::-1], fwhm / 2)
    signal, *noise = apertures.do_photometry(frame, method="exact")[0]
    return stats.ttest_ind([signal], noise).statistic


@pytest.mark.parametrize(
    ("shape", "fwhm"), [((27, 27), 4.57), ((22, 22), 3.3), ((21, 16), 2.1), ((26, 34), 6.0)]
)
def test_every_pixel_has_the_two_sample_t_of_its_ring(shape, fwhm):
    frame = np.random.default_rng(1).normal(5.0, 2.0, shape)
    expected = np.array([[textbook_snr(frame, fwhm, *yx) for yx in row] for row in pixels(shape)])
    # Two nearly equal noise apertures make any S/N, so it is the significance that has to agree.
    n_noise = n_noise_apertures(radius_map(shape), fwhm)
    np.testing.assert_allclose(
        significance_map(frame, fwhm), significance(expected, n_noise), atol=5e-3
    )
    np.testing.assert_allclose(snr_map(frame, fwhm), expected, rtol=2e-2, atol=3e-3)


def test_positions_between_pixels_are_served_too():
    frame = np.random.default_rng(2).normal(size=(40, 41))
    positions = np.random.default_rng(3).uniform(8, 32, (20, 2))
    expected = [textbook_snr(frame, 3.7, y, x) for y, x in positions]
    np.testing.assert_allclose(snr_at(frame, 3.7, positions), expected, rtol=3e-3, atol=3e-3)


def test_positions_on_pixels_agree_with_the_map():
    frame = np.random.default_rng(4).normal(size=(40, 40))
    positions = np.array([[12, 30], [20, 26], [20, 20], [0, 0], [33, 20]])
    at = significance_at(frame, 3.3, positions)
    np.testing.assert_allclose(at, significance_map(frame, 3.3)[tuple(positions.T)], atol=1e-5)
    assert np.isnan(at[2:4]).all()


def test_the_spare_gap_of_a_ring_lies_counter_clockwise_of_the_tested_pixel():
    frame, fwhm, pixel = np.zeros((41, 41)), 5.0, (20, 29)
    centres = ring(frame.shape, fwhm, *pixel)
    frame += np.random.default_rng(0).normal(size=frame.shape)
    before = snr_map(frame, fwhm)[pixel]
    y, x = np.indices(frame.shape)
    free = np.hypot(y[..., np.newaxis] - centres[:, 0], x[..., np.newaxis] - centres[:, 1])
    frame[free.min(axis=-1) > fwhm / 2 + 0.8] = 1e3
    assert snr_map(frame, fwhm)[pixel] == pytest.approx(before, abs=3e-3)


@pytest.mark.parametrize(("radius", "n"), [(1.9, 0), (2.0, 1), (4.0, 5), (20.0, 30)])
def test_the_number_of_noise_apertures_is_that_of_touching_discs(radius, n):
    assert n_noise_apertures(radius, fwhm=4.0) == n


def test_there_is_no_value_where_two_noise_apertures_do_not_fit():
    snr = snr_map(np.random.default_rng(0).normal(size=(61, 61)), fwhm=4.0)
    radius = radius_map(snr.shape)
    # Three discs that touch have their centres at 2/sqrt(3) of their radius.
    assert np.isnan(snr[radius < 2 * 2 / np.sqrt(3)]).all()
    assert np.isfinite(snr[(radius > 2.31) & (radius <= 28.5)]).all()
    assert np.isnan(snr[radius > 29]).all()


def test_apertures_that_touch_a_nan_pixel_give_no_value():
    frame = np.random.default_rng(5).normal(size=(31, 31))
    whole = snr_map(frame, 4.0)
    frame[15, 25] = np.nan
    holed = snr_map(frame, 4.0)
    for y, x in np.argwhere(np.isfinite(whole)):
        centres = ring(frame.shape, 4.0, y, x)
        apertures = CircularAperture(centres[:, ::-1], 2.0)
        mask = np.isnan(frame).astype(float)
        overlap = apertures.do_photometry(mask, method="exact")[0].max()
        if overlap > 2e-3:
            assert np.isnan(holed[y, x])
        elif overlap == 0:
            assert holed[y, x] == pytest.approx(whole[y, x], abs=1e-3)
    assert np.isnan(snr_map(np.full((31, 31), np.nan), 4.0)).all()


def test_a_background_level_and_a_scale_change_nothing():
    frame = np.random.default_rng(6).normal(size=(41, 41))
    snr = snr_map(frame, 4.0)
    np.testing.assert_allclose(snr_map(1e-12 * frame, 4.0), snr, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(snr_map(1e3 * frame + 3e4, 4.0), snr, rtol=1e-2, atol=1e-2)


def test_a_flat_frame_has_no_signal_anywhere():
    snr = snr_map(np.full((41, 41), 7.0), 4.0)
    assert set(snr[np.isfinite(snr)]) == {0.0}


def test_false_alarms_of_white_noise_follow_student():
    rng = np.random.default_rng(7)
    fwhm, position = 4.0, [[20.0, 28.0]]
    draws = [snr_at(rng.normal(size=(41, 41)), fwhm, position)[0] for _ in range(600)]
    dof = n_noise_apertures(8.0, fwhm) - 1
    assert stats.kstest(draws, stats.t(df=dof).cdf).pvalue > 0.01
    gaussian = significance(draws, dof + 1)
    assert stats.kstest(gaussian, stats.norm.cdf).pvalue > 0.01


@pytest.mark.parametrize("n_noise", [2, 3, 7, 30, 400, 1200, 3000])
def test_significance_has_the_tail_probability_of_student(n_noise):
    t = np.array([1e-3, 0.5, 1.0, 1.5, 2.5, 5.0, 9.0, 20.0, 45.0])
    expected = [
        mp.betainc(
            (n_noise - 1) / mp.mpf(2),
            0.5,
            0,
            (n_noise - 1) / (n_noise - 1 + mp.mpf(v) ** 2),
            regularized=True,
        )
        / 2
        for v in t
    ]
    sigma = significance(t, n_noise)
    achieved = [mp.erfc(mp.mpf(s) / mp.sqrt(2)) / 2 for s in sigma]
    np.testing.assert_allclose(
        [float(mp.log(p)) for p in achieved],
        [float(mp.log(p)) for p in expected],
        rtol=1e-10,
        atol=1e-12,
    )


def test_significance_is_odd_increasing_and_finite_however_large_the_value():
    t = np.logspace(-8, 300, 4000)
    for n_noise in (2, 3, 12, 200, 3000):
        sigma = significance(t, n_noise)
        assert np.isfinite(sigma).all()
        assert (np.diff(sigma) > 0).all()
        np.testing.assert_array_equal(significance(-t, n_noise), -sigma)


def test_significance_without_a_value_is_without_a_value():
    sigma = significance([np.nan, 1.0, 0.0], [10, 1, 5])
    np.testing.assert_array_equal(sigma, [np.nan, np.nan, 0.0])


def test_a_source_without_any_noise_is_significant_but_finite():
    frame = np.zeros((41, 41))
    frame[20, 30] = 1.0
    assert snr_map(frame, 4.0)[20, 30] == np.inf
    assert 10 < significance_map(frame, 4.0)[20, 30] < np.inf


@pytest.mark.parametrize(
    ("frame", "fwhm", "message"),
    [
        (np.zeros((2, 9, 9)), 4.0, "shape"),
        (np.zeros((9, 9)), 0.0, "fwhm"),
        (np.full((9, 9), np.inf), 4.0, "infinite"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(frame, fwhm, message):
    with pytest.raises(ValueError, match=message):
        snr_map(frame, fwhm)


@pytest.mark.parametrize(
    ("frame", "fwhm", "message"),
    [
        (np.zeros((9, 9), dtype=complex), 3.0, "must hold real numbers, got complex128"),
        (np.zeros((9, 9)), "3", "fwhm must be a positive number of pixels, got '3'"),
        (np.zeros((9, 9)), None, "fwhm must be a positive number of pixels, got None"),
    ],
)
def test_arguments_of_another_kind_are_refused_as_input(frame, fwhm, message):
    with pytest.raises(InputError, match=message):
        snr_map(frame, fwhm)


def test_masked_pixels_have_no_value():
    """What lies under a mask, here a star as bright as can be, is not read."""
    frame = np.random.default_rng(0).normal(size=(41, 41))
    gaps = np.where(np.indices(frame.shape).sum(axis=0) == 55, np.nan, frame)
    hidden = np.ma.masked_array(np.where(np.isnan(gaps), 1e9, frame), np.isnan(gaps))
    np.testing.assert_array_equal(snr_map(hidden, 4.0), snr_map(gaps, 4.0))


def test_overlaps_sum_to_the_area_of_the_disc():
    overlaps = disc_overlaps(2.285, n_grid=32)
    np.testing.assert_allclose(overlaps.sum(axis=(2, 3)), np.pi * 2.285**2, rtol=1e-12)
    assert overlaps.min() >= -1e-12
    assert overlaps.max() <= 1 + 1e-12


@pytest.mark.peers
@pytest.mark.slow
def test_agrees_with_the_exact_map_of_vip_on_the_real_sequence(shared_data):
    metrics = pytest.importorskip(
        "vip_hci.metrics", reason="needs the extra: pip install 'exobench[peers]'"
    )
    from exobench.baselines import load
    from exobench.datasets.files import read_sequence

    sequence = read_sequence(shared_data / "naco_betapic")
    frame, fwhm = load("pca", n_components=10).reduce(sequence), sequence.reference_fwhm
    theirs = metrics.snrmap(
        frame.astype(np.float64), fwhm, approximated=False, nproc=1, verbose=False
    )
    ours = snr_map(frame, fwhm)
    both = (theirs != 0) & np.isfinite(ours)
    assert both.sum() > 6500
    np.testing.assert_allclose(ours[both], theirs[both], rtol=0, atol=1e-3)
