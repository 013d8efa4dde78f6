"""Time of classical and annular ADI, to the residual image: ours beside vip_hci.

CPU: --benchmark-timer=time.process_time.
"""

import numpy as np
import pytest

from exobench.baselines import load
from exobench.datasets.geometry import annulus, edge_distance

CASES = [("fourier", "vip-fft", 0.99), ("lanczos", "opencv", 0.99)]


@pytest.mark.parametrize("rotation", ["fourier", "lanczos"])
def test_median_image(benchmark, sequence, rotation):
    benchmark(load("median", rotation=rotation).reduce, sequence)


def test_annular_median_image(benchmark, sequence):
    benchmark(load("annular_median").reduce, sequence)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("rotation", "imlib", "least"), CASES)
def test_median_image_vip(benchmark, naco_sequence, rotation, imlib, least):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    arguments = (naco_sequence.cube[0].copy(), naco_sequence.angles.copy())
    options = {"imlib": imlib, "nproc": 1, "verbose": False}
    theirs = benchmark.pedantic(psfsub.median_sub, arguments, options, rounds=1)
    compared = annulus(naco_sequence.shape, 6, edge_distance(naco_sequence.shape) - 6)
    ours = load("median", rotation=rotation).reduce(naco_sequence)
    correlation = np.corrcoef(ours[compared], theirs[compared])[0, 1]
    benchmark.extra_info["correlation"] = correlation
    assert correlation > least


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_annular_median_image_vip(benchmark, naco_sequence):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    arguments = (naco_sequence.cube[0].copy(), naco_sequence.angles.copy())
    options = {"mode": "annular", "fwhm": naco_sequence.reference_fwhm, "imlib": "opencv"}
    options |= {"nproc": 1, "verbose": False}
    benchmark.pedantic(psfsub.median_sub, arguments, options, rounds=1)
