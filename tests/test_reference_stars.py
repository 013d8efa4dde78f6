"""Frames of reference stars as the library of a frame, alone or beside its own sequence."""

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.baselines import load
from exobench.baselines._references import joined_by_stars
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import edge_distance, radius_map
from exobench.datasets.injection import inject
from exobench.datasets.sequence import Companion, ImageSequence
from exobench.scoring.snr import significance_at

FWHM = 4.0
CASES = [
    ("median", "rdi", {}),
    ("pca", "rdi", {"n_components": 4}),
    ("pca", "ardi", {"n_components": 5}),
    ("pca", "ardi", {"n_components": 5, "delta_rotation": 0.5}),
    ("annular_pca", "rdi", {"n_components": 4}),
    ("annular_pca", "ardi", {"n_components": 5}),
    ("loci", "rdi", {}),
    ("loci", "ardi", {}),
]


def observed(angles, n_stars=25, shape=(50, 51), flicker=1.0):
    """One star and, three times as bright, another, through the same speckles; weak noise."""
    rng = np.random.default_rng(4)
    patterns = gaussian_filter(rng.normal(size=(4, *shape)), (0, 1.5, 1.5)) * 300
    n = len(angles) + n_stars
    strengths = np.concatenate([np.full((n, 1), 10.0), flicker * rng.normal(size=(n, 3))], axis=1)
    strengths[len(angles) :] *= 3
    cube = np.tensordot(strengths, patterns, axes=1) + rng.normal(size=(n, *shape))
    y, x = np.indices((13, 13)) - 6
    psf = np.exp(-4 * np.log(2) * (x**2 + y**2) / FWHM**2)
    psf /= psf[x**2 + y**2 <= FWHM**2 / 4].sum()
    return ImageSequence(
        name="toy_1",
        cube=cube[np.newaxis, : len(angles)],
        angles=angles,
        psf=psf[np.newaxis],
        fwhm=FWHM,
        pixel_scale=0.01,
        reference=cube[np.newaxis, len(angles) :],
    )


@pytest.mark.parametrize(("name", "library", "options"), CASES)
def test_a_companion_of_a_field_that_hardly_turns_is_found_with_reference_stars(
    name, library, options
):
    turn = 60 if library == "ardi" else 2
    flicker = 0.01 if name == "median" else 1.0
    sequence = observed(np.linspace(0, turn, 20), flicker=flicker)
    companion = Companion(separation=0.16, position_angle=180, flux=60.0)
    injected = inject(sequence, [companion])
    method = load(name, library=library, **options)
    here = significance_at(method.reduce(injected), FWHM, [companion.position(injected)])[0]
    detections = method(injected)
    assert here > max(5, 0.8 * np.nanmax(detections))


@pytest.mark.parametrize(("name", "options"), [("pca", {"n_components": 4}), ("median", {})])
def test_reference_stars_leave_a_companion_that_its_own_frames_would_subtract(name, options):
    sequence = observed(np.zeros(20))
    companion = Companion(separation=0.16, position_angle=30, flux=500.0)
    y, x = np.rint(companion.position(sequence)).astype(int)

    def left(library):
        method = load(name, library=library, **options)
        full, empty = (method.reduce(s) for s in (inject(sequence, [companion]), sequence))
        return (full - empty)[y, x] / injected_peak

    injected_peak = (inject(sequence, [companion]).cube - sequence.cube)[0, 0, y, x]
    assert left("rdi") > 0.9
    assert abs(left("adi")) < 0.1


def test_the_residual_is_what_the_components_of_the_reference_stars_leave():
    sequence = observed(np.linspace(0, 40, 9))
    science = sequence.cube[0].reshape(9, -1).astype(float)
    stars = sequence.reference[0].reshape(25, -1).astype(float)
    for library, seen in (("rdi", stars), ("ardi", np.concatenate([science, stars]))):
        basis = np.linalg.svd(seen, full_matrices=False)[2][:5]
        expected = science - science @ basis.T @ basis
        residuals = load("pca", n_components=5, library=library).residuals(sequence)
        np.testing.assert_allclose(residuals.reshape(9, -1), expected, atol=0.02)


def test_annular_components_are_those_of_the_same_pixels_of_reference_stars():
    sequence = observed(np.linspace(0, 40, 9))
    method = load("annular_pca", n_components=3, annulus_width=1e9, library="rdi")
    whole = load("pca", n_components=3, library="rdi")
    inside = radius_map(sequence.shape) < edge_distance(sequence.shape) + 0.5
    stars = sequence.reference[0][:, inside].astype(float)
    science = sequence.cube[0][:, inside].astype(float)
    basis = np.linalg.svd(stars, full_matrices=False)[2][:3]
    expected = science - science @ basis.T @ basis
    np.testing.assert_allclose(method.residuals(sequence)[:, inside], expected, atol=0.02)
    assert not np.allclose(whole.residuals(sequence)[:, inside], expected, atol=0.02)


def test_loci_fits_reference_stars_by_least_squares():
    sequence = observed(np.linspace(0, 40, 9))
    method = load("loci", library="rdi", damping=0.0, dr=1e6, g=0.01, n_a=1e6)
    zone = next(iter(method.zones(sequence.shape, FWHM)))
    science = sequence.cube[0].reshape(9, -1)[:, zone.fitted].astype(float)
    stars = sequence.reference[0].reshape(25, -1)[:, zone.fitted].astype(float)
    weights = np.linalg.lstsq(stars.T, science.T, rcond=None)[0]
    served = sequence.reference[0].reshape(25, -1)[:, zone.pixels]
    expected = sequence.cube[0].reshape(9, -1)[:, zone.pixels] - weights.T @ served
    residuals = method.residuals(sequence).reshape(9, -1)[:, zone.pixels]
    np.testing.assert_allclose(residuals, expected, atol=0.05)


def test_the_median_of_reference_stars_is_scaled_to_each_frame():
    sequence = observed(np.linspace(0, 40, 9))
    median = np.median(sequence.reference[0].astype(float), axis=0).ravel()
    residuals = load("median", library="rdi").residuals(sequence)
    for frame, residual in zip(sequence.cube[0], residuals, strict=True):
        scale = np.linalg.lstsq(median[:, np.newaxis], frame.ravel().astype(float), rcond=None)[0]
        np.testing.assert_allclose(residual.ravel(), frame.ravel() - scale * median, atol=0.02)


def test_one_frame_is_enough_with_reference_stars():
    sequence = observed(np.zeros(1))
    for name, library, options in CASES:
        if library == "rdi":
            image = load(name, library=library, **options).reduce(sequence)
            assert image.std() < 0.5 * sequence.cube.std()


def test_stars_serve_every_frame_and_own_frames_only_where_they_may():
    allowed = np.array([[False, True], [True, False]])
    expected = [[False, True, True], [True, False, True]]
    assert joined_by_stars(allowed, 1, "ardi").tolist() == expected
    assert joined_by_stars(allowed, 1, "rdi").tolist() == [[False, False, True]] * 2
    assert joined_by_stars(allowed, 0, "adi").tolist() == allowed.tolist()


@pytest.mark.parametrize("name", ["median", "pca", "annular_pca", "loci"])
def test_a_sequence_without_reference_stars_is_refused_with_a_way_out(name):
    sequence = dataclasses.replace(observed(np.linspace(0, 40, 12)), reference=None)
    message = "toy_1: library rdi needs frames of reference stars, .* none; take library adi"
    with pytest.raises(InputError, match=message):
        load(name, library="rdi")(sequence)


def test_components_are_counted_against_the_library():
    sequence = observed(np.linspace(0, 40, 12))
    for library, most in (("rdi", 24), ("ardi", 36)):
        with pytest.raises(InputError, match=f"n_components must be at most {most}"):
            load("pca", n_components=37, library=library)(sequence)


def test_an_unknown_library_is_refused():
    with pytest.raises(InputError, match="library must be one of adi, rdi, ardi, got 'sdi'"):
        load("pca", library="sdi")
    with pytest.raises(InputError, match="library must be one of adi, rdi, got 'ardi'"):
        load("median", library="ardi")
