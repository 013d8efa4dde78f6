"""Bad pixels are found and repaired; stars, companions and speckles are not."""

from dataclasses import replace

import numpy as np
import pytest

from exobench.datasets.errors import SequenceError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import radius_map
from exobench.datasets.injection import inject
from exobench.datasets.preprocessing import find_bad_pixels, repaired
from exobench.datasets.sequence import Companion


@pytest.fixture(scope="module")
def naco(shared_data):
    """Every tenth frame of the real sequence."""
    star = read_sequence(shared_data / "naco_betapic")
    return replace(star, cube=star.cube[:, ::10], angles=star.angles[::10])


@pytest.fixture(scope="module")
def known(naco):
    """What is found in the real frames as they are."""
    return find_bad_pixels(naco.cube, naco.fwhm)


@pytest.fixture(scope="module")
def background(naco):
    """Standard deviation of the frames far from the star."""
    return float(naco.cube[..., :10, :10].std())


def point(shape, place, fwhm):
    y, x = np.indices(shape)
    return np.exp(-4 * np.log(2) * ((y - place[0]) ** 2 + (x - place[1]) ** 2) / fwhm**2)


def test_the_real_frames_have_hardly_a_bad_pixel(known):
    assert known.mean() < 2e-3


def test_planted_bad_pixels_are_found_in_the_real_frames(naco, known, background):
    rng = np.random.default_rng(0)
    hot = rng.random(naco.shape) < 0.005
    cosmic = rng.random(naco.cube.shape) < 0.001
    planted = np.broadcast_to(hot, cosmic.shape) | cosmic
    far = radius_map(naco.shape) > 20
    for height, beside in ((12, 0.99), (-12, 0.99), (1000, 1.0)):
        found = find_bad_pixels(naco.cube + np.float32(height * background) * planted, naco.fwhm)
        assert found[..., far & hot].mean() >= beside
        assert found[planted & far].mean() > 0.97
        assert (found & ~planted & ~known).sum() < 20
        if height == 1000:
            assert found[planted].all()


def test_repair_restores_the_speckles_ten_times_better_than_a_kernel(naco):
    astropy = pytest.importorskip("astropy.convolution")
    rng = np.random.default_rng(3)
    bad = (rng.random(naco.shape) < 0.02) & (radius_map(naco.shape) < 4 * naco.reference_fwhm)
    cube = np.where(bad, np.nan, naco.cube)
    kernel = astropy.Gaussian2DKernel(1.0)
    smoothed = np.array([astropy.interpolate_replace_nans(one, kernel) for one in cube[0]])
    ours = repaired(cube, bad, naco.fwhm)[0]
    true = naco.cube[0]
    scatter = true[:, bad].std()
    assert (ours - true)[:, bad].std() < 0.02 * scatter
    assert (ours - true)[:, bad].std() < 0.1 * (smoothed - true)[:, bad].std()


def test_good_pixels_keep_their_values_and_all_become_finite(naco):
    bad = np.random.default_rng(1).random(naco.cube.shape) < 0.01
    cube = np.where(bad, np.inf, naco.cube)
    cube[0, 1, :3] = np.nan  # three whole lines at the edge
    whole = repaired(cube, np.zeros(naco.shape, dtype=bool), naco.fwhm)
    assert np.isfinite(whole).all()
    good = np.isfinite(cube)
    np.testing.assert_array_equal(whole[good], naco.cube[good])


def test_a_cluster_on_a_slope_is_filled_with_the_slope_to_half_a_pixel():
    y, x = np.indices((30, 30))
    cube = (5.0 + 0.3 * y - 0.2 * x)[np.newaxis, np.newaxis].repeat(2, axis=1)
    bad = np.zeros((30, 30), dtype=bool)
    bad[12:16, 10:15] = True
    whole = repaired(np.where(bad, 999.0, cube), bad, 4.0)
    np.testing.assert_allclose(whole, cube, atol=0.15)


@pytest.mark.parametrize("flux", [1000.0, 10_000.0])
def test_companions_and_the_real_star_are_left_alone(naco, known, flux):
    sources = [
        Companion(separation=radius * naco.pixel_scale, position_angle=angle, flux=flux)
        for radius, angle in ((20, 0), (33, 90), (44, 180))
    ]
    # Frames were left out: what seems to be an exposure of eight degrees is none.
    injected = inject(naco, sources, smearing=1)
    found = find_bad_pixels(injected.cube, naco.fwhm) & ~known
    assert found.sum() < 3
    core = radius_map(naco.shape) < 2 * naco.reference_fwhm
    assert not (found | known)[..., core].any()


@pytest.mark.parametrize("fwhm", [2.0, 2.5, 4.0])
@pytest.mark.parametrize("place", [(20.0, 20.0), (20.5, 20.5), (20.3, 19.6)])
def test_a_bright_star_is_no_bad_pixel_wherever_it_falls(fwhm, place):
    noise = np.random.default_rng(2).normal(size=(1, 5, 40, 41))
    cube = noise + 1e5 * point((40, 41), place, fwhm)
    assert find_bad_pixels(cube, fwhm, threshold=7.0).sum() == 0


def test_neighbouring_hot_pixels_are_told_from_the_good_ones_between_them():
    cube = np.random.default_rng(4).normal(size=(1, 6, 40, 40))
    hot = np.zeros((40, 40), dtype=bool)
    hot[[10, 10, 12, 30, 31], [10, 12, 11, 20, 20]] = True
    cube[..., hot] += 1000.0
    found = find_bad_pixels(cube, 3.0)
    np.testing.assert_array_equal(found.any(axis=(0, 1)), hot)


def test_a_warm_pixel_is_found_in_the_median_though_in_no_frame():
    cube = np.random.default_rng(7).normal(size=(1, 60, 30, 30))
    cube[..., 11, 17] += 4.0
    found = find_bad_pixels(cube, 4.0)
    assert found[..., 11, 17].all()
    assert found.sum() <= 62


def test_known_and_non_finite_pixels_count_as_bad():
    cube = np.random.default_rng(4).normal(size=(2, 3, 20, 20))
    cube[1, 2, 3, 4] = np.nan
    known = np.zeros((20, 20), dtype=bool)
    known[7, 7] = True
    found = find_bad_pixels(cube, (3.0, 3.3), known=known)
    assert found[1, 2, 3, 4]
    assert found[:, :, 7, 7].all()
    assert found.sum() == 7


@pytest.mark.parametrize(
    ("cube", "bad", "fwhm", "message"),
    [
        (np.ones((3, 9, 9)), None, 3.0, "for a single channel pass"),
        (np.ones((1, 3, 9, 9)), np.ones((4, 4)), 3.0, r"a mask of shape \(4, 4\) does not fit"),
        (np.ones((1, 3, 9, 9)), None, 1.5, "FWHM of 2 px or more"),
        (np.ones((1, 3, 9, 9)), None, (3.0, 3.0), "one or 1 of them"),
        (np.ones((1, 3, 9, 9)), np.ones((9, 9)), 3.0, "fewer than 12 good pixels"),
    ],
)
def test_what_cannot_be_repaired_is_refused(cube, bad, fwhm, message):
    with pytest.raises(SequenceError, match=message):
        repaired(cube, bad, fwhm)


def test_a_threshold_that_condemns_most_pixels_is_refused():
    noise = np.random.default_rng(6).normal(size=(1, 2, 20, 20))
    with pytest.raises(SequenceError, match="more than half of the pixels"):
        find_bad_pixels(noise, 4.0, threshold=0.0)
