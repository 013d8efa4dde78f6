"""One body of mathematics on numpy, PyTorch and JAX: parity, devices, and what is refused."""

import subprocess
import sys

import numpy as np
import pytest

from exobench.datasets import backends
from exobench.datasets.backends import computed, namespace
from exobench.datasets.errors import InputError
from exobench.datasets.rotation import derotate

FRAMES = np.random.default_rng(0).normal(size=(2, 5, 21, 20)).astype(np.float32)


@pytest.fixture(params=["torch", "jax"])
def library(request):
    """Name of a library that is installed."""
    reason = f"needs the extra: pip install 'exobench[{request.param}]'"
    pytest.importorskip(request.param, reason=reason)
    return request.param


def doubled(array):
    return namespace(array).asarray(array) * 2


def test_arrays_come_back_as_they_went_in(library):
    values = np.arange(6.0).reshape(2, 3)
    values.flags.writeable = False
    result = computed(doubled, values, backend=library, device="cpu")
    assert type(result) is np.ndarray
    assert result.dtype == np.float64
    assert result.flags.writeable
    np.testing.assert_array_equal(result, 2 * values)
    pair = computed(lambda a, b: (a + b, a), values, values, backend=library, device="cpu")
    np.testing.assert_array_equal(pair[0], 2 * values)


def test_the_state_of_the_library_is_left_as_it_was(library):
    module = pytest.importorskip(library)
    computed(doubled, FRAMES, backend=library, device="cpu")
    if library == "jax":
        assert module.numpy.asarray(1.0).dtype == np.float32
        assert not module.config.jax_enable_x64
    else:
        assert not module.is_inference_mode_enabled()


def test_turned_frames_are_the_same(library):
    angles = np.array([-97.0, 0.0, 90.0, 12.5, 20.0])
    turned = computed(
        lambda frames: derotate(frames, angles), FRAMES, backend=library, device="cpu"
    )
    assert turned.dtype == np.float32
    np.testing.assert_allclose(turned, derotate(FRAMES, angles), atol=1e-5)


def test_interpolation_by_opencv_stays_with_numpy(library):
    with pytest.raises(InputError, match="rotation lanczos is computed by numpy only"):
        computed(
            lambda frames: derotate(frames, np.ones(5), "lanczos"),
            FRAMES,
            backend=library,
            device="cpu",
        )


@pytest.mark.parametrize("device", ["nowhere", "cuda:99"])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(library, device):
    with pytest.raises(
        InputError, match=rf"{library} has no device '{device}' here; there are .*cpu"
    ):
        computed(doubled, FRAMES, backend=library, device=device)


def test_a_backend_that_is_unknown_or_not_installed_is_refused(monkeypatch):
    with pytest.raises(InputError, match="backend must be numpy, torch or jax, got 'cupy'"):
        computed(doubled, FRAMES, backend="cupy")
    with pytest.raises(InputError, match="numpy has no device 'cuda', only cpu"):
        computed(doubled, FRAMES, device="cuda")

    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(backends, "import_module", missing)
    with pytest.raises(InputError, match=r"torch is not installed; .*'exobench\[torch\]'"):
        computed(doubled, FRAMES, backend="torch")


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_the_median_is_that_of_numpy_and_leaves_the_values(n):
    values = np.random.default_rng(n).normal(size=n)
    before = values.copy()
    assert backends.median(values) == np.median(values)
    np.testing.assert_array_equal(values, before)


@pytest.mark.extras
def test_the_libraries_are_imported_only_when_asked_for():
    code = (
        "import sys, numpy as np; from exobench.datasets.rotation import derotate;"
        "derotate(np.ones((2, 9, 9)), [1, 2]);"
        "assert not {'torch', 'jax', 'cv2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
