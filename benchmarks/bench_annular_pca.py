"""Time of annular PCA, to the residual image: ours beside vip_hci on one core.

CPU: --benchmark-timer=time.process_time. The peer also checks that both make the same frames.
"""

import numpy as np
import pytest

from exobench.baselines import load
from exobench.datasets.geometry import annulus, edge_distance

WIDTH_PX, DELTA_ROTATION, N_COMPONENTS = 9, 0.5, 10
ROTATIONS = {"vip-fft": "fourier", "opencv": "lanczos"}


def same_settings(sequence, imlib):
    return load(
        "annular_pca",
        n_components=N_COMPONENTS,
        annulus_width=WIDTH_PX / float(sequence.fwhm[0]),
        delta_rotation=DELTA_ROTATION,
        rotation=ROTATIONS[imlib],
    )


def test_annular_pca_image(benchmark, sequence):
    benchmark.pedantic(load("annular_pca").reduce, (sequence,), rounds=3)


@pytest.mark.parametrize("imlib", ROTATIONS)
def test_annular_pca_image_with_the_settings_of_the_peer(benchmark, sequence, imlib):
    benchmark.pedantic(same_settings(sequence, imlib).reduce, (sequence,), rounds=3)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("imlib", ROTATIONS)
def test_annular_pca_image_vip(benchmark, naco_sequence, imlib):
    compared_with_vip(benchmark, naco_sequence, imlib)


@pytest.mark.peers
@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore")
def test_annular_pca_image_of_252_frames_vip(benchmark, irdis_sequence):
    compared_with_vip(benchmark, irdis_sequence, "opencv")


def compared_with_vip(benchmark, sequence, imlib):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    options = {
        "fwhm": float(sequence.fwhm[0]),
        "asize": WIDTH_PX,
        "ncomp": N_COMPONENTS,
        "delta_rot": DELTA_ROTATION,
        "imlib": imlib,
        "nproc": 1,
        "verbose": False,
        "full_output": True,
    }
    cube, angles = sequence.cube[0].astype(np.float64), sequence.angles.copy()
    theirs, _, _ = benchmark.pedantic(psfsub.pca_annular, (cube, angles), options, rounds=1)
    # The innermost ring has too few frames far enough, for which the two have other rules;
    # the peer moves its outermost ring inwards.
    n_rings = int(edge_distance(sequence.shape) // WIDTH_PX)
    compared = annulus(sequence.shape, WIDTH_PX, (n_rings - 1) * WIDTH_PX - 1.01)
    frames = same_settings(sequence, imlib).residuals(sequence)[:, compared]
    correlation = np.corrcoef(frames.ravel(), theirs[:, compared].ravel())[0, 1]
    benchmark.extra_info["correlation"] = correlation
    assert correlation > 0.99
