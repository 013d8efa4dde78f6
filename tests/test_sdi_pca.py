"""The alignment of speckles over wavelength, and PCA on it."""

import dataclasses

import numpy as np
import pytest

from exobench.baselines import load
from exobench.baselines._low_rank import pca_residuals
from exobench.baselines._spectral import (
    covered_mean,
    interpolation_matrix,
    magnify,
    over_each_exposure,
    single_pass_sdi,
)
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import frame_centre, radius_map
from exobench.datasets.sequence import ImageSequence

WAVELENGTHS = np.array([1.0, 1.1, 1.25])


def blob(shape, y, x, fwhm=4.0):
    cy, cx = frame_centre(shape)
    rows, columns = np.indices(shape)
    square = (rows - cy - y) ** 2 + (columns - cx - x) ** 2
    return np.exp(-4 * np.log(2) * square / fwhm**2).astype(np.float32)


def sequence_of(cube, wavelengths=WAVELENGTHS):
    return ImageSequence(
        name="toy_1",
        cube=cube,
        angles=np.linspace(0, 30, cube.shape[1]),
        psf=np.stack([blob((9, 9), 0, 0)] * len(cube)),
        fwhm=4.0,
        pixel_scale=0.01,
        wavelengths=wavelengths,
    )


@pytest.mark.parametrize("shape", [(40, 40), (41, 41), (40, 45)])
def test_speckles_of_all_wavelengths_fall_on_top_of_each_other(shape):
    scale = WAVELENGTHS[-1] / WAVELENGTHS
    cube = np.stack([blob(shape, 9 / s, -6 / s, 4 / s)[np.newaxis] for s in scale])
    aligned, covered = magnify(cube, scale)
    np.testing.assert_allclose(aligned, np.stack([aligned[-1]] * 3), atol=3e-3)
    assert covered.all()


def test_a_companion_moves_inwards_with_wavelength():
    shape = (61, 61)
    cube = np.stack([blob(shape, 0, 12)[np.newaxis]] * 3)
    aligned, _ = magnify(cube, WAVELENGTHS[-1] / WAVELENGTHS)
    radii = [radius_map(shape).flat[frame.argmax()] for frame in aligned]
    assert radii == [15, 14, 12]


@pytest.mark.parametrize("n", [40, 41])
def test_magnifying_and_back_changes_nothing_inside(n):
    image = blob((n, n), 5.3, -7.1, fwhm=3.5)[np.newaxis, np.newaxis]
    there, _ = magnify(image, np.array([1.3]))
    back, covered = magnify(there, np.array([1 / 1.3]))
    np.testing.assert_allclose(back[0, 0][covered[0]], image[0, 0][covered[0]], atol=3e-3)
    assert not back[0, 0][~covered[0]].any()
    assert covered[0].sum() == pytest.approx((n / 1.3) ** 2, rel=0.1)


def test_rows_of_the_interpolation_keep_a_constant():
    for n, factor in ((20, 1.4), (21, 1.4), (20, 0.7), (21, 1.0)):
        total = interpolation_matrix(n, factor).sum(axis=1)
        assert np.all(np.isclose(total, 1) | (total == 0))
    np.testing.assert_allclose(interpolation_matrix(9, 1.0), np.eye(9), atol=1e-7)


def test_speckles_that_scale_with_wavelength_vanish_and_nothing_is_lost_without_subtraction():
    shape, scale = (40, 40), WAVELENGTHS[-1] / WAVELENGTHS
    rng = np.random.default_rng(0)
    spots = rng.uniform(-9, 9, (6, 2))
    frames = np.stack([sum(blob(shape, y / s, x / s, 4 / s) for y, x in spots) for s in scale])
    cube = frames[:, np.newaxis] * rng.uniform(0.5, 1.5, (3, 8, 1, 1)).astype(np.float32)
    cube += 1e-3 * rng.normal(size=cube.shape).astype(np.float32)
    sequence = sequence_of(cube)
    kept = single_pass_sdi(lambda aligned: aligned)(sequence)
    assert kept.max() > 0.3
    assert np.abs(load("sdi_pca", n_components=1).reduce(sequence)).max() < 0.02 * kept.max()


def test_the_mean_over_wavelength_is_of_what_is_covered():
    rng = np.random.default_rng(1)
    images = rng.normal(size=(3, 4, 20, 20)).astype(np.float32)
    covered = np.ones((3, 20, 20), dtype=bool)
    covered[0, :, :10] = False
    covered[:, 0, 0] = False
    images *= covered[:, np.newaxis]
    mean = covered_mean(images, covered)
    np.testing.assert_allclose(mean[..., 10:], images[..., 10:].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(mean[:, 1:, :10], images[1:, :, 1:, :10].mean(axis=0), atol=1e-6)
    assert not mean[:, 0, 0].any()


def test_aligned_channels_have_the_same_flux_where_the_star_has():
    scale, seen = WAVELENGTHS[-1] / WAVELENGTHS, []
    cube = np.stack([s**2 * blob((60, 60), 0, 0, 8 / s)[np.newaxis] for s in scale])
    np.testing.assert_allclose(cube.sum(axis=(1, 2, 3)), cube[-1].sum(), rtol=1e-3)
    single_pass_sdi(lambda aligned: seen.append(aligned.copy()) or aligned)(sequence_of(cube))
    np.testing.assert_allclose(seen[0], np.stack([seen[0][-1]] * 3), atol=3e-3)


def test_two_stages_are_a_subtraction_in_each_exposure_and_one_over_time():
    rng = np.random.default_rng(5)
    cube = rng.normal(size=(3, 9, 31, 30)).astype(np.float32)
    scale = WAVELENGTHS[-1] / WAVELENGTHS
    flux = (scale**2)[:, np.newaxis, np.newaxis]
    frames = []
    for t in range(9):
        aligned = (magnify(cube[:, t : t + 1], scale)[0][:, 0] / flux).reshape(3, -1)
        basis = np.linalg.svd(aligned, full_matrices=False)[2][:1]
        rest = (aligned - aligned @ basis.T @ basis).reshape(3, 31, 30) * flux
        back, covered = magnify(rest[:, np.newaxis].astype(np.float32), 1 / scale)
        frames.append(back[:, 0].sum(axis=0) / np.maximum(covered.sum(axis=0), 1))
    matrix = np.stack(frames).reshape(9, -1)
    basis = np.linalg.svd(matrix, full_matrices=False)[2][:2]
    expected = (matrix - matrix @ basis.T @ basis).reshape(9, 31, 30)
    method = load("sdi_pca", n_components=2, spectral_components=1)
    np.testing.assert_allclose(method.residual_frames(sequence_of(cube)), expected, atol=1e-3)


def test_each_exposure_is_subtracted_on_its_own():
    cube = np.random.default_rng(6).normal(size=(4, 3, 8, 9)).astype(np.float32)
    applied = over_each_exposure(lambda frames: pca_residuals(frames, 2))(cube)
    np.testing.assert_array_equal(applied[:, 1], pca_residuals(cube[:, 1].copy(), 2))


def test_too_many_components_of_either_stage_are_refused():
    sequence = sequence_of(np.ones((3, 8, 20, 20), dtype=np.float32))
    for options, said in (
        ({"spectral_components": 3, "n_components": 2}, "spectral_components must be at most 2"),
        ({"spectral_components": 1, "n_components": 8}, "n_components must be at most 7"),
        ({"n_components": 24}, "n_components must be at most 23"),
    ):
        with pytest.raises(InputError, match=f"; {said}"):
            load("sdi_pca", **options)(sequence)


def test_one_wavelength_is_refused_with_a_hint():
    cube = np.ones((1, 8, 20, 20), dtype=np.float32)
    with pytest.raises(InputError, match=r"toy_1: .*one wavelength; take a baseline of .* adi"):
        load("sdi_pca", n_components=2)(sequence_of(cube, WAVELENGTHS[:1]))
    unknown = dataclasses.replace(sequence_of(np.ones((3, 8, 20, 20))), wavelengths=None)
    with pytest.raises(InputError, match="no wavelengths that differ"):
        load("sdi_pca", n_components=2)(unknown)
