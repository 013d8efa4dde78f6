"""Time of the inverse methods over the whole field.

CPU: --benchmark-timer=time.process_time. vip_hci's PACO and FMMF do not finish a field of
101x101 pixels in two minutes.
"""

import pytest

from exobench.baselines import load


@pytest.mark.parametrize("name", ["paco"])
def test_inverse_map(benchmark, sequence, name):
    benchmark.pedantic(load(name), (sequence,), rounds=1)
