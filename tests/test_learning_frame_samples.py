"""Frames with and without a companion: in units of their noise, and apart by time and place."""

import numpy as np
import pytest

from exobench.baselines.learning.frames.samples import standardised
from exobench.datasets.geometry import radius_map

RADIUS = radius_map((41, 41))


def halo(n=6, seed=0):
    """Noise that falls with separation on a halo that does, too; frames of other brightness."""
    noise = np.random.default_rng(seed).normal(size=(n, 41, 41))
    brightness = np.linspace(1, 3, n)[:, np.newaxis, np.newaxis]
    return brightness * (20 * np.exp(-RADIUS / 8) + np.exp(-RADIUS / 12) * noise)


def test_noise_scatters_by_one_at_every_separation_whatever_the_halo():
    flux = np.sinh(standardised(halo(n=40)))
    for inner in (4, 8, 12, 16):
        ring = flux[:, (inner <= RADIUS) & (inner + 3 > RADIUS)]
        assert ring.std() == pytest.approx(1, abs=0.08)
        assert ring.mean() == pytest.approx(0, abs=0.15)


def test_a_frame_knows_of_no_other_and_its_unit_does_not_matter():
    frames = halo()
    alone = np.concatenate([standardised(1e4 * frame[np.newaxis]) for frame in frames])
    np.testing.assert_allclose(alone, standardised(frames), atol=1e-5)


def test_a_bright_companion_changes_its_own_pixels_only():
    frames = halo()
    brighter = frames.copy()
    brighter[:, 30, 20] += 1e3
    change = np.abs(standardised(brighter) - standardised(frames))
    assert change[:, 30, 20].min() > 5
    change[:, 30, 20] = 0
    assert change.max() < 0.25


def test_what_is_masked_is_zero():
    frames = halo()
    frames[:, RADIUS < 5] = 7.0
    found = standardised(frames)
    assert np.isfinite(found).all()
    assert not found[:, RADIUS < 3].any()


def test_a_single_frame_without_its_axis_is_refused():
    with pytest.raises(ValueError, match="expected frames of shape"):
        standardised(halo()[0])
