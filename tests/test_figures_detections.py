"""The figure of one answer: what is drawn, and where."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")

from matplotlib.colors import to_rgba
from matplotlib.patches import Circle

from exobench.leaderboard.detection_figure import (
    FALSE_POSITIVE,
    MISS,
    TRUE_POSITIVE,
    detection_figure,
    detection_norm,
)
from exobench.scoring import DetectionList, MapTruth
from exobench.scoring.sequences import evaluate_sequence

SCALE = 0.02
FOUND, MISSED, CLAIMED = (30.0, 24.0), (12.0, 10.0), (20.0, 32.0)


def truth(shape, **changes):
    fields = {
        "injections": np.array([FOUND, MISSED]),
        "fwhm": 4.0,
        "inner_radius_px": 4.0,
        "outer_radius_px": 17.0,
        "instrument": "toy",
        "shape": shape,
    }
    return MapTruth(**(fields | changes))


def peaks(shape, *places, height=9.0):
    y, x = np.indices(shape)
    rng = np.random.default_rng(0)
    values = rng.normal(size=shape)
    for cy, cx in places:
        values += height * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 5.8)
    return values


def drawn(answer, shape=(41, 41), threshold=6.0, name="toy_1", **changes):
    result = evaluate_sequence(name, answer, truth(shape, **changes), threshold)
    return result, detection_figure(result, answer, SCALE)


def marks(figure):
    """Drawn positions ``(x, y)`` by outcome, and the artists."""
    axes = figure.axes[0]
    lines = {line.get_label().split(" (")[0]: line for line in axes.lines}
    return {
        mark.title: np.column_stack(lines[mark.title].get_data())
        for mark in (TRUE_POSITIVE, FALSE_POSITIVE, MISS)
    }, lines


@pytest.mark.parametrize(("shape", "centre"), [((41, 41), (20, 20)), ((40, 40), (20, 20))])
def test_every_outcome_stands_where_it_is_on_the_sky(shape, centre):
    _, figure = drawn(peaks(shape, FOUND, CLAIMED), shape)
    places, _ = marks(figure)
    for title, (y, x) in {
        "true positive": FOUND,
        "false positive": CLAIMED,
        "miss": MISSED,
    }.items():
        expected = [[(x - centre[1]) * SCALE, (y - centre[0]) * SCALE]]
        # Noise moves a peak by a pixel at most; the truth does not move.
        tolerance = 1e-12 if title == "miss" else 1.01 * SCALE
        np.testing.assert_allclose(places[title], expected, atol=tolerance, err_msg=title)


def test_a_mark_lies_on_the_pixel_it_is_about():
    values = np.zeros((41, 40))
    values[33, 25] = 9.0
    _, figure = drawn(values, values.shape, injections=np.array([(33.0, 25.0)]))
    ((x, y),) = marks(figure)[0]["true positive"]
    (image,) = figure.axes[0].images
    left, right, bottom, top = image.get_extent()
    row = int((y - bottom) / (top - bottom) * 41)
    column = int((x - left) / (right - left) * 40)
    assert image.origin == "lower"
    assert image.get_array()[row, column] == 9.0


def test_x_grows_to_the_right_and_y_upwards_with_north_up_and_east_left():
    _, figure = drawn(peaks((41, 41)))
    axes = figure.axes[0]
    assert not axes.xaxis_inverted()
    assert not axes.yaxis_inverted()
    letters = {text.get_text(): np.array(text.get_position()) for text in axes.texts}
    (east, north) = letters["E"], letters["N"]
    corner = np.array([north[0], east[1]])
    assert (north - corner)[1] > 0
    assert (east - corner)[0] < 0


def test_axes_are_in_arcsec_and_circles_have_the_scored_radii():
    _, figure = drawn(peaks((41, 41)))
    axes = figure.axes[0]
    assert "arcsec" in axes.get_xlabel()
    assert "arcsec" in axes.get_ylabel()
    assert axes.get_aspect() == 1
    circles = [patch for patch in axes.patches if isinstance(patch, Circle)]
    assert sorted(circle.radius for circle in circles) == pytest.approx([4 * SCALE, 17 * SCALE])
    assert {circle.center for circle in circles} == {(0, 0)}


def test_outcomes_differ_in_shape_and_in_colour():
    _, lines = marks(drawn(peaks((41, 41), FOUND, CLAIMED))[1])
    shown = [lines[mark.title] for mark in (TRUE_POSITIVE, FALSE_POSITIVE, MISS)]
    assert len({line.get_marker() for line in shown}) == 3
    assert len({to_rgba(mark.colour) for mark in (TRUE_POSITIVE, FALSE_POSITIVE, MISS)}) == 3


def test_the_legend_counts_what_is_drawn():
    result, figure = drawn(peaks((41, 41), FOUND, CLAIMED))
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["true positive (1)", "false positive (1)", "miss (1)"]
    assert (result.tp, result.fp) == (1, 1)


def test_a_candidate_below_the_threshold_is_not_drawn_and_its_companion_is_missed():
    places, _ = marks(drawn(peaks((41, 41), FOUND, CLAIMED), threshold=50.0)[1])
    assert [len(places[title]) for title in ("true positive", "false positive", "miss")] == [
        0,
        0,
        2,
    ]


def test_two_detections_of_one_companion_count_once():
    answer = DetectionList(np.array([FOUND, (35.0, 24.0)]), np.array([9.0, 8.0]))
    places, _ = marks(drawn(answer, injections=np.array([(32.4, 24.0)]))[1])
    assert len(places["true positive"]) == 1
    assert len(places["false positive"]) == 0


def test_the_colour_bar_marks_the_threshold():
    _, figure = drawn(peaks((41, 41), FOUND))
    bar = figure.axes[1]
    assert 6.0 in [line.get_ydata()[0] for line in bar.lines]
    assert "threshold 6" in bar.get_ylabel()


@pytest.mark.parametrize(("threshold", "side"), [(1e6, "(above)"), (-1e6, "(below)")])
def test_a_threshold_off_the_scale_is_said_to_be(threshold, side):
    _, figure = drawn(peaks((41, 41), FOUND), threshold=threshold)
    assert figure.axes[1].get_title() == side
    assert not any(line.get_ydata()[0] == threshold for line in figure.axes[1].lines)


def test_a_bright_companion_leaves_the_noise_visible():
    answer = peaks((41, 41), FOUND, height=1000.0)
    norm = detection_norm(drawn(answer)[0], answer)
    assert norm.vmin < -1
    assert 6.0 < norm.vmax < 10.0


def test_a_threshold_far_above_the_map_leaves_it_visible():
    answer = peaks((41, 41))
    norm = detection_norm(drawn(answer, threshold=1e6)[0], answer)
    assert norm.vmax < 10.0


def test_a_list_is_drawn_as_points_in_place_of_a_map():
    answer = DetectionList(np.array([FOUND, CLAIMED, (10.0, 30.0)]), np.array([9.0, 8.0, 1.0]))
    _, figure = drawn(answer)
    axes = figure.axes[0]
    assert not axes.images
    (points,) = axes.collections
    np.testing.assert_allclose(
        points.get_offsets(), (np.array([FOUND, CLAIMED, (10.0, 30.0)]) - 20)[:, ::-1] * SCALE
    )
    places, _ = marks(figure)
    assert [len(places[title]) for title in ("true positive", "false positive", "miss")] == [
        1,
        1,
        1,
    ]


def test_a_missing_map_says_so_and_everything_is_missed():
    _, figure = drawn(None)
    assert "no map was sent" in [text.get_text() for text in figure.axes[0].texts]
    assert len(marks(figure)[0]["miss"]) == 2
    assert len(figure.axes) == 1


def test_pixels_without_a_claim_are_blank():
    answer = peaks((41, 41), FOUND)
    answer[:5] = np.nan
    answer[6, 6] = -np.inf
    (image,) = drawn(answer)[1].axes[0].images
    assert image.get_array().mask[:5].all()
    assert image.get_array().mask[6, 6]
    assert image.get_array().mask.sum() == 5 * 41 + 1


@pytest.mark.slow
@pytest.mark.parametrize("fill", [0.0, np.nan, 1e30, -1e-30])
def test_maps_without_contrast_are_drawn(fill, tmp_path):
    _, figure = drawn(np.full((41, 41), fill))
    figure.savefig(tmp_path / "map.png")
    assert (tmp_path / "map.png").stat().st_size > 10_000


def test_a_dollar_sign_in_a_name_is_no_formula(tmp_path):
    _, figure = drawn(peaks((41, 41)), name=r"$\frac{_1")
    figure.savefig(tmp_path / "map.png")
    assert figure.axes[0].get_title(loc="left") == r"$\frac{_1"


def test_frames_of_unknown_shape_are_refused():
    result = evaluate_sequence("toy_1", None, truth(None), 5.0)
    with pytest.raises(ValueError, match="toy_1: the shape of the frames is not known"):
        detection_figure(result, None, SCALE)
