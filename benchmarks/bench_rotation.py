"""Time to derotate: ours beside vip_hci. CPU: --benchmark-timer=time.process_time."""

import numpy as np
import pytest

from exobench.datasets.rotation import derotate

SHAPES = {"naco": (61, 101, 101), "irdis": (252, 160, 160)}


def frames_and_angles(shape):
    rng = np.random.default_rng(0)
    return rng.normal(size=shape).astype(np.float32), np.linspace(10, 90, shape[0])


@pytest.mark.parametrize("case", SHAPES)
def test_derotate(benchmark, case):
    benchmark(derotate, *frames_and_angles(SHAPES[case]))


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_derotate_vip(benchmark):
    preproc = pytest.importorskip(
        "vip_hci.preproc", reason="needs the extra: pip install 'exobench[peers]'"
    )
    frames, angles = frames_and_angles(SHAPES["naco"])
    benchmark.pedantic(
        preproc.cube_derotate, (frames, angles), {"imlib": "vip-fft", "nproc": 1}, rounds=1
    )
