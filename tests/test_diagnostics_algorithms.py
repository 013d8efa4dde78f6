"""What the algorithms of users hand over, good and bad, to every diagnostic."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import radius_map
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import ImageSequence
from exobench.scoring.diagnostics import (
    Injections,
    completeness_curve,
    contrast_curve,
    noise_regimes,
    normality_tests,
    performance_map,
)

FWHM, SIZE = 4.0, 41
PLACES = Injections(radii_px=np.array([4.0, 8.0, 16.0]), n_azimuths=2)
RADIUS = radius_map((SIZE, SIZE))


def make_sequence(size=SIZE):
    y, x = np.indices((21, 21)) - 10
    psf = normalise_psf(np.exp(-4 * np.log(2) * (y**2 + x**2) / FWHM**2), FWHM).psf
    noise = np.random.default_rng(0).normal(size=(1, 2, size, size))
    return ImageSequence(
        name="toy_1",
        cube=gaussian_filter(noise, (0, 0, 1, 1)),
        angles=[0, 0],
        psf=psf,
        fwhm=FWHM,
        pixel_scale=0.01,
        star_flux=[1000.0],
    )


@pytest.fixture(scope="module")
def sequence():
    return make_sequence()


def mean_frame(sequence):
    return sequence.cube.mean(axis=(0, 1), dtype=np.float64)


def where(inside, value):
    """The mean frame, with another value inside a radius."""
    return lambda sequence: np.where(inside > RADIUS, value, mean_frame(sequence))


def contrast(sequence, algorithm):
    return contrast_curve(sequence, algorithm, injections=PLACES).flux


def completeness(sequence, algorithm):
    return completeness_curve(sequence, algorithm, injections=PLACES).flux


def performance(sequence, algorithm):
    return performance_map(sequence, algorithm, [5.0], fpf=0.01, injections=PLACES).found


def normality(sequence, algorithm):
    return normality_tests(sequence, algorithm(sequence)).table()


MEASURED = [contrast, completeness, performance, normality]


@pytest.mark.parametrize("measured", MEASURED)
@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (1j * np.ones((SIZE, SIZE)), "toy_1.*real numbers, got complex128"),
        ("image.fits", "toy_1.*real numbers, got <U10"),
        ([[1.0, 2.0], [3.0]], "toy_1.*array of real numbers"),
        (None, "toy_1.*real numbers, got object"),
        (np.ones((2, SIZE, SIZE)), r"toy_1.*\(41, 41\).*got \(2, 41, 41\)"),
        (np.full((SIZE, SIZE), np.nan), "toy_1.*without a finite value"),
        (np.where(RADIUS < 2, np.inf, 0.0), r"toy_1.*\+inf.*NaN"),
    ],
)
def test_what_is_no_image_of_the_sequence_is_refused(sequence, measured, returned, message):
    with pytest.raises(InputError, match=message):
        measured(sequence, lambda s: returned)


@pytest.mark.parametrize("measured", MEASURED[:3])
def test_what_an_algorithm_raises_is_passed_on(sequence, measured):
    def failing(sequence):
        raise np.linalg.LinAlgError("SVD did not converge")

    with pytest.raises(np.linalg.LinAlgError, match="did not converge"):
        measured(sequence, failing)


def test_an_algorithm_cannot_change_the_sequence(sequence):
    def careless(sequence):
        sequence.cube[:] -= sequence.cube.mean()
        return sequence.cube[0, 0]

    with pytest.raises(ValueError, match="read-only"):
        contrast(sequence, careless)


@pytest.mark.parametrize("measured", MEASURED[:3])
def test_an_algorithm_may_return_the_same_array_again(sequence, measured):
    kept = np.empty((SIZE, SIZE))

    def thrifty(sequence):
        kept[:] = mean_frame(sequence)
        return kept

    np.testing.assert_array_equal(measured(sequence, thrifty), measured(sequence, mean_frame))


def test_masked_pixels_and_minus_infinity_make_no_claim(sequence):
    nothing = where(3.0, np.nan)

    def masked(sequence):
        return np.ma.masked_where(RADIUS < 3, where(3.0, 1e6)(sequence))

    expected = completeness(sequence, nothing)
    np.testing.assert_array_equal(completeness(sequence, where(3.0, -np.inf)), expected)
    np.testing.assert_array_equal(completeness(sequence, masked), expected)


def test_where_a_residual_image_has_no_value_the_limit_is_unknown_not_infinite(sequence):
    curve = contrast_curve(sequence, where(7.0, np.nan), injections=PLACES)
    np.testing.assert_array_equal(np.isnan(curve.flux), [True, True, False])
    np.testing.assert_array_equal(np.isnan(curve.large_sample_flux), [True, True, False])
    np.testing.assert_array_equal(np.isnan(curve.delta_mag), [True, True, False])


def test_the_core_of_the_star_finds_no_companion_beside_it(sequence):
    """It stands 1 FWHM from the innermost places, but outside the annulus that is searched."""
    dark, bright = (
        completeness_curve(sequence, where(1.0, value), injections=PLACES).limits
        for value in (-1e3, 1e3)
    )
    assert (bright > 0).all()
    np.testing.assert_allclose(bright[1:], dark[1:])


@pytest.mark.parametrize("size", [5, 11])
def test_frames_on_which_no_ring_fits_are_named_as_such(size):
    with pytest.raises(InputError, match=f"toy_1: frames of {size} x {size} px are too small"):
        contrast_curve(make_sequence(size), mean_frame)


def gaussian_frames(sequence):
    return np.random.default_rng(1).normal(size=(20, *sequence.shape))


def test_rings_with_too_few_apertures_for_a_test_are_no_speckles():
    found = noise_regimes(make_sequence(61), {"noise": gaussian_frames}, tests=["dagostino"])
    assert np.isnan(found.combined[:3]).all()
    assert found.boundary_px == 0


def test_the_name_of_a_single_test_may_stand_alone(sequence):
    one, listed = (
        noise_regimes(sequence, {"noise": gaussian_frames}, tests=tests).combined
        for tests in ("shapiro_wilk", ["shapiro_wilk"])
    )
    np.testing.assert_array_equal(one, listed)


def test_a_significance_beyond_the_quantiles_of_student_is_refused(sequence):
    with pytest.raises(InputError, match=r"sigma must be .* at most 30"):
        contrast_curve(sequence, mean_frame, sigma=40.0)
