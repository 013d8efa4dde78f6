"""Time of PCA, to the residual image and to the detection map: ours beside vip_hci.

CPU: --benchmark-timer=time.process_time. The peers also check that both make the same image:
with Fourier rotation on both sides, and with eigenvectors of the Gram matrix and Lanczos
interpolation of OpenCV on both.
"""

import numpy as np
import pytest

from exobench.baselines import load
from exobench.datasets.geometry import annulus, edge_distance
from exobench.datasets.simulator import simulate

SIZES = {
    "61x101x101": ("naco_like", {}),
    "252x160x160": ("irdis_like", {"n_frames": 252, "size": 160}),
    "489x250x250": ("irdis_like", {"n_frames": 489, "size": 250, "n_pupil": 80}),
}
FOURIER = {"imlib": "vip-fft"}
LANCZOS = {"svd_mode": "eigen", "imlib": "opencv", "interpolation": "lanczos4"}
CASES = [
    pytest.param("61x101x101", "fourier", FOURIER, 0.995, id="61x101x101-fourier"),
    pytest.param("252x160x160", "fourier", FOURIER, 0.995, id="252x160x160-fourier"),
    pytest.param("252x160x160", "lanczos", LANCZOS, 0.999, id="252x160x160-lanczos"),
    pytest.param("489x250x250", "lanczos", LANCZOS, 0.999, id="489x250x250-lanczos"),
]


@pytest.fixture(scope="module")
def simulated():
    made = {}

    def of(size):
        if size not in made:
            preset, overrides = SIZES[size]
            made[size] = simulate(preset, rng=0, **overrides)
        return made[size]

    return of


@pytest.mark.parametrize("rotation", ["fourier", "lanczos"])
@pytest.mark.parametrize("size", SIZES)
def test_pca_image(benchmark, simulated, size, rotation):
    benchmark.pedantic(load("pca", rotation=rotation).reduce, (simulated(size),), rounds=3)


@pytest.mark.parametrize("size", SIZES)
def test_pca_map(benchmark, simulated, size):
    benchmark.pedantic(load("pca"), (simulated(size),), rounds=3)


@pytest.mark.parametrize("size", ["61x101x101", "252x160x160"])
def test_pca_image_with_a_threshold_on_rotation(benchmark, simulated, size):
    method = load("pca", delta_rotation=0.5)
    benchmark.pedantic(method.reduce, (simulated(size),), rounds=3)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("size", "rotation", "options", "least"), CASES)
def test_pca_image_vip(benchmark, simulated, size, rotation, options, least):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    sequence = simulated(size)
    keywords = {"ncomp": 10, "nproc": 1, "verbose": False, **options}
    cube, angles = sequence.cube[0].copy(), sequence.angles.copy()
    theirs = benchmark.pedantic(psfsub.pca, (cube, angles), keywords, rounds=1)
    compared = annulus(sequence.shape, 6, edge_distance(sequence.shape) - 6)
    ours = load("pca", n_components=10, rotation=rotation).reduce(sequence)
    correlation = np.corrcoef(ours[compared], theirs[compared])[0, 1]
    benchmark.extra_info["correlation"] = correlation
    assert correlation > least
