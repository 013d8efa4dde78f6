"""Rule 6: the metrics of the whole curve, and those beside it."""

import numpy as np
import pytest

from exobench.scoring import DetectionList, MapTruth, score_maps
from exobench.scoring.metrics import is_resolved

PLACES = [(20 + 10 * row, 20 + 10 * column) for row in range(7) for column in range(7)]
PLACES.remove((50, 50))


def sequence(true=(), false=(), missed=0):
    values = [*true, *false]
    rest = len(values)
    injections = [*PLACES[: len(true)], *PLACES[rest : rest + missed]]
    truth = MapTruth(injections, 4.0, 5.0, 48.0, "a", shape=(101, 101))
    return DetectionList(PLACES[:rest], values), truth


def score_of(*sequences, threshold=5.0, **options):
    answers = {f"s{k}": answer for k, (answer, _) in enumerate(sequences)}
    truths = {f"s{k}": truth for k, (_, truth) in enumerate(sequences)}
    return score_maps(answers, truths, threshold, **options)


def overall(*sequences, **options):
    return score_of(*sequences, **options).overall


def test_the_curve_has_one_point_per_distinct_pooled_value_highest_first():
    rows = score_of(sequence([9, 5], [7, 5]), sequence([7], [1])).to_dict()["curve"]
    assert [(row["value"], row["tp"], row["fp"]) for row in rows] == [
        (9, 1, 0),
        (7, 2, 1),
        (5, 3, 2),
        (1, 3, 3),
    ]
    assert (rows[1]["tpr"], rows[1]["fp_per_map"]) == (2 / 3, 1 / 2)
    assert (rows[2]["fdr"], rows[2]["ppv"]) == (2 / 5, 3 / 5)
    resels = 2 * 4 * (48**2 - 5**2) / 16
    assert rows[3]["fp_per_1000_resels"] == pytest.approx(3000 / resels)


def test_a_candidate_that_is_neither_true_nor_false_still_makes_a_point():
    answer = DetectionList([(20, 20), (20, 26)], [9, 7])
    truth = MapTruth([(20, 23)], 4.0, 5.0, 48.0, "a", shape=(101, 101))
    rows = score_of((answer, truth)).to_dict()["curve"]
    assert [(row["value"], row["tp"], row["fp"]) for row in rows] == [(9, 1, 0), (7, 1, 0)]


def test_values_as_far_apart_as_doubles_can_be_make_points_of_their_own():
    most = np.finfo(float).max
    rows = score_of(sequence([most], [-most])).to_dict()["curve"]
    assert [(row["value"], row["tp"], row["fp"]) for row in rows] == [(most, 1, 0), (-most, 1, 1)]


def test_the_curve_goes_on_below_the_threshold():
    assert len(score_of(sequence([9], [7]), threshold=8).to_dict()["curve"]) == 2


# Three maps: with x false positives per map allowed, 3x of them are within reach.
THREE = [sequence([9, 7, 5], [8], 1), sequence([6], [6.5]), sequence([3], [5.5, 4])]


def test_tpr_at_one_false_positive_per_map_is_read_without_interpolation():
    """Values: 9 T, 8 F, 7 T, 6.5 F, 6 T, 5.5 F, 5 T, 4 F, 3 T; 6 injections."""
    assert overall(*THREE)["tpr_at_1_fp_per_map"] == 4 / 6


def test_a_tie_of_a_true_and_a_false_positive_gives_both_or_neither():
    """At value 7 a true and a fourth false positive arrive together: over 1 per map."""
    cases = [sequence([9], [8, 8, 8]), sequence([7], [7]), sequence([], [])]
    assert overall(*cases)["tpr_at_1_fp_per_map"] == 1 / 2
    assert overall(*cases[:2], sequence([7], []))["froc_auc"] == pytest.approx(1 / 3)


def test_the_curve_is_read_at_zero_where_no_point_is_within_reach():
    cases = [sequence([7], [9] * 4), sequence(), sequence()]
    assert overall(*cases)["tpr_at_1_fp_per_map"] == 0


@pytest.mark.parametrize(
    ("key", "n_maps"), [("tpr_at_1_fp_per_map", 3), ("tpr_at_0p1_fp_per_map", 30)]
)
def test_the_curve_is_not_read_below_three_false_positives_in_all(key, n_maps):
    blanks = [sequence()] * n_maps
    assert overall(sequence([9]), *blanks[:-2])[key] is None
    assert overall(sequence([9]), *blanks[:-1])[key] == 1


def test_the_condition_of_three_false_positives_does_not_hang_on_rounding():
    assert next(n for n in range(1, 200) if is_resolved(0.1, n)) == 30
    assert next(n for n in range(1, 200) if is_resolved(1 / 8, n)) == 24


def test_froc_score_leaves_out_points_below_three_false_positives_in_all():
    """Three maps: 1, 2 and 4 per map are left, that is 3, 6 and 12 false positives."""
    found = overall(*THREE)
    assert found["froc_score"] == pytest.approx(np.mean([4 / 6, 5 / 6, 5 / 6]))
    # Two maps: 2 and 4 are left. One map: 4 only; none would need no map at all.
    two = overall(sequence([9, 2], [8, 7, 6]), sequence([5], [4]))
    assert two["froc_score"] == pytest.approx(np.mean([1, 1]))
    one = overall(sequence([9, 2], [8, 7, 6, 5, 4]))
    assert one["froc_score"] == 1 / 2
    assert one["tpr_at_1_fp_per_map"] is None


def test_froc_score_reads_all_six_points_from_24_maps_on():
    """Of 24 maps one false positive each: TPR rises at 3, 6, 12 and 24 of them."""
    maps = [
        sequence(
            [{2: 50.0, 4: 18.5, 10: 12.5, 20: 1.0}[k]] if k in (2, 4, 10, 20) else [],
            [float(k) + 0.25],
        )
        for k in range(24)
    ]
    # 50 before any; 18.5 after 5 (23.25..19.25), 12.5 after 11, 1.0 after 23.
    found = overall(*maps)
    tpr = {3: 1 / 4, 6: 2 / 4, 12: 3 / 4, 24: 1, 48: 1, 96: 1}
    assert found["froc_score"] == pytest.approx(np.mean(list(tpr.values())))


def test_froc_area_is_the_integral_of_the_steps_from_0_to_1():
    """TPR 1/6 at 0, 2/6 from 1/3, 3/6 from 2/3, 4/6 from 1 false positive per map."""
    assert overall(*THREE)["froc_auc"] == pytest.approx((1 + 2 + 3) / 6 / 3)


def test_froc_area_needs_no_number_of_maps():
    """One map: one false positive before the second of two planets."""
    assert overall(sequence([9, 7], [8]))["froc_auc"] == 1 / 2


def test_average_precision_weighs_precision_with_the_rise_of_tpr():
    """T F T F T F T F T of six: precision 1, 2/3, 3/5, 4/7, 5/9."""
    expected = (1 + 2 / 3 + 3 / 5 + 4 / 7 + 5 / 9) / 6
    assert overall(*THREE)["average_precision"] == pytest.approx(expected)


def test_average_precision_scores_tied_values_together():
    assert overall(sequence([7, 7], [7]))["average_precision"] == pytest.approx(2 / 3)


def test_tpr_above_first_fp_looks_at_each_map_alone_and_below_the_threshold():
    cases = [sequence([9, 2], [1.5]), sequence([3], [8]), sequence([0.5], [])]
    assert overall(*cases, threshold=100)["tpr_above_first_fp"] == 3 / 4


def test_tpr_above_first_fp_does_not_count_a_tie():
    assert overall(sequence([9, 8], [8]))["tpr_above_first_fp"] == 1 / 2


def test_calibration_loss_is_what_a_better_threshold_would_gain():
    """Best at 6: F1 = 2*3 / (3 + 2 + 6); at the threshold 8.5: 2*1 / (1 + 0 + 6)."""
    best = max(2 * t / (t + f + 6) for t, f in [(1, 0), (2, 1), (3, 2), (4, 3), (5, 4)])
    assert overall(*THREE, threshold=8.5)["calibration_loss"] == pytest.approx(best - 2 / 7)
    assert overall(*THREE, threshold=3)["calibration_loss"] == pytest.approx(0)


def test_calibration_loss_of_an_empty_curve_is_zero():
    assert overall(sequence([], [], 2))["calibration_loss"] == 0


def test_tpr_half_fwhm_matches_anew_within_half_a_fwhm():
    """One candidate 1.5 px off its injection, one 2.5 px; half a FWHM is 2 px."""
    answer = DetectionList([(20, 21.5), (30, 32.5), (40, 42)], [9, 9, 4])
    truth = MapTruth([(20, 20), (30, 30), (40, 40)], 4.0, 5.0, 48.0, "a", shape=(101, 101))
    found = overall((answer, truth))
    assert (found["tpr"], found["tpr_half_fwhm"]) == (2 / 3, 1 / 3)


def test_tpr_half_fwhm_can_gain_from_a_candidate_that_came_too_late():
    """The brighter candidate, 3 px off, takes the injection; within 2 px the other has it."""
    answer = DetectionList([(20, 23), (20, 18.5)], [9, 8])
    truth = MapTruth([(20, 20)], 4.0, 5.0, 48.0, "a", shape=(101, 101))
    found = overall((answer, truth))
    assert (found["tp"], found["fp"], found["tpr_half_fwhm"]) == (1, 0, 1)
    assert found["median_error_px"] == 3


def test_half_a_fwhm_does_not_follow_the_tolerance():
    answer = DetectionList([(20, 22)], [9])
    truth = MapTruth([(20, 20)], 4.0, 5.0, 48.0, "a", shape=(101, 101))
    found = overall((answer, truth), tolerance_fwhm=0.25)
    assert (found["tpr"], found["tpr_half_fwhm"]) == (0, 1)


@pytest.mark.parametrize(
    ("values", "expected"), [([9, 9, 9, 4], 1.0), ([9, 9, 4, 9], 1.0), ([9, 9, 9, 9], 1.25)]
)
def test_median_error_is_over_the_true_positives_at_the_threshold(values, expected):
    answer = DetectionList([(20, 20.5), (30, 31), (40, 41.5), (40, 73)], values)
    truth = MapTruth(
        [(20, 20), (30, 30), (40, 40), (40, 70)], 4.0, 5.0, 48.0, "a", shape=(101, 101)
    )
    assert overall((answer, truth))["median_error_px"] == expected


def test_median_error_is_null_without_true_positives():
    assert overall(sequence([4], [9], 1))["median_error_px"] is None


def test_chance_tp_is_injections_times_the_area_near_false_positives():
    """A disc of radius 4 px holds 49 pixels; two that overlap are counted once."""
    y, x = np.indices((101, 101))
    scored = (np.hypot(y - 50, x - 50) >= 5) & (np.hypot(y - 50, x - 50) <= 48)
    near = [np.hypot(y - cy, x - cx) <= 4 for cy, cx in [(20, 50), (20, 55.5)]]
    answer = DetectionList([(20, 50), (20, 55.5), (80, 50)], [9, 8, 4])
    truth = MapTruth([(50, 20), (50, 80)], 4.0, 5.0, 48.0, "a", shape=(101, 101))
    expected = 2 * ((near[0] | near[1]) & scored).sum() / scored.sum()
    assert near[0].sum() == 49
    assert overall((answer, truth))["chance_tp"] == pytest.approx(expected, rel=1e-14)
    # Blank maps expect nothing, however many false positives they have.
    assert overall((answer, truth), sequence([], [9] * 20))["chance_tp"] == pytest.approx(expected)


def test_chance_tp_counts_scored_pixels_only():
    """A false positive on the outer edge reaches over it."""
    y, x = np.indices((101, 101))
    scored = (np.hypot(y - 50, x - 50) >= 5) & (np.hypot(y - 50, x - 50) <= 48)
    answer = DetectionList([(50, 98)], [9])
    truth = MapTruth([(50, 20)], 4.0, 5.0, 48.0, "a", shape=(101, 101))
    expected = ((np.hypot(y - 50, x - 98) <= 4) & scored).sum() / scored.sum()
    assert overall((answer, truth))["chance_tp"] == pytest.approx(expected, rel=1e-14)


def test_chance_tp_follows_the_tolerance():
    small, large = (
        overall(sequence([], [9], 1), tolerance_fwhm=t)["chance_tp"] for t in (0.5, 1.0)
    )
    assert small / large == pytest.approx(13 / 49)


def test_fp_per_blank_map_divides_by_all_blank_sequences():
    cases = [sequence([9], [8, 7]), sequence([], [9, 8, 3]), sequence([], [])]
    assert overall(*cases)["fp_per_blank_map"] == 1
    assert overall(cases[0])["fp_per_blank_map"] is None
