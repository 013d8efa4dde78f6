"""Time of diagnostics: a contrast curve beside vip_hci's of the same cube and components.

CPU: --benchmark-timer=time.process_time, with OMP_NUM_THREADS=1.
"""

from dataclasses import replace

import numpy as np
import pytest

from exobench.baselines import load
from exobench.scoring.diagnostics import (
    Injections,
    LaplaceNoise,
    completeness_curve,
    contrast_curve,
    fpf_of_sigma,
    noise_regimes,
    performance_map,
)

N_COMPONENTS, N_AZIMUTHS = 10, 4
PLACES = Injections(n_azimuths=N_AZIMUTHS)


@pytest.fixture(scope="module")
def pca():
    return load("pca", n_components=N_COMPONENTS)


def test_contrast_curve(benchmark, naco_sequence, pca):
    curve = benchmark.pedantic(
        contrast_curve, (naco_sequence, pca.reduce), {"injections": PLACES}, rounds=3
    )
    assert np.isfinite(curve.delta_mag).all()


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("reduction", ["its own pca", "our pca"])
def test_contrast_curve_vip(benchmark, naco_sequence, pca, reduction):
    """With its rotation by opencv, the fastest; and with our reduction: what is around it."""
    contrcurve = pytest.importorskip(
        "vip_hci.metrics.contrcurve", reason="needs the extra: pip install 'exobench[peers]'"
    )
    sequence = naco_sequence

    def ours(cube, angle_list, verbose=False):
        return pca.reduce(replace(sequence, cube=cube[np.newaxis], angles=angle_list))

    if reduction == "our pca":
        algorithm, options = ours, {}
    else:
        from vip_hci.psfsub import pca as algorithm

        options = {"ncomp": N_COMPONENTS, "imlib": "opencv", "interpolation": "lanczos4"}
    arguments = (
        sequence.cube[0].astype(float),
        sequence.angles,
        sequence.psf[0].astype(float),
        sequence.reference_fwhm,
        sequence.pixel_scale,
        float(sequence.star_flux[0]),
        algorithm,
    )
    quiet = {"plot": False, "verbose": False, "smooth": False, "interp_order": None}
    spread = {"nbranch": N_AZIMUTHS, "fc_snr": 20, "noise_sep": None}
    benchmark.pedantic(
        contrcurve.contrast_curve, arguments, {**quiet, **spread, **options}, rounds=1
    )


def test_completeness_curve(benchmark, naco_sequence, pca):
    benchmark.pedantic(
        completeness_curve, (naco_sequence, pca), {"injections": PLACES, "level": 0.5}, rounds=1
    )


def test_performance_map(benchmark, naco_sequence, pca):
    fluxes = naco_sequence.star_flux[0] * 10 ** (-0.4 * np.arange(12.0, 5.0, -1.0))
    options = {"fpf": float(fpf_of_sigma(4)), "injections": PLACES}
    benchmark.pedantic(performance_map, (naco_sequence, pca.reduce, fluxes), options, rounds=1)


def test_noise_regimes(benchmark, naco_sequence, pca):
    benchmark.pedantic(noise_regimes, (naco_sequence, {"10": pca.residuals}), rounds=1)


def test_laplacian_threshold(benchmark):
    """At 5 sigma, of a ring of 30 noise apertures; a new seed each time, since it is kept."""
    seeds = iter(range(100))
    benchmark.pedantic(
        lambda: LaplaceNoise(seed=next(seeds)).threshold(float(fpf_of_sigma(5)), 30), rounds=5
    )
