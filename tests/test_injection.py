"""Injected companions stand where they should, as bright as they should."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import frame_centre, to_yx
from exobench.datasets.injection import companion_signal, inject
from exobench.datasets.psf import aperture_flux, normalise_psf
from exobench.datasets.rotation import derotate
from exobench.datasets.sequence import Companion, ImageSequence

# So far apart that the sky would turn by many FWHM during a frame: where a test is not about
# that, the middle of the exposure is injected only.
ANGLES = np.array([-50.0, -11.3, 0.0, 24.6, 71.9, 163.0])


def gaussian_psf(fwhm, size=31):
    y, x = np.indices((size, size)) - size // 2
    return np.exp(-4 * np.log(2) * (y**2 + x**2) / fwhm**2)


def empty_sequence(size=81, fwhm=(4.2,), **fields):
    psf = normalise_psf(np.stack([gaussian_psf(f) for f in fwhm]))
    given = {
        "name": "empty_1",
        "cube": np.zeros((len(fwhm), len(ANGLES), size, size), dtype=np.float32),
        "angles": ANGLES,
        "psf": psf.psf,
        "fwhm": psf.fwhm,
        "pixel_scale": 0.02,
        **fields,
    }
    return ImageSequence(**given)


def source(sequence, radius, theta, flux=1.0):
    """Companion at a radius in pixels and an azimuth counter-clockwise from +x."""
    return Companion(separation=radius * sequence.pixel_scale, position_angle=theta - 90, flux=flux)


def peak(image):
    """Top of the parabolas through the logarithm of the brightest pixel and its neighbours."""
    y, x = np.unravel_index(np.argmax(image), image.shape)
    logarithm = np.log(image[y - 1 : y + 2, x - 1 : x + 2])
    return y + top(*logarithm[:, 1]), x + top(*logarithm[1])


def top(before, at, after):
    return (before - after) / (2 * (before - 2 * at + after))


@pytest.mark.parametrize("size", [81, 80])
def test_a_companion_derotates_to_its_stated_position(size):
    sequence = empty_sequence(size)
    companion = source(sequence, 21.4, 33.0)
    combined = np.mean(derotate(inject(sequence, [companion], smearing=1).cube[0], ANGLES), axis=0)
    assert np.hypot(*np.subtract(peak(combined), companion.position(sequence))) < 0.1


@pytest.mark.parametrize("size", [81, 80])
def test_with_flipped_angles_it_does_not(size):
    sequence = empty_sequence(size)
    companion = source(sequence, 21.4, 33.0)
    combined = np.mean(derotate(inject(sequence, [companion], smearing=1).cube[0], -ANGLES), axis=0)
    assert np.hypot(*np.subtract(peak(combined), companion.position(sequence))) > 2


@pytest.mark.parametrize("size", [81, 80])
def test_in_every_frame_it_stands_at_theta_minus_the_angle(size):
    sequence = empty_sequence(size)
    injected = inject(sequence, [source(sequence, 25.3, 140.0)], smearing=1)
    for frame, angle in zip(injected.cube[0], ANGLES, strict=True):
        expected = to_yx(25.3, 140.0 - angle, sequence.shape)
        assert np.hypot(*np.subtract(peak(frame), expected)) < 0.002


def test_a_shifted_stamp_equals_the_psf_drawn_at_the_fraction_of_a_pixel():
    sequence = empty_sequence(fwhm=(4.2,))
    companion = source(sequence, 20.37, 77.0, flux=5.0)
    frame = inject(sequence, [companion], smearing=1).cube[0, 2]
    y, x = companion.position(sequence)
    rows, columns = np.indices(sequence.shape)
    gaussian = np.exp(-4 * np.log(2) * ((rows - y) ** 2 + (columns - x) ** 2) / 4.2**2)
    expected = 5 * gaussian / aperture_flux(gaussian_psf(4.2), sequence.fwhm[0])
    np.testing.assert_allclose(frame, expected, atol=1e-5 * expected.max())


def test_what_stands_at_the_edge_of_a_stamp_does_not_come_back_on_its_other_side():
    y, x = np.indices((31, 31)) - 15
    psf = gaussian_psf(4.2) + 0.3 * np.exp(-4 * np.log(2) * (y**2 + (x + 13) ** 2) / 3**2)
    tight = empty_sequence(fwhm=(4.2,), psf=psf[np.newaxis])
    roomy = replace(tight, psf=np.pad(psf, 20)[np.newaxis])
    companion = source(tight, 20.37, 77.0)
    difference = inject(tight, [companion]).cube - inject(roomy, [companion]).cube
    assert np.abs(difference).max() < 0.01 * 0.3


def test_a_shift_keeps_the_light_of_a_stamp():
    sequence = empty_sequence(psf=gaussian_psf(60.0)[np.newaxis])
    stamps = companion_signal(sequence, source(sequence, 20.37, 77.0)).stamps
    assert stamps.sum(axis=(0, 2, 3)) == pytest.approx(sequence.psf.sum(), rel=1e-5)


def test_flux_is_that_of_the_aperture_of_one_fwhm():
    sequence = empty_sequence(fwhm=(3.4, 4.6))
    # On the centre of a pixel, in the frame of angle 0.
    cube = inject(sequence, [source(sequence, 20, 90.0, flux=(2.0, 7.0))], smearing=1).cube
    cy, cx = (int(c) for c in frame_centre(sequence.shape))
    for image, fwhm, flux in zip(cube[:, 2], sequence.fwhm, (2.0, 7.0), strict=True):
        stamp = image[cy + 20 - 10 : cy + 20 + 11, cx - 10 : cx + 11]
        assert aperture_flux(stamp, fwhm) == pytest.approx(flux, rel=1e-4)


def test_a_contrast_is_relative_to_the_star():
    sequence = empty_sequence(star_flux=3e4)
    by_contrast = Companion(separation=0.4, position_angle=20, contrast=1e-3)
    by_flux = Companion(separation=0.4, position_angle=20, flux=30.0)
    np.testing.assert_array_equal(
        inject(sequence, [by_contrast]).cube, inject(sequence, [by_flux]).cube
    )


def test_companions_add_up_and_leave_the_input_alone():
    rng = np.random.default_rng(1)
    cube = rng.normal(size=(1, 6, 81, 81)).astype(np.float32)
    sequence = empty_sequence(cube=cube.copy())
    one, two = source(sequence, 12, 10), source(sequence, 30, 200, flux=3.0)
    both = inject(sequence, [one, two]).cube - inject(sequence, [two]).cube
    np.testing.assert_allclose(both, inject(sequence, [one]).cube - cube, atol=1e-6)
    np.testing.assert_array_equal(sequence.cube, cube)


def test_only_sequences_with_a_companion_say_injected():
    sequence = empty_sequence(metadata={"simulated": "toy"})
    injected = inject(sequence, [source(sequence, 12, 10)])
    assert injected.metadata == {"simulated": "toy", "injected": "yes"}
    assert inject(sequence, []) is sequence


def test_beyond_the_border_a_stamp_is_cut_and_does_not_wrap_round():
    sequence, larger = empty_sequence(81), empty_sequence(181)
    edge = inject(sequence, [source(sequence, 39.6, 3.0)]).cube
    whole = inject(larger, [source(larger, 39.6, 3.0)]).cube
    np.testing.assert_array_equal(edge, whole[..., 50:131, 50:131])


def test_a_companion_that_leaves_the_corner_is_kept_where_it_is_visible():
    sequence = empty_sequence(81)
    cube = inject(sequence, [source(sequence, 50.0, 45.0)], smearing=1).cube[0]
    assert cube[2].max() > 0.02  # in the corner at angle 0
    assert np.abs(cube[0]).max() < 1e-3  # beyond the edge at another


def test_the_signal_of_a_companion_is_linear_in_its_flux():
    sequence = empty_sequence(fwhm=(3.4, 4.6))
    one = companion_signal(sequence, source(sequence, 22.2, 50, flux=1.0))
    four = companion_signal(sequence, source(sequence, 22.2, 50, flux=4.0))
    np.testing.assert_array_equal(one.corners, four.corners)
    np.testing.assert_allclose(four.stamps, 4 * one.stamps, rtol=1e-6, atol=1e-9)


def test_smearing_is_the_mean_over_the_rotation_of_the_frame():
    angles = np.array([0.0, 10.0, 20.0, 30.0])
    cube = np.zeros((1, 4, 81, 81), dtype=np.float32)
    sequence = empty_sequence(cube=cube, angles=angles)
    companion = source(sequence, 35.0, 60.0)
    smeared = inject(sequence, [companion], smearing=5).cube[0, 1]
    instants = 10.0 + 10 * (np.arange(40) - 19.5) / 40
    fine = empty_sequence(cube=np.zeros((1, 40, 81, 81), dtype=np.float32), angles=instants)
    expected = inject(fine, [companion], smearing=1).cube[0].mean(axis=0)
    np.testing.assert_allclose(smeared, expected, atol=1e-3 * expected.max())


def test_every_impossible_companion_is_named_at_once():
    sequence = empty_sequence()
    companions = [
        Companion(separation=3.0, position_angle=0, flux=1.0),
        Companion(separation=0.4, position_angle=0, flux=(1.0, 2.0)),
        Companion(separation=0.4, position_angle=0, contrast=1e-4),
    ]
    with pytest.raises(InputError) as caught:
        inject(sequence, companions)
    outside, count, contrast = caught.value.problems
    assert outside == (
        "empty_1: a companion at 3 arcsec lies outside every frame; "
        "the nearest edge is 0.8 arcsec from the star"
    )
    assert "2 values of flux, the sequence 1 wavelengths" in count
    assert "the star's flux is unknown" in contrast


def test_smearing_over_no_instant_is_refused():
    sequence = empty_sequence()
    with pytest.raises(InputError, match="1 or more, got 0"):
        inject(sequence, [source(sequence, 12, 10)], smearing=0)


@pytest.fixture(scope="module")
def naco(shared_data):
    folder = shared_data / "naco_betapic"
    psf = normalise_psf(fits.getdata(folder / "naco_psf_1.fits"))
    return ImageSequence(
        name="naco_1",
        cube=fits.getdata(folder / "naco_cube_1.fits")[np.newaxis],
        angles=fits.getdata(folder / "naco_pa_1.fits"),
        psf=psf.psf,
        fwhm=psf.fwhm,
        pixel_scale=float(fits.getdata(folder / "naco_pxscale_1.fits")[0]),
    )


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("radius", [12.3, 30.7])
def test_near_the_companion_vip_injects_the_same(naco, radius):
    fm = pytest.importorskip("vip_hci.fm", reason="needs the extra: pip install 'exobench[peers]'")
    theta, flux = 63.0, 2000.0
    ours = inject(naco, [source(naco, radius, theta, flux)], smearing=1).cube[0] - naco.cube[0]
    blank = np.zeros(naco.cube.shape[1:])
    theirs = fm.cube_inject_companions(
        blank, naco.psf[0], naco.angles, flux, rad_dists=radius, theta=theta, imlib="vip-fft"
    )
    y, x = np.indices(naco.shape)
    for mine, other, angle in zip(ours, theirs, naco.angles, strict=True):
        cy, cx = to_yx(radius, theta - angle, naco.shape)
        near = np.hypot(y - cy, x - cx) <= 10
        assert np.abs(mine - other)[near].max() < 1e-3 * other.max()
