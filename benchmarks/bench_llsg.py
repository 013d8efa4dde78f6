"""Time of LLSG, to the image of its sparse part: ours beside vip_hci, which draws at random.

CPU: --benchmark-timer=time.process_time.
"""

import pytest

from exobench.baselines import load

ROTATIONS = {"vip-fft": "fourier", "opencv": "lanczos"}


@pytest.mark.parametrize("rotation", ROTATIONS.values())
def test_llsg_image(benchmark, sequence, rotation):
    benchmark.pedantic(load("llsg", rotation=rotation).reduce, (sequence,), rounds=3)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("imlib", ROTATIONS)
def test_llsg_image_vip(benchmark, naco_sequence, imlib):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    arguments = (
        naco_sequence.cube[0].copy(),
        naco_sequence.angles.copy(),
        float(naco_sequence.fwhm[0]),
    )
    options = {"rank": 10, "imlib": imlib, "nproc": 1, "verbose": False}
    benchmark.pedantic(psfsub.llsg, arguments, options, rounds=1)
