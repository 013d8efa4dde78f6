"""Time of the detection map on a GPU beside that of numpy on the CPU.

Wall time, once the libraries are warm (JAX compiles a kernel at its first call). Frames go
to the GPU and the map comes back in every round. Without a GPU the library runs on its CPU
if EXOBENCH_BENCH_CPU is set, and is skipped otherwise.
"""

import os

import numpy as np
import pytest

from exobench.baselines import load
from exobench.datasets.backends import computed
from exobench.scoring.snr import snr_map

METHODS = ["pca", "annular_pca", "llsg"]


@pytest.fixture(params=["numpy", "torch", "jax"])
def place(request):
    """Backend and device, as options."""
    if request.param == "numpy":
        return {"backend": "numpy"}
    library = pytest.importorskip(
        request.param, reason=f"needs the extra: pip install 'exobench[{request.param}]'"
    )
    gpu = (
        library.cuda.is_available()
        if request.param == "torch"
        else any(d.platform == "gpu" for d in library.devices())
    )
    if not (gpu or os.environ.get("EXOBENCH_BENCH_CPU")):
        pytest.skip(f"{request.param} sees no GPU")
    return {"backend": request.param, "device": "cuda" if gpu else "cpu"}


@pytest.mark.parametrize("name", METHODS)
def test_map(benchmark, sequence, name, place):
    baseline = load(name, **place)
    found = benchmark.pedantic(baseline, (sequence,), rounds=3, warmup_rounds=1)
    expected = load(name)(sequence)
    benchmark.extra_info["device"] = place.get("device", "cpu")
    benchmark.extra_info["largest difference"] = np.nanmax(np.abs(found - expected))


def test_pca_map_of_489_frames(benchmark, large_sequence, place):
    benchmark.pedantic(load("pca", **place), (large_sequence,), rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("size", [101, 250])
def test_snr_map(benchmark, size, place):
    image = np.random.default_rng(0).normal(size=(size, size))

    def found():
        return computed(lambda x: snr_map(x, 4.57), image, **place)

    benchmark.pedantic(found, rounds=3, warmup_rounds=1)
