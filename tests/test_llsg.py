"""Low-rank plus sparse plus Gaussian decomposition."""

import dataclasses

import numpy as np
import pytest

from exobench.baselines import load
from exobench.baselines.llsg import LLSG
from exobench.datasets.errors import InputError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import annulus, edge_distance, to_yx
from exobench.datasets.injection import inject
from exobench.datasets.sequence import Companion
from exobench.scoring.snr import significance_map, snr_at

SLOW = pytest.mark.slow  # another of what a quick case stands for


@pytest.fixture(scope="module")
def naco(shared_data):
    return read_sequence(shared_data / "naco_betapic")


@pytest.fixture(scope="module")
def with_companion(naco):
    separation = 5.5 * naco.reference_fwhm * naco.pixel_scale
    return inject(naco, [Companion(separation=separation, position_angle=110.0, flux=150.0)])


def test_the_sparse_part_is_what_is_rare_and_strong():
    rng = np.random.default_rng(4)
    low_rank = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 200))
    spikes = 8 * (rng.uniform(size=(60, 200)) < 0.02)
    matrix = low_rank + spikes + 0.1 * rng.normal(size=(60, 200))
    sparse = LLSG(n_components=3, threshold=4.0).sparse_part(matrix, np.random.default_rng(0))
    assert np.median(sparse[spikes > 0]) == pytest.approx(8, abs=1)
    assert (sparse[spikes == 0] != 0).mean() < 0.02


@pytest.mark.parametrize("theta", [20.0, *(pytest.param(t, marks=SLOW) for t in (155.0, 245.0))])
def test_a_companion_of_snr_ten_is_found_within_a_pixel_on_the_real_field(naco, theta):
    fwhm, separation_px = naco.reference_fwhm, 5.5 * naco.reference_fwhm
    companion = Companion(
        separation=separation_px * naco.pixel_scale, position_angle=theta - 90, flux=80.0
    )
    position = np.transpose(to_yx(separation_px, theta, naco.shape))
    image = load("llsg").reduce(inject(naco, [companion]))
    assert 8 < snr_at(image, fwhm, [position])[0] < 12
    detections = significance_map(image, fwhm)
    found = np.unravel_index(np.nanargmax(detections), detections.shape)
    assert np.hypot(*(np.array(found) - position)) <= 1
    assert detections[found] > 5


def test_the_real_field_is_blank(naco):
    fwhm = naco.reference_fwhm
    searched = annulus(naco.shape, 1.5 * fwhm, edge_distance(naco.shape) - fwhm / 2)
    assert load("llsg")(naco)[searched].max() < 5


@pytest.mark.parametrize("unit", [1e-20, pytest.param(0.37, marks=SLOW)])
def test_the_image_is_in_the_unit_of_the_cube_and_the_significance_has_none(with_companion, unit):
    scaled = dataclasses.replace(with_companion, cube=with_companion.cube * np.float32(unit))
    image, other = (load("llsg").reduce(sequence) for sequence in (with_companion, scaled))
    np.testing.assert_allclose(other / unit, image, atol=1e-3 * image.max())
    fwhm = with_companion.reference_fwhm
    np.testing.assert_allclose(
        significance_map(other, fwhm), significance_map(image, fwhm), rtol=0.02, atol=0.02
    )


def test_the_seed_decides_and_nothing_else(naco):
    few = dataclasses.replace(naco, cube=naco.cube[:, ::3], angles=naco.angles[::3])
    first, again, other = (load("llsg", seed=s).reduce(few) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_every_impossible_option_is_named():
    with pytest.raises(InputError) as caught:
        load("llsg", threshold=-1.0, n_iterations=0, seed=-3)
    assert len(caught.value.problems) == 3
