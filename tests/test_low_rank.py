"""Gram matrices of frames, and how light changes them."""

import numpy as np

from exobench.baselines._low_rank import gram_matrix, half_gram_change


def test_light_changes_the_gram_matrix_by_twice_the_symmetric_half():
    rng = np.random.default_rng(0)
    frames, light = rng.normal(size=(2, 7, 90))
    half = half_gram_change(frames, light)
    changed = gram_matrix(frames) + half + half.T
    np.testing.assert_allclose(changed, gram_matrix(frames + light), rtol=0, atol=1e-11)


def test_some_frames_have_the_columns_of_their_own_light():
    rng = np.random.default_rng(0)
    frames, light = rng.normal(size=(2, 7, 90)).astype(np.float32)
    columns = half_gram_change(frames, light, slice(2, 5))
    assert columns.dtype == np.float64
    np.testing.assert_allclose(columns, half_gram_change(frames, light)[:, 2:5], atol=1e-11)
