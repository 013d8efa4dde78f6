"""Time of annular PCA, to the residual image: ours beside vip_hci on one core.

CPU: --benchmark-timer=time.process_time. The peer also checks that both make the same frames.
"""

import numpy as np
import pytest

from exobench.baselines import load
from exobench.datasets.geometry import annulus

WIDTH_PX, DELTA_ROTATION, N_COMPONENTS = 9, 0.5, 10


def same_settings(sequence):
    return load(
        "annular_pca",
        n_components=N_COMPONENTS,
        annulus_width=WIDTH_PX / float(sequence.fwhm[0]),
        delta_rotation=DELTA_ROTATION,
    )


def test_annular_pca_image(benchmark, sequence):
    benchmark.pedantic(load("annular_pca").reduce, (sequence,), rounds=3)


def test_annular_pca_image_with_the_settings_of_the_peer(benchmark, naco_sequence):
    benchmark.pedantic(same_settings(naco_sequence).reduce, (naco_sequence,), rounds=3)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("imlib", ["vip-fft", "opencv"])
def test_annular_pca_image_vip(benchmark, naco_sequence, imlib):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    options = {
        "fwhm": float(naco_sequence.fwhm[0]),
        "asize": WIDTH_PX,
        "ncomp": N_COMPONENTS,
        "delta_rot": DELTA_ROTATION,
        "imlib": imlib,
        "nproc": 1,
        "verbose": False,
        "full_output": True,
    }
    cube, angles = naco_sequence.cube[0].astype(np.float64), naco_sequence.angles.copy()
    theirs, _, _ = benchmark.pedantic(psfsub.pca_annular, (cube, angles), options, rounds=1)
    compared = annulus(naco_sequence.shape, WIDTH_PX, 4 * WIDTH_PX - 1.01)
    frames = same_settings(naco_sequence).residuals(naco_sequence)[:, compared]
    correlation = np.corrcoef(frames.ravel(), theirs[:, compared].ravel())[0, 1]
    benchmark.extra_info["correlation"] = correlation
    assert correlation > 0.99
