"""Non-negative factorisation against scikit-learn, exact factors and VIP."""

import itertools

import numpy as np
import pytest
from sklearn.decomposition import NMF

from exobench.baselines import load
from exobench.baselines._low_rank import pca_residuals
from exobench.baselines.nmf import non_negative_factors
from exobench.datasets.errors import InputError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import annulus, edge_distance
from exobench.datasets.sequence import ImageSequence


def sequence_of(cube):
    y, x = np.indices((9, 9)) - 4
    return ImageSequence(
        name="toy_1",
        cube=cube,
        angles=np.linspace(0, 50, cube.shape[1]),
        psf=np.exp(-(x**2 + y**2) / 3)[np.newaxis],
        fwhm=3.0,
        pixel_scale=0.01,
    )


def light(n_frames=30, shape=(24, 25), noise=0.0, seed=0):
    """Sums of four positive images in changing proportions."""
    rng = np.random.default_rng(seed)
    images = rng.gamma(0.5, 10, size=(4, *shape))
    strengths = rng.uniform(0.2, 2, size=(n_frames, 4))
    cube = np.tensordot(strengths, images, axes=1) + noise * rng.normal(size=(n_frames, *shape))
    return cube.astype(np.float32)


def cost(matrix, weights, images):
    return float(((matrix - weights.astype(float) @ images) ** 2).sum())


def test_sums_of_positive_images_are_explained_completely():
    cube = light()
    residuals = load("nmf", n_components=4, n_iterations=500).residuals(
        sequence_of(cube[np.newaxis])
    )
    assert residuals.std() < 1e-3 * cube.std()


@pytest.mark.parametrize("n_components", [1, 3, 6])
@pytest.mark.filterwarnings("ignore:Maximum number of iterations")
def test_the_factors_are_as_good_as_those_of_scikit_learn(n_components):
    matrix = light(noise=5.0).reshape(30, -1)
    matrix = np.maximum(matrix, 0)
    weights, images = non_negative_factors(matrix, n_components, 100)
    assert weights.min() >= 0 <= images.min()
    peer = NMF(n_components, init="nndsvd", max_iter=200, tol=0)
    theirs = peer.fit_transform(matrix.astype(float))
    assert cost(matrix, weights, images) < 1.002 * cost(matrix, theirs, peer.components_)


def test_the_cost_only_falls_and_stays_above_that_of_principal_components():
    matrix = light(noise=5.0).reshape(30, -1)
    costs = [cost(matrix, *non_negative_factors(matrix, 5, n)) for n in (1, 2, 4, 8, 16, 32, 64)]
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in itertools.pairwise(costs))
    assert costs[-1] >= (pca_residuals(matrix, 5).astype(float) ** 2).sum()


def test_noise_about_a_dark_background_keeps_its_mean():
    cube = light(n_frames=60, noise=1.0)
    cube[:, 12:] = np.random.default_rng(1).normal(size=cube[:, 12:].shape)
    residuals = load("nmf", n_components=5).residuals(sequence_of(cube[np.newaxis]))
    background = residuals[:, 12:]
    # set to 0, half of the noise would leave a mean of -0.4
    assert abs(background.mean()) < 0.05
    assert background.std() == pytest.approx(1, abs=0.1)


def test_static_light_below_zero_is_removed_too():
    cube = light() - np.float32(30)
    residuals = load("nmf", n_components=5, n_iterations=500).residuals(
        sequence_of(cube[np.newaxis])
    )
    assert (cube < 0).mean() > 0.3
    assert residuals.std() < 0.05 * cube.std()
    dark = np.zeros_like(cube)
    assert not load("nmf").residuals(sequence_of(dark[np.newaxis])).any()


def test_a_dead_pixel_changes_no_other():
    cube = light(noise=1.0)
    dead = cube.copy()
    dead[:, 5, 5] = -1e6
    good, bad = (
        load("nmf", n_components=4).residuals(sequence_of(c[np.newaxis])) for c in (cube, dead)
    )
    bad[:, 5, 5] = good[:, 5, 5]
    assert np.abs(bad - good).max() < 0.5 * good.std()


@pytest.mark.parametrize("unit", [1e-25, 1e25])
def test_a_unit_whose_squares_are_no_numbers_of_32_bits_does_not_matter(unit):
    method, cube = load("nmf", n_components=3, n_iterations=5), light(noise=0.1)[np.newaxis]
    expected = method.residuals(sequence_of(cube))
    found = method.residuals(sequence_of(cube * np.float32(unit))) / np.float32(unit)
    np.testing.assert_allclose(found, expected, atol=1e-3 * expected.std())


def test_as_many_components_as_frames_are_refused():
    with pytest.raises(InputError, match="n_components must be at most 7"):
        load("nmf").residuals(sequence_of(light(8)[np.newaxis]))
    with pytest.raises(InputError, match="n_iterations must be 1 or more, got 0"):
        load("nmf", n_iterations=0)


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_image_of_one_component_is_that_of_vip(shared_data):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    naco = read_sequence(shared_data / "naco_betapic")
    theirs = psfsub.nmf(
        naco.cube[0].astype(float),
        naco.angles.copy(),
        ncomp=1,
        handle_neg="null",
        imlib="opencv",
        nproc=1,
        verbose=False,
    )
    ours = load("nmf", n_components=1).reduce(naco)
    compared = annulus(naco.shape, 6, edge_distance(naco.shape) - 6)
    assert np.corrcoef(ours[compared], theirs[compared])[0, 1] > 0.99
