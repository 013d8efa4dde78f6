"""Time of strict scoring, and of comparing a board."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.scoring import MapTruth, SequenceCounts, compare, score_maps


def submission(n_maps, size):
    """Smooth noise of unit spread with up to three companions of 3 to 8 sigma per map."""
    rng = np.random.default_rng(0)
    maps, truths, middle = {}, {}, size // 2
    y, x = np.indices((size, size))
    for k in range(n_maps):
        frame = gaussian_filter(rng.normal(size=(size, size)), 1.7)
        frame /= frame.std()
        n_injected = rng.integers(0, 4)
        r, theta = rng.uniform(12, middle - 10, n_injected), rng.uniform(0, 2 * np.pi, n_injected)
        injections = np.column_stack([middle + r * np.sin(theta), middle + r * np.cos(theta)])
        for cy, cx in injections:
            squared = (y - cy) ** 2 + (x - cx) ** 2
            frame += rng.uniform(3, 8) * np.exp(-squared / (2 * 1.7**2))
        maps[f"s{k}"] = frame.astype(np.float32)
        truths[f"s{k}"] = MapTruth(
            injections, 4.0, 6.0, middle - 3.0, f"i{k % 3}", lambda_over_d_px=3.7
        )
    return maps, truths


@pytest.mark.parametrize(("n_maps", "size"), [(9, 160), (200, 101)])
def test_score_maps_with_intervals(benchmark, n_maps, size):
    maps, truths = submission(n_maps, size)
    score = benchmark(lambda: score_maps(maps, truths, 5.0).to_dict())
    assert score["interval"]["tpr"] is not None


def test_score_maps_that_are_constant(benchmark):
    """The slowest kind of map: every pixel is a maximum."""
    _, truths = submission(9, 160)
    maps = dict.fromkeys(truths, np.ones((160, 160), dtype=np.float32))
    score = benchmark(score_maps, maps, truths, 5.0)
    assert len(score.curve.value) == 1


@pytest.mark.parametrize(("n_entries", "n_sequences"), [(5, 9), (10, 20), (50, 200)])
def test_compare_a_board(benchmark, n_entries, n_sequences):
    rng = np.random.default_rng(0)
    board = {
        f"e{k}": [
            SequenceCounts(f"s{i}", "a", f"s{i}", int(rng.binomial(3, 0.6)), int(rng.poisson(1)), 3)
            for i in range(n_sequences)
        ]
        for k in range(n_entries)
    }
    found = benchmark.pedantic(compare, (board, "f1"), rounds=1)
    assert len(found.p_values) == n_entries * (n_entries - 1) // 2
