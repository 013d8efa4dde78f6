"""Time to build one sequence with hidden companions, calibration of its contrasts included."""

import hashlib

import numpy as np
import pytest

from exobench.challenge.references import default_references
from exobench.datasets.builder import SequencePlan, SimulatedStar, build_sequence

CASES = {
    "adi_demo": ("irdis_like", {"n_frames": 60, "size": 100}),
    "ifs_demo": ("sphere_ifs_like", {"n_wavelengths": 16, "n_frames": 20, "size": 100}),
}


def rng_for(purpose):
    return np.random.default_rng(hashlib.sha256(purpose.encode()).digest()[0])


@pytest.mark.parametrize("case", CASES)
def test_build_sequence(benchmark, case):
    preset, overrides = CASES[case]
    plan = SequencePlan(
        name=f"{preset}_1",
        star=SimulatedStar(preset=preset, overrides=overrides),
        n_companions=2,
        visible=True,
    )
    built = benchmark.pedantic(
        build_sequence, args=(plan, default_references, rng_for), rounds=2, iterations=1
    )
    assert len(built.sources) == 2
