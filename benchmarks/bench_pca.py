"""Time of PCA, to the residual image and to the detection map: ours beside vip_hci.

CPU: --benchmark-timer=time.process_time. The peers also check that both make the same image;
frames are turned by the same interpolation on both sides.
"""

import numpy as np
import pytest

from exobench.baselines import load
from exobench.datasets.geometry import annulus, edge_distance

ROTATIONS = {
    "fourier": {"imlib": "vip-fft"},
    "lanczos": {"imlib": "opencv", "interpolation": "lanczos4"},
    "cubic": {"imlib": "opencv", "interpolation": "bicubic"},
}


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_pca_image(benchmark, sequence, rotation):
    benchmark.pedantic(load("pca", rotation=rotation).reduce, (sequence,), rounds=5)


@pytest.mark.parametrize("rotation", ["lanczos", "cubic"])
def test_pca_image_of_489_frames(benchmark, large_sequence, rotation):
    benchmark.pedantic(load("pca", rotation=rotation).reduce, (large_sequence,), rounds=3)


def test_pca_map(benchmark, sequence):
    benchmark.pedantic(load("pca"), (sequence,), rounds=3)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("rotation", ROTATIONS)
def test_pca_image_vip(benchmark, sequence, rotation):
    compared_with_vip(
        benchmark, sequence, rotation, least=0.995 if rotation == "fourier" else 0.999
    )


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("rotation", ["lanczos", "cubic"])
def test_pca_image_of_489_frames_vip(benchmark, large_sequence, rotation):
    compared_with_vip(benchmark, large_sequence, rotation, least=0.999)


def compared_with_vip(benchmark, sequence, rotation, least):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    options = {"ncomp": 10, "svd_mode": "eigen", "nproc": 1, "verbose": False}
    cube, angles = sequence.cube[0].copy(), sequence.angles.copy()
    theirs = benchmark.pedantic(psfsub.pca, (cube, angles), options | ROTATIONS[rotation], rounds=1)
    compared = annulus(sequence.shape, 6, edge_distance(sequence.shape) - 6)
    ours = load("pca", n_components=10, rotation=rotation).reduce(sequence)
    correlation = np.corrcoef(ours[compared], theirs[compared])[0, 1]
    benchmark.extra_info["correlation"] = correlation
    assert correlation > least
