"""Time of TRAP over the whole field.

CPU: --benchmark-timer=time.process_time.
"""

import pytest

from exobench.baselines import load


@pytest.mark.parametrize("systematics", ["covariance", "components"])
def test_trap_map(benchmark, sequence, systematics):
    benchmark.pedantic(load("trap", systematics=systematics), (sequence,), rounds=1)
