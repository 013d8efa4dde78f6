"""Stacks of residual patches against a literal computation: inject, decompose, turn, average."""

import dataclasses

import numpy as np
import pytest

from exobench.baselines.learning.residuals.mlar import RingResiduals
from exobench.baselines.learning.residuals.patches import PatchSettings
from exobench.baselines.learning.residuals.ring_frames import Annulus
from exobench.baselines.learning.residuals.rings import companion_at, rings
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import radius_map
from exobench.datasets.injection import companion_signal
from exobench.datasets.rotation import derotate
from exobench.scoring.snr import snr_at

SETTINGS = PatchSettings(patch=7, n_ranks=5)
MARGIN = 3 * np.sqrt(2) + 1


@pytest.fixture(scope="module")
def sequence(sky):
    return sky.flickering((14, 40, 43), 300.0)


@pytest.fixture(scope="module")
def ring(sequence):
    return rings(sequence, SETTINGS.patch)[1]


@pytest.fixture(scope="module")
def residuals(sequence, ring):
    return RingResiduals(sequence, ring, SETTINGS)


def linear(distance):
    """The kernel of linear interpolation."""
    return np.maximum(1 - np.abs(distance), 0)


def residual_frames(sequence, ring, k, companion=None):
    """Frames without k components of the annulus, 0 elsewhere; all in float64."""
    cube = sequence.cube.astype(np.float64)
    if companion is not None:
        companion_signal(sequence, companion).add_to(cube)
    radius = radius_map(sequence.shape)
    inside = (radius >= ring.inner - MARGIN) & (radius <= ring.outer + MARGIN)
    matrix = cube[0][:, inside]
    _, _, components = np.linalg.svd(matrix, full_matrices=False)
    frames = np.zeros(cube.shape[1:])
    frames[:, inside] = matrix - matrix @ components[:k].T @ components[:k]
    return frames


def turned_mean(frames, angles, points):
    """Mean over time of frames derotated by bilinear interpolation, at points (y, x) of the sky."""
    (n_y, n_x), total = frames.shape[1:], np.zeros(len(points))
    cy, cx = n_y // 2, n_x // 2
    dy, dx = points[:, 0] - cy, points[:, 1] - cx
    for frame, angle in zip(frames, np.deg2rad(angles), strict=True):
        x = cx + dx * np.cos(angle) + dy * np.sin(angle)
        y = cy - dx * np.sin(angle) + dy * np.cos(angle)
        along_y = linear(y[:, np.newaxis] - np.arange(n_y))
        along_x = linear(x[:, np.newaxis] - np.arange(n_x))
        total += np.einsum("pi,ij,pj->p", along_y, frame, along_x)
    return total / len(frames)


def literal_stack(sequence, ring, ranks, yx, angles, companion=None, turned_by=0.0):
    across = np.arange(7) - 3
    dy, dx = (d.ravel() for d in np.meshgrid(across, across, indexing="ij"))
    cos, sin = np.cos(np.deg2rad(turned_by)), np.sin(np.deg2rad(turned_by))
    points = np.stack([yx[0] + dy * cos + dx * sin, yx[1] + dx * cos - dy * sin], axis=1)
    frames = (residual_frames(sequence, ring, k, companion) for k in ranks)
    return np.stack([turned_mean(one, angles, points).reshape(7, 7) for one in frames])


def raw(residuals, stacks, sign=1):
    """Stacks in the unit of the cube."""
    return stacks * residuals.noise(sign)[:, np.newaxis, np.newaxis]


IN_THE_MIDDLE, AT_THE_EDGE = (1, (26.3, 29.2)), (-1, (4.1, 20.2))


@pytest.mark.parametrize(
    ("number", "place", "shift", "turned_by"),
    [
        (*IN_THE_MIDDLE, (0.0, 0.0), 0.0),
        (*IN_THE_MIDDLE, (0.4, -0.3), 130.0),
        (*AT_THE_EDGE, (-0.6, 0.2), 45.0),
    ],
)
def test_positives_are_those_of_the_whole_computation(sequence, number, place, shift, turned_by):
    ring = rings(sequence, SETTINGS.patch)[number]
    residuals = RingResiduals(sequence, ring, SETTINGS)
    companion, yx = companion_at(sequence, np.array(place), 400.0), np.add(place, shift)
    found = raw(residuals, residuals.positives(companion, [yx], [turned_by]).stacks[0])
    expected = literal_stack(
        sequence, ring, residuals.ranks, yx, sequence.angles, companion, turned_by
    )
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    # The last slices, next to nothing of what the frames held, have the rounding of those.
    scale = np.abs(expected).max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=2e-4)


@pytest.mark.parametrize(("number", "place"), [IN_THE_MIDDLE, AT_THE_EDGE])
def test_the_light_of_a_companion_is_what_its_injection_adds(sequence, number, place):
    pixels = Annulus.around(rings(sequence, SETTINGS.patch)[number], 7, sequence.shape)
    signal = companion_signal(sequence, companion_at(sequence, np.array(place), 400.0))
    cube = np.zeros_like(sequence.cube)
    signal.add_to(cube)
    places, light = pixels.light(signal)
    assert (places < pixels.pixels.size).all()
    everywhere = np.zeros((pixels.pixels.size + 1, len(sequence.angles)), dtype=np.float32)
    everywhere[places] = light
    np.testing.assert_array_equal(everywhere.T, pixels.rows(cube[0]))


def test_negatives_are_those_of_frames_turned_by_the_negated_angles(sequence, ring, residuals):
    pixels = ring.pixels(sequence.shape)[[3, 70]]
    found = raw(residuals, residuals.negatives(pixels).stacks, sign=-1)
    for yx, stack in zip(pixels, found, strict=True):
        expected = literal_stack(sequence, ring, residuals.ranks, yx, -sequence.angles)
        np.testing.assert_allclose(stack, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_stacks_of_the_sequence_have_the_sign_of_its_angles(sequence, ring, residuals):
    yx = ring.pixels(sequence.shape)[11]
    expected = literal_stack(sequence, ring, residuals.ranks, yx, sequence.angles)
    found = raw(residuals, residuals.patches([yx]).stacks[0])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("sign", [1, -1])
def test_stacks_are_in_units_of_the_scatter_of_their_ring(sky, sign):
    sequence = sky.noise((12, 41, 41), blur=1.0)
    ring = rings(sequence, 7)[2]
    residuals = RingResiduals(sequence, ring, PatchSettings(patch=7, n_ranks=2))
    y, x = ring.pixels(sequence.shape).T
    expected = residuals.images(sign)[:, y, x].std(axis=1)
    np.testing.assert_allclose(residuals.noise(sign), expected, rtol=0.25)
    look = residuals.negatives if sign < 0 else residuals.patches
    np.testing.assert_allclose(look(np.stack([y, x], axis=1)).stacks.std(axis=(0, 2, 3)), 1, 0.3)


def test_a_companion_hardly_changes_the_unit_of_its_ring(sky):
    sequence = sky.noise((12, 61, 61), blur=1.0)
    ring, settings = rings(sequence, 7)[-1], PatchSettings(patch=7, n_ranks=2)
    before = RingResiduals(sequence, ring, settings).noise()[0]
    bright = RingResiduals(sky.with_companion(sequence, 30, 55, 90.0), ring, settings)
    y, x = ring.pixels(sequence.shape).T
    assert bright.images()[0, y, x].std() > 3 * before
    assert bright.noise()[0] == pytest.approx(before, rel=0.4)


def test_a_ring_without_noise_shows_nothing(sequence, ring):
    still = dataclasses.replace(sequence, cube=np.ones_like(sequence.cube))
    residuals = RingResiduals(still, ring, SETTINGS, ranks=(1, 2))
    np.testing.assert_allclose(
        residuals.patches([ring.pixels(still.shape)[0]]).stacks, 0, atol=1e-4
    )


def test_a_companion_without_light_leaves_stacks_and_snr_as_they_are(sequence, ring, residuals):
    pixels = ring.pixels(sequence.shape)[::40]
    dark = residuals.positives(companion_at(sequence, pixels[0], 0.0), pixels)
    blank = residuals.patches(pixels)
    np.testing.assert_allclose(
        dark.stacks, blank.stacks, rtol=0, atol=1e-5 * np.abs(blank.stacks).max()
    )
    np.testing.assert_allclose(dark.snr, blank.snr, atol=1e-4)


def test_a_patch_turned_by_a_quarter_shows_the_same_pixels(sequence, ring, residuals):
    pixels = ring.pixels(sequence.shape)[::60]
    straight = residuals.negatives(pixels).stacks
    turned = residuals.negatives(pixels, np.full(len(pixels), 90.0)).stacks
    # Rows count upwards: turning the axes counter-clockwise turns the picture clockwise.
    expected = np.rot90(straight[..., ::-1, :], -1, axes=(-2, -1))[..., ::-1, :]
    np.testing.assert_allclose(turned, expected, rtol=0, atol=1e-5 * np.abs(straight).max())


def test_a_companion_is_in_the_middle_of_the_true_sky_only(sky):
    sequence = sky.noise((20, 41, 41))
    ring = rings(sequence, 7)[2]
    yx = np.array([20.0, 32.0])
    assert ring.inner <= 12 < ring.outer
    injected = sky.with_companion(sequence, *yx, 60.0)
    residuals = RingResiduals(injected, ring, PatchSettings(patch=7, n_ranks=2))
    seen, flipped = residuals.patches([yx]), residuals.negatives([yx])
    assert np.unravel_index(seen.stacks[0, 0].argmax(), (7, 7)) == (3, 3)
    assert seen.snr[0, 0] > 10
    assert abs(flipped.snr[0, 0]) < 5


def test_snr_is_that_of_images_turned_by_fourier_shears(sky):
    sequence = sky.noise((16, 51, 51), blur=1.0)
    ring = rings(sequence, 7)[3]
    settings = PatchSettings(patch=7, n_ranks=4)
    residuals = RingResiduals(sequence, ring, settings)
    yx = np.array([[25.0, 40.3], [38.0, 29.5], [13.2, 18.7], [34.1, 14.0]])
    companion = companion_at(sequence, yx[0], 12.0)
    found = residuals.positives(companion, yx).snr
    images = [
        derotate(residual_frames(sequence, ring, k, companion), sequence.angles).mean(axis=0)
        for k in residuals.ranks
    ]
    expected = np.transpose([snr_at(image, sequence.reference_fwhm, yx) for image in images])
    assert expected[0, 0] > 3
    np.testing.assert_allclose(found, expected, atol=0.06, rtol=0.02)


def test_all_views_of_one_companion_are_those_taken_one_by_one(sequence, ring, residuals):
    companion = companion_at(sequence, (26.0, 29.0), 300.0)
    yx, turns = np.array([[26.0, 29.0], [25.6, 29.4], [26.2, 28.8]]), [0.0, 77.0, -12.0]
    together = residuals.positives(companion, yx, turns)
    for i in range(3):
        alone = residuals.positives(companion, yx[[i]], [turns[i]])
        np.testing.assert_allclose(together.stacks[i], alone.stacks[0], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(together.snr[i], alone.snr[0], rtol=1e-3, atol=1e-4)
    there = residuals.positives(companion)
    np.testing.assert_allclose(there.stacks[0], together.stacks[0], rtol=1e-4, atol=1e-4)


def test_the_map_shows_every_pixel_of_the_ring_once(sequence, ring, residuals):
    pixels, stacks = [], []
    for yx, looked_at in residuals.map_patches(size=50):
        assert len(yx) <= 50
        assert looked_at.snr.shape == (len(yx), 5)
        pixels.append(yx)
        stacks.append(looked_at.stacks)
    np.testing.assert_array_equal(np.concatenate(pixels), ring.pixels(sequence.shape))
    assert np.isfinite(np.concatenate(stacks)).all()


def test_every_pixel_of_every_ring_has_a_stack_and_an_snr(sequence):
    for ring in rings(sequence, SETTINGS.patch):
        residuals = RingResiduals(sequence, ring, SETTINGS)
        for _, looked_at in residuals.map_patches():
            assert np.isfinite(looked_at.stacks).all()
            assert np.isfinite(looked_at.snr).all()


def test_positions_outside_the_ring_are_refused(residuals):
    with pytest.raises(InputError, match=r"1 positions are not in the ring .* 1 px from the star"):
        residuals.patches([[20.0, 22.0]])


def test_a_sequence_of_several_wavelengths_is_refused(sequence, ring):
    both = dataclasses.replace(
        sequence,
        cube=np.repeat(sequence.cube, 2, axis=0),
        psf=np.repeat(sequence.psf, 2, axis=0),
        fwhm=np.repeat(sequence.fwhm, 2),
    )
    with pytest.raises(InputError, match="2 wavelengths; samples are made of one"):
        RingResiduals(both, ring, SETTINGS)


def test_every_setting_out_of_range_is_named():
    with pytest.raises(InputError) as told:
        PatchSettings(patch=8, n_ranks=0, explained=1.5)
    assert len(told.value.problems) == 3
