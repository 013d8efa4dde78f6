"""What is no proper answer: each row of the table in docs/scoring.md is refused or scored."""

import numpy as np
import pytest

from exobench.challenge.problems import SubmissionError
from exobench.challenge.submission import read_submission
from exobench.datasets.errors import InputError
from exobench.scoring import DetectionList, MapTruth, find_candidates, score_maps
from exobench.scoring.calibration import pit_samples
from exobench.scoring.characterization import Estimates

SIZE = 31
PEAK, OTHER = (15, 22), (22, 15)
EMPTY = np.full((SIZE, SIZE), np.nan)


def frame(peak=9.0, dtype=np.float32):
    """A map with a true positive of that value and a false one of 7."""
    values = np.zeros((SIZE, SIZE))
    values[PEAK], values[OTHER] = peak, 7
    return values.astype(dtype)


def truth(**changes):
    settings = {"injections": [PEAK], "fwhm": 3.0, "inner_radius_px": 3, "outer_radius_px": 13}
    return MapTruth(**{**settings, "instrument": "a", "shape": (SIZE, SIZE), **changes})


def score_of(answer, threshold=5.0, **changes):
    return score_maps({"s": answer}, {"s": truth(**changes)}, threshold)


def counts(score):
    return score.overall["tp"], score.overall["fp"]


def ragged():
    return [[1.0, 2.0], [3.0]]


REFUSED_MAPS = {
    "of another shape": (np.zeros((SIZE, SIZE + 1)), {}, r"shape of a frame, \(31, 31\)"),
    "a cube": (np.zeros((1, SIZE, SIZE)), {}, r"must be 2-D, got shape \(1, 31, 31\)"),
    "one number": (5.0, {}, r"must be 2-D, got shape \(\)"),
    "no pixel": (np.zeros((0, 0)), {}, r"shape of a frame, \(31, 31\), got \(0, 0\)"),
    "no pixel, any shape allowed": (
        np.zeros((0, 0)),
        {"shape": None, "injections": []},
        "none of the 0 x 0 pixels of the detection map is scored",
    ),
    "too small to hold a scored pixel": (
        np.zeros((4, 4)),
        {"shape": None, "injections": []},
        "none of the 4 x 4 pixels of the detection map is scored; send a map of the shape of",
    ),
    "complex": (frame(dtype=np.complex64), {}, "real numbers, got complex64"),
    "objects": (frame().astype(object), {}, "real numbers, got object"),
    "nothing": (None, {}, "real numbers, got object"),
    "text": (frame().astype(str), {}, "real numbers, got <U"),
    "dates": (frame().astype("datetime64[D]"), {}, "real numbers, got datetime64"),
    "ragged": (ragged(), {}, "must be an array of real numbers"),
    "plus infinity, scored": (frame(np.inf), {}, r"\+inf at pixel \(y, x\) = \(15, 22\)"),
    "a quadruple beyond doubles": (
        frame().astype(np.longdouble) * np.longdouble("1e400"),
        {},
        r"\+inf at pixel",
    ),
}


@pytest.mark.parametrize("case", REFUSED_MAPS)
def test_a_map_that_cannot_be_meant_is_refused_by_name_in_one_line(case):
    answer, changes, message = REFUSED_MAPS[case]
    with pytest.raises(InputError, match=f"^s: .*{message}") as caught:
        score_of(answer, **changes)
    assert len(caught.value.problems) == 1
    assert "\n" not in str(caught.value)


def test_every_bad_map_is_named_not_the_first_alone():
    maps = {"s": frame(dtype=complex), "t": ragged(), "u": np.zeros(3), "v": frame()}
    truths = {name: truth() for name in ("s", "t", "u")}
    with pytest.raises(InputError) as caught:
        score_maps(maps, truths, "five")
    starts = [problem.split(" ")[0] for problem in caught.value.problems]
    assert starts == ["threshold", "s:", "t:", "unknown", "u:"]


@pytest.mark.parametrize(
    "dtype", ["<f4", ">f4", "<f8", ">f8", "<f2", ">i2", "<i4", ">i8", "u1", "longdouble"]
)
def test_every_precision_and_byte_order_of_real_numbers_is_understood(dtype):
    assert counts(score_of(frame(dtype=dtype))) == (1, 1)


def test_truth_values_are_zero_and_one():
    assert counts(score_of(frame() > 8, threshold=0.5)) == (1, 0)


def test_integers_beyond_two_to_the_53rd_tie_as_doubles_do():
    values = np.zeros((SIZE, SIZE), dtype=np.int64)
    values[PEAK], values[OTHER] = 2**53, 2**53 + 1
    assert len(score_of(values).curve.value) == 2  # both peaks at one value, and the background


def test_memory_in_any_order_is_understood():
    wide = np.repeat(np.repeat(frame(), 2, axis=0), 2, axis=1)
    for same in (np.asfortranarray(frame()), wide[::2, ::2], frame().tolist()):
        assert counts(score_of(same)) == (1, 1)


def test_nan_makes_no_claim_and_is_counted_in_the_coverage():
    answer = frame()
    answer[:, 18:] = np.nan
    score = score_of(answer)
    assert counts(score) == (0, 1)
    assert 0.5 < score.overall["coverage"] < 0.8
    assert "injections under the others cannot be found" in score.warnings[0]


def test_minus_infinity_makes_no_claim():
    assert counts(score_of(np.where(frame() > 0, frame(), -np.inf))) == (1, 1)


def test_plus_infinity_outside_the_scored_area_counts_as_nan():
    answer = frame()
    answer[0, 0] = answer[15, 15] = np.inf
    assert counts(score_of(answer)) == (1, 1)


def test_a_map_of_nan_alone_finds_nothing():
    score = score_of(EMPTY)
    assert counts(score) == (0, 0)
    assert (score.overall["f1"], score.overall["coverage"]) == (0, 0)
    assert score.overall["n_missing"] == 0
    assert score.curve.rows() == []


def test_masked_pixels_make_no_claim():
    masked = np.ma.masked_greater(frame(), 8)
    score = score_of(masked)
    assert counts(score) == (0, 1)
    assert score.overall["coverage"] < 1
    yx, _ = find_candidates(masked, 3.0, np.ones((SIZE, SIZE), dtype=bool))
    assert list(PEAK) not in yx.tolist()
    integers = np.ma.masked_array(frame(dtype=np.int16), frame() > 8)
    assert counts(score_of(integers)) == (0, 1)


@pytest.mark.parametrize(("value", "fp"), [(5.0, 1), (4.0, 0), (-3.0, 0)])
def test_a_constant_map_claims_a_single_place(value, fp):
    score = score_of(np.full((SIZE, SIZE), value), injections=[])
    assert counts(score) == (0, fp)
    (result,) = score.sequences
    assert result.yx.tolist() == [[12, 15]]  # of four pixels as near to the middle


# Thresholds


@pytest.mark.parametrize(
    "threshold", [np.nan, np.inf, -np.inf, 10**400, None, "5", np.array([5.0]), 5j, [5.0]]
)
def test_a_threshold_that_is_no_finite_number_is_refused(threshold):
    with pytest.raises(InputError, match="threshold must be a finite number, got"):
        score_of(frame(), threshold=threshold)


@pytest.mark.parametrize("tolerance", [0, -1, np.nan, np.inf, 10**400, None, "1"])
def test_a_tolerance_that_is_no_positive_number_is_refused(tolerance):
    with pytest.raises(InputError, match="tolerance_fwhm must be a positive number, got"):
        score_maps({"s": frame()}, {"s": truth()}, 5.0, tolerance_fwhm=tolerance)


@pytest.mark.parametrize("threshold", [5, np.float32(5), np.int16(5), 5.0])
def test_every_kind_of_real_number_is_a_threshold(threshold):
    assert counts(score_of(frame(), threshold=threshold)) == (1, 1)


def test_beyond_all_values_nothing_is_detected_and_precision_is_undefined():
    score = score_of(frame(), threshold=1e300)
    assert counts(score) == (0, 0)
    assert (score.overall["tpr"], score.overall["f1"]) == (0, 0)
    assert (score.overall["fdr"], score.overall["ppv"]) == (None, None)
    assert score.overall["froc_auc"] == 1  # the curve does not hang on the threshold


def test_below_all_values_every_candidate_counts():
    score = score_of(frame(), threshold=-1e300)
    assert counts(score) == (1, score.curve.fp[-1])


# Truths


def test_an_empty_truth_cannot_be_scored():
    with pytest.raises(InputError, match="there is no sequence to score"):
        score_maps({}, {}, 5.0)


def test_blank_sequences_alone_measure_false_positives_alone():
    score = score_of(frame(), injections=[])
    assert counts(score) == (0, 2)
    assert score.overall["fp_per_blank_map"] == 2
    null = ("tpr", "f1", "macro_f1", "froc_auc", "average_precision", "fp_per_filled_map")
    assert all(score.overall[key] is None for key in null)
    (row,) = score.per_instrument
    assert (row["tpr"], row["f1"], row["fp"], row["tpr_interval"]) == (None, None, 2, None)
    assert score.per_stratum == []


@pytest.mark.parametrize("injections", [[(1, 1j)], [("1", "2")], [(1, 2), (3,)], [None]])
def test_positions_that_are_no_numbers_are_refused(injections):
    with pytest.raises(InputError, match="injections must"):
        truth(injections=injections)


@pytest.mark.parametrize("answer", [frame(), DetectionList([PEAK], [9]), None])
@pytest.mark.parametrize("stray", [(15, 17), (15, 29), (-1, 15), (40, 15)])
def test_an_injection_that_cannot_be_found_is_refused(answer, stray):
    maps = {} if answer is None else {"s": answer}
    with pytest.raises(InputError, match=r"^s: the injection at .* outside the scored area$"):
        score_maps(maps, {"s": truth(injections=[PEAK, stray])}, 5.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("fwhm", value) for value in (0, -1, np.nan, "4", None)),
        *(("inner_radius_px", value) for value in (-1, 13, np.nan)),
        *(("lambda_over_d_px", value) for value in (0, np.inf)),
        *(("shape", value) for value in ((31,), (0, 31), "31x31")),
        *(("strata", value) for value in (("faint",) * 2, ("faint",) * 3)),
    ],
)
def test_a_truth_of_other_numbers_than_it_needs_is_refused(name, value):
    with pytest.raises(InputError, match=f"{name}|scored radii"):
        truth(**{name: value})


# Detection lists


@pytest.mark.parametrize(
    ("yx", "values", "message"),
    [
        ([(1, 2, 3)], [1], r"positions of shape \(n, 2\)"),
        ([(1, 2)], [1, 2], r"positions of shape \(n, 2\)"),
        ([(1, np.nan)], [1], r"row 1 of a detection list stands at \(1.0, nan\)"),
        ([("a", "b")], [1], "positions of a detection list must hold real numbers"),
        ([(1, 2)], [1j], "values of a detection list must hold real numbers"),
    ],
)
def test_a_list_that_cannot_be_is_refused(yx, values, message):
    with pytest.raises(InputError, match=message):
        DetectionList(yx, values)


def test_an_empty_list_finds_nothing_but_is_not_missing():
    score = score_of(DetectionList([], []))
    assert counts(score) == (0, 0)
    assert score.overall["n_missing"] == 0


def test_scores_of_nan_claim_nothing_and_plus_infinity_is_refused():
    assert counts(score_of(DetectionList([PEAK, OTHER], [np.nan, -np.inf]))) == (0, 0)
    with pytest.raises(InputError, match=r"row 2 of the detection list, in the scored area, is \+"):
        score_of(DetectionList([PEAK, OTHER], [9, np.inf]))
    assert counts(score_of(DetectionList([PEAK, (15, 15)], [9, np.inf]))) == (1, 0)


# Two maps for a sequence


@pytest.mark.parametrize("second", ["toy_odd_detmap_1.fits", "toy_odd_detections_1.csv"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_answers_to_a_sequence_are_refused_by_name(toy_challenge, second):
    import io
    import zipfile

    buffer = io.BytesIO(toy_challenge.archive())
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(second, "y,x,score\n20,32,9\n")
    with pytest.raises(SubmissionError) as caught:
        read_submission(buffer.getvalue(), toy_challenge.manifest)
    assert ("duplicate", second) in [(one.code, one.file) for one in caught.value.coded]


def test_an_answer_to_a_sequence_that_is_not_there_is_refused_beside_those_that_are():
    with pytest.raises(InputError, match=r"unknown sequence 'S'; there are s, t"):
        score_maps({"S": frame()}, {"s": truth(), "t": truth()}, 5.0)


# Posteriors


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"samples": np.ones((2, 1, 9))}, r"shape \(1, 2, n_samples\).*got \(2, 1, 9\)"),
        ({"samples": np.ones((1, 2))}, r"shape \(1, 2, n_samples\).*got \(1, 2\)"),
        ({"samples": np.ones((1, 2, 1))}, "n_samples >= 2"),
        ({"samples": [[[1.0, 2.0], [3.0]]]}, "posterior samples must be an array of real numbers"),
        ({"samples": np.ones((1, 2, 9), dtype=complex)}, "must hold real numbers, got complex128"),
        ({"sigma": [1.0, 1.0]}, r"errors must have the shape of the estimates, \(1, 2\)"),
        ({"sigma": [["a", "b"]]}, "errors of estimates must hold real numbers"),
        ({"values": [["a", "b"]]}, "estimates must hold real numbers"),
    ],
)
def test_a_posterior_of_a_wrong_shape_is_refused(fields, message):
    with pytest.raises(InputError, match=message):
        Estimates(**{"values": [[1.0, 2.0]], **fields})


def test_posterior_samples_that_are_no_numbers_are_refused_by_companion():
    samples = np.random.default_rng(0).normal(size=(2, 2, 5))
    samples[1, 0, 3] = np.nan
    with pytest.raises(InputError, match="companion 2, quantity 1 of 2: a posterior sample is not"):
        Estimates(values=np.zeros((2, 2)), samples=samples)


@pytest.mark.parametrize("samples", [np.zeros((3, 4)), np.zeros((4, 0)), np.zeros(4)])
def test_posteriors_that_do_not_fit_their_truths_are_not_calibrated(samples):
    with pytest.raises(InputError, match="n_samples"):
        pit_samples(samples, np.zeros(4), np.random.default_rng(0))
