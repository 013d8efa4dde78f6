"""Known sources leave nothing but noise where the angles are flipped."""

from dataclasses import replace

import numpy as np
import pytest

from exobench.baselines import load
from exobench.datasets.errors import InputError, SequenceError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import annulus
from exobench.datasets.injection import inject
from exobench.datasets.preprocessing import arc_fwhm, filled, fitted, short_arcs, subtracted
from exobench.datasets.sequence import Companion


@pytest.fixture(scope="module")
def whole(shared_data):
    """The real sequence, which holds no planet."""
    return read_sequence(shared_data / "naco_betapic")


@pytest.fixture(scope="module")
def naco(whole):
    """Every second frame of it."""
    return replace(whole, cube=whole.cube[:, ::2], angles=whole.angles[::2])


def source(sequence, radius_px, position_angle=211.0, flux=3000.0):
    return Companion(
        separation=radius_px * sequence.pixel_scale, position_angle=position_angle, flux=flux
    )


def distance(sequence, one, other):
    return float(np.hypot(*np.subtract(one.position(sequence), other.position(sequence))))


def flipped_extremes(sequence, radius_px):
    """Least and highest significance around a radius, with opposite angles."""
    flipped = replace(sequence, angles=-sequence.angles)
    found = load("pca", n_components=10)(flipped)
    around = annulus(sequence.shape, radius_px - 7, radius_px + 7) & np.isfinite(found)
    return found[around].min(), found[around].max()


@pytest.mark.parametrize(
    ("radius_px", "within"),
    [
        pytest.param(12, 0.15, marks=pytest.mark.slow),
        (17, 0.02),
        pytest.param(30, 0.02, marks=pytest.mark.slow),
    ],
)
def test_a_source_in_the_real_cube_is_fitted_by_negative_injection(whole, radius_px, within):
    true = source(whole, radius_px)
    guess = source(whole, radius_px + 1.2, true.position_angle - 3, flux=1.0)
    found = fitted(inject(whole, [true]), guess)
    assert distance(whole, found, true) < within
    assert found.flux == pytest.approx(true.flux, rel=0.03)


@pytest.mark.slow
def test_a_fitted_and_subtracted_source_leaves_noise_after_a_flip(whole):
    real = inject(whole, [source(whole, 17)])
    before = flipped_extremes(real, 17)
    assert max(-before[0], before[1]) > 5  # a flip alone is not enough
    clean = subtracted(real, [fitted(real, source(whole, 17, 199.0, flux=1.0))])
    np.testing.assert_allclose(flipped_extremes(clean, 17), flipped_extremes(whole, 17), atol=0.1)


def test_a_filled_track_leaves_noise_after_a_flip(naco):
    real = inject(naco, [source(naco, 17)])
    clean = filled(real, [source(naco, 17)])
    low, high = flipped_extremes(clean, 17)
    assert max(-low, high) < 3.5
    y, x = np.indices(naco.shape)
    for t in (0, 15, 30):
        azimuth = np.deg2rad(211 + 90 - naco.angles[t])
        near = np.hypot(y - 50 - 17 * np.sin(azimuth), x - 50 - 17 * np.cos(azimuth))
        beside = near > 1.5 * naco.reference_fwhm
        np.testing.assert_array_equal(clean.cube[0, t][beside], real.cube[0, t][beside])
        core = near < 2
        error = (clean.cube - naco.cube)[0, t][core]
        assert np.abs(error).mean() < 0.2 * (real.cube - naco.cube)[0, t][core].mean()


def test_what_is_subtracted_is_what_injection_adds(naco):
    sources = [source(naco, 20), source(naco, 44, 30.0, flux=500.0)]
    back = subtracted(inject(naco, sources), sources)
    np.testing.assert_allclose(back.cube, naco.cube, atol=1e-3)
    assert back.metadata == {"injected": "yes"}


def test_a_source_of_several_wavelengths_has_a_place_and_a_flux_in_each(naco):
    # two channels with speckles of their own: the sequence and its mirror image in time
    cube = np.concatenate([naco.cube, naco.cube[:, ::-1]])[:, ::2]
    two = replace(
        naco, cube=cube, angles=naco.angles[::2], psf=naco.psf.repeat(2, axis=0), fwhm=naco.fwhm[0]
    )
    true = replace(source(two, 25), flux=(3000.0, 1500.0))
    found = fitted(inject(two, [true]), source(two, 25.5, 212.0, flux=1.0))
    assert distance(two, found, true) < 0.1
    np.testing.assert_allclose(found.flux, true.flux, rtol=0.15)


def test_the_arc_is_radius_times_rotation(naco):
    expected = 20 * np.deg2rad(naco.field_rotation) / naco.fwhm[0]
    assert arc_fwhm(naco, source(naco, 20)) == pytest.approx(expected)


def test_sources_with_short_arcs_are_named(naco):
    sources = [source(naco, 5), source(naco, 20), source(naco, 6, 30.0)]
    assert short_arcs(naco, sources) == (sources[0], sources[2])
    with pytest.raises(SequenceError) as caught:
        filled(naco, sources)
    assert caught.value.problems == (
        "naco_1: the source at 0.136 arcsec, 211.0 degrees moves by 1.6 FWHM only, less than 2; "
        "fit and subtract it",
        "naco_1: the source at 0.163 arcsec, 30.0 degrees moves by 1.9 FWHM only, less than 2; "
        "fit and subtract it",
    )


def test_a_guess_too_far_from_the_source_is_refused(naco):
    real = inject(naco, [source(naco, 17, flux=30_000.0)])
    with pytest.raises(SequenceError, match="was not found there; give its place to half a FWHM"):
        fitted(real, source(naco, 17, 211.0 - 90.0))


def test_sources_outside_the_frames_are_refused(naco):
    outside = source(naco, 90)
    for take_out in (lambda: subtracted(naco, [outside]), lambda: fitted(naco, outside)):
        with pytest.raises(InputError, match="lies outside every frame"):
            take_out()
