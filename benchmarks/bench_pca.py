"""Time of PCA, to the residual image and to the detection map: ours beside vip_hci's default.

CPU: --benchmark-timer=time.process_time. The peer also checks that both make the same image.
"""

import numpy as np
import pytest

from exobench.baselines import load
from exobench.datasets.geometry import annulus, edge_distance
from exobench.datasets.simulator import simulate


@pytest.fixture(scope="module")
def irdis():
    return simulate("irdis_like", rng=0, n_frames=252, size=160)


def test_pca_image(benchmark, irdis):
    assert irdis.cube.shape == (1, 252, 160, 160)
    benchmark(load("pca").reduce, irdis)


def test_pca_map(benchmark, irdis):
    benchmark(load("pca"), irdis)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_pca_image_vip(benchmark, irdis):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    options = {"ncomp": 10, "imlib": "vip-fft", "nproc": 1, "verbose": False}
    cube, angles = irdis.cube[0].copy(), irdis.angles.copy()
    theirs = benchmark.pedantic(psfsub.pca, (cube, angles), options, rounds=1)
    compared = annulus(irdis.shape, 6, edge_distance(irdis.shape) - 6)
    ours = load("pca", n_components=10).reduce(irdis)
    correlation = np.corrcoef(ours[compared], theirs[compared])[0, 1]
    benchmark.extra_info["correlation"] = correlation
    assert correlation > 0.99
