"""Time of LLSG, to the image of its sparse part: ours beside vip_hci.

CPU: --benchmark-timer=time.process_time.
"""

import pytest

from exobench.baselines import load


def test_llsg_image(benchmark, sequence):
    benchmark.pedantic(load("llsg").reduce, (sequence,), rounds=3)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_llsg_image_vip(benchmark, naco_sequence):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    arguments = (
        naco_sequence.cube[0].copy(),
        naco_sequence.angles.copy(),
        float(naco_sequence.fwhm[0]),
    )
    options = {"rank": 10, "imlib": "vip-fft", "nproc": 1, "verbose": False}
    benchmark.pedantic(psfsub.llsg, arguments, options, rounds=1)
