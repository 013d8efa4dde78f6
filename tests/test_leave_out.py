"""Models of frames from their own references, against one plain decomposition per frame."""

import numpy as np
import pytest

from exobench.baselines._leave_out import least_squares_weights, projection_weights
from exobench.baselines._low_rank import gram_matrix, pca_residuals


def speckles(n_frames=60, n_pixels=400):
    """A bright pedestal, patterns that drift in time with a steep spectrum, and noise."""
    rng = np.random.default_rng(7)
    patterns = rng.normal(size=(40, n_pixels)) / np.arange(1, 41)[:, np.newaxis]
    strengths = rng.normal(size=(n_frames, 40)).cumsum(axis=0)
    frames = 300 + 5 * strengths @ patterns + rng.normal(size=(n_frames, n_pixels))
    return frames.astype(np.float32)


def window(n_frames, half_width):
    """Each frame may use those more than `half_width` before or after it."""
    t = np.arange(n_frames)
    return np.abs(t[:, np.newaxis] - t) > half_width


def residuals_of_decompositions(frames, allowed, n_components):
    frames = frames.astype(np.float64)
    residuals = np.empty_like(frames)
    for t, row in enumerate(allowed):
        components = np.linalg.svd(frames[row], full_matrices=False)[2][:n_components]
        residuals[t] = frames[t] - (frames[t] @ components.T) @ components
    return residuals


@pytest.mark.parametrize(("n_components", "half_width"), [(1, 0), (3, 8), (5, 3), (10, 8)])
def test_projections_are_those_of_one_decomposition_per_frame(n_components, half_width):
    frames = speckles()
    allowed = window(len(frames), half_width)
    expected = residuals_of_decompositions(frames, allowed, n_components)
    weights = projection_weights(gram_matrix(frames), allowed, n_components)
    error = (frames - weights @ frames) - expected
    assert error.std() < 0.01 * expected.std()
    assert not weights[~allowed].any()


def test_small_libraries_are_solved_exactly():
    frames = speckles(n_frames=14)
    allowed = window(14, 3)
    expected = residuals_of_decompositions(frames, allowed, 4)
    weights = projection_weights(gram_matrix(frames), allowed, 4)
    np.testing.assert_allclose(frames - weights @ frames, expected, atol=1e-3)
    assert not weights[~allowed].any()


def test_with_one_library_for_all_frames_it_is_principal_component_analysis():
    frames = speckles()
    weights = projection_weights(gram_matrix(frames), np.ones((60, 60), dtype=bool), 6)
    np.testing.assert_allclose(frames - weights @ frames, pca_residuals(frames, 6), atol=2e-3)


@pytest.mark.parametrize("n_pixels", [3, 12])
def test_more_components_than_pixels_leave_nothing_and_break_nothing(n_pixels):
    frames = speckles(n_pixels=n_pixels)
    allowed = window(60, 5)
    weights = projection_weights(gram_matrix(frames), allowed, 12)
    assert np.abs(frames - weights @ frames).max() < 1e-2
    assert not weights[~allowed].any()


def test_frames_without_any_light_have_no_model():
    gram, allowed = np.zeros((30, 30)), window(30, 2)
    assert not projection_weights(gram, allowed, 2).any()
    assert not least_squares_weights(gram, allowed, 0.01).any()


@pytest.mark.parametrize("half_width", [0, 4, 13, 20, 27])
@pytest.mark.parametrize("damping", [1e-3, 0.3])
def test_fits_are_those_of_one_damped_least_squares_problem_per_frame(half_width, damping):
    frames = speckles()
    allowed = window(len(frames), half_width)
    weights = least_squares_weights(gram_matrix(frames), allowed, damping)
    exact = frames.astype(np.float64)
    power = np.median(((exact - exact.mean(axis=0)) ** 2).sum(axis=1))
    for t, row in enumerate(allowed):
        library = exact[row].T
        augmented = np.vstack((library, np.sqrt(damping * power) * np.eye(row.sum())))
        target = np.concatenate((exact[t], np.zeros(row.sum())))
        expected = np.linalg.lstsq(augmented, target, rcond=None)[0]
        np.testing.assert_allclose(weights[t, row], expected, atol=1e-6)
    assert not weights[~allowed].any()


@pytest.mark.parametrize("half_width", [2, 14])
def test_frames_that_are_combinations_of_their_references_are_reproduced(half_width):
    rng = np.random.default_rng(3)
    frames = (rng.normal(size=(40, 6)) @ rng.normal(size=(6, 300)) + 100).astype(np.float32)
    weights = least_squares_weights(gram_matrix(frames), window(40, half_width), damping=0.0)
    assert np.abs(frames - weights @ frames).max() < 1e-3


def test_references_of_very_different_number_are_solved_together():
    frames = speckles()
    rng = np.random.default_rng(5)
    allowed = rng.uniform(size=(60, 60)) < np.linspace(0.15, 0.95, 60)[:, np.newaxis]
    np.fill_diagonal(allowed, val=False)
    gram = gram_matrix(frames)
    weights = least_squares_weights(gram, allowed, 0.1)
    alone = np.zeros_like(weights)
    for t in range(60):
        row = np.zeros_like(allowed)
        row[t] = allowed[t]
        row[row.sum(axis=1) == 0, 0] = True
        alone[t] = least_squares_weights(gram, row, 0.1)[t]
    np.testing.assert_allclose(weights, alone, atol=1e-9)


@pytest.mark.parametrize("n_frames", [10, 300])
def test_frames_that_are_all_alike_model_one_another(n_frames):
    frames = np.broadcast_to(np.float32(1e4) * np.arange(50, dtype=np.float32), (n_frames, 50))
    gram, allowed = gram_matrix(frames), window(n_frames, 2)
    for weights in (
        least_squares_weights(gram, allowed, 0.0),
        projection_weights(gram, allowed, 2),
    ):
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
        assert not weights[~allowed].any()
