"""PCA beside PynPoint, which subtracts the mean frame first, and turns frames by cubic splines."""

from dataclasses import replace

import numpy as np
import pytest

from exobench.baselines import load
from exobench.datasets import simulate
from exobench.datasets.geometry import annulus, edge_distance

pytestmark = [pytest.mark.peers, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
REASON = "needs the extra: pip install 'exobench[pynpoint]'"
N_COMPONENTS = 10


@pytest.fixture
def psf():
    pytest.importorskip("pynpoint", reason=REASON)
    from pynpoint.util import psf

    return psf


@pytest.fixture(scope="module")
def sequence():
    """Without its mean frame."""
    made = simulate("naco_like", rng=0)
    return replace(made, cube=made.cube - made.cube.mean(axis=1, keepdims=True))


def subtracted(psf, sequence):
    """Residual frames of PynPoint, and what they are north up."""
    return psf.pca_psf_subtraction(
        sequence.cube[0].astype(float), -sequence.angles, pca_number=N_COMPONENTS
    )


def test_residual_frames_of_pca_are_those_of_pynpoint(psf, sequence):
    theirs, _ = subtracted(psf, sequence)
    ours = load("pca", n_components=N_COMPONENTS).residuals(sequence)
    np.testing.assert_allclose(ours, theirs, atol=1e-3 * theirs.std())


def test_the_image_of_pca_is_that_of_pynpoint(psf, sequence):
    from pynpoint.util.residuals import combine_residuals

    _, turned = subtracted(psf, sequence)
    theirs = combine_residuals("median", turned)[0]
    compared = annulus(sequence.shape, 6, edge_distance(sequence.shape) - 6)
    ours = load("pca", n_components=N_COMPONENTS, rotation="lanczos").reduce(sequence)
    assert np.corrcoef(ours[compared], theirs[compared])[0, 1] > 0.985
