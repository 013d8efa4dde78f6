"""Canvases of residual speckles: to unit scatter and back, turned about the star."""

import numpy as np
import pytest

from exobench.baselines.learning.speckles.frames import SpeckleScale, held_out, turned
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import frame_centre, radius_map


def star(n=12, shape=(41, 41), seed=0):
    """Noise that falls with separation, about a halo."""
    rng = np.random.default_rng(seed)
    fall = np.exp(-radius_map(shape) / 8)
    return (1000 * fall + 50 * fall * rng.normal(size=(n, *shape))).astype(np.float32)


@pytest.mark.parametrize("shape", [(41, 41), (40, 44), (81, 81)])
def test_the_star_of_a_frame_stands_in_the_middle_of_the_canvas(shape):
    frames = star(shape=shape)
    scale = SpeckleScale.of(frames, 32)
    image = np.zeros((1, *shape))
    cy, cx = (int(c) for c in frame_centre(shape))
    image[0, cy, cx] = 1
    assert scale.placed(image)[0, 16, 16] == 1


def test_canvases_scatter_by_one_at_every_separation():
    frames = star(n=200)
    scale = SpeckleScale.of(frames, 32)
    canvases, _ = scale.standardised(frames)
    ring = np.rint(radius_map((32, 32)))
    for radius in range(2, 15):
        assert canvases[:, ring == radius].std() == pytest.approx(1, abs=0.1)
    assert not canvases[:, ~scale.disc].any()


@pytest.mark.parametrize(("shape", "size"), [((41, 41), 32), ((40, 40), 48)])
def test_within_the_disc_frames_come_back_from_their_canvases(shape, size):
    frames = star(shape=shape)
    scale = SpeckleScale.of(frames, size)
    back = scale.residuals(*scale.standardised(frames)) + scale.median
    inside = radius_map(shape) <= scale.outermost
    np.testing.assert_allclose(back[:, inside], frames[:, inside], rtol=1e-4)
    np.testing.assert_array_equal(
        back[:, ~inside], np.broadcast_to(scale.median, frames.shape)[:, ~inside]
    )


def test_the_strength_of_a_frame_is_taken_out_and_kept():
    frames = star(n=60)
    frames[7] = frames.mean(axis=0) + 4 * (frames[7] - frames.mean(axis=0))
    scale = SpeckleScale.of(frames, 32)
    canvases, strengths = scale.standardised(frames)
    np.testing.assert_allclose(strengths, scale.strengths, rtol=0.02)
    assert strengths[7] / np.median(strengths) == pytest.approx(4, rel=0.1)
    np.testing.assert_allclose((canvases**2).sum(axis=(1, 2)) / scale.disc.sum(), 1, rtol=1e-4)


def test_turning_keeps_the_separation_of_every_pixel():
    radius = radius_map((32, 32))
    canvas = np.where(radius <= 15, radius, 0).astype(np.float32)
    found = turned(np.stack([canvas] * 20), np.random.default_rng(0))
    np.testing.assert_array_equal(found, np.stack([canvas] * 20))


def test_a_place_comes_to_all_eight_places_of_its_kind():
    canvas = np.zeros((1, 32, 32), dtype=np.float32)
    canvas[0, 16 + 3, 16 + 5] = 1
    found = turned(np.repeat(canvas, 200, axis=0), np.random.default_rng(0))
    places = {tuple(np.argwhere(one)[0] - 16) for one in found}
    assert places == {(a * y, b * x) for a in (1, -1) for b in (1, -1) for y, x in ((3, 5), (5, 3))}


def test_a_third_of_the_frames_is_held_out_in_blocks_all_over_the_sequence():
    out = held_out(61)
    assert out.mean() == pytest.approx(1 / 3, abs=0.06)
    starts = np.flatnonzero(np.diff(out.astype(int)) == 1)
    np.testing.assert_array_equal(np.diff(starts), 15)
    assert out[30:].any()
    assert out[:30].any()


@pytest.mark.parametrize("size", [20, 16, 512, 32.0])
def test_sizes_that_cannot_be_halved_four_times_are_refused(size):
    with pytest.raises(InputError, match="size must be a multiple of 16 from 32 to 256 pixels"):
        SpeckleScale.of(star(), size)


def test_frames_that_do_not_differ_are_refused():
    with pytest.raises(InputError, match="do not differ at some separation"):
        SpeckleScale.of(np.ones((5, 41, 41), dtype=np.float32), 32)


def test_two_frames_are_too_few():
    with pytest.raises(InputError, match="3 frames or more, got 2"):
        SpeckleScale.of(star(n=2), 32)
