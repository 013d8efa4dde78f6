"""Time of classical ADI, to the residual image: ours beside vip_hci.

CPU: --benchmark-timer=time.process_time.
"""

import pytest

from exobench.baselines import load


def test_median_image(benchmark, sequence):
    benchmark(load("median").reduce, sequence)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_median_image_vip(benchmark, naco_sequence):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    arguments = (naco_sequence.cube[0].copy(), naco_sequence.angles.copy())
    options = {"imlib": "vip-fft", "nproc": 1, "verbose": False}
    benchmark.pedantic(psfsub.median_sub, arguments, options, rounds=1)
