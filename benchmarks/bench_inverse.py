"""Time of the inverse methods: over the whole field, and near one companion.

CPU: --benchmark-timer=time.process_time. vip_hci's PACO and FMMF do not finish a field of
101x101 pixels in two minutes; that ANDROMEDA makes the same map as theirs is a test.
"""

import numpy as np
import pytest

from exobench.baselines import load

NAMES = ["matched_filter", "paco", "andromeda", "fmmf"]


@pytest.mark.parametrize("name", NAMES)
def test_inverse_map(benchmark, naco_sequence, name):
    benchmark.pedantic(load(name), (naco_sequence,), rounds=3)


@pytest.mark.parametrize("name", NAMES)
def test_inverse_fluxes(benchmark, naco_sequence, name):
    benchmark.pedantic(load(name).estimate, (naco_sequence,), rounds=1)


@pytest.mark.parametrize("name", NAMES)
def test_inverse_fluxes_within_two_fwhm_of_a_place(benchmark, naco_sequence, name):
    y, x = np.indices(naco_sequence.shape)
    where = np.hypot(y - 62, x - 30) <= 2 * naco_sequence.reference_fwhm
    benchmark.pedantic(load(name).estimate_at, (naco_sequence, where), rounds=3)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", NAMES)
def test_inverse_map_of_252_frames(benchmark, irdis_sequence, name):
    benchmark.pedantic(load(name), (irdis_sequence,), rounds=1)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_andromeda_map_vip(benchmark, naco_sequence):
    invprob = pytest.importorskip(
        "vip_hci.invprob", reason="needs the extra: pip install 'exobench[peers]'"
    )
    options = {
        "cube": naco_sequence.cube[0].astype(float),
        "oversampling_fact": (naco_sequence.lambda_over_d_px or naco_sequence.fwhm[0]) / 2,
        "psf": naco_sequence.psf[0].astype(float),
    }
    benchmark.pedantic(
        lambda: invprob.andromeda(angle_list=naco_sequence.angles.copy(), **options), rounds=1
    )
