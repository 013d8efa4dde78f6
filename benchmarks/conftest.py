"""Sequences that several benchmarks reduce."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

CASES = {"naco": ("naco_like", {}), "irdis": ("irdis_like", {"n_frames": 252, "size": 160})}


@pytest.fixture(scope="session", params=CASES)
def sequence(request):
    """61x101x101 and 252x160x160, one wavelength."""
    return simulated(request.param)


@pytest.fixture(scope="session")
def naco_sequence():
    """61x101x101, on which slow peers run too."""
    return simulated("naco")


@pytest.fixture(scope="session")
def irdis_sequence():
    """252x160x160."""
    return simulated("irdis")


@pytest.fixture(scope="session")
def large_sequence(irdis_sequence):
    """489x250x250: patterns that come and go under a halo, and noise; its time counts alone."""
    import dataclasses

    rng = np.random.default_rng(0)
    patterns = gaussian_filter(rng.normal(size=(12, 250, 250)), (0, 1.5, 1.5))
    strengths = 1 + 0.05 * rng.normal(size=(489, 12)).cumsum(axis=0)
    radius = np.hypot(*np.ogrid[-125:125, -125:125])
    cube = np.tensordot(strengths, 100 * patterns, axes=1) * np.exp(-radius / 40)
    cube = (cube + rng.normal(size=cube.shape)).astype(np.float32)
    angles = np.linspace(0, 83, 489)
    return dataclasses.replace(
        irdis_sequence, cube=cube[np.newaxis], angles=angles, times=None, metadata={}
    )


def simulated(case):
    from exobench.datasets import simulate

    preset, overrides = CASES[case]
    return simulate(preset, rng=0, **overrides)
