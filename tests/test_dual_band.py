"""Dual-band imaging, two wavelengths at once: every form of spectral differential imaging."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, zoom

from exobench.baselines import load
from exobench.datasets.injection import inject
from exobench.datasets.sequence import Companion, ImageSequence
from exobench.scoring.snr import significance_at

WAVELENGTHS = np.array([1.593, 1.667])  # H2 and H3 of SPHERE/IRDIS
FWHM = 4.0
FORMS = [  # and a flux: the closer the two bands, the more of a companion the other one takes
    pytest.param("pca", {"n_components": 5}, 30.0, id="per channel"),
    pytest.param("sdi_pca", {"n_components": 10}, 30.0, id="single pass"),
    pytest.param("sdi_loci", {}, 30.0, id="LOCI"),
    pytest.param("sdi_pca", {"n_components": 5, "spectral_components": 1}, 100.0, id="two stages"),
    pytest.param("sdi_median", {}, 1500.0, id="medians"),
]


@pytest.fixture(scope="module", params=[80, 81])
def dual_band(request):
    """Speckles that spread with wavelength and change from exposure to exposure; noise."""
    rng, size, n_frames = np.random.default_rng(7), request.param, 24
    cube = np.empty((2, n_frames, size, size), dtype=np.float32)
    patterns = gaussian_filter(rng.normal(size=(5, 2 * size, 2 * size)), (0, 3.0, 3.0))
    for t in range(n_frames):
        passing = np.tensordot([1, *0.2 * rng.normal(size=4)], patterns, axes=1)
        for channel, scale in zip(cube, WAVELENGTHS / WAVELENGTHS[-1], strict=True):
            seen = zoom(passing, scale, order=1)
            first = seen.shape[0] // 2 - size // 2
            channel[t] = 3000 * seen[first : first + size, first : first + size] / scale**2
    cube += rng.normal(size=cube.shape)
    y, x = np.indices((17, 17)) - 8
    psf = np.exp(-4 * np.log(2) * (x**2 + y**2) / FWHM**2)
    psf /= psf[x**2 + y**2 <= FWHM**2 / 4].sum()
    return ImageSequence(
        name="irdis_1",
        cube=cube,
        angles=np.linspace(0, 50, n_frames),
        psf=np.stack([psf, psf]),
        fwhm=FWHM,
        pixel_scale=0.01225,
        wavelengths=WAVELENGTHS,
    )


@pytest.mark.parametrize(("name", "options", "flux"), FORMS)
def test_a_companion_is_found_in_two_channels(dual_band, name, options, flux):
    companion = Companion(separation=0.0125 * 26, position_angle=120, flux=(flux, flux))
    injected, method = inject(dual_band, [companion]), load(name, **options)
    here = companion.position(injected)
    detections = method(injected)
    assert detections.shape == dual_band.shape
    assert significance_at(method.reduce(injected), FWHM, [here])[0] > 5
    found = np.unravel_index(np.nanargmax(detections), detections.shape)
    assert np.hypot(*np.subtract(found, here)) < FWHM / 2
    empty = significance_at(method.reduce(dual_band), FWHM, [here])[0]
    assert empty < 3


@pytest.mark.parametrize(("name", "options", "flux"), FORMS[1:])
def test_speckles_that_change_with_time_are_removed(dual_band, name, options, flux):
    star = load("median").reduce(dual_band)
    # leaves at most what the companion of the other test has at its peak
    residual = load(name, **options).reduce(dual_band)
    assert residual.std() < min(0.5 * star.std(), flux / 10)
