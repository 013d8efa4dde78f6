"""Time of the SDI baselines, to the residual image.

CPU: --benchmark-timer=time.process_time.
"""

import pytest

from exobench.baselines import load
from exobench.datasets.simulator import simulate

CASES = {
    "16x20x101": {"n_wavelengths": 16, "n_frames": 20, "size": 101},
    "13x40x160": {"n_wavelengths": 13, "n_frames": 40, "size": 160},
}


@pytest.fixture(scope="module", params=CASES)
def ifs(request):
    return simulate("sphere_ifs_like", rng=0, **CASES[request.param])


@pytest.mark.parametrize("name", ["sdi_median", "sdi_pca", "sdi_loci"])
def test_sdi_image(benchmark, ifs, name):
    benchmark.pedantic(load(name).reduce, (ifs,), rounds=3)
