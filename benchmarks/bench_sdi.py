"""Time of the SDI baselines, to the residual image.

CPU: --benchmark-timer=time.process_time. The peer also checks that both make the same image.
"""

import numpy as np
import pytest

from exobench.baselines import load
from exobench.datasets.geometry import annulus, edge_distance
from exobench.datasets.simulator import simulate

CASES = {
    "16x20x101": {"n_wavelengths": 16, "n_frames": 20, "size": 101},
    "13x40x160": {"n_wavelengths": 13, "n_frames": 40, "size": 160},
    "39x50x101": {"n_wavelengths": 39, "n_frames": 50, "size": 101},
}


@pytest.fixture(scope="module", params=CASES)
def ifs(request):
    return simulate("sphere_ifs_like", rng=0, **CASES[request.param])


@pytest.mark.parametrize("name", ["sdi_median", "sdi_pca", "sdi_loci"])
def test_sdi_image(benchmark, ifs, name):
    if name == "sdi_loci" and ifs.n_wavelengths * ifs.n_frames > 1000:
        pytest.skip("LOCI of 1950 frames takes half a minute")
    benchmark.pedantic(load(name).reduce, (ifs,), rounds=3)


def test_two_stage_image(benchmark, ifs):
    method = load("sdi_pca", n_components=10, spectral_components=5)
    benchmark.pedantic(method.reduce, (ifs,), rounds=3)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("imlib", ["vip-fft", "opencv"])
def test_single_pass_image_vip(benchmark, ifs, imlib):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    options = {"scale_list": ifs.wavelengths.max() / ifs.wavelengths, "ncomp": 10}
    options |= {"adimsdi": "single", "crop_ifs": True, "imlib": imlib, "imlib2": imlib}
    options |= {"interpolation": "lanczos4", "nproc": 1, "verbose": False}
    arguments = (ifs.cube.copy(), ifs.angles.copy())
    theirs = benchmark.pedantic(psfsub.pca, arguments, options, rounds=1)
    compared = annulus(ifs.shape, 6, edge_distance(ifs.shape) - 8)
    ours = load("sdi_pca", n_components=10).reduce(ifs)
    correlation = np.corrcoef(ours[compared], theirs[compared])[0, 1]
    benchmark.extra_info["correlation"] = correlation
    assert correlation > 0.99
