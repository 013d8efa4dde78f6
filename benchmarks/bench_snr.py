"""Time of S/N and significance maps: ours beside vip_hci's exact one.

CPU: --benchmark-timer=time.process_time.
"""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.scoring.apertures import disc_modes
from exobench.scoring.snr import significance_at, significance_map, snr_map

FWHM = 4.57


def residual_image(size):
    rng = np.random.default_rng(0)
    return gaussian_filter(rng.normal(size=(size, size)), FWHM / 2.3548)


@pytest.mark.parametrize("size", [101, 160, 250])
def test_snr_map(benchmark, size):
    benchmark(snr_map, residual_image(size), FWHM)


def test_snr_map_of_a_new_fwhm(benchmark):
    benchmark.pedantic(
        snr_map, (residual_image(101), FWHM), setup=disc_modes.cache_clear, rounds=10
    )


def test_significance_map(benchmark):
    benchmark(significance_map, residual_image(160), FWHM)


def test_significance_at_twelve_positions(benchmark):
    positions = np.random.default_rng(1).uniform(40, 120, (12, 2))
    benchmark(significance_at, residual_image(160), FWHM, positions)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_snr_map_vip(benchmark):
    metrics = pytest.importorskip(
        "vip_hci.metrics", reason="needs the extra: pip install 'exobench[peers]'"
    )
    image, options = residual_image(101), {"approximated": False, "nproc": 1, "verbose": False}
    theirs = benchmark.pedantic(metrics.snrmap, (image, FWHM), options, rounds=1)
    ours = snr_map(image, FWHM)
    both = (theirs != 0) & np.isfinite(ours)
    benchmark.extra_info["largest difference"] = np.abs(ours - theirs)[both].max()
    assert both.sum() > 6000


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_snr_of_every_hundredth_pixel_of_250_vip(benchmark):
    """The peer alone takes minutes for all pixels; it has one call per pixel in any case."""
    metrics = pytest.importorskip(
        "vip_hci.metrics", reason="needs the extra: pip install 'exobench[peers]'"
    )
    image = residual_image(250)
    ours = snr_map(image, FWHM)
    known = np.argwhere(np.isfinite(ours))[::100]

    def theirs():
        return [metrics.snr(image, (x, y), FWHM, verbose=False) for y, x in known]

    found = benchmark.pedantic(theirs, rounds=1)
    benchmark.extra_info["pixels"] = f"{len(known)} of {np.isfinite(ours).sum()}"
    benchmark.extra_info["largest difference"] = np.abs(ours[tuple(known.T)] - found).max()
