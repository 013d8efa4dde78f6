"""The same maps by PyTorch and JAX as by numpy, on the CPU and, where there is one, on a GPU."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.baselines import _leave_out, _low_rank, _subtraction, describe_options, load, names
from exobench.baselines._accelerated import Accelerated
from exobench.baselines._leave_out import projection_weights
from exobench.baselines._low_rank import gram_matrix, pca_residuals
from exobench.baselines._subtraction import derotated_median, temporal_median
from exobench.datasets import rotation
from exobench.datasets.backends import computed
from exobench.datasets.errors import InputError
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import ImageSequence
from exobench.scoring import snr
from exobench.scoring.snr import significance_map, snr_at, snr_map

FWHM = 5.0
METHODS = {
    "pca": {"n_components": 3},
    "annular_pca": {"n_components": 2, "annulus_width": 2.0, "delta_rotation": 0.5},
    "llsg": {"n_components": 2, "n_iterations": 3},
}
PLACES = ["torch-cpu", "jax-cpu", "torch-cuda", "jax-cuda"]
# JAX compiles LLSG for every shape of a patch.
CASES = [
    pytest.param(name, p, marks=pytest.mark.slow if (name, p[:3]) == ("llsg", "jax") else ())
    for name in METHODS
    for p in PLACES
]


@pytest.fixture(params=PLACES)
def place(request):
    """Backend and device, as options."""
    backend, _, device = request.param.partition("-")
    library = pytest.importorskip(
        backend, reason=f"needs the extra: pip install 'exobench[{backend}]'"
    )
    if device == "cuda" and not has_gpu(library):
        pytest.skip(f"{backend} sees no GPU")
    return {"backend": backend, "device": device}


def has_gpu(library):
    if library.__name__ == "torch":
        return library.cuda.is_available()
    return any(d.platform == "gpu" for d in library.devices())


@pytest.fixture(scope="module")
def sequence():
    """Speckles that flicker, and noise, on a frame that is not square."""
    rng = np.random.default_rng(5)
    patterns = gaussian_filter(rng.normal(size=(4, 30, 33)), (0, 1.5, 1.5))
    strengths = 1 + 0.1 * rng.normal(size=(24, 4)).cumsum(axis=0)
    cube = 500 + 900 * np.tensordot(strengths, patterns, axes=1) + rng.normal(size=(24, 30, 33))
    y, x = np.indices((15, 15)) - 7
    psf = np.exp(-4 * np.log(2) * (x**2 + y**2) / FWHM**2)
    return ImageSequence(
        name="toy",
        cube=cube[np.newaxis].astype(np.float32),
        angles=np.linspace(1, 11, 24),
        psf=normalise_psf(psf[np.newaxis]).psf,
        fwhm=FWHM,
        pixel_scale=0.01,
    )


def test_these_have_backends():
    assert {name for name in names() if "backend" in describe_options(name)} == set(METHODS)
    assert all(isinstance(load(name), Accelerated) for name in METHODS)


@pytest.mark.parametrize(("name", "place"), CASES, indirect=["place"])
def test_maps_are_those_of_numpy(sequence, name, place):
    before = sequence.cube.copy()
    expected = load(name, **METHODS[name])(sequence)
    found = load(name, **METHODS[name], **place)(sequence)
    assert type(found) is np.ndarray
    assert np.nanmax(found) > 2
    np.testing.assert_allclose(found, expected, atol=2e-3)
    np.testing.assert_array_equal(sequence.cube, before)


def test_residual_frames_come_back_as_those_of_numpy(sequence, place):
    expected = load("pca", n_components=3).residuals(sequence)
    found = load("pca", n_components=3, **place).residuals(sequence)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("n_frames", [7, 8])
def test_the_median_of_an_even_number_is_the_mean_of_the_middle_two(place, n_frames):
    frames = np.random.default_rng(0).normal(size=(n_frames, 5, 6)).astype(np.float32)
    found = computed(temporal_median, frames, **place)
    np.testing.assert_allclose(found, np.median(frames, axis=0), rtol=1e-6)
    np.testing.assert_allclose(temporal_median(frames), np.median(frames, axis=0), rtol=1e-6)


def test_the_small_eigenvalues_of_bright_frames_are_kept(place):
    """In 32 bits, or with the short factors of a GPU, they would drown in the mean frame."""
    rng = np.random.default_rng(2)
    frames = (1e4 + 5 * rng.normal(size=(12, 1)) * rng.normal(size=300)).astype(np.float32)
    frames += rng.normal(size=frames.shape).astype(np.float32)
    np.testing.assert_allclose(
        computed(gram_matrix, frames, **place), gram_matrix(frames), rtol=1e-12
    )
    residuals = computed(lambda x: pca_residuals(x, 2), frames, **place)
    np.testing.assert_allclose(residuals, pca_residuals(frames, 2), atol=2e-2)
    assert residuals.std() < 1.2


def test_weights_of_small_and_of_large_libraries_are_the_same(place):
    frames = np.random.default_rng(3).normal(size=(24, 80)).astype(np.float32)
    t = np.arange(24)
    gap = np.where(t < 6, 14, 2)[:, np.newaxis]
    allowed = np.abs(t[:, np.newaxis] - t) > gap
    gram = gram_matrix(frames)
    assert allowed.sum(axis=1).min() < 8 < allowed.sum(axis=1).max()
    found = computed(lambda g: projection_weights(g, allowed, 2), gram, **place)
    np.testing.assert_allclose(found, projection_weights(gram, allowed, 2), atol=1e-9)
    assert not found[~allowed].any()


def test_snr_maps_have_the_same_values_and_the_same_gaps(place):
    image = np.random.default_rng(4).normal(5.0, 2.0, (26, 31))
    image[3, 20] = np.nan
    expected = snr_map(image, 3.3)
    found = computed(lambda x: snr_map(x, 3.3), image, **place)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, rtol=1e-2, atol=1e-3)
    positions = np.array([[12.3, 20.1], [7.0, 9.5], [13.0, 15.0]])
    found = computed(lambda x: snr_at(x, 3.3, positions), image, **place)
    np.testing.assert_allclose(found, snr_at(image, 3.3, positions), rtol=1e-3, atol=1e-3)
    assert np.isfinite(computed(lambda x: significance_map(x, 3.3), image, **place)).any()


def test_frames_given_to_a_library_are_left_alone_there(place):
    frames = np.random.default_rng(6).normal(size=(5, 12, 12)).astype(np.float32)
    expected = derotated_median(frames.copy(), np.full(5, 3.0))
    found = computed(lambda x: derotated_median(x, np.full(5, 3.0)), frames, **place)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_an_unknown_backend_is_refused_before_any_sequence_is_seen():
    with pytest.raises(InputError, match="backend must be one of numpy, torch, jax, got 'tf'"):
        load("pca", backend="tf")


@pytest.mark.parametrize("name", METHODS)
def test_how_much_is_done_at_a_time_does_not_matter(sequence, name, monkeypatch):
    method = load(name, **METHODS[name])
    expected = method(sequence)
    for module, block, size in (
        (_low_rank, "_BLOCK", 24 * 300),
        (_leave_out, "_CHUNK_VALUES", 500),
        (_subtraction, "_MEDIAN_BLOCK", 24 * 100),
        (_subtraction, "_ROTATION_BLOCK", 7 * 990),
        (rotation, "_BLOCK_PIXELS", 3 * 990),
        (snr, "_BLOCK", 100),
    ):
        assert getattr(module, block) > size
        monkeypatch.setattr(module, block, size)
    np.testing.assert_allclose(method(sequence), expected, atol=2e-3)
