"""Rows of the score file by instrument, separation, stratum and spectrum, and their intervals."""

import json

import numpy as np
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter

from exobench.datasets.errors import InputError
from exobench.scoring import DetectionList, MapTruth, score_maps
from exobench.scoring.intervals import bca_interval
from exobench.scoring.row_intervals import tpr_interval

SIZE = 101
PLACES = [(50, 60), (50, 70), (50, 80), (50, 95), (70, 50), (85, 50)]
LABELLED = {
    "strata": ("faint", "bright", None, "odd", "visible", "middle"),
    "spectra": ("T5", "L2", "L2", "L2", None, "T5"),
}


def truth_of(injections, labels=None, **changes):
    settings = {"instrument": "a", "shape": (SIZE, SIZE), "lambda_over_d_px": 4.0, **changes}
    return MapTruth(injections, 4.0, 5.0, 48.0, **settings, **(labels or {}))


def as_map(yx, values):
    frame = np.full((SIZE, SIZE), np.nan, dtype=np.float32)
    frame[tuple(np.transpose(yx))] = values
    return frame


@pytest.fixture(params=[DetectionList, as_map])
def score(request):
    """Two instruments, labels, a missing map, a blank one; the same for maps and lists."""
    answer = request.param
    truths = {
        "a_1": truth_of(PLACES, LABELLED),
        "a_2": truth_of(PLACES[:1], {"strata": ("faint",), "spectra": ("T5",)}),
        "b_1": truth_of([], instrument="b"),
        "b_2": truth_of(PLACES[:2], {"strata": ("faint", "bright")}, instrument="b"),
    }
    maps = {
        "a_1": answer([*PLACES[:3], (20, 20)], [9, 8, 4, 6]),
        "a_2": answer([PLACES[0], (50, 38), (30, 30)], [7, 6, 5]),
        "b_1": answer([(20, 30), (30, 20)], [8, 3]),
    }
    return score_maps(maps, truths, 5.0)


def table(rows, *keys):
    return [tuple(row[key] for key in keys) for row in rows]


def test_instruments_have_the_counts_of_their_sequences(score):
    keys = ("instrument", "n_maps", "n_missing", "n_injected", "tp", "fn", "fp")
    assert table(score.per_instrument, *keys) == [("a", 2, 0, 7, 3, 4, 3), ("b", 2, 1, 2, 0, 2, 1)]
    assert table(score.per_instrument, "tpr", "fp_per_map", "fdr", "f1") == [
        (3 / 7, 3 / 2, 1 / 2, 6 / 13),
        (0, 1 / 2, 1, 0),
    ]


def test_strata_come_in_the_order_of_the_rules_then_by_name_then_without(score):
    rows = score.per_stratum
    assert table(rows, "stratum", "n_injected", "tp", "fn", "tpr") == [
        ("bright", 2, 1, 1, 1 / 2),
        ("middle", 1, 0, 1, 0),
        ("faint", 3, 2, 1, 2 / 3),
        ("visible", 1, 0, 1, 0),
        ("odd", 1, 0, 1, 0),
        (None, 1, 0, 1, 0),
    ]
    assert not any("fp" in row for row in rows)  # a false positive has no brightness class


def test_spectra_come_by_name(score):
    assert table(score.per_spectrum, "spectrum", "n_injected", "tp") == [
        ("L2", 3, 1),
        ("T5", 3, 2),
        (None, 3, 0),
    ]


def test_every_breakdown_adds_up_to_the_whole(score):
    for rows in (
        score.per_sequence,
        score.per_instrument,
        score.per_separation,
        score.per_stratum,
        score.per_spectrum,
    ):
        for key in ("n_injected", "tp", "fn"):
            assert sum(row[key] for row in rows) == score.overall[key]
    for rows in (score.per_sequence, score.per_instrument, score.per_separation):
        assert sum(row["fp"] for row in rows) == score.overall["fp"]


def test_a_rate_of_false_positives_by_separation_divides_by_the_scored_area_there(score):
    """All four maps count: 5 to 12, 12 to 24, 24 to 40 and 40 to 48 px, FWHM 4 px."""
    areas = np.diff(np.square([5, 12, 24, 40, 48])) * 4 / 16 * 4
    rows = score.per_separation
    assert [row["fp"] for row in rows] == [1, 0, 2, 1]  # at 12, 28.3, 36.1 and 42.4 px
    np.testing.assert_allclose(
        [row["fp_per_1000_resels"] for row in rows], 1000 * np.array([1, 0, 2, 1]) / areas
    )


def test_a_bin_without_scored_area_has_no_rate():
    truth = MapTruth([], 4.0, 13.0, 20.0, "a", shape=(SIZE, SIZE), lambda_over_d_px=4.0)
    rows = score_maps({}, {"s": truth}, 5.0).per_separation
    assert [row["fp_per_1000_resels"] for row in rows] == [None, 0, None, None]


def test_what_stands_on_the_star_is_in_the_innermost_bin():
    truth = MapTruth([(50, 50)], 4.0, 0.0, 48.0, "a", shape=(SIZE, SIZE), lambda_over_d_px=4.0)
    blank = MapTruth([], 4.0, 0.0, 48.0, "a", shape=(SIZE, SIZE), lambda_over_d_px=4.0)
    claim = as_map([(50, 50)], [9])
    rows = score_maps({"s": claim, "t": claim}, {"s": truth, "t": blank}, 5.0).per_separation
    assert table(rows, "tp", "fp") == [(1, 1), (0, 0), (0, 0), (0, 0)]


def test_false_positives_of_blank_and_of_filled_maps_stand_apart(score):
    assert (score.overall["fp_per_blank_map"], score.overall["fp_per_filled_map"]) == (1, 1)
    assert score.overall["fp"] == 4


def test_the_rate_per_element_leaves_the_element_of_each_injection_out(score):
    resels = 4 * 4 * (48**2 - 5**2) / 4**2
    assert score.overall["fpr_per_resel"] == pytest.approx(4 / (resels - 9))
    last = score.curve.rows()[-1]
    assert (last["fp"], last["fpr_per_resel"]) == (5, pytest.approx(5 / (resels - 9)))


def test_the_rate_per_element_of_noise_is_that_of_the_maxima_of_a_gaussian_field():
    """Worsley et al. (1996), Hum. Brain Mapp. 4, 58, in two dimensions, per disc of 1 FWHM.

    Noise smoothed with a Gaussian of FWHM F has 4 ln 2 (2 pi)^(-3/2) u exp(-u^2 / 2) maxima
    above u sigma per F^2. The highest pixel of a maximum lies a little below it: FWHM 8 px.
    """
    rng, fwhm, size = np.random.default_rng(0), 8.0, 161
    kernel = fwhm / np.sqrt(8 * np.log(2))
    truths = {f"n{k}": MapTruth([], fwhm, 6.0, 75.0, "a", shape=(size, size)) for k in range(60)}
    noise = {
        name: gaussian_filter(rng.normal(size=(size, size)), kernel, mode="wrap") for name in truths
    }
    unit = 2 * np.sqrt(np.pi) * kernel
    for u in (2.0, 2.5):
        score = score_maps({name: unit * one for name, one in noise.items()}, truths, u)
        expected = np.pi / 4 * 4 * np.log(2) * (2 * np.pi) ** -1.5 * u * np.exp(-(u**2) / 2)
        spread = 3 / np.sqrt(score.overall["fp"])
        assert score.overall["fpr_per_resel"] == pytest.approx(expected, rel=0.06 + spread)
        assert spread < 0.2


def test_an_area_no_larger_than_its_injections_has_no_negatives():
    truth = MapTruth([(5, 5), (5, 7)], 4.0, 0.0, 2.0, "a", shape=(11, 11))
    score = score_maps({"s": DetectionList([(5, 5)], [9])}, {"s": truth}, 5.0)
    assert score.overall["fpr_per_resel"] is None
    assert score.curve.rows()[0]["fpr_per_resel"] is None


def test_without_labels_there_are_no_strata_and_no_spectra():
    found = score_maps({}, {"s": truth_of(PLACES)}, 5.0).to_dict()
    assert found["per_stratum"] == found["per_spectrum"] == []


def test_the_rows_are_strict_json_and_stand_in_the_score_file(score):
    found = score.to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    for key in ("per_instrument", "per_separation", "per_stratum", "per_spectrum"):
        assert found[key] == getattr(score, key)
        for row in found[key]:
            assert {"tpr", "tpr_interval", "tpr_interval_method"} < row.keys()


@pytest.mark.parametrize("name", ["strata", "spectra"])
def test_labels_that_do_not_fit_the_injections_are_refused(name):
    with pytest.raises(InputError, match=rf"{name} must have one label .* got 1 for 6"):
        truth_of(PLACES, {name: ("bright",)})


# Intervals of the rows


def test_below_forty_units_a_row_has_the_jackknife_interval_of_its_ratio():
    tp, n = np.array([1.0, 0, 2, 1, 3, 0, 1]), np.array([1.0, 2, 2, 3, 3, 1, 2])
    estimate = tp.sum() / n.sum()
    left_out = np.array([np.delete(tp, i).sum() / np.delete(n, i).sum() for i in range(7)])
    half = stats.t.ppf(0.975, 6) * np.sqrt(6 / 7 * ((left_out - left_out.mean()) ** 2).sum())
    expected = pytest.approx([max(0, estimate - half), min(1, estimate + half)])
    interval, method = tpr_interval(tp, n)
    assert (list(interval), method) == (expected, "jackknife")


def test_from_forty_units_on_a_row_has_the_bootstrap_interval_of_its_ratio():
    rng = np.random.default_rng(5)
    n = rng.integers(1, 4, 45).astype(float)
    tp = rng.binomial(n.astype(int), 0.6).astype(float)
    left_out = np.array([np.delete(tp, i).sum() / np.delete(n, i).sum() for i in range(45)])
    chosen = rng.integers(0, 45, (4000, 45))
    replicates = tp[chosen].sum(axis=1) / n[chosen].sum(axis=1)
    expected = bca_interval(tp.sum() / n.sum(), left_out, replicates)
    interval, method = tpr_interval(tp, n, seed=3)
    assert method == "bootstrap"
    assert interval == pytest.approx(expected, abs=0.02)
    assert tpr_interval(tp, n, seed=3) == (interval, method)


@pytest.mark.parametrize(("found", "low", "high"), [(1, 0.6306, 1), (0, 0, 0.3694)])
def test_where_every_unit_agrees_each_is_one_trial_of_clopper_and_pearson(found, low, high):
    """Eight of eight: 0.025 ** (1 / 8) = 0.6306, however many injections a unit holds."""
    n = np.array([1.0, 2, 3, 1, 1, 2, 2, 3])
    interval, method = tpr_interval(found * n, n)
    assert method == "clopper-pearson"
    assert interval == pytest.approx((low, high), abs=5e-5)


def test_units_that_all_find_one_half_agree_too():
    interval, method = tpr_interval(np.array([1.0, 2, 1]), np.array([2.0, 4, 2]))
    assert method == "clopper-pearson"
    assert interval[0] < 0.5 < interval[1]


def test_one_unit_and_few_that_differ_have_no_interval():
    assert tpr_interval(np.array([3.0]), np.array([3.0])) == (None, None)
    assert tpr_interval(np.array([]), np.array([])) == (None, None)
    assert tpr_interval(np.array([1.0, 1, 1, 1, 0]), np.ones(5)) == (None, None)


def test_only_units_with_an_injection_of_the_row_are_resampled():
    """Forty blank sequences say nothing about where companions are found."""
    found = [(9.0, 9.0), (9.0,), (9.0, 1.0), (9.0,), (1.0,), (9.0, 9.0)]
    answers = {
        f"s{k}": DetectionList(PLACES[: len(values)], values) for k, values in enumerate(found)
    }
    truths = {f"s{k}": truth_of(PLACES[: len(values)]) for k, values in enumerate(found)}
    few = score_maps(answers, truths, 5.0).per_instrument[0]
    blank = {f"blank{k}": truth_of([]) for k in range(40)}
    many = score_maps(answers, truths | blank, 5.0).per_instrument[0]
    assert few["tpr_interval"] == many["tpr_interval"] is not None
    assert (few["tpr_interval_method"], many["tpr_interval_method"]) == ("jackknife", "jackknife")


def test_sequences_of_one_unit_are_resampled_together():
    truths = {f"s{k}": truth_of(PLACES[:1], unit=f"u{k // 2}") for k in range(10)}
    answers = {f"s{k}": DetectionList(PLACES[:1], [9.0 if k else 1.0]) for k in range(10)}
    row = score_maps(answers, truths, 5.0).per_instrument[0]
    assert (row["tpr"], row["tpr_interval"]) == (0.9, None)  # five units


@pytest.mark.slow
@pytest.mark.parametrize("n_units", [8, 20, 60])
def test_intervals_of_a_row_hold_the_true_rate_about_as_often_as_they_say(n_units):
    """Units of uneven difficulty, 1 to 3 injections each; the true rate is 0.6."""
    rng = np.random.default_rng(n_units)
    held = []
    for _ in range(400):
        rate = rng.beta(3, 2, n_units)
        n = rng.integers(1, 4, n_units)
        interval, _ = tpr_interval(
            rng.binomial(n, rate).astype(float), n.astype(float), seed=int(rng.integers(1 << 30))
        )
        held.append(interval[0] <= 0.6 <= interval[1])
    assert 0.91 <= np.mean(held) <= 0.99
