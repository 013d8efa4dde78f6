"""Time of PCA in PynPoint on one core, beside which ours is timed with as many components.

CPU: --benchmark-timer=time.process_time. Timed are the functions that PynPoint's
PcaPsfSubtractionModule calls, without its database on disk; they turn frames by cubic splines.
tests/test_pynpoint.py compares what comes out.
"""

import pytest

from exobench.baselines import load

REASON = "needs the extra: pip install 'exobench[pynpoint]'"
N_COMPONENTS = 10


@pytest.mark.parametrize("rotation", ["fourier", "lanczos"])
def test_pca_image(benchmark, sequence, rotation):
    baseline = load("pca", n_components=N_COMPONENTS, rotation=rotation)
    benchmark.pedantic(baseline.reduce, (sequence,), rounds=3)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_pca_image_pynpoint(benchmark, sequence):
    pytest.importorskip("pynpoint", reason=REASON)
    from pynpoint.util.psf import pca_psf_subtraction
    from pynpoint.util.residuals import combine_residuals

    cube = sequence.cube[0].astype(float)

    def image():
        _, turned = pca_psf_subtraction(cube.copy(), -sequence.angles, N_COMPONENTS)
        return combine_residuals("median", turned)[0]

    benchmark.pedantic(image, rounds=3)
