"""Time to build one sequence with hidden companions, calibration of its contrasts included."""

import hashlib

import numpy as np
import pytest

from exobench.challenge.references import DEFAULT_IFS_REFERENCES, References
from exobench.datasets.builder import SequencePlan, build_sequence
from exobench.datasets.placement import Draw
from exobench.datasets.stars import SimulatedStar

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
        draws=(Draw(ranks=(0, 1, 2, 3), offset=0.5, spectrum=1),),
        visible=True,
    )
    references = References(
        choices=("median", "pca") if case == "adi_demo" else DEFAULT_IFS_REFERENCES
    )
    built = benchmark.pedantic(
        build_sequence, args=(plan, references, rng_for), rounds=2, iterations=1
    )
    assert len(built.sources) == 2
