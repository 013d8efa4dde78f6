"""Time of non-negative factorisation: ours beside scikit-learn, and to the image vip_hci.

CPU: --benchmark-timer=time.process_time. What is left of the cube's power is in extra_info:
a time says something only at the same.
"""

import numpy as np
import pytest
from sklearn.decomposition import NMF

from exobench.baselines import load
from exobench.baselines.nmf import non_negative_factors


@pytest.fixture(scope="module")
def matrix(naco_sequence):
    frames = naco_sequence.cube[0].reshape(naco_sequence.n_frames, -1)
    return np.maximum(frames / frames.std(), 0)


def left(matrix, weights, images):
    rest = matrix - weights.astype(float) @ images
    return float((rest**2).sum() / (matrix.astype(float) ** 2).sum())


def test_factors(benchmark, matrix):
    factors = benchmark.pedantic(non_negative_factors, (matrix, 10, 100), rounds=3)
    benchmark.extra_info["left"] = left(matrix, *factors)


@pytest.mark.filterwarnings("ignore:Maximum number of iterations")
@pytest.mark.parametrize(("solver", "start"), [("cd", "nndsvd"), ("mu", "nndsvda")])
def test_factors_scikit_learn(benchmark, matrix, solver, start):
    model = NMF(10, solver=solver, init=start, max_iter=300, tol=0, random_state=0)
    weights = benchmark.pedantic(model.fit_transform, (matrix,), rounds=1)
    benchmark.extra_info["left"] = left(matrix, weights, model.components_)


def test_nmf_image(benchmark, sequence):
    benchmark.pedantic(load("nmf").reduce, (sequence,), rounds=3)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_nmf_image_vip(benchmark, sequence):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    arguments = (sequence.cube[0].copy(), sequence.angles.copy())
    options = {"ncomp": 10, "handle_neg": "null", "imlib": "opencv", "nproc": 1, "verbose": False}
    benchmark.pedantic(psfsub.nmf, arguments, options, rounds=1)
