"""Time of LLSG, to the image of its sparse part: ours beside vip_hci.

CPU: --benchmark-timer=time.process_time.
"""

import pytest

from exobench.baselines import load
from exobench.datasets.simulator import simulate

CASES = {"naco": ("naco_like", {}), "irdis": ("irdis_like", {"n_frames": 252, "size": 160})}


def sequence_of(case):
    preset, overrides = CASES[case]
    return simulate(preset, rng=0, **overrides)


@pytest.mark.parametrize("case", CASES)
def test_llsg_image(benchmark, case):
    benchmark.pedantic(load("llsg").reduce, (sequence_of(case),), rounds=3)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_llsg_image_vip(benchmark):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    sequence = sequence_of("naco")
    arguments = (sequence.cube[0].copy(), sequence.angles.copy(), float(sequence.fwhm[0]))
    options = {"rank": 10, "imlib": "vip-fft", "nproc": 1, "verbose": False}
    benchmark.pedantic(psfsub.llsg, arguments, options, rounds=1)
