"""Time of RSM maps, over the residuals of three methods and without them.

CPU: --benchmark-timer=time.process_time. No peer: vip_hci has no RSM map, and PyRSM, that of
its authors, imports modules that vip_hci 2 does not have.
"""

import numpy as np
import pytest

from exobench.baselines import load
from exobench.baselines._rsm_likelihood import Noise, Observations, Rings, fitted_peaks, psf_stamp
from exobench.datasets.rotation import derotate


@pytest.mark.parametrize("over", ["loci", "annular_pca,loci,nmf"])
def test_rsm_map(benchmark, sequence, over):
    benchmark.pedantic(load("rsm", over=over), (sequence,), rounds=1)


@pytest.mark.parametrize("patch", ["fitted", "mean"])
def test_rsm_odds_of_frames_that_are_there(benchmark, naco_sequence, patch):
    method = load("rsm", patch=patch)
    frames = load("median").residuals(naco_sequence)
    turned = derotate(frames, naco_sequence.angles)
    stamp = psf_stamp(naco_sequence.psf[0], method.patch_size)
    if patch == "fitted":
        turned, stamp = fitted_peaks(turned, stamp), np.ones((1, 1), dtype=np.float32)
    rings = Rings.of(np.ones(naco_sequence.shape, dtype=bool), naco_sequence.reference_fwhm)
    noise = Noise.fitted(turned, rings, method.noise)
    part = Observations(frames=turned, stamp=stamp, pixels=rings.pixels, noise=noise)
    benchmark.pedantic(method.log_odds, ([part] * 3, rings), rounds=3)
