"""Time to simulate a sequence, noise included."""

import pytest

from exobench.datasets.simulator import simulate

CASES = {
    "adi": ("irdis_like", {}),
    "adi_demo": ("irdis_like", {"n_frames": 60, "size": 100}),
    "naco": ("naco_like", {}),
    "ifs": ("sphere_ifs_like", {}),
    "ifs_demo": ("sphere_ifs_like", {"n_wavelengths": 16, "n_frames": 20, "size": 100}),
}


@pytest.mark.parametrize("case", CASES)
def test_simulate(benchmark, case):
    preset, overrides = CASES[case]
    benchmark.pedantic(
        simulate, args=(preset,), kwargs={"rng": 1, **overrides}, rounds=3, iterations=1
    )
