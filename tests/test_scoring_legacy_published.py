"""The published analysis of 2020: resolution elements, areas, the ranking, their defects."""

import re
from pathlib import Path

import numpy as np
import pytest

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import annulus, radius_map
from exobench.scoring import MapTruth, legacy, score_maps
from exobench.scoring.legacy.elements import Elements, counts_above

SHAPE = (101, 101)
PLANET = (50.0, 70.0)  # y, x


def truth(*injections, instrument="toy", radii=(6.0, 46.0)):
    return MapTruth(injections, 4.0, *radii, instrument, shape=SHAPE)


def g(y, x, amp=10.0, s=4 / 2.355):
    rows, columns = np.indices(SHAPE)
    return amp * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * s**2))


def codes(analysis):
    return [defect.code for defect in analysis.defects]


def messages(analysis, code):
    return [defect.message for defect in analysis.defects if defect.code == code]


# Resolution elements


def test_elements_part_the_scored_area_into_pieces_of_one_square_fwhm():
    elements = Elements.of(truth(), SHAPE)
    assert ((elements.element >= 0) == annulus(SHAPE, 6, 46)).all()
    size = np.bincount(elements.element[elements.element >= 0])
    assert len(size) == elements.n_elements
    assert size.min() > 0
    assert size.mean() == pytest.approx(4**2, rel=0.02)
    assert np.percentile(size, [5, 95]) == pytest.approx([14, 17], abs=1)


def test_no_element_is_longer_than_two_fwhm():
    elements = Elements.of(truth(), SHAPE)
    for i in range(elements.n_elements):
        y, x = np.nonzero(elements.element == i)
        assert np.hypot(np.ptp(y), np.ptp(x)) <= 2 * 4


def test_an_injection_owns_the_disc_of_one_fwhm_about_it_and_the_nearer_half_of_two():
    hidden = truth(PLANET, (50.0, 74.0))
    element = Elements.of(hidden, SHAPE).element
    rows, columns = np.indices(SHAPE)
    away = [np.hypot(rows - 50, columns - x) for x in (70, 74)]
    assert (element[(away[0] < 4) & (away[0] < away[1])] == 0).all()
    assert (element[(away[1] < 4) & (away[1] < away[0])] == 1).all()
    assert (element[(away[0] >= 4) & (away[1] >= 4)] != 0).all()


def test_an_element_is_at_most_one_detection():
    """A planet, and twenty pixels in one element elsewhere."""
    frame = g(*PLANET)
    elements = Elements.of(truth(PLANET), SHAPE)
    crowded = elements.element == elements.element[50, 20]
    frame[crowded] = 9
    counts = legacy.count_elements(frame, truth(PLANET), [3, 8.5, 9])
    assert crowded.sum() > 10
    assert counts.tp.tolist() == [1, 1, 1]
    assert counts.fp.tolist() == [1, 1, 0]  # strictly above
    assert (counts.fn == 0).all()
    assert (counts.tn + counts.fp == elements.n_elements - 1).all()


def test_metrics_follow_their_definitions():
    highest = np.array([9.0, 2.0, 7.0, 1.0, 1.0, 1.0, -np.inf])  # two injections
    counts = counts_above(highest, 2, [0, 1, 5, 8, 10])
    assert counts.tp.tolist() == [2, 2, 1, 1, 0]
    assert counts.fp.tolist() == [4, 1, 1, 0, 0]
    assert counts.tn.tolist() == [1, 4, 4, 5, 5]
    np.testing.assert_allclose(counts.tpr, [1, 1, 1 / 2, 1 / 2, 0])
    np.testing.assert_allclose(counts.fdr, [4 / 6, 1 / 3, 1 / 2, 0, np.nan])
    np.testing.assert_allclose(counts.fpr, [4 / 5, 1 / 5, 1 / 5, 0, 0])
    np.testing.assert_allclose(counts.f1, [4 / 8, 4 / 5, 2 / 4, 2 / 3, 0])


def test_tpr_and_f1_of_a_blank_map_are_undefined_but_fpr_is_not():
    counts = legacy.count_elements(g(*PLANET), truth(), [3])
    assert np.isnan([counts.tpr[0], counts.f1[0]]).all()
    assert (counts.fpr[0] > 0, counts.fdr[0]) == (True, 1)


def test_only_the_scored_area_counts_and_nan_makes_no_claim():
    frame = np.where(radius_map(SHAPE) < 6, 99.0, np.nan)
    counts = legacy.count_elements(frame, truth(PLANET), [0])
    assert (counts.tp[0], counts.fp[0]) == (0, 0)


def test_a_white_map_is_one_false_positive_per_element_not_one_per_blob():
    """Half of all pixels are above: nearly every element has one."""
    frame = np.random.default_rng(0).normal(size=SHAPE)
    counts = legacy.count_elements(frame, truth(), [0])
    assert counts.fpr[0] > 0.99
    assert counts.fp[0] <= Elements.of(truth(), SHAPE).n_elements


def test_a_missing_map_needs_a_shape():
    with pytest.raises(InputError, match="needs the shape of the frames"):
        legacy.count_elements(None, MapTruth([], 4.0, 6.0, 46.0, "toy"), [3])
    with pytest.raises(InputError, match=r"must be 2-D, got shape \(2, 101, 101\)"):
        legacy.count_elements(np.zeros((2, 101, 101)), truth(), [3])


# Areas


def test_a_staircase_of_five_planets_has_the_published_area():
    """A TPR that falls by a fifth at each of five values: the mean of value / 10, 0.541."""
    values = np.array([2.0, 4.0, 5.5, 7.0, 8.55])
    counts = counts_above(values, 5, np.linspace(0, 10, 100_001))
    assert legacy.auc_tpr(counts) == pytest.approx(0.541, abs=1e-5)
    assert legacy.auc_tpr(counts_above(values, 5, legacy.sweep(5))) == pytest.approx(
        0.541, abs=0.003
    )


def test_areas_are_trapezoids_over_the_range():
    x = [0.0, 1.0, 4.0]
    assert legacy.normalised_area(x, [1, 1, 1]) == 1
    assert legacy.normalised_area(x, [0, 2, 5]) == pytest.approx((1 + 3 * 3.5) / 4)
    assert legacy.normalised_area(x, [0, np.nan, 5]) is None
    assert legacy.normalised_area([3.0], [1]) is None
    with pytest.raises(InputError, match="increase strictly"):
        legacy.normalised_area([1, 1], [0, 0])
    with pytest.raises(InputError, match="one metric per threshold"):
        legacy.normalised_area([1, 2], [0])


def test_the_sweep_runs_from_zero_to_twice_the_threshold():
    assert (legacy.sweep(5)[[0, 100, -1]] == [0, 5, 10]).all()
    assert legacy.sweep(0).size == legacy.sweep(-1).size == 0


def test_a_perfect_map_nears_the_aims_of_all_three_areas():
    frame = np.where(np.hypot(*(np.indices(SHAPE) - np.array([50, 70])[:, None, None])) < 3, 1, 0)
    published = legacy.published_analysis({"a_1": 100.0 * frame}, {"a_1": truth(PLANET)}, 5)
    row = published.to_dict()["per_sequence"][0]
    assert row["auc_tpr"] == 1
    assert row["auc_fdr"] == row["auc_fpf"] == 0


# The ranking


def test_sodirf_of_the_published_figure():
    ranking = legacy.macro_ranking({"sphere_irdis": [0.588, 0.4, None]})
    assert (round(ranking.value, 3), ranking.highest) == (0.494, 1)


@pytest.mark.parametrize(
    ("five_planets", "one_planet_fp", "segment"),
    [
        (0.588, 3, 0.494),  # sodirf_original
        (1.000, 1, 0.833),  # FMMF
        (0.75, None, 0.375),  # TLOCI
        (0.33, None, 0.167),  # Unknown
        (0.20, None, 0.102),  # PCA_SpeCal
    ],
)
def test_the_irdis_segment_is_the_mean_of_two_data_sets_a_third_being_blank(
    five_planets, one_planet_fp, segment
):
    """The second has one planet: its F1 is 2 / (2 + FP), or 0 where it was not found."""
    second = 0.0 if one_planet_fp is None else 2 / (2 + one_planet_fp)
    ranking = legacy.macro_ranking({"sphere_irdis": [five_planets, second, None]})
    assert ranking.value == pytest.approx(segment, abs=0.003)


PUBLISHED = {
    "RSM": (1.000, 0.678, 0.889, 2.567),
    "SLIMmask": (1.000, 0.583, 0.822, 2.405),
    "FMMF": (0.833, 0.583, 0.822, 2.238),
    "LOCI": (0.833, 0.678, 0.655, 2.166),
    "TRAP": (1.000, 0.250, 0.755, 2.005),
    "PACO": (1.000, 0.500, 0.434, 1.934),
    "PCA_MPIA": (0.875, 0.333, 0.655, 1.863),
    "STIM_fullframe": (1.000, 0.250, 0.389, 1.639),
    "sodinn_3d": (0.559, 0.268, 0.786, 1.613),
    "ANDROMEDA": (1.000, 0.250, 0.333, 1.583),
    "STIM_annuli": (0.833, 0.0, 0.667, 1.500),
    "sodinn_LSTM": (0.750, 0.167, 0.483, 1.400),
    "sodirf_adapted": (0.621, 0.111, 0.663, 1.395),
    "Baseline": (0.875, 0.0, 0.389, 1.264),
    "STIM_hpf": (0.833, 0.250, 0.167, 1.250),
    "sodirf_original": (0.494, 0.111, 0.457, 1.062),
    "PCA_Padova": (0.667, 0.0, 0.374, 1.041),
    "sodinn_BiLSTM": (0.557, 0.250, 0.213, 1.020),
    "pyPACO": (0.455, 0.0, 0.095, 0.550),
    "TLOCI_SpeCal": (0.375, None, None, 0.375),
    "Unknown": (0.167, None, None, 0.167),
    "PCA_SpeCal": (0.102, None, None, 0.102),
    "cADI_SpeCal": (0.016, None, None, 0.016),
    "FMMF_ASDI": (0.950, 0.450, None, 1.400),
    "ANDROMEDA_ASDI": (0.709, 0.572, None, 1.280),
    "ANDROMEDA_ADI": (0.717, 0.536, None, 1.253),
    "STIM_ADI": (0.731, 0.214, None, 0.945),
    "Baseline (IFS)": (0.488, 0.167, None, 0.654),
    "PCA_ASDI": (0.275, 0.237, None, 0.512),
}


@pytest.mark.parametrize("method", PUBLISHED)
def test_published_sums_are_those_of_the_means_by_instrument(method):
    *segments, total = PUBLISHED[method]
    ranking = legacy.macro_ranking({f"i{n}": [f1] for n, f1 in enumerate(segments)})
    assert ranking.value == pytest.approx(total, abs=0.0021)  # read to 0.002 per bar


def test_an_instrument_without_f1_adds_nothing():
    ranking = legacy.macro_ranking({"a": [None], "b": [0.5, None, 0.7]})
    assert (ranking.value, ranking.highest) == (pytest.approx(0.6), 1)
    assert ranking.mean_f1 == {"a": None, "b": pytest.approx(0.6)}
    assert legacy.macro_ranking({"a": [None]}).value is None


# The whole, and its defects


def test_a_partial_submission_detects_nothing_in_missing_maps():
    truths = {"a_1": truth(PLANET), "a_2": truth(PLANET), "b_1": truth(PLANET, instrument="b")}
    published = legacy.published_analysis({"a_1": g(*PLANET, amp=5.5)}, truths, 5)
    assert published.ranking.mean_f1 == {"toy": 0.5, "b": 0}
    rows = published.to_dict()["per_sequence"]
    assert [row["tp"] for row in rows] == [1, 0, 0]
    assert [row["auc_tpr"] for row in rows] == [pytest.approx(0.55, abs=0.01), 0, 0]


def test_false_positives_of_a_blank_cube_never_reach_the_ranking_and_that_is_named():
    truths = {"a_1": truth(PLANET), "a_2": truth()}
    maps = {"a_1": g(*PLANET, amp=5.5), "a_2": g(30, 30) + g(70, 30)}
    clean = legacy.published_analysis(maps | {"a_2": np.zeros(SHAPE)}, truths, 5)
    dirty = legacy.published_analysis(maps, truths, 5)
    assert clean.ranking.value == dirty.ranking.value == 1
    assert "blank_leaves_ranking" not in codes(clean)
    (message,) = messages(dirty, "blank_leaves_ranking")
    n_false = dirty.sequences[1].counts.fp[0]
    assert message.endswith(f"undefined; never in the ranking: {n_false} false positives")
    (message,) = messages(dirty, "macro_not_pooled")
    assert f"pooled counts is {2 / (2 + n_false):.3f}" in message


def test_areas_change_under_a_monotone_rescaling_of_the_map_and_that_is_named():
    maps, truths = {"a_1": g(*PLANET, amp=6)}, {"a_1": truth(PLANET)}
    before = legacy.published_analysis(maps, truths, 5)
    stretched = {"a_1": np.where(maps["a_1"] > 5, 5 + 2 * (maps["a_1"] - 5), maps["a_1"])}
    after = legacy.published_analysis(stretched, truths, 5)
    low, high = (p.to_dict()["auc_tpr"] for p in (before, after))
    assert (low, high) == (pytest.approx(0.6, abs=0.01), pytest.approx(0.7, abs=0.01))
    assert before.ranking.value == after.ranking.value == 1
    (message,) = messages(before, "auc_not_invariant")
    assert f"auc_tpr from {low:.3f} to {high:.3f}" in message


def test_areas_that_no_stretching_changes_are_not_called_gameable():
    published = legacy.published_analysis({"a_1": np.zeros(SHAPE)}, {"a_1": truth(PLANET)}, 5)
    assert "auc_not_invariant" not in codes(published)


def test_areas_are_named_gameable_only_where_that_shows_in_three_decimals():
    """A planet and a speckle of 5.0001 at threshold 5: stretched, 5.0002."""
    frame = np.minimum(g(*PLANET) + g(30.0, 30.0), 5.0001)
    truths = {"a_1": truth(PLANET)}
    flat = legacy.published_analysis({"a_1": frame}, truths, 5)
    assert "auc_not_invariant" not in codes(flat)
    noise = np.random.default_rng(0).normal(size=SHAPE)
    (message,) = messages(
        legacy.published_analysis({"a_1": noise}, truths, 0.5), "auc_not_invariant"
    )
    changes = re.findall(r"auc_\w+ from (\S+) to (\d\.\d+)", message)
    assert changes
    assert all(before != after for before, after in changes)


@pytest.mark.parametrize("threshold", [1e308, -1e308])
def test_a_threshold_beyond_all_bounds_is_scored_without_areas(threshold):
    published = legacy.published_analysis({"a_1": g(*PLANET)}, {"a_1": truth(PLANET)}, threshold)
    assert "no_sweep" in codes(published)
    assert published.to_dict()["threshold_range"] is None


def test_values_beyond_all_bounds_are_detections():
    for value in (np.inf, 1.7e308):
        frame = np.where(g(*PLANET) > 3, value, 0.0)
        published = legacy.published_analysis({"a_1": frame}, {"a_1": truth(PLANET)}, 5)
        row = published.to_dict()["per_sequence"][0]
        assert (row["tp"], row["fp"], row["auc_tpr"]) == (1, 0, 1)


def test_a_threshold_that_is_not_positive_leaves_no_areas():
    published = legacy.published_analysis({"a_1": g(*PLANET)}, {"a_1": truth(PLANET)}, 0)
    assert "no_sweep" in codes(published)
    written = published.to_dict()
    assert (written["auc_tpr"], written["threshold_range"]) == (None, None)
    given = legacy.published_analysis({"a_1": g(*PLANET)}, {"a_1": truth(PLANET)}, 0, [0.0, 10.0])
    assert given.to_dict()["threshold_range"] == [0, 10]
    assert "no_sweep" not in codes(given)


def test_fdr_counts_as_zero_where_nothing_is_detected():
    """One false positive of value 2 in a range of 10: FDR is 1 below it, then undefined."""
    frame = np.zeros(SHAPE)
    frame[50, 20] = 2
    published = legacy.published_analysis({"a_1": frame}, {"a_1": truth(PLANET)}, 5)
    assert published.to_dict()["auc_fdr"] == pytest.approx(0.2, abs=0.005)
    (message,) = messages(published, "fdr_of_nothing")
    assert "makes 80 % of the range" in message
    silent = legacy.published_analysis({"a_1": frame * 0}, {"a_1": truth(PLANET)}, 5)
    (message,) = messages(silent, "fdr_of_nothing")
    assert "makes 100 % of the range" in message
    loud = legacy.published_analysis({"a_1": frame * 100}, {"a_1": truth(PLANET)}, 5)
    assert "fdr_of_nothing" not in codes(loud)


def test_the_wings_of_a_bright_planet_are_false_positives_and_that_is_named():
    alone = g(30.0, 30.0, amp=6)  # a false positive without any planet
    published = legacy.published_analysis(
        {"a_1": g(*PLANET, amp=1e4) + alone}, {"a_1": truth(PLANET)}, 5
    )
    (message,) = messages(published, "spill_over")
    n_false = int(published.sequences[0].counts.fp[0])
    n_alone = int(legacy.count_elements(alone, truth(PLANET), [5]).fp[0])
    assert message.endswith(f"from it: {n_false - n_alone} of {n_false}")
    faint = legacy.published_analysis({"a_1": g(*PLANET, amp=6) + alone}, {"a_1": truth(PLANET)}, 5)
    assert "spill_over" not in codes(faint)


def test_a_false_signal_that_lies_in_several_elements_is_several_and_that_is_named():
    hidden = truth()
    element = Elements.of(hidden, SHAPE).element
    frame = np.zeros(SHAPE)
    frame[element == element[50, 20]] = 9
    whole = legacy.published_analysis({"a_1": frame}, {"a_1": hidden}, 5)
    assert "split_signals" not in codes(whole)
    y, x = np.nonzero((element[:, :-1] != element[:, 1:]) & (element[:, 1:] == element[50, 20]))
    frame[y[0], x[0]] = 9  # one pixel of the element beside it
    split = legacy.published_analysis({"a_1": frame}, {"a_1": hidden}, 5)
    (message,) = messages(split, "split_signals")
    assert message.startswith("a_1: 1 group of pixels above the threshold: 2 false positives")
    far = np.argwhere(element == element[80, 50])
    frame[tuple(far[0])] = frame[tuple(far[-1])] = 9  # two groups in an element of their own
    crowd = legacy.published_analysis({"a_1": frame}, {"a_1": hidden}, 5)
    assert messages(crowd, "split_signals") == [message]


def test_detections_by_luck_are_named():
    """White noise at threshold 2: near every place some pixel is above."""
    rng = np.random.default_rng(0)
    places = 50 + rng.uniform(-28, 28, (5, 2))
    places = [tuple(p) for p in places if np.hypot(*(p - 50)) > 8]
    maps, truths = {"a_1": rng.normal(size=SHAPE)}, {"a_1": truth(*places)}
    published = legacy.published_analysis(maps, truths, 2)
    (message,) = messages(published, "chance_detections")
    expected = float(message.split("about ")[1].split()[0])
    assert expected == pytest.approx(published.sequences[0].counts.tp[0], abs=2)


def test_macro_and_pooled_agree_on_one_data_set():
    published = legacy.published_analysis(
        {"a_1": g(*PLANET, amp=5.5) + g(30, 30)}, {"a_1": truth(PLANET)}, 5
    )
    assert "macro_not_pooled" not in codes(published)


def test_every_named_defect_has_a_line():
    folder = Path(legacy.__file__).parent
    named = {
        code
        for path in folder.glob("*.py")
        for code in re.findall(r'(?:Defect|_stop)\(\s*(?:name,\s*)?"(\w+)"', path.read_text())
    }
    named |= {"ignored_parameters"}  # of files, in the challenge
    assert named == set(legacy.DEFECTS) | set(legacy.CHARACTERIZATION_DEFECTS)


PAGE = Path(__file__).parents[1] / "docs" / "eidc-mode.md"


def test_the_page_on_this_mode_has_every_defect():
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(rows) == set(legacy.DEFECTS)


def test_the_page_on_this_mode_has_the_right_numbers():
    bright = legacy.published_analysis({"a_1": g(*PLANET, amp=1e4)}, {"a_1": truth(PLANET)}, 5)
    assert (bright.sequences[0].counts.fp[0], bright.ranking.value) == (14, 0.125)
    peaks = np.sum([g(y, x) for x in (15, 35, 55, 75) for y in (15, 85)], axis=0)
    truths = {"a_1": truth(PLANET), "a_2": truth()}
    blank = legacy.published_analysis({"a_1": g(*PLANET), "a_2": peaks}, truths, 3)
    assert (blank.sequences[1].counts.fp[0], blank.ranking.value) == (22, 1)
    (message,) = messages(blank, "macro_not_pooled")
    assert message.endswith("pooled counts is 0.083")
    (message,) = messages(blank, "split_signals")
    assert "6 groups" in message
    overall = score_maps({"a_1": g(*PLANET), "a_2": peaks}, truths, 3).overall
    assert (overall["fp"], overall["f1"]) == (6, 0.25)
