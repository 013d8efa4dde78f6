"""Time of RSM maps, over the residuals of three methods and without them.

CPU: --benchmark-timer=time.process_time. No peer: vip_hci has no RSM map, and PyRSM, that of
its authors, imports modules that vip_hci 2 does not have.
"""

import numpy as np
import pytest

from exobench.baselines import load
from exobench.baselines._rsm_likelihood import Rings, fitted_peaks, psf_stamp
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
    whole = np.ones((1, 1), dtype=np.float32)
    cube = (fitted_peaks(turned, stamp), whole) if patch == "fitted" else (turned, stamp)
    rings = Rings.of(np.ones(naco_sequence.shape, dtype=bool), naco_sequence.reference_fwhm)

    def odds():
        return method.log_odds(method.observations([cube] * 3, rings), rings)

    benchmark.pedantic(odds, rounds=3)
