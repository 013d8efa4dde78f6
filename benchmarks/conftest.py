"""Sequences that several benchmarks reduce."""

import pytest

CASES = {"naco": ("naco_like", {}), "irdis": ("irdis_like", {"n_frames": 252, "size": 160})}


@pytest.fixture(scope="session", params=CASES)
def sequence(request):
    """61x101x101 and 252x160x160, one wavelength."""
    return simulated(request.param)


@pytest.fixture(scope="session")
def naco_sequence():
    """61x101x101, on which slow peers run too."""
    return simulated("naco")


def simulated(case):
    from exobench.datasets import simulate

    preset, overrides = CASES[case]
    return simulate(preset, rng=0, **overrides)
