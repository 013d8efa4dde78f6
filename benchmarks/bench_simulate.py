"""Time to simulate a sequence, noise included, and to put a companion into it."""

import pytest

from exobench.datasets.sequence import Companion
from exobench.datasets.simulator import simulate, simulate_scene
from exobench.datasets.simulator.scene import scene_signals

CASES = {
    "adi": ("irdis_like", {}),
    "adi_demo": ("irdis_like", {"n_frames": 60, "size": 100}),
    "naco": ("naco_like", {}),
    "nirc2": ("nirc2_like", {}),
    "lmircam": ("lmircam_like", {}),
    "ifs": ("sphere_ifs_like", {}),
    "gpi": ("gpi_like", {}),
    "ifs_demo": ("sphere_ifs_like", {"n_wavelengths": 16, "n_frames": 20, "size": 101}),
}
COMPANION = Companion(separation=0.3, position_angle=40, contrast=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_simulate(benchmark, case):
    preset, overrides = CASES[case]
    benchmark.pedantic(
        simulate, args=(preset,), kwargs={"rng": 1, **overrides}, rounds=3, iterations=1
    )


@pytest.mark.parametrize("injection", ["optical", "stamp"])
@pytest.mark.parametrize("case", ["naco", "ifs_demo"])
def test_inject(benchmark, case, injection):
    preset, overrides = CASES[case]
    scene = simulate_scene(preset, rng=1, **overrides)
    benchmark.pedantic(
        scene_signals,
        args=(scene, [COMPANION]),
        kwargs={"injection": injection},
        rounds=3,
        iterations=1,
    )
