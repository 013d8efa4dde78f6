"""Full-frame PCA against the singular value decomposition, the real sky and VIP."""

import dataclasses
import itertools
import tracemalloc

import numpy as np
import pytest

from exobench.baselines import load
from exobench.baselines._low_rank import gram_matrix, pca_residuals
from exobench.datasets.errors import InputError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import annulus, edge_distance, radius_map, to_yx
from exobench.datasets.injection import inject
from exobench.datasets.sequence import Companion, ImageSequence
from exobench.scoring.snr import significance_at, snr_at, snr_map


@pytest.fixture(scope="module")
def naco(shared_data):
    return read_sequence(shared_data / "naco_betapic")


def speckles(n_frames=30, shape=(24, 25)):
    """A few patterns that come and go, on a bright pedestal, and noise."""
    rng = np.random.default_rng(2)
    patterns = rng.normal(size=(4, *shape)) * np.array([50, 20, 10, 5])[:, np.newaxis, np.newaxis]
    strengths = rng.normal(size=(n_frames, 4))
    cube = 1e4 + np.tensordot(strengths, patterns, axes=1) + rng.normal(size=(n_frames, *shape))
    return cube.astype(np.float32)


@pytest.mark.parametrize("n_components", [1, 5, 12])
def test_the_residuals_are_those_of_the_truncated_decomposition(n_components):
    cube = speckles()
    matrix = cube.reshape(len(cube), -1).astype(np.float64)
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    expected = matrix - (u[:, :n_components] * s[:n_components]) @ vt[:n_components]
    ours = pca_residuals(cube, n_components).reshape(matrix.shape)
    np.testing.assert_allclose(ours, expected, atol=0.02)


def test_the_gram_matrix_keeps_the_small_differences_of_bright_frames():
    matrix = speckles().reshape(30, -1)
    exact = matrix.astype(np.longdouble)
    np.testing.assert_allclose(gram_matrix(matrix), (exact @ exact.T).astype(float), rtol=1e-13)


def test_as_many_components_as_frames_are_refused(naco):
    with pytest.raises(InputError, match=r"naco_1: 61 components for 61 frames; .* at most 60"):
        load("pca", n_components=61)(naco)


@pytest.mark.parametrize("name", ["pca", "sdi_pca", "llsg"])
def test_no_components_are_refused_before_any_sequence_is_seen(name):
    with pytest.raises(InputError, match="n_components must be 1 or more, got 0"):
        load(name, n_components=0)


def test_the_real_field_is_blank(naco):
    frame, fwhm = load("pca", n_components=10).reduce(naco), naco.reference_fwhm
    searched = annulus(naco.shape, 1.5 * fwhm, edge_distance(naco.shape) - fwhm / 2)
    assert snr_map(frame, fwhm)[searched].max() < 4.5


def test_a_companion_of_snr_ten_is_found_on_the_real_field_and_only_with_the_right_sign(naco):
    pca, fwhm = load("pca", n_components=10), naco.reference_fwhm
    separation_px, theta = 5.5 * fwhm, 200.0
    position = np.transpose(to_yx(separation_px, theta, naco.shape))
    companion = Companion(
        separation=separation_px * naco.pixel_scale, position_angle=theta - 90, flux=150.0
    )
    injected = inject(naco, [companion])
    assert 8 < snr_at(pca.reduce(injected), fwhm, [position])[0] < 14
    detections = pca(injected)
    found = np.unravel_index(np.nanargmax(detections), detections.shape)
    assert np.hypot(*(np.array(found) - position)) <= 1
    flipped = dataclasses.replace(injected, angles=-injected.angles)
    assert significance_at(pca.reduce(flipped), fwhm, [position])[0] < 2


def turning(n_frames=24, shape=(40, 41)):
    """Speckles and noise as a sequence in which the field turns."""
    y, x = np.indices((9, 9)) - 4
    return ImageSequence(
        name="toy_1",
        cube=speckles(n_frames, shape)[np.newaxis],
        angles=np.cumsum(np.random.default_rng(3).uniform(1, 5, n_frames)),
        psf=np.exp(-(x**2 + y**2) / 4.5)[np.newaxis],
        fwhm=4.0,
        pixel_scale=0.01,
    )


@pytest.mark.parametrize("delta_rotation", [0.3, 1.0, 50.0])
def test_with_a_threshold_each_ring_has_whole_frames_that_have_turned_enough(delta_rotation):
    sequence, n_components = turning(), 3
    method = load("pca", n_components=n_components, delta_rotation=delta_rotation)
    residuals = method.residuals(sequence)
    frames = sequence.cube[0].reshape(24, -1).astype(float)
    radius, edge = radius_map(sequence.shape).ravel(), edge_distance(sequence.shape) + 0.5
    limits = [0, 8, edge, np.inf]  # 2 FWHM wide, the last one as wide as what is left
    for inner, outer in itertools.pairwise(limits):
        ring = (radius >= inner) & (radius < outer)
        middle = radius[ring].mean() if outer == np.inf else (inner + outer) / 2
        for t in (0, 11, 23):
            turned = np.deg2rad(sequence.angles - sequence.angles[t])
            moved = 2 * middle * np.abs(np.sin(turned / 2))
            moved[t] = -1
            library = np.flatnonzero(moved >= 4 * delta_rotation)
            if library.size < 2 * n_components:
                library = np.argsort(-moved)[: 2 * n_components]
            basis = np.linalg.svd(frames[library], full_matrices=False)[2][:n_components]
            expected = frames[t] - (frames[t] @ basis.T) @ basis
            ours = residuals[t].ravel()[ring]
            np.testing.assert_allclose(ours, expected[ring], atol=0.02 * expected.std())


def test_a_threshold_keeps_more_of_a_companion_on_the_real_field(naco):
    fwhm = naco.reference_fwhm
    companion = Companion(separation=3 * fwhm * naco.pixel_scale, position_angle=40, flux=3000.0)
    kept = []
    for delta_rotation in (0.0, 1.0):
        method = load("pca", n_components=10, delta_rotation=delta_rotation)
        full, empty = (method.reduce(s) for s in (inject(naco, [companion]), naco))
        y, x = np.rint(companion.position(naco)).astype(int)
        kept.append((full - empty)[y, x])
    assert kept[1] > 1.5 * kept[0] > 0


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("pca", {}),
        ("median", {}),
        pytest.param("pca", {"delta_rotation": 0.5}, marks=pytest.mark.slow),
    ],
)
def test_the_memory_is_that_of_the_residuals_and_a_little_more(name, options):
    cube = np.random.default_rng(0).normal(size=(1, 400, 100, 101)).astype(np.float32)
    sequence = dataclasses.replace(turning(), cube=cube, angles=np.linspace(0, 60, 400))
    tracemalloc.start()
    load(name, **options).reduce(sequence)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.1 * cube.nbytes + 45e6


@pytest.mark.peers
@pytest.mark.slow
def test_the_residual_image_is_that_of_vip(naco):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    theirs = psfsub.pca(
        naco.cube[0].astype(np.float64),
        naco.angles.copy(),
        ncomp=10,
        imlib="vip-fft",
        nproc=1,
        verbose=False,
    )
    compared = annulus(naco.shape, 6, edge_distance(naco.shape) - 6)
    ours = load("pca", n_components=10).reduce(naco)
    assert np.corrcoef(ours[compared], theirs[compared])[0, 1] > 0.995


@pytest.mark.peers
@pytest.mark.slow
def test_the_interpolated_residual_image_is_that_of_vip_interpolated(naco):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    options = {"svd_mode": "eigen", "imlib": "opencv", "interpolation": "lanczos4"}
    cube = naco.cube[0].astype(np.float64)
    theirs = psfsub.pca(cube, naco.angles.copy(), ncomp=10, nproc=1, verbose=False, **options)
    compared = annulus(naco.shape, 6, edge_distance(naco.shape) - 6)
    ours = load("pca", n_components=10, rotation="lanczos").reduce(naco)
    assert np.corrcoef(ours[compared], theirs[compared])[0, 1] > 0.999
