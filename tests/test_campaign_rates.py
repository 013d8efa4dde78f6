"""Rates of a campaign: counted by hand, and by the strict score of the same maps."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from exobench.challenge.campaigns.curves import completeness, half_found, performance, roc
from exobench.challenge.campaigns.rates import (
    band_at,
    detected,
    strata_of,
    summarized,
    threshold_at,
)
from exobench.challenge.campaigns.tables import COLUMNS, write_table
from exobench.scoring import DetectionList, MapTruth, score_maps


def injections(values, algorithm="pca", sequence="a_1", **columns):
    n = len(values)
    rows = {
        "algorithm": algorithm,
        "sequence": sequence,
        "injection": np.arange(n),
        "separation_stratum": "3-6 lambda/D",
        "separation_px": np.linspace(10, 20, n),
        "separation_arcsec": np.linspace(0.1, 0.2, n),
        "offset_mag": np.linspace(-1.5, 1.75, n),
        "flux": 10 ** (-0.4 * np.linspace(-1.5, 1.75, n)),
        "contrast": np.nan,
        "candidate_value": np.array(values, dtype=float),
    }
    return pd.DataFrame(rows | columns)


def false_positives(values, algorithm="pca", sequence="a_1", kind="blank", injection=None):
    return pd.DataFrame(
        {
            "algorithm": algorithm,
            "sequence": sequence,
            "map": kind,
            "injection": injection,
            "value": np.array(values, dtype=float),
        }
    )


def written(folder, rows, false, sequences=("a_1",)):
    """A campaign folder with these tables."""
    tables = {
        "injections": pd.concat(rows),
        "false_positives": pd.concat(false),
        "costs": pd.DataFrame(
            [{"algorithm": "pca", "sequence": name, "injection": -1} for name in sequences]
        ),
    }
    for name, table in tables.items():
        full = table.reindex(columns=list(COLUMNS[name])).astype(object)
        write_table(folder, name, full.where(full.notna(), None).to_dict("records"))
    return folder


def test_one_false_positive_is_allowed_in_every_map_and_no_more():
    false = pd.concat([false_positives([5, 3, 2]), false_positives([4, 1], sequence="a_2")])
    assert threshold_at(false, 2) == 3  # 5 and 4 are allowed
    assert threshold_at(false, 1) == 4
    assert threshold_at(false, 2, 0.0) == 5
    assert threshold_at(false, 9) == -np.inf


def test_what_equals_the_threshold_is_not_found_and_what_has_no_candidate_never():
    rows = injections([3.0, 3.1, np.nan, -5.0])
    assert detected(rows, 3.0).tolist() == [False, True, False, False]
    assert detected(rows, -np.inf).tolist() == [True, True, False, True]


def test_rates_are_those_of_the_strict_score():
    rng = np.random.default_rng(1)
    names = [f"a_{i}" for i in range(7)]
    values = {name: rng.normal(3, 2, 1) for name in names}
    noise = {name: rng.normal(2, 1, 6) for name in names}
    rows = pd.concat([injections(values[name], sequence=name) for name in names])
    false = pd.concat([false_positives(noise[name], sequence=name) for name in names])
    spots = np.array([(10.0, 10.0 + 12 * i) for i in range(1, 7)])
    answers = {
        name: DetectionList(
            yx=np.vstack([[(50.0, 60.0)], spots]), values=np.append(values[name], noise[name])
        )
        for name in names
    }
    truths = {
        name: MapTruth(np.array([[50.0, 60.0]]), 4.0, 2.0, 70.0, "toy", shape=(101, 101))
        for name in names
    }
    score = score_maps(answers, truths, threshold=0.0)
    found = detected(rows, threshold_at(false, 7))
    assert found.mean() == pytest.approx(score.overall["tpr_at_1_fp_per_map"])
    low, high = band_at(rows, false, names, [1.0])
    assert (low[0], high[0]) == pytest.approx(score.interval["tpr_at_1_fp_per_map"])


def test_below_six_sequences_there_is_no_interval_over_sequences():
    names = [f"a_{i}" for i in range(5)]
    rows = pd.concat([injections([1.0, 5.0], sequence=name) for name in names])
    false = pd.concat([false_positives([2.0, 3.0], sequence=name) for name in names])
    assert band_at(rows, false, names, [1.0]) is None


def test_a_summary_counts_pairs_and_tests_them_as_mcnemar_does(tmp_path):
    first, second = np.full(40, 9.0), np.full(40, 9.0)
    first[:12], second[12:14] = 0.0, 0.0
    folder = written(
        tmp_path,
        [injections(first), injections(second, "median")],
        [false_positives([3, 2]), false_positives([6, 5], "median")],
    )
    summary = summarized(folder, ("pca", "median"))
    assert summary.thresholds == {"pca": 2.0, "median": 5.0}
    assert [(rate.found, rate.n) for rate in summary.rates] == [(28, 40), (38, 40)]
    interval = stats.binomtest(28, 40).proportion_ci(method="exact")
    assert summary.rates[0].interval == pytest.approx(tuple(interval))
    (pair,) = summary.pairs
    assert (pair.only_here, pair.only_first) == (12, 2)
    assert pair.difference == pytest.approx(0.25)
    assert pair.p == pytest.approx(2 * stats.binom.cdf(2, 14, 0.5))


def test_comparisons_with_several_algorithms_are_corrected_for_their_number(tmp_path):
    worse = np.full(30, 9.0)
    worse[:7] = 0.0
    names = ("pca", "median", "loci")
    rows = [injections(np.full(30, 9.0)), *(injections(worse, name) for name in names[1:])]
    summary = summarized(
        written(tmp_path, rows, [false_positives([3, 2], n) for n in names]), names
    )
    assert [pair.p for pair in summary.pairs] == pytest.approx([2 * 2 * 0.5**7] * 2)


def test_from_six_sequences_on_whole_sequences_are_swapped(tmp_path):
    names = [f"a_{i}" for i in range(6)]
    rows = [injections([9.0] * 5, sequence=name) for name in names]
    rows += [injections([9.0, 9.0, 9.0, 0.0, 0.0], "median", name) for name in names]
    false = [false_positives([3, 2], a, name) for a in ("pca", "median") for name in names]
    summary = summarized(written(tmp_path, rows, false, names), ("pca", "median"))
    (pair,) = summary.pairs
    assert pair.p == pytest.approx(2 / 2**6)  # of all swaps, only none and all reach as far


def test_false_positives_of_refilled_maps_are_counted_per_map(tmp_path):
    false = [
        false_positives([3, 2]),
        false_positives([4, 2.5, 1], kind="refilled", injection=0),
        false_positives([1.5], kind="refilled", injection=1),
    ]
    summary = summarized(written(tmp_path, [injections([5.0])], false), ("pca",))
    assert summary.refilled == {"pca": 1.0}


def test_strata_are_listed_from_the_star_out():
    rows = injections([1, 2, 3, 4], separation_stratum=["far", "near", "near", "far"])
    rows["separation_px"] = [30, 5, 6, 31]
    assert strata_of(rows) == ["near", "far", "all"]
    assert strata_of(rows[rows["separation_stratum"] == "far"]) == ["far"]


def test_the_roc_rises_with_the_false_positives_that_are_allowed():
    rows = injections([9, 4.5, 3.5, 2.5, np.nan])
    curve = roc(rows, false_positives([4, 3, 2]), ["a_1"])
    assert curve.x.tolist() == [0, 1, 2]
    assert curve.y.tolist() == [0.4, 0.6, 0.8]
    assert (curve.low < curve.y).all()
    assert (curve.high > curve.y).all()


def test_completeness_counts_within_bins_of_offset():
    rows = injections([1.0] * 6, offset_mag=[-1, -0.9, 0.1, 0.2, 0.3, 1.75])
    curve = completeness(rows, np.array([1, 1, 1, 0, 0, 0], bool), np.array([-1.5, 0, 1, 1.75]))
    np.testing.assert_allclose(curve.x, [-0.95, 0.2, 1.75])
    np.testing.assert_allclose(curve.y, [1, 1 / 3, 0])


def test_half_are_found_where_the_fraction_passes_one_half():
    rng = np.random.default_rng(0)
    offset = rng.uniform(-1.5, 1.75, 400)
    found = rng.random(400) < stats.norm.sf(offset, loc=0.4, scale=0.3)
    rows = injections(np.ones(400), offset_mag=offset, flux=10 ** (-0.4 * (20 + offset)))
    curve = half_found(rows, found)
    assert curve.y.size == 4
    np.testing.assert_allclose(curve.y, 20.4, atol=0.25)
    assert ((curve.low <= curve.y) & (curve.y <= curve.high)).all()


def test_where_all_or_none_are_found_the_limit_is_unknown():
    rows = injections(np.ones(30))
    for found in (np.ones(30, bool), np.zeros(30, bool)):
        assert np.isnan(half_found(rows, found).y).all()


def test_performance_is_unknown_where_nothing_was_put_in():
    rows = injections([1.0, 1.0], separation_arcsec=[0.1, 0.1], offset_mag=[0.1, 0.2])
    edges = np.array([0.0, 0.2, 0.4]), np.array([0.0, 1.0])
    fraction, n = performance(rows, np.array([True, False]), edges)
    np.testing.assert_array_equal(fraction, [[0.5], [np.nan]])
    assert n.tolist() == [[2], [0]]
