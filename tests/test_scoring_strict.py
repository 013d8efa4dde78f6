"""Rules 4, 5 and 8, the score file, and what is refused."""

import json

import numpy as np
import pytest

from exobench.datasets.errors import InputError
from exobench.scoring import METRICS, DetectionList, MapTruth, score_maps

# Places far enough from each other, and from the star at (50, 50), to stay apart.
PLACES = [(20 + 10 * row, 20 + 10 * column) for row in range(7) for column in range(7)]
PLACES.remove((50, 50))


def sequence(true=(), false=(), missed=0, **changes):
    """Answer and truth with candidates of the given values, and injections nobody finds."""
    values = [*true, *false]
    rest = len(values)
    injections = [*PLACES[: len(true)], *PLACES[rest : rest + missed]]
    settings = {"instrument": "a", "shape": (101, 101), **changes}
    truth = MapTruth(injections, 4.0, 5.0, 48.0, **settings)
    return DetectionList(PLACES[:rest], values), truth


def score_of(*sequences, threshold=5.0, missing=(), **options):
    answers = {f"s{k}": answer for k, (answer, _) in enumerate(sequences) if k not in missing}
    truths = {f"s{k}": truth for k, (_, truth) in enumerate(sequences)}
    return score_maps(answers, truths, threshold, **options)


def overall(*sequences, **options):
    return score_of(*sequences, **options).overall


# Rule 4


def test_a_candidate_equal_to_the_threshold_counts():
    found = overall(sequence(true=[5.0], false=[5.0, np.nextafter(5.0, 0)]))
    assert (found["tp"], found["fp"]) == (1, 1)


def test_a_float32_map_is_compared_with_the_threshold_as_float64():
    """float32(0.1) is above 0.1, float32(0.7) below 0.7: rounding the threshold loses both."""
    frame = np.full((101, 101), np.nan, dtype=np.float32)
    frame[20, 50], frame[80, 50] = 0.1, 0.7
    truth = MapTruth([], 4.0, 5.0, 48.0, "a")
    assert score_maps({"s": frame}, {"s": truth}, 0.1).overall["fp"] == 2
    assert score_maps({"s": frame}, {"s": truth}, 0.7).overall["fp"] == 0
    assert score_maps({"s": frame[::-1]}, {"s": truth}, float(np.float32(0.1))).overall["fp"] == 2


def test_true_and_false_positives_never_grow_with_the_threshold():
    rng = np.random.default_rng(1)
    cases = [sequence(rng.normal(5, 2, 3), rng.normal(4, 2, 20)) for _ in range(3)]
    counts = [
        (found["tp"], found["fp"], found["tpr"])
        for found in (overall(*cases, threshold=t) for t in np.linspace(0, 10, 21))
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
    assert max(tpr for _, _, tpr in counts) <= 1


def test_five_bright_pixels_about_one_planet_are_one_true_positive():
    """The 2020 procedure counted five detections of one injection here."""
    frame = np.zeros((101, 101))
    for dy, dx in [(0, 0), (2, 2), (2, -2), (-2, 2), (-2, -2)]:
        frame[50 + dy, 70 + dx] = 5
    found = score_maps({"s": frame}, {"s": MapTruth([(50, 70)], 4.0, 5, 48, "a")}, 3).overall
    assert (found["tp"], found["fp"], found["tpr"]) == (1, 0, 1.0)


@pytest.mark.parametrize("peak", [10, 1e3, 1e6])
def test_a_bright_planet_stays_found(peak):
    """The 2020 procedure lost it: its blob grew too large."""
    y, x = np.indices((101, 101))
    frame = peak * np.exp(-((y - 50) ** 2 + (x - 70) ** 2) / (2 * (4 / 2.355) ** 2))
    found = score_maps({"s": frame}, {"s": MapTruth([(50, 70)], 4.0, 5, 48, "a")}, 3).overall
    assert (found["tp"], found["fp"]) == (1, 0)


# Rule 5


def test_rates_follow_their_definitions():
    found = overall(sequence([9, 8, 7], [6, 5.5], 2), sequence([6], [], 0))
    assert [found[key] for key in ("tp", "fp", "fn", "n_injected")] == [4, 2, 2, 6]
    assert found["tpr"] == 4 / 6
    assert found["fdr"] == pytest.approx(1 / 3)
    assert found["ppv"] == pytest.approx(2 / 3)
    assert found["f1"] == pytest.approx(2 / 3)  # both of its parts are 2/3
    assert overall(sequence([9], [8], 3))["f1"] == pytest.approx(2 * 0.5 * 0.25 / 0.75)


def test_f1_is_zero_without_true_positives_not_an_error():
    assert overall(sequence([], [9], 1))["f1"] == 0
    assert overall(sequence([], [], 1))["f1"] == 0


def test_fdr_and_ppv_are_null_without_detections():
    found = overall(sequence([1], [2], 0))
    assert (found["fdr"], found["ppv"], found["tpr"], found["f1"]) == (None, None, 0, 0)


def test_without_injections_everything_built_on_tpr_is_null_and_nothing_else():
    found = overall(sequence([], [9, 6, 3]), sequence([], [7]), sequence([], []))
    built_on_tpr = {
        "tpr",
        "f1",
        "tpr_at_1_fp_per_map",
        "tpr_at_0p1_fp_per_map",
        "tpr_above_first_fp",
        "froc_auc",
        "froc_score",
        "average_precision",
        "calibration_loss",
        "tpr_half_fwhm",
        "macro_f1",
        "macro_tpr",
    }
    # No true positive; lists have no pixels; no sequence has injections.
    no_map = {"median_error_px", "coverage", "fp_per_filled_map"}
    assert {key for key, value in found.items() if value is None} == built_on_tpr | no_map
    assert (found["fdr"], found["ppv"], found["fp_per_blank_map"], found["chance_tp"]) == (
        1.0,
        0.0,
        1.0,
        0.0,
    )


def test_blank_sequences_count_their_false_positives():
    """The 2020 scorer skipped them, or counted the previous sequence again."""
    found = overall(sequence([9], []), sequence([], [9] * 8))
    assert (found["fp"], found["f1"]) == (8, pytest.approx(0.2))


def test_macro_averages_sequences_within_an_instrument_then_instruments():
    found = overall(
        sequence([9], [], 0),  # a: F1 1, TPR 1
        sequence([9], [8, 7], 1),  # a: F1 2/5, TPR 1/2
        sequence([], [9] * 5),  # a: blank, does not enter
        sequence([], [], 1, instrument="b"),  # b: 0
        sequence([], [9], instrument="c"),  # c: only blank maps, does not enter
    )
    assert found["macro_f1"] == pytest.approx(((1 + 0.4) / 2 + 0) / 2)
    assert found["macro_tpr"] == pytest.approx((0.75 + 0) / 2)
    assert "blank maps do not enter" in METRICS["macro_f1"].title
    assert "blank maps do not enter" in METRICS["macro_tpr"].title


# Rule 8


def test_a_missing_map_is_a_sequence_without_candidates():
    cases = [sequence([9], [8]), sequence([9], [8]), sequence([], [8])]
    found = score_of(*cases, missing={1, 2})
    empty = score_of(cases[0], sequence([], [], 1), sequence([], []))
    assert (found.overall["n_maps"], found.overall["n_missing"]) == (3, 2)
    assert {**found.overall, "n_missing": 0} == empty.overall
    assert [row["tp"] for row in found.per_sequence] == [1, 0, 0]


def test_missing_maps_count_in_every_denominator():
    cases = [sequence([9], [8, 7]), sequence([9], [8, 7, 6]), sequence([], [8]), sequence()]
    found = score_of(*cases, missing={1, 2}).overall
    resels = 4 * 4 * (48**2 - 5**2) / 4**2
    assert found["tpr"] == 1 / 2
    assert found["fp_per_map"] == 2 / 4
    assert found["fp_per_blank_map"] == 0 / 2
    assert found["fp_per_1000_resels"] == pytest.approx(1000 * 2 / resels)
    assert found["macro_tpr"] == 1 / 2
    assert found["froc_auc"] == 1 / 2
    assert score_of(*cases, missing={0, 1}).overall["fp_per_blank_map"] == 1 / 2


def test_a_submission_without_any_map_scores_zero():
    cases = [sequence([9], [8]), sequence([9], [])]
    found = score_of(*cases, missing={0, 1})
    assert (found.overall["tpr"], found.overall["f1"], found.overall["froc_auc"]) == (0, 0, 0)
    assert (found.overall["n_missing"], found.to_dict()["curve"]) == (2, [])


def test_a_missing_map_of_unknown_shape_is_scored_too():
    truth = MapTruth([(20, 20)], 4.0, 5.0, 48.0, "a", lambda_over_d_px=4.0)
    score = score_maps({}, {"s": truth}, 5.0)
    assert score.overall["tpr"] == 0
    assert [row["n_injected"] for row in score.per_separation] == [0, 0, 0, 0]


# The score file


def test_the_score_file_has_exactly_the_keys_of_format_1():
    found = score_of(sequence([9], [8], 1, lambda_over_d_px=3.0)).to_dict()
    assert set(found) == {
        *("format", "challenge", "track", "mode", "metric_version", "threshold"),
        *("overall", "interval", "exact_interval", "per_sequence", "per_instrument"),
        *("per_separation", "per_stratum", "per_spectrum", "curve", "warnings"),
    }
    assert found["format"] == found["metric_version"] == 1
    assert (found["challenge"], found["track"], found["mode"]) == (None, None, "strict")
    assert " ".join(found["overall"]) == (
        "tp fp fn n_injected n_maps n_missing tpr fdr ppv f1 fp_per_map fp_per_1000_resels "
        "fpr_per_resel fp_per_blank_map fp_per_filled_map tpr_at_1_fp_per_map "
        "tpr_at_0p1_fp_per_map tpr_above_first_fp froc_auc froc_score average_precision "
        "calibration_loss tpr_half_fwhm chance_tp median_error_px coverage macro_f1 macro_tpr"
    )
    counts = {"tp", "fp", "fn", "n_injected", "n_maps", "n_missing"}
    assert set(found["interval"]) == set(found["overall"]) - counts
    assert all(type(found["overall"][key]) is int for key in counts)
    assert set(found["per_sequence"][0]) == {
        *("name", "instrument", "tp", "fp", "fn", "n_injected", "tpr", "f1", "coverage"),
        "injections",
    }
    assert set(found["curve"][0]) == {
        *("value", "tp", "fp", "tpr", "fp_per_map", "fp_per_1000_resels", "fpr_per_resel"),
        *("fdr", "ppv"),
    }


def test_the_score_file_is_strict_json():
    cases = [sequence([9], [8], 1, unit=f"u{k}") for k in range(7)]
    found = score_of(*cases, sequence()).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["interval"]["macro_tpr"] is None  # every replicate has the same value
    blank = score_of(sequence([], [3])).to_dict()
    assert json.loads(json.dumps(blank, allow_nan=False)) == blank
    assert blank["curve"][0]["tpr"] is None


def test_an_injection_says_what_found_it_at_any_threshold():
    rows = score_of(sequence([9, 4], [8], 1)).to_dict()["per_sequence"][0]["injections"]
    assert rows == [
        {"y": 20.0, "x": 20.0, "found": True, "value": 9.0, "error_px": 0.0},
        {"y": 20.0, "x": 30.0, "found": False, "value": 4.0, "error_px": 0.0},
        {"y": 20.0, "x": 50.0, "found": False, "value": None, "error_px": None},
    ]


def test_rates_of_a_blank_sequence_are_null():
    row = score_of(sequence([], [9])).per_sequence[0]
    assert (row["tpr"], row["f1"], row["fp"], row["fn"]) == (None, None, 1, 0)


def at_radius(*radii):
    """An injection at each radius, found there, with lambda/D of 4 px."""
    yx = [(50, 50 + r) for r in radii]
    truth = MapTruth(yx, 0.4, 0.0, 48.0, "a", shape=(101, 101), lambda_over_d_px=4.0)
    return DetectionList(yx, [9.0] * len(yx)), truth


def test_bins_of_separation_include_their_outer_edge():
    score = score_of(at_radius(0, 12, 12.5, 24, 24.5, 40, 40.5))
    assert [
        (row["inner_lambda_over_d"], row["outer_lambda_over_d"], row["n_injected"], row["tp"])
        for row in score.per_separation
    ] == [(0, 3, 2, 2), (3, 6, 2, 2), (6, 10, 2, 2), (10, None, 1, 1)]


def test_every_bin_is_shown_and_empty_ones_have_no_rate():
    rows = score_of(sequence([], [], 2, lambda_over_d_px=2.0)).per_separation
    assert [row["n_injected"] for row in rows] == [0, 0, 0, 2]
    assert [row["tpr"] for row in rows] == [None, None, None, 0]
    assert [row["fn"] for row in rows] == [0, 0, 0, 2]


def test_false_positives_fall_into_the_bin_where_they_claim_to_be():
    answer = DetectionList([(50, 56), (50, 60), (50, 70)], [9, 4, 8])
    truth = MapTruth([], 4.0, 5.0, 48.0, "a", shape=(101, 101), lambda_over_d_px=4.0)
    rows = score_of((answer, truth)).per_separation
    assert [row["fp"] for row in rows] == [1, 1, 0, 0]  # 1.5 and 5 lambda/D; 4 is below 5


def test_separations_are_empty_without_lambda_over_d():
    assert score_of(sequence([9], [8], 1)).to_dict()["per_separation"] == []


# What is refused

REFUSED = {
    "an unknown name": ({"t": np.zeros((101, 101))}, {}, "unknown sequence 't'; there are s"),
    "a cube": ({"s": np.zeros((1, 101, 101))}, {}, r"s: .* must be 2-D, got shape \(1, 101, 101\)"),
    "a wrong shape": ({"s": np.zeros((101, 99))}, {}, r"shape of a frame, \(101, 101\)"),
    "complex values": ({"s": np.zeros((101, 101), complex)}, {}, "real numbers, got complex128"),
    "a stray injection": ({}, {"injections": [(50, 52)]}, r"\(50, 52\) lies outside the scored"),
    "an injection off the frame": (
        {},
        {"injections": [(-9, 50)], "outer_radius_px": 90},
        r"\(-9, 50\) lies outside the scored",
    ),
    "a list for frames of unknown shape": (
        {"s": DetectionList([], [])},
        {"shape": None},
        "s: a detection list needs the shape",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_scored_is_refused_in_one_line(case):
    answers, changes, message = REFUSED[case]
    settings = {
        **{"injections": [], "fwhm": 4.0, "inner_radius_px": 5.0, "outer_radius_px": 48.0},
        **{"instrument": "a", "shape": (101, 101)},
        **changes,
    }
    with pytest.raises(ValueError, match=message) as caught:
        score_maps(answers, {"s": MapTruth(**settings)}, 5.0)
    assert isinstance(caught.value, InputError)
    assert "\n" not in str(caught.value)


def test_a_stray_injection_is_seen_with_the_shape_of_the_map_too():
    truth = MapTruth([(50, 52)], 4.0, 5.0, 48.0, "a")
    with pytest.raises(InputError, match="outside the scored area"):
        score_maps({"s": np.zeros((101, 101))}, {"s": truth}, 5.0)


def test_all_problems_are_named_at_once():
    answers = {"t": np.zeros((3, 3)), "s0": np.zeros(3), "s1": np.full((101, 101), np.inf)}
    truths = {"s0": sequence()[1], "s1": sequence()[1]}
    with pytest.raises(InputError) as caught:
        score_maps(answers, truths, np.nan, tolerance_fwhm=0)
    assert len(caught.value.problems) == 5


@pytest.mark.parametrize("threshold", [np.nan, np.inf, -np.inf])
def test_a_threshold_must_be_finite(threshold):
    with pytest.raises(InputError, match="threshold must be a finite number"):
        score_of(sequence(), threshold=threshold)


def test_a_set_without_sequences_cannot_be_scored():
    with pytest.raises(InputError, match="no sequence to score"):
        score_maps({}, {}, 5.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"injections": [(1, 2, 3)]}, r"injections must have shape \(n, 2\)"),
        ({"injections": [(1, np.nan)]}, "positions of injections must be finite"),
        ({"fwhm": 0}, "fwhm must be a positive number of pixels, got 0"),
        ({"fwhm": "4"}, "fwhm must be a positive number of pixels, got '4'"),
        ({"fwhm": np.array([4.0])}, "fwhm must be a positive number of pixels"),
        ({"fwhm": 10**400}, "fwhm must be a positive number of pixels"),
        ({"outer_radius_px": None}, "0 <= inner < outer, in pixels, got 5.0 and None"),
        ({"inner_radius_px": 9.0, "outer_radius_px": 9.0}, "0 <= inner < outer"),
        ({"inner_radius_px": -1.0}, "0 <= inner < outer"),
        ({"outer_radius_px": np.inf}, "0 <= inner < outer"),
        ({"shape": (1, 101, 101)}, r"shape must be \(n_y, n_x\)"),
        ({"shape": 101}, r"shape must be \(n_y, n_x\), two whole numbers, got 101"),
        ({"shape": (31.7, 31)}, r"shape must be \(n_y, n_x\), two whole numbers"),
        ({"shape": (0, 31)}, r"shape must be \(n_y, n_x\), two whole numbers"),
        ({"lambda_over_d_px": "4"}, "lambda_over_d_px must be positive"),
        ({"lambda_over_d_px": 0.0}, "lambda_over_d_px must be positive"),
    ],
)
def test_a_truth_that_cannot_be_is_refused(changes, message):
    settings = {
        **{"injections": [], "fwhm": 4.0, "inner_radius_px": 5.0, "outer_radius_px": 48.0},
        "instrument": "a",
    }
    with pytest.raises(InputError, match=message):
        MapTruth(**{**settings, **changes})


def test_numbers_of_a_truth_are_doubles_whatever_they_came_as():
    """In single precision 1.3 x 4.1 px would be another tolerance than in double."""
    fwhm, inner, outer = np.float32(4.1), np.int16(5), np.float32(48.3)
    truth = MapTruth([], fwhm, inner, outer, "a", lambda_over_d_px=np.float32(3.7))
    numbers = (truth.fwhm, *truth.radii, truth.lambda_over_d_px)
    assert [type(number) for number in numbers] == [float] * 4
    assert truth.n_resels == 4 * (float(outer) ** 2 - 25.0) / float(fwhm) ** 2


@pytest.mark.parametrize("nothing", [(), [], np.zeros((0, 2)), [[]]])
def test_every_way_to_write_no_injections_is_understood(nothing):
    assert MapTruth(nothing, 4.0, 5.0, 48.0, "a").injections.shape == (0, 2)


def test_inputs_are_left_alone():
    rng = np.random.default_rng(1)
    frame, injections = rng.normal(size=(31, 31)), np.array([[15.0, 20.0]])
    copies = frame.copy(), injections.copy()
    score_maps({"s": frame}, {"s": MapTruth(injections, 3.0, 2.0, 13.0, "a")}, 1.0)
    np.testing.assert_array_equal(frame, copies[0])
    np.testing.assert_array_equal(injections, copies[1])
