"""Time of LOCI, to the residual image: ours beside vip_hci on one core.

CPU: --benchmark-timer=time.process_time. The zones of the two are not the same; the tests
compare their frames where they are.
"""

import numpy as np
import pytest

from exobench.baselines import load

ROTATIONS = {"vip-fft": "fourier", "opencv": "lanczos"}


@pytest.mark.parametrize("rotation", ROTATIONS.values())
def test_loci_image(benchmark, sequence, rotation):
    benchmark.pedantic(load("loci", rotation=rotation).reduce, (sequence,), rounds=3)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("imlib", ROTATIONS)
def test_loci_image_vip(benchmark, naco_sequence, imlib):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    options = {
        "fwhm": float(naco_sequence.fwhm[0]),
        "asize": 7,
        "n_segments": 4,
        "delta_rot": 0.5,
        "dist_threshold": 100,
        "imlib": imlib,
        "nproc": 1,
        "verbose": False,
    }
    cube, angles = naco_sequence.cube[0].astype(np.float64), naco_sequence.angles.copy()
    benchmark.pedantic(psfsub.xloci, (cube, angles), options, rounds=1)
