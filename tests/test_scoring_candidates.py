"""Rules 1 and 2: which pixels make a claim, and which of them is a candidate."""

import numpy as np
import pytest
from scipy import ndimage

from exobench.datasets.errors import InputError
from exobench.scoring import DetectionList, MapTruth, find_candidates, score_maps
from exobench.scoring.candidates import list_candidates


def slope(shape=(31, 31)):
    """A map that rises towards +x everywhere: only its last column has maxima."""
    return np.broadcast_to(0.001 * np.arange(shape[1]) - 1, shape).copy()


def inside(shape=(31, 31)):
    """All but the border, so that a slope alone has no candidate."""
    mask = np.zeros(shape, dtype=bool)
    mask[2:-2, 2:-2] = True
    return mask


def pixels(peaks, fwhm=3.0, background=None, mask=None):
    """Candidates of a slope with the given pixel values."""
    frame = slope() if background is None else background
    for (y, x), value in peaks.items():
        frame[y, x] = value
    yx, values = find_candidates(frame, fwhm, inside(frame.shape) if mask is None else mask)
    return list(zip(map(tuple, yx.tolist()), values.tolist(), strict=True))


def test_a_slope_has_no_candidate():
    assert pixels({}) == []


def test_candidates_come_by_value_then_y_then_x():
    peaks = {(20, 5): 3, (5, 20): 3, (5, 5): 3, (20, 20): 7}
    assert [p for p, _ in pixels(peaks)] == [(20, 20), (5, 5), (5, 20), (20, 5)]


def test_a_pixel_at_exactly_one_fwhm_hides_a_lower_one():
    assert pixels({(10, 10): 5, (10, 13): 4}) == [((10, 10), 5)]


def test_a_pixel_just_beyond_one_fwhm_hides_nothing():
    assert len(pixels({(10, 10): 5, (12, 13): 4})) == 2  # sqrt(13) > 3


@pytest.mark.parametrize(("dy", "dx"), [(2, 3), (1, 2), (1, 3), (3, 3), (2, 5)])
def test_a_distance_whose_square_rounds_up_still_counts_as_one_fwhm(dy, dx):
    assert pixels({(10, 10): 5, (10 + dy, 10 + dx): 4}, fwhm=np.sqrt(dy**2 + dx**2)) == [
        ((10, 10), 5)
    ]


def test_an_unscored_pixel_hides_a_scored_one():
    mask = inside()
    mask[10, 10] = False
    assert pixels({(10, 10): 5, (10, 12): 4}, mask=mask) == []


def test_an_unscored_maximum_is_no_candidate():
    mask = inside()
    mask[10, 10] = False
    assert pixels({(10, 10): 5}, mask=mask) == []


@pytest.mark.parametrize("void", [np.nan, np.inf, -np.inf])
def test_a_pixel_that_is_not_finite_neither_claims_nor_hides(void):
    assert pixels({(10, 10): void, (10, 12): 4}) == [((10, 12), 4)]


@pytest.mark.parametrize("void", [np.nan, np.inf, -np.inf])
def test_a_map_without_a_finite_pixel_has_no_candidate(void):
    assert pixels({(10, 10): void}, background=np.full((31, 31), np.nan)) == []
    assert pixels({}, background=np.full((31, 31), void)) == []


def test_a_constant_map_is_one_candidate_at_its_centroid():
    assert pixels({}, background=np.ones((31, 31))) == [((15, 15), 1)]


def test_a_plateau_is_one_candidate_at_its_pixel_nearest_to_the_centroid():
    """A row of four with one below its end; the centroid is (10.2, 11.8)."""
    hook = {(10, 10): 5, (10, 11): 5, (10, 12): 5, (10, 13): 5, (11, 13): 5}
    assert pixels(hook, fwhm=4.0) == [((10, 12), 5)]


@pytest.mark.parametrize(
    ("plateau", "expected"),
    [
        ([(10, 10), (10, 11)], (10, 10)),
        ([(10, 10), (11, 10)], (10, 10)),
        ([(10, 11), (11, 10)], (10, 11)),
        ([(10, 10), (10, 11), (11, 10), (11, 11)], (10, 10)),
        # A ring about (11, 11): four edge pixels are equally near to its centroid.
        ([(y, x) for y in (10, 11, 12) for x in (10, 11, 12) if (y, x) != (11, 11)], (10, 11)),
    ],
)
def test_exact_ties_about_the_centroid_go_to_smaller_y_then_x(plateau, expected):
    assert pixels(dict.fromkeys(plateau, 5)) == [(expected, 5)]


def test_ties_of_a_centroid_of_thirds_are_exact():
    """Three in a row, one missing: d^2 to (10, 31/3) has no exact float."""
    plateau = dict.fromkeys([(9, 10), (11, 10), (10, 11)], 5)
    assert pixels(plateau) == [((10, 11), 5)]  # 4/9 against 10/9
    wide = dict.fromkeys([(10, 9), (11, 10), (12, 9)], 5)
    assert pixels(wide) == [((11, 10), 5)]


def test_pixels_touching_at_a_corner_are_one_plateau():
    assert pixels({(10, 10): 5, (11, 11): 5, (12, 12): 5}) == [((11, 11), 5)]


def test_equal_maxima_that_do_not_touch_are_two_of_which_the_first_is_kept():
    assert pixels({(10, 10): 5, (10, 12): 5}) == [((10, 10), 5)]
    assert len(pixels({(10, 10): 5, (10, 14): 5})) == 2


def test_only_the_scored_maxima_of_a_plateau_make_its_centroid():
    mask = inside()
    mask[:, 12:] = False
    assert pixels(dict.fromkeys([(10, x) for x in range(9, 16)], 5), mask=mask) == [((10, 10), 5)]


def test_a_pixel_of_a_plateau_near_a_higher_pixel_is_no_maximum():
    """The row of fives is a plateau only as far as the six does not reach."""
    row = dict.fromkeys([(10, x) for x in range(8, 13)], 5)
    assert pixels({**row, (10, 15): 6}) == [((10, 15), 6), ((10, 9), 5)]


def test_a_dropped_candidate_drops_nobody():
    """In a chain of equal pixels, 2 px apart, every second one is within 3 px of a kept one."""
    chain = {(10, x): 5 for x in range(6, 20, 2)}
    assert [p for p, _ in pixels(chain)] == [(10, 6), (10, 10), (10, 14), (10, 18)]


def test_a_fwhm_below_one_pixel_makes_every_finite_pixel_a_candidate():
    frame = np.arange(25.0).reshape(5, 5)
    _, values = find_candidates(frame, 0.9, np.ones((5, 5), dtype=bool))
    assert values.tolist() == list(range(24, -1, -1))


def test_a_fwhm_below_the_diagonal_keeps_unequal_corners_apart():
    frame = np.full((7, 7), np.nan)
    frame[2, 2], frame[3, 3] = 5, 4
    yx, _ = find_candidates(frame, 1.2, np.ones((7, 7), dtype=bool))
    assert yx.tolist() == [[2, 2], [3, 3]]


@pytest.mark.parametrize("n_levels", [1, 2, 3])
def test_plateaus_are_the_connected_regions_of_each_value(n_levels):
    """Below 1 px nothing is hidden, so that every region of equal pixels is a candidate."""
    values = np.random.default_rng(n_levels).integers(0, n_levels, (60, 43)).astype(float)
    values[np.random.default_rng(9).uniform(size=values.shape) < 0.2] = np.nan
    regions = [
        np.argwhere(labels == k + 1)
        for level in range(n_levels)
        for labels, n in [ndimage.label(values == level, np.ones((3, 3)))]
        for k in range(n)
    ]

    def nearest(region):
        squared = ((region - region.mean(axis=0)) ** 2).sum(axis=1).round(9)
        return region[np.lexsort((region[:, 1], region[:, 0], squared))[0]].tolist()

    yx, _ = find_candidates(values, 0.9, np.ones(values.shape, dtype=bool))
    assert sorted(yx.tolist()) == sorted(map(nearest, regions))


@pytest.mark.parametrize("fwhm", [1.0, np.sqrt(2), 2.3, 4.0, 7.7, 100.0, 1e300])
def test_maxima_are_those_of_a_filter_with_a_disc(fwhm):
    values = np.random.default_rng(0).normal(size=(24, 31))
    reach = int(min(fwhm, 31))
    y, x = np.indices((2 * reach + 1,) * 2) - reach
    highest = ndimage.maximum_filter(
        values, footprint=np.hypot(y, x) <= fwhm, mode="constant", cval=-np.inf
    )
    yx, _ = find_candidates(values, fwhm, np.ones(values.shape, dtype=bool))
    assert sorted(yx.tolist()) == np.argwhere(values == highest).tolist()


def test_the_edge_of_the_frame_hides_nothing():
    yx, _ = find_candidates(np.pad(np.ones((1, 1)), 5)[5:, 5:], 3.0, np.ones((6, 6), dtype=bool))
    assert yx[0].tolist() == [0, 0]


def test_positions_index_the_map():
    frame = slope()
    frame[10, 12] = 3
    yx, values = find_candidates(frame, 3.0, inside())
    np.testing.assert_array_equal(frame[tuple(yx.T)], values)


def test_integers_and_float32_are_compared_as_float64():
    frame = np.zeros((11, 11), dtype=np.float32)
    frame[5, 5] = 0.1
    _, values = find_candidates(frame, 3.0, np.ones((11, 11), dtype=bool))
    assert values[0] == np.float64(np.float32(0.1)) != 0.1
    yx, values = find_candidates(np.eye(11, dtype=int)[::-1] * 4, 30.0, np.ones((11, 11)))
    assert (yx.tolist(), values.tolist()) == ([[5, 5]], [4])


@pytest.mark.parametrize(
    ("frame", "fwhm", "mask", "message"),
    [
        (np.zeros((2, 3, 4)), 3.0, np.ones((2, 3, 4)), "2-D"),
        (np.zeros((3, 4)), 3.0, np.ones((4, 3)), r"one shape, got \(3, 4\) and \(4, 3\)"),
        (np.zeros((3, 4)), 0.0, np.ones((3, 4)), "fwhm must be a positive number of pixels"),
        (np.zeros((3, 4)), np.nan, np.ones((3, 4)), "fwhm must be a positive number of pixels"),
    ],
)
def test_impossible_input_is_named(frame, fwhm, mask, message):
    with pytest.raises(InputError, match=message):
        find_candidates(frame, fwhm, mask)


# Detection lists


def rows_of(rows, fwhm=3.0, radii=(2.0, 14.0), shape=(31, 31)):
    table = np.array(rows, dtype=float)
    yx, values = list_candidates(DetectionList(table[:, :2], table[:, 2]), fwhm, radii, shape)
    return list(zip(map(tuple, yx.tolist()), values.tolist(), strict=True))


def test_rows_are_ordered_and_thinned_like_maxima_wherever_they_stand():
    rows = [(10.5, 10.25, 3), (20.5, 5, 9), (10.5, 13.25, 4), (10.5, 16.5, 3)]
    assert rows_of(rows) == [((20.5, 5), 9), ((10.5, 13.25), 4), ((10.5, 16.5), 3)]


def test_rows_outside_the_scored_radii_and_rows_without_a_value_are_left_out():
    rows = [(15, 15, 9), (15, 17, 8), (15, 29, 7), (15, 29.01, 6), (5, 15, np.nan), (20, 15, 1)]
    assert rows_of(rows) == [((15, 17), 8), ((15, 29), 7), ((20, 15), 1)]
    assert rows_of([(5, 5, -np.inf)]) == []


def test_a_row_left_out_hides_nobody():
    assert rows_of([(15, 16, 9), (15, 18, 4)]) == [((15, 18), 4)]


def test_many_rows_at_one_place_are_one_candidate():
    rows = np.column_stack([np.full((5000, 2), 10.0), np.arange(5000)])
    assert rows_of(rows) == [((10, 10), 4999)]


def test_thinning_equals_trying_every_pair():
    rng = np.random.default_rng(2)
    yx, values = rng.uniform(0, 30, (400, 2)), rng.integers(0, 50, 400).astype(float)
    kept = []
    for i in sorted(range(400), key=lambda i: (-values[i], *yx[i])):
        if all(np.hypot(*(yx[i] - yx[j])) > 2.5 for j in kept):
            kept.append(i)
    found, _ = list_candidates(DetectionList(yx, values), 2.5, (0.0, 99.0), (31, 31))
    np.testing.assert_array_equal(found, yx[kept])


def test_an_empty_list_is_an_answer_without_candidates():
    found, values = list_candidates(DetectionList([], []), 3.0, (2.0, 14.0), (31, 31))
    assert found.shape == (0, 2)
    assert values.shape == (0,)


@pytest.mark.parametrize(
    ("yx", "values", "message"),
    [
        ([[1, 2, 3]], [1], r"shape \(n, 2\)"),
        ([[1, 2]], [1, 2], "and n values"),
        ([[1, 2], [np.nan, 2]], [1, 2], "row 2 .* must be finite"),
    ],
)
def test_a_list_that_is_none_is_refused(yx, values, message):
    with pytest.raises(InputError, match=message):
        DetectionList(yx, values)


# The scored area


def truth(**changes):
    settings = {
        "injections": [],
        "fwhm": 3.0,
        "inner_radius_px": 4.0,
        "outer_radius_px": 10.0,
        "instrument": "a",
        "shape": (31, 31),
    }
    return MapTruth(**{**settings, **changes})


def counted(peak, **changes):
    frame = slope()
    frame[peak] = 5
    return score_maps({"s": frame}, {"s": truth(**changes)}, 1.0).overall["fp"]


@pytest.mark.parametrize(
    ("peak", "counts"),
    [((15, 19), 1), ((15, 18), 0), ((15, 25), 1), ((15, 26), 0), ((21, 23), 1), ((22, 23), 0)],
)
def test_both_radii_belong_to_the_scored_area(peak, counts):
    assert counted(peak) == counts


def test_the_centre_of_an_even_axis_is_half_its_size():
    frame = np.broadcast_to(0.001 * np.arange(30) - 1, (30, 30)).copy()
    frame[15, 11] = 5  # 4 px from (15, 15), 3.5 px from (14.5, 14.5)
    assert score_maps({"s": frame}, {"s": truth(shape=(30, 30))}, 1.0).overall["fp"] == 1


def test_coverage_is_the_finite_fraction_of_the_scored_pixels_of_the_maps_sent():
    frame = np.zeros((31, 31))
    frame[:, :15] = np.nan
    y, x = np.indices((31, 31)) - 15
    ring = (np.hypot(y, x) >= 4) & (np.hypot(y, x) <= 10)
    half = (ring & (x >= 0)).sum() / ring.sum()
    truths = {"s": truth(), "t": truth(), "u": truth(), "v": truth()}
    listed = DetectionList([[15, 22]], [4])
    score = score_maps({"s": frame, "t": np.zeros((31, 31)), "u": listed}, truths, 1.0)
    assert score.overall["coverage"] == pytest.approx((half + 1) / 2, abs=1e-15)
    assert [s["coverage"] for s in score.per_sequence] == [half, 1.0, None, None]
    assert score.warnings == (
        f"only {(half + 1) / 2:.1%} of the scored pixels are finite, least in s ({half:.1%}); "
        "injections under the others cannot be found",
    )


def test_minus_infinity_makes_no_claim_either():
    frame = np.zeros((31, 31))
    frame[20, 20] = -np.inf
    assert 0.99 < score_maps({"s": frame}, {"s": truth()}, 1.0).overall["coverage"] < 1


def test_a_map_that_is_nearly_complete_raises_no_warning():
    frame = np.zeros((31, 31))
    frame[20, 20] = np.nan
    assert score_maps({"s": frame}, {"s": truth()}, 1.0).warnings == ()


@pytest.mark.parametrize("answers", [{}, {"s": DetectionList([[15, 22]], [4])}])
def test_coverage_is_null_where_no_map_was_sent(answers):
    score = score_maps(answers, {"s": truth()}, 1.0)
    assert score.overall["coverage"] is None
    assert score.warnings == ()


def test_plus_infinity_in_the_scored_area_is_refused_with_its_first_pixel():
    frame = np.zeros((31, 31))
    frame[20, 21] = frame[20, 20] = frame[22, 15] = np.inf
    with pytest.raises(InputError, match=r"s: \+inf at pixel \(y, x\) = \(20, 20\)"):
        score_maps({"s": frame}, {"s": truth()}, 1.0)


def test_plus_infinity_elsewhere_counts_as_nan():
    frame = slope()
    frame[15, 19] = 5
    frame[15, 17] = np.inf
    score = score_maps({"s": frame}, {"s": truth()}, 1.0)
    assert (score.overall["fp"], score.overall["coverage"]) == (1, 1.0)


def test_plus_infinity_in_a_list_is_refused_inside_the_radii_only():
    inside_row, outside_row = (
        DetectionList([[1, 1], [15, 22]], [3, np.inf]),
        DetectionList([[1, 1], [15, 22]], [np.inf, 3]),
    )
    with pytest.raises(InputError, match=r"s: the score of row 2 .* is \+inf"):
        score_maps({"s": inside_row}, {"s": truth()}, 1.0)
    assert score_maps({"s": outside_row}, {"s": truth()}, 1.0).overall["fp"] == 1
