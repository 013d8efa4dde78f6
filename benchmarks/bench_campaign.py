"""Time of a companion put in, looked for and counted: ours beside a loop of vip_hci, one core.

CPU: --benchmark-timer=time.process_time. Beside it stands a whole reduction by ourselves.
"""

import numpy as np
import pytest

from exobench.baselines import load
from exobench.baselines._reinjection import WholeReinjection, prepared_reinjection
from exobench.challenge.campaigns.plan import Injection
from exobench.challenge.campaigns.trial import injection_row
from exobench.datasets.geometry import annulus, to_yx

N_COMPONENTS = 10
METHODS = {
    "pca": {"n_components": N_COMPONENTS},
    "pca threshold": {"n_components": N_COMPONENTS, "delta_rotation": 0.5},
    "annular_pca": {"n_components": N_COMPONENTS},
}


def injections(sequence, n=8):
    """Companions at all separations of the field."""
    fwhm, edge = sequence.reference_fwhm, min(sequence.shape) // 2
    radii = np.linspace(2.5 * fwhm, edge - 2 * fwhm, n)
    theta = 137.5 * np.arange(n)
    y, x = to_yx(radii, theta, sequence.shape)
    return [
        Injection(
            index=i,
            separation_stratum="",
            brightness="middle",
            radius_px=float(radii[i]),
            theta=float(theta[i]),
            y=float(y[i]),
            x=float(x[i]),
            offset_mag=0.0,
            flux=3e-4 * float(sequence.star_flux[0]),
        )
        for i in range(n)
    ]


def one_by_one(prepared, sequence):
    """Function that puts in the next companion every time, and makes its row."""
    scored = annulus(sequence.shape, 1.5 * sequence.reference_fwhm, min(sequence.shape) // 2 - 2)
    plan, turn = injections(sequence), iter(range(10**9))

    def run():
        injection = plan[next(turn) % len(plan)]
        seen = prepared.look(injection.companion(sequence))
        return injection_row(injection, sequence, prepared.blank, seen, scored)

    run()
    return run


@pytest.mark.parametrize("case", METHODS)
def test_injection_by_the_change_of_gram_matrices(benchmark, sequence, case):
    prepared = prepared_reinjection(load(case.partition(" ")[0], **METHODS[case]), sequence)
    assert prepared.path == "subspace"
    benchmark.pedantic(one_by_one(prepared, sequence), rounds=16)


@pytest.mark.parametrize("name", ["matched_filter", "andromeda", "paco", "fmmf", "trap"])
def test_injection_by_a_fit_near_the_companion(benchmark, sequence, name):
    prepared = prepared_reinjection(load(name), sequence)
    assert prepared.path == "local"
    benchmark.pedantic(one_by_one(prepared, sequence), rounds=4)


@pytest.mark.parametrize("case", METHODS)
def test_injection_by_whole_reductions(benchmark, sequence, case):
    prepared = WholeReinjection(load(case.partition(" ")[0], **METHODS[case]), sequence)
    benchmark.pedantic(one_by_one(prepared, sequence), rounds=8)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("imlib", ["vip-fft", "opencv"])
def test_injection_vip(benchmark, naco_sequence, imlib):
    reason = "needs the extra: pip install 'exobench[peers]'"
    fm = pytest.importorskip("vip_hci.fm", reason=reason)
    metrics = pytest.importorskip("vip_hci.metrics", reason=reason)
    psfsub = pytest.importorskip("vip_hci.psfsub", reason=reason)
    sequence = naco_sequence
    cube, psf = (one[0].astype(np.float64) for one in (sequence.cube, sequence.psf))
    fwhm, angles = sequence.reference_fwhm, sequence.angles.copy()
    injection = injections(sequence)[3]

    def run():
        place = {"rad_dists": [injection.radius_px], "theta": injection.theta, "imlib": imlib}
        options = {"flevel": injection.flux, "verbose": False}
        injected = fm.cube_inject_companions(cube, psf, -angles, **place, **options)
        frame = psfsub.pca(
            injected, angles, ncomp=N_COMPONENTS, imlib=imlib, nproc=1, verbose=False
        )
        snr = metrics.snrmap(frame, fwhm=fwhm, nproc=1, verbose=False)
        y, x = np.indices(snr.shape)
        near = np.hypot(y - injection.y, x - injection.x) <= fwhm
        return snr[near].max(), int((snr[~near] >= 5).sum())

    value, _ = benchmark.pedantic(run, rounds=1)
    baseline = load("pca", n_components=N_COMPONENTS)
    seen = prepared_reinjection(baseline, sequence).look(injection.companion(sequence))
    benchmark.extra_info["highest value near the companion"] = value, np.nanmax(seen.detections)
