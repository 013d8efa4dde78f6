"""CPU time of the probability of being first, and of F1 at another prevalence."""

import time

import numpy as np
import pytest

from exobench.scoring import RANKABLE, SequenceCounts, f1_at_prevalence, standings

N_ENTRIES, N_UNITS = 50, 200

cpu_time = pytest.mark.benchmark(timer=time.process_time)


def counts_of(rng, n):
    return [
        SequenceCounts(f"s{i}", "abc"[i % 3], f"s{i}", int(tp), int(fp), int(m))
        for i, (tp, fp, m) in enumerate(
            zip(rng.binomial(n, 0.6), rng.poisson(0.5, len(n)), n, strict=True)
        )
    ]


@cpu_time
@pytest.mark.parametrize("rank_by", RANKABLE)
def test_standings_of_a_board(benchmark, rank_by):
    rng = np.random.default_rng(0)
    n = rng.integers(0, 5, N_UNITS)
    board = {f"e{k}": counts_of(rng, n) for k in range(N_ENTRIES)}
    found = benchmark.pedantic(standings, (board, rank_by), rounds=3)
    assert sum(standing.p_first for standing in found.values()) == pytest.approx(1)


@cpu_time
def test_f1_at_a_prevalence(benchmark):
    rng = np.random.default_rng(0)
    counts = counts_of(rng, rng.integers(0, 5, N_UNITS))
    assert benchmark(f1_at_prevalence, counts, 0.02).interval is not None
