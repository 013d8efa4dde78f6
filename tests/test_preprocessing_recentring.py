"""Offsets of the star, measured in four ways, come back to a stated accuracy."""

from dataclasses import replace

import numpy as np
import pytest

from exobench.datasets.centring import shift
from exobench.datasets.errors import SequenceError
from exobench.datasets.files import read_sequence
from exobench.datasets.injection import inject
from exobench.datasets.preprocessing import (
    peak_offsets,
    recentred,
    registration_offsets,
    spot_offsets,
    symmetry_offsets,
)
from exobench.datasets.sequence import Companion, ImageSequence


@pytest.fixture(scope="module")
def naco(shared_data):
    """Every seventh frame of the real coronagraphic sequence."""
    star = read_sequence(shared_data / "naco_betapic")
    return replace(star, cube=star.cube[:, ::7], angles=star.angles[::7])


@pytest.fixture(scope="module")
def unocculted(naco):
    """The real PSF as the star, with noise of a thousandth of its peak."""
    half = naco.psf.shape[-1] // 2
    cube = np.random.default_rng(5).normal(0, 1e-3 * naco.psf.max(), naco.cube.shape)
    cube[..., 50 - half : 51 + half, 50 - half : 51 + half] += naco.psf[0]
    return replace(naco, cube=cube)


def toy(cube, **fields):
    y, x = np.indices((15, 15)) - 7
    n_wavelengths, n_frames = cube.shape[:2]
    given = {
        "name": "toy_1",
        "cube": cube,
        "angles": np.zeros(n_frames),
        "psf": np.stack([np.exp(-4 * np.log(2) * (y**2 + x**2) / 16)] * n_wavelengths),
        "fwhm": 4.0,
        "pixel_scale": 0.01,
    }
    return ImageSequence(**given | fields)


def drawn(shape, offsets, image):
    """Cube of `image(y, x)` about the centre moved by each of the offsets."""
    y, x = np.indices(shape)
    cy, cx = shape[0] // 2, shape[1] // 2
    return np.array(
        [[image(y - cy - dy, x - cx - dx) for dy, dx in channel] for channel in offsets]
    )


def moffat(y, x):
    return (1 + (2 ** (1 / 2.5) - 1) * (y**2 + x**2) / 4) ** -2.5


def gaussian(y, x):
    return np.exp(-np.log(2) * (y**2 + x**2) / 4)


def offsets_of(sequence, sigma, seed=0):
    shape = (*sequence.cube.shape[:2], 2)
    return np.random.default_rng(seed).normal(0, sigma, shape)


def moved(sequence, offsets):
    return replace(sequence, cube=shift(sequence.cube, offsets))


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


@pytest.mark.parametrize(
    ("measure", "accuracy"),
    [
        (symmetry_offsets, 0.02),
        (registration_offsets, 0.01),
        (lambda one: registration_offsets(one, inner_px=5.0), 0.02),
    ],
)
def test_shifts_of_the_real_frames_come_back(naco, measure, accuracy):
    shifts = offsets_of(naco, 0.7)
    error = measure(moved(naco, shifts)) - measure(naco) - shifts
    assert rms(error) < accuracy


def test_two_independent_methods_agree_on_the_jitter_of_the_real_frames(naco):
    symmetry, registration = symmetry_offsets(naco), registration_offsets(naco)
    assert symmetry.std(axis=1).max() > 0.15
    assert rms(symmetry - registration) < 0.06


def test_recentring_removes_the_offsets_of_the_real_frames(naco):
    offsets = registration_offsets(moved(naco, offsets_of(naco, 0.7)))
    left = registration_offsets(recentred(moved(naco, offsets_of(naco, 0.7)), offsets))
    assert rms(left) < 0.01


@pytest.mark.parametrize("profile", ["gaussian", "moffat"])
def test_a_fit_finds_the_real_psf_to_a_hundredth_of_a_pixel(unocculted, profile):
    shifts = offsets_of(unocculted, 1.5)
    error = peak_offsets(moved(unocculted, shifts), profile) - shifts
    assert rms(error - error.mean(axis=1)) < 0.01
    # the PSF itself is not symmetric: by its core it stands 0.04 px off its own centre
    assert np.abs(error.mean(axis=1)).max() < 0.06


@pytest.mark.parametrize(("profile", "image"), [("gaussian", gaussian), ("moffat", moffat)])
@pytest.mark.parametrize("shape", [(40, 40), (41, 43)])
def test_a_fit_is_exact_for_its_own_profile_on_a_slope(profile, image, shape):
    offsets = np.array([[(0.0, 0.0), (3.31, -2.74), (-0.5, 0.5)]])
    cube = 100 * drawn(shape, offsets, image) + drawn(shape, 0 * offsets, lambda y, x: 5 + y - x)
    np.testing.assert_allclose(peak_offsets(toy(cube), profile), offsets, atol=1e-3)


def test_a_hot_pixel_does_not_pass_for_the_star():
    cube = drawn((41, 41), [[(1.2, 0.4)]], gaussian)
    cube[0, 0, 5, 5] = 3.0
    np.testing.assert_allclose(peak_offsets(toy(cube)), [[(1.2, 0.4)]], atol=0.01)


def test_frames_without_a_star_are_named():
    cube = drawn((31, 31), [[(0, 0)] * 9], gaussian)
    cube[0, 1:8] = 1.0
    with pytest.raises(SequenceError) as caught:
        peak_offsets(toy(cube))
    assert caught.value.problems[0].startswith("toy_1: frame 1: no point source fits at")
    assert caught.value.problems[-1] == "toy_1: and 2 frames more"


def with_spots(sequence, radii, height, angle=45.0):
    """Four copies of the PSF around the star of every frame; radii per wavelength."""
    cube = sequence.cube.copy()
    for channel, radius in enumerate(radii):
        still = replace(
            sequence.channel(channel), angles=np.zeros(sequence.n_frames), cube=cube[[channel]]
        )
        flux = height / float(still.psf.max())
        spots = [
            Companion(
                separation=radius * still.pixel_scale, position_angle=angle - 90 + turn, flux=flux
            )
            for turn in (0, 90, 180, 270)
        ]
        cube[channel] = inject(still, spots).cube[0]
    return replace(sequence, cube=cube)


@pytest.mark.slow
def test_spots_on_the_real_speckles_give_the_star(naco):
    # 15 times the local scatter of a pixel, as tall as those of usual observations
    spotted = with_spots(naco, [38.0], height=300.0)
    shifts = offsets_of(naco, 0.7)
    still = spot_offsets(spotted, 38.0)
    error = spot_offsets(moved(spotted, shifts), 38.0) - still - shifts
    assert rms(error) < 0.01
    assert rms(still) < 0.05


def test_spots_that_move_with_the_wavelength_give_the_star_in_each():
    wavelengths = np.array([1.0, 1.25])
    offsets = np.array([[(0.6, -1.1), (-2.0, 0.3)]] * 2)
    empty = toy(np.zeros((2, 2, 80, 80)), wavelengths=wavelengths)
    cube = with_spots(empty, 22 * wavelengths, height=1.0, angle=20.0)
    radii = 22 * wavelengths + 0.8  # known to less than a FWHM
    found = spot_offsets(moved(cube, offsets), radii, angle=20.0)
    np.testing.assert_allclose(found, offsets, atol=0.01)


def test_spots_drawn_out_along_the_radius_have_the_same_crossing():
    empty = toy(np.zeros((1, 1, 80, 80)))
    cube = sum(with_spots(empty, [radius], height=1.0).cube for radius in np.linspace(24, 27, 7))
    found = spot_offsets(replace(empty, cube=shift(cube, (1.3, 0.4))), 25.5)
    np.testing.assert_allclose(found, [[(1.3, 0.4)]], atol=0.01)


def test_spots_at_different_distances_have_the_same_crossing():
    empty = toy(np.zeros((1, 1, 80, 80)))
    near, far = with_spots(empty, [24.0], height=1.0).cube, with_spots(empty, [26.0], 1.0).cube
    cube = near.copy()
    cube[..., 40:, 40:] = far[..., 40:, 40:]
    found = spot_offsets(replace(empty, cube=shift(cube, (1.3, 0.4))), 25.0)
    np.testing.assert_allclose(found, [[(1.3, 0.4)]], atol=0.01)


@pytest.mark.parametrize(
    ("radius", "message"),
    [((20.0, 25.0), "2 radii of spots for 1 wavelengths"), (60.0, "do not fit into frames")],
)
def test_impossible_spots_are_refused(radius, message):
    with pytest.raises(SequenceError, match=message):
        spot_offsets(toy(np.zeros((1, 1, 80, 80))), radius)


def test_gain_and_level_of_a_frame_do_not_shift_it(naco):
    shifts = offsets_of(naco, 0.7)
    plain = moved(naco, shifts)
    cube = plain.cube.copy()
    cube[0, 3] = 0.15 * cube[0, 3] + 40
    uneven = registration_offsets(replace(naco, cube=cube))
    np.testing.assert_allclose(uneven, registration_offsets(plain), atol=0.02)


def test_a_frame_unlike_the_others_is_named(naco):
    cube = naco.cube.copy()
    cube[0, 3] = -cube[0, 3]
    with pytest.raises(SequenceError, match="naco_1: no shift makes frames 3 like the median"):
        registration_offsets(replace(naco, cube=cube))


def test_offsets_of_one_or_of_each_frame_are_applied():
    offsets = np.array([[(1.0, 2.0), (0.4, -0.3)], [(0.0, 1.0), (-2.0, 0.0)]])
    cube = drawn((40, 41), offsets, gaussian)
    still = drawn((40, 41), 0 * offsets, gaussian)
    np.testing.assert_allclose(recentred(toy(cube), offsets).cube, still, atol=1e-5)
    same = toy(drawn((40, 41), np.broadcast_to([1.3, -0.6], (2, 2, 2)), gaussian))
    np.testing.assert_allclose(recentred(same, (1.3, -0.6)).cube, still, atol=1e-5)


@pytest.mark.parametrize("offsets", [np.zeros((3, 2)), [np.nan, 0], [1.0]])
def test_offsets_that_do_not_fit_are_refused(offsets):
    with pytest.raises(SequenceError, match=r"expected finite offsets \(dy, dx\)"):
        recentred(toy(np.zeros((1, 2, 9, 9))), offsets)


@pytest.mark.peers
def test_registration_agrees_with_an_upsampled_cross_correlation(naco):
    skimage = pytest.importorskip(
        "skimage.registration", reason="needs the extra: pip install 'exobench[peers]'"
    )
    shifts = offsets_of(naco, 0.7) - offsets_of(naco, 0.7).mean(axis=1)
    frames = moved(naco, shifts).cube[0]
    ours = registration_offsets(moved(naco, shifts))[0]
    theirs = [
        -skimage.phase_cross_correlation(
            np.median(frames, axis=0), frame, upsample_factor=100, normalization=None
        )[0]
        for frame in frames
    ]
    np.testing.assert_allclose(ours - ours.mean(axis=0), theirs - np.mean(theirs, axis=0), atol=0.2)
