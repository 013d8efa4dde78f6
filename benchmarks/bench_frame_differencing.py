"""Time of pairwise frame differencing, to the residual image: ours beside vip_hci.

CPU: --benchmark-timer=time.process_time. Ours with Fourier rotation, the peer with the faster
interpolation of OpenCV.
"""

import pytest

from exobench.baselines import load


def test_frame_differencing_image(benchmark, sequence):
    benchmark.pedantic(load("frame_differencing").reduce, (sequence,), rounds=3)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_frame_differencing_image_vip(benchmark, sequence):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    arguments = (sequence.cube[0].copy(), sequence.angles.copy(), sequence.reference_fwhm)
    options = {"imlib": "opencv", "nproc": 1, "verbose": False}
    benchmark.pedantic(psfsub.frame_diff, arguments, options, rounds=1)
