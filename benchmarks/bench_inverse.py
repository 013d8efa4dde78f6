"""Time of the inverse methods over the whole field.

CPU: --benchmark-timer=time.process_time. vip_hci's PACO and FMMF do not finish a field of
101x101 pixels in two minutes.
"""

import pytest

from exobench.baselines import load


@pytest.mark.parametrize("name", ["matched_filter", "paco", "andromeda", "fmmf"])
def test_inverse_map(benchmark, sequence, name):
    benchmark.pedantic(load(name), (sequence,), rounds=1)


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
