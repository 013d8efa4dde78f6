"""Annular median ADI against a literal loop over rings, frames and pixels."""

import itertools

import numpy as np
import pytest

from exobench.baselines import load
from exobench.baselines._references import displacements, nearest_references, sky_tracks
from exobench.baselines._subtraction import without_median_of
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import edge_distance, radius_map
from exobench.datasets.sequence import ImageSequence

FWHM = 3.0


def sequence_of(cube, angles):
    y, x = np.indices((9, 9)) - 4
    return ImageSequence(
        name="toy_1",
        cube=cube,
        angles=angles,
        psf=np.exp(-(x**2 + y**2) / 3)[np.newaxis],
        fwhm=FWHM,
        pixel_scale=0.01,
    )


def drifting(n_frames, shape=(24, 25), seed=0):
    """Speckles that change slowly, so that frames near in time are alike."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(size=(n_frames, *shape)), axis=0)
    return (50 + walk + 0.1 * rng.normal(size=walk.shape)).astype(np.float32)


def literally(frames, angles, n_nearest, least_px, width):
    """Residuals by loops, written from the definition."""
    n, shape = len(frames), frames.shape[1:]
    frames = frames.astype(float) - np.median(frames.astype(float), axis=0)
    radius, edge = radius_map(shape), edge_distance(shape) + 0.5
    limits = [*(width * np.arange(max(1, int(edge / width + 0.5)))), edge, np.inf]
    residuals = np.empty_like(frames)
    for inner, outer in itertools.pairwise(limits):
        ring = (radius >= inner) & (radius < outer)
        middle = radius[ring].mean() if outer == np.inf else (inner + outer) / 2
        for t in range(n):
            moved = 2 * middle * np.abs(np.sin(np.deg2rad(angles - angles[t]) / 2))
            others = [s for s in range(n) if s != t]
            able = [s for s in others if moved[s] >= least_px]
            if len(able) < n_nearest:
                able = sorted(others, key=lambda s: -moved[s])[:n_nearest]
            chosen = sorted(able, key=lambda s: moved[s])[:n_nearest]
            residuals[t, ring] = frames[t, ring] - np.median(frames[chosen][:, ring], axis=0)
    return residuals


@pytest.mark.parametrize("n_nearest", [1, 3, 4])
def test_the_residuals_are_those_of_the_definition(n_nearest):
    angles = np.cumsum(np.random.default_rng(1).uniform(2, 6, 18))
    frames = drifting(18)
    method = load("annular_median", n_nearest=n_nearest, delta_rotation=0.7, annulus_width=1.5)
    ours = method.residuals(sequence_of(frames[np.newaxis], angles))
    expected = literally(frames, angles, n_nearest, 0.7 * FWHM, 1.5 * FWHM)
    np.testing.assert_allclose(ours, expected, atol=1e-4)


def test_frames_near_in_angle_are_taken_beyond_the_threshold():
    moved = displacements(sky_tracks(np.arange(0.0, 50.0, 5.0)))
    least = 2 * np.sin(np.deg2rad(9.9) / 2)
    nearest = nearest_references(moved, least, 4)
    assert [sorted(row) for row in nearest[[0, 5, 9]].tolist()] == [
        [2, 3, 4, 5],
        [2, 3, 7, 8],
        [4, 5, 6, 7],
    ]


def test_there_are_never_more_references_than_other_frames():
    moved = displacements(sky_tracks(np.arange(3.0)))
    assert nearest_references(moved, 0.5, 4).shape == (3, 2)
    for n_frames in (2, 3):
        sequence = sequence_of(drifting(n_frames)[np.newaxis], np.arange(float(n_frames)))
        assert load("annular_median").reduce(sequence).shape == (24, 25)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_the_median_is_that_of_the_chosen_frames(n):
    rng = np.random.default_rng(2)
    values = rng.normal(size=(40, 30_000)).astype(np.float32)
    chosen = rng.integers(0, 40, size=(40, n))
    ours = without_median_of(values, chosen)
    for t in (0, 17, 39):
        np.testing.assert_array_equal(ours[t], values[t] - np.median(values[chosen[t]], axis=0))


def test_one_frame_is_refused():
    with pytest.raises(InputError, match="toy_1: 1 frame to tell the star by; expected 2"):
        load("annular_median").reduce(sequence_of(drifting(1)[np.newaxis], np.zeros(1)))
