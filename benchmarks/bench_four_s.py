"""Time of 4S, to the residual image.

CPU: --benchmark-timer=time.process_time.
"""

from exobench.baselines import load


def test_four_s_image(benchmark, sequence):
    benchmark.pedantic(load("four_s").reduce, (sequence,), rounds=1)
