"""Time to derotate: ours beside vip_hci. CPU: --benchmark-timer=time.process_time."""

import numpy as np
import pytest

from exobench.datasets.rotation import INTERPOLATIONS, derotate

SHAPES = {"naco": (61, 101, 101), "irdis": (252, 160, 160)}


def frames_and_angles(shape):
    rng = np.random.default_rng(0)
    return rng.normal(size=shape).astype(np.float32), np.linspace(10, 90, shape[0])


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("case", SHAPES)
def test_derotate(benchmark, case, interpolation):
    benchmark(derotate, *frames_and_angles(SHAPES[case]), interpolation)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("imlib", "interpolation"),
    [("vip-fft", "lanczos4"), ("opencv", "lanczos4"), ("opencv", "bicubic")],
)
def test_derotate_vip(benchmark, imlib, interpolation):
    preproc = pytest.importorskip(
        "vip_hci.preproc", reason="needs the extra: pip install 'exobench[peers]'"
    )
    options = {"imlib": imlib, "interpolation": interpolation, "nproc": 1}
    benchmark.pedantic(preproc.cube_derotate, frames_and_angles(SHAPES["naco"]), options, rounds=1)
