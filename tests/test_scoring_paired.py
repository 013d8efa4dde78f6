"""Differences of two entries, and bands of curves, against closed forms and brute force."""

import numpy as np
import pytest
from scipy import stats

from exobench.scoring import MapTruth
from exobench.scoring.froc_band import froc_band
from exobench.scoring.intervals import intervals
from exobench.scoring.metrics import METRICS
from exobench.scoring.paired import differences
from exobench.scoring.pooled import unit_statistics
from exobench.scoring.sequences import evaluate_sequence

PLACES = np.array([[20.0, 32.0], [9.0, 20.0], [28.0, 12.0]])


def statistics(n, chance, seed, hard=None, n_false=1):
    """Units of three injections each, found with a chance that may differ by unit."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((41, 41))
    results = []
    for i in range(n):
        values = np.full((41, 41), -1.0)
        odds = chance if hard is None else chance * hard[i]
        for cy, cx in PLACES:
            if rng.random() < odds:
                values += rng.uniform(6, 9) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 4)
        for _ in range(rng.integers(0, n_false + 1)):
            values[31, rng.integers(25, 30)] += rng.uniform(5, 8)
        truth = MapTruth(PLACES, 4.0, 5.0, 17.0, "toy")
        results.append(evaluate_sequence(f"toy_{i}", values, truth, 5.0))
    return unit_statistics(results)


def test_the_difference_of_tpr_has_the_paired_t_interval():
    first, second = statistics(12, 0.9, 1), statistics(12, 0.5, 2)
    apart = (first.sums["tp"] - second.sums["tp"]) / 3
    low, high = stats.t.interval(0.95, 11, apart.mean(), stats.sem(apart))
    found = differences(first, second)["tpr"]
    assert found.value == pytest.approx(apart.mean())
    assert found.interval == pytest.approx((max(low, -1), min(high, 1)))


def test_the_other_way_round_all_signs_change():
    first, second = statistics(9, 0.9, 1), statistics(9, 0.5, 2)
    there, back = differences(first, second), differences(second, first)
    assert there["f1"].interval is not None
    for key in METRICS:
        if there[key].value is None:
            assert back[key].value is None
            continue
        assert there[key].value == pytest.approx(-back[key].value)
        if there[key].interval is not None:
            low, high = there[key].interval
            assert back[key].interval == pytest.approx((-high, -low))


def test_what_makes_a_unit_hard_for_both_cancels():
    hard = np.tile([0.1, 1.0], 30)
    first, second = statistics(60, 0.9, 1, hard), statistics(60, 0.9, 1, hard)
    low, high = intervals(first)["tpr"]
    assert high - low > 0.1
    assert differences(first, second)["tpr"].interval is None  # the same, unit by unit
    other = statistics(60, 0.8, 2, hard)
    paired = differences(first, other)["tpr"].interval
    alone = intervals(other)["tpr"]
    unpaired = np.hypot(high - low, alone[1] - alone[0])
    assert paired[1] - paired[0] < 0.9 * unpaired


def test_the_same_seed_gives_the_same_bootstrap():
    first, second = statistics(45, 0.9, 1), statistics(45, 0.6, 2)
    assert differences(first, second, 3) == differences(first, second, 3)
    assert differences(first, second, 3) != differences(first, second, 4)


def test_counts_and_few_units_have_no_interval():
    found = differences(statistics(5, 0.9, 1), statistics(5, 0.5, 2))
    assert all(one.interval is None for one in found.values())
    many = differences(statistics(8, 0.9, 1), statistics(8, 0.5, 2))
    assert many["tp"].interval is None
    assert isinstance(many["tp"].value, int)


def test_entries_over_other_units_are_refused():
    with pytest.raises(ValueError, match="same units"):
        differences(statistics(5, 0.9, 1), statistics(6, 0.9, 1))


def test_the_band_at_one_false_positive_per_map_is_the_interval_of_its_metric():
    for n in (9, 45):
        one = statistics(n, 0.7, 1, n_false=3)
        band = froc_band(one, [0.5, 1.0])
        assert (band.low[1], band.high[1]) == pytest.approx(intervals(one)["tpr_at_1_fp_per_map"])


def test_the_band_of_few_units_is_unknown_and_its_curve_still_there():
    band = froc_band(statistics(4, 0.7, 1), [0.0, 10.0])
    assert np.isnan([band.low, band.high]).all()
    assert 0 < band.tpr[1] < 1


def test_without_injections_there_is_no_band():
    truth = MapTruth(np.empty((0, 2)), 4.0, 5.0, 17.0, "toy")
    result = evaluate_sequence("toy_1", np.zeros((41, 41)), truth, 5.0)
    assert froc_band(unit_statistics([result]), [1.0]) is None
