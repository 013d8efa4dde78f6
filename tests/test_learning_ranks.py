"""Lists of numbers of components, by ring."""

import numpy as np
import pytest

from exobench.baselines.learning.residuals.ranks import (
    explained_variance,
    rank_explaining,
    rank_list,
)
from exobench.datasets.errors import InputError


def frames_of(n_frames=30, n_pixels=400, n_patterns=3, noise=0.01):
    """Frames of a few patterns that flicker, pixels of very different brightness."""
    rng = np.random.default_rng(1)
    strengths = rng.normal(size=(n_frames, n_patterns))
    patterns = rng.normal(size=(n_patterns, n_pixels))
    frames = 100 + strengths @ patterns + noise * rng.normal(size=(n_frames, n_pixels))
    return frames * np.exp(rng.normal(size=n_pixels))


def test_explained_variance_is_that_of_the_standardised_singular_values():
    frames = frames_of(noise=1.0)
    standardised = (frames - frames.mean(axis=0)) / frames.std(axis=0)
    powers = np.linalg.svd(standardised, compute_uv=False) ** 2
    np.testing.assert_allclose(explained_variance(frames), powers.cumsum() / powers.sum())


def test_pixels_that_do_not_change_stay_out():
    frames = frames_of(noise=1.0)
    dead = np.concatenate([frames, np.full((len(frames), 50), 7.0)], axis=1)
    np.testing.assert_allclose(explained_variance(dead), explained_variance(frames))
    assert (explained_variance(np.ones((5, 9))) == 1).all()


def test_few_patterns_are_explained_by_as_many_components():
    assert rank_explaining(explained_variance(frames_of(n_patterns=3)), 0.99) == 3


def test_a_list_ends_where_the_frames_are_explained_and_has_its_length_in_any_case():
    rich = frames_of(n_frames=60, noise=1.0)
    ranks = rank_list(rich, 8, name="s")
    last = rank_explaining(explained_variance(rich), 0.99)
    assert last > 8
    assert ranks[0] == 1
    assert ranks[-1] == last
    assert np.ptp(np.diff(ranks)) <= 1
    assert rank_list(frames_of(n_patterns=3), 8, name="s") == (1, 2, 3, 4, 5, 6, 7, 8)


def test_ranks_stay_below_the_number_of_frames():
    noise = np.random.default_rng(0).normal(size=(12, 300))
    assert rank_list(noise, 11, 1.0, name="s") == tuple(range(1, 12))
    with pytest.raises(InputError, match=r"naco: 12 ranks for 12 frames; .* at most 11"):
        rank_list(noise, 12, name="naco")
