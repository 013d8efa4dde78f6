"""Pupil, propagation and coronagraph, against analytic cases."""

import numpy as np
import pytest
from scipy import special
from threadpoolctl import threadpool_limits

from exobench.datasets.simulator.coronagraph import (
    Coronagraph,
    Vortex,
    build_coronagraph,
    prolate_mode,
    through_mask,
)
from exobench.datasets.simulator.presets import load_preset
from exobench.datasets.simulator.propagation import fourier_matrix, intensity, transform
from exobench.datasets.simulator.pupil import pupil_coordinates, quadrants, telescope_pupil


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Products as small as these wait for each other's threads."""
    with threadpool_limits(1, user_api="blas"):
        yield


def coronagraph_of(name, **overrides):
    preset = load_preset(name, **overrides)
    return build_coronagraph(preset.telescope, preset.coronagraph)


def image_of(field, focal):
    matrix = fourier_matrix(focal, pupil_coordinates(field.shape[-1]))
    return intensity(transform(field[np.newaxis].astype(np.complex64), matrix))[0]


def tilted(field, offset):
    """Field of a source `offset` lambda/D along +x."""
    return field * np.exp(2j * np.pi * offset * pupil_coordinates(field.shape[-1]))


def test_the_pupil_has_the_area_of_its_annulus():
    pupil = telescope_pupil(64, obscuration=0.14, spider_width=0.0)
    assert pupil.mean() == pytest.approx(np.pi / 4 * (1 - 0.14**2), rel=2e-3)


def test_four_spiders_take_their_area_and_keep_the_symmetry():
    without = telescope_pupil(64, obscuration=0.14, spider_width=0.0)
    pupil = telescope_pupil(64, obscuration=0.14, spider_width=0.012)
    # Each runs from near the obscuration to the edge: 0.36 to 0.43 diameters of length.
    assert 4 * 0.36 * 0.012 < (without - pupil).mean() < 4 * 0.44 * 0.012
    np.testing.assert_array_equal(pupil, pupil[::-1])
    np.testing.assert_array_equal(pupil, pupil[:, ::-1])


def test_the_spiders_part_the_pupil_into_the_quadrants():
    parts = quadrants(64)
    pupil = telescope_pupil(64, obscuration=0.14, spider_width=0.012)
    assert sorted(np.unique(parts)) == [0, 1, 2, 3]
    border = (np.diff(parts, axis=0)[:, :-1] != 0) | (np.diff(parts, axis=1)[:-1] != 0)
    inside = np.hypot(pupil_coordinates(64)[:-1, None], pupil_coordinates(64)[:-1]) < 0.45
    assert pupil[:-1, :-1][border & inside].mean() < 0.7


def test_a_circular_aperture_makes_the_airy_pattern():
    aperture = telescope_pupil(64, obscuration=0.0, spider_width=0.0)
    focal = np.arange(-40, 41) * 0.25
    image = image_of(aperture, focal) / aperture.sum() ** 2
    x = np.pi * np.hypot(focal[:, np.newaxis], focal)
    airy = np.where(x == 0, 1.0, (2 * special.j1(x) / np.where(x == 0, 1, x)) ** 2)
    np.testing.assert_allclose(image, airy, atol=2e-4)


def test_the_transform_is_the_discrete_fourier_transform():
    rng = np.random.default_rng(1)
    fields = (rng.normal(size=(3, 16, 16)) + 1j * rng.normal(size=(3, 16, 16))).astype("c8")
    matrix = fourier_matrix(np.arange(-8.0, 8.0), np.arange(16) / 16)
    expected = np.fft.fftshift(np.fft.fft2(fields), axes=(1, 2))
    np.testing.assert_allclose(transform(fields, matrix), expected, rtol=0, atol=1e-4)


def test_a_perfect_coronagraph_leaves_nothing_of_a_flat_wave():
    coronagraph = coronagraph_of("naco_like", coronagraph="perfect")
    left = coronagraph.behind(coronagraph.entrance[np.newaxis].astype(np.complex64), 0.1)
    assert np.abs(left).max() < 1e-6


def test_of_a_small_aberration_a_perfect_coronagraph_leaves_the_phase():
    coronagraph = coronagraph_of("naco_like", coronagraph="perfect")
    x = pupil_coordinates(48)
    phase = 0.01 * np.cos(2 * np.pi * 5 * x) * np.ones((48, 1))
    field = (coronagraph.entrance * np.exp(1j * phase)).astype(np.complex64)
    left = coronagraph.behind(field[np.newaxis], 0.1)[0]
    mean = np.average(phase, weights=coronagraph.entrance**2)
    expected = 1j * (phase - mean) * coronagraph.off_axis
    np.testing.assert_allclose(left, expected, atol=1e-4)


def test_a_vortex_moves_the_star_out_of_a_clear_pupil():
    n = 64
    clear = telescope_pupil(n, obscuration=0.0, spider_width=0.0).astype(np.complex64)
    left = np.abs(Vortex.of_pixels(n)(clear[np.newaxis], 0.1)[0]) ** 2
    stop = telescope_pupil(n, outer=0.9, obscuration=0.0, spider_width=0.0)
    # What is left comes from the pixels at the edge.
    assert (left * stop).sum() < 2e-4 * (clear * stop).sum().real


def test_a_vortex_spreads_the_light_of_the_obscuration_as_its_theory_says():
    n, obscuration = 128, 0.3
    pupil = telescope_pupil(n, obscuration=obscuration, spider_width=0.0).astype(np.complex64)
    left = np.abs(Vortex.of_pixels(n)(pupil[np.newaxis], 0.1)[0])
    x = pupil_coordinates(n)
    radius = np.hypot(x[:, np.newaxis], x)
    ring = (radius > 0.2) & (radius < 0.42)
    # Mawet et al. (2013), ApJS 209, 7, eq. 2: (r0 / r)^2 outside the obscuration.
    expected = (obscuration / 2 / radius[ring]) ** 2
    np.testing.assert_allclose(left[ring], expected, atol=0.03)


def test_half_the_light_passes_a_vortex_at_its_inner_working_angle():
    n = 64
    clear = telescope_pupil(n, obscuration=0.0, spider_width=0.0)
    stop = telescope_pupil(n, outer=0.95, obscuration=0.0, spider_width=0.0)
    field = tilted(clear, 0.9)[np.newaxis].astype(np.complex64)
    left = np.abs(Vortex.of_pixels(n)(field, 0.1)[0] * stop) ** 2
    # Mawet et al. (2005): 0.9 lambda/D for a charge of 2.
    assert left.sum() / (clear * stop).sum() == pytest.approx(0.5, abs=0.06)


@pytest.fixture(scope="module")
def aplc():
    return coronagraph_of("irdis_like")


@pytest.fixture(scope="module")
def lambda_over_d():
    return load_preset("irdis_like").telescope.lambda_over_d(1.593)


def test_an_aplc_dims_the_star_and_passes_what_lies_beyond_its_mask(aplc, lambda_over_d):
    focal = np.arange(-60, 61) * 0.25
    peak = aplc.off_axis.sum(dtype=np.float64) ** 2
    star = aplc.behind(aplc.entrance[np.newaxis].astype(np.complex64), lambda_over_d)[0]
    radius = np.hypot(focal[:, np.newaxis], focal)
    leak = image_of(star, focal) / peak
    assert leak[radius > 3].max() < 1e-4
    far = tilted(aplc.entrance, 8.0)[np.newaxis].astype(np.complex64)
    companion = image_of(aplc.behind(far, lambda_over_d)[0], focal) / peak
    assert companion.max() == pytest.approx(1, abs=0.03)
    y, x = np.unravel_index(np.argmax(companion), companion.shape)
    assert (focal[y], focal[x]) == (0.0, 8.0)


def test_behind_the_mask_a_companion_is_lost(aplc, lambda_over_d):
    focal = np.arange(-60, 61) * 0.25
    near = tilted(aplc.entrance, 1.0)[np.newaxis].astype(np.complex64)
    companion = image_of(aplc.behind(near, lambda_over_d)[0], focal)
    assert companion.max() < 0.1 * aplc.off_axis.sum(dtype=np.float64) ** 2


def test_the_apodiser_is_an_eigenmode_of_its_mask():
    annulus = telescope_pupil(64, obscuration=0.14, spider_width=0.0)
    mode = prolate_mode(annulus, 2.25)
    passed = (through_mask(mode[np.newaxis].astype(np.complex64), 2.25)[0] * annulus).real
    eigenvalue = (passed * mode).sum() / (mode**2).sum()
    assert 0.95 < eigenvalue < 1
    assert np.abs(passed - eigenvalue * mode).max() < 5e-3
    assert mode.max() == pytest.approx(1)


def test_a_mask_as_wide_as_the_image_passes_everything():
    rng = np.random.default_rng(2)
    pupil = telescope_pupil(16, obscuration=0.0, spider_width=0.0)
    smooth = pupil * (1 + 0.1 * rng.normal())
    # 8 lambda/D hold all that 16 pixels sample.
    passed = through_mask(smooth[np.newaxis].astype(np.complex64), 8.0)[0]
    inner = np.hypot(pupil_coordinates(16)[:, None], pupil_coordinates(16)) < 0.35
    np.testing.assert_allclose(passed[inner].real, smooth[inner], rtol=0.06)


def test_sequences_of_one_telescope_share_a_coronagraph_that_none_can_change():
    coronagraph = coronagraph_of("irdis_like")
    assert coronagraph_of("irdis_like", n_frames=7) is coronagraph
    assert coronagraph_of("irdis_like", n_pupil=40, size=71) is not coronagraph
    for transmission in (coronagraph.entrance, coronagraph.stop):
        with pytest.raises(ValueError, match="read-only"):
            transmission *= 2


def test_coronagraph_stops_are_narrower_than_the_pupil():
    for name in ("irdis_like", "naco_like"):
        coronagraph = coronagraph_of(name)
        assert isinstance(coronagraph, Coronagraph)
        assert (coronagraph.stop > 0).sum() < (coronagraph.entrance > 0).sum()
