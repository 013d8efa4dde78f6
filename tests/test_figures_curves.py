"""The chart of detections against false positives."""

import json

import numpy as np
import pytest

pytest.importorskip("altair", reason="needs the extra: pip install 'exobench[leaderboard]'")

from exobench.leaderboard.curve_chart import (
    COLOURS,
    DASHES,
    MOST_ENTRIES,
    own_points,
    sampled_chart,
    sampled_table,
    step_chart,
    step_table,
)
from exobench.scoring import MapTruth, score_maps

N_MAPS = 8


def score(seed=0, threshold=2.5, n_injected=2, n_maps=N_MAPS):
    """Score of noise maps with faint companions: a curve with many steps."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((31, 31))
    maps, truths = {}, {}
    places = [(15.0, 25.0), (6.0, 13.0)][:n_injected]
    for i in range(n_maps):
        values = rng.normal(size=(31, 31))
        for cy, cx in places:
            values += rng.uniform(0, 4) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 4)
        maps[f"toy_{i}"] = values
        truths[f"toy_{i}"] = MapTruth(
            injections=np.array(places),
            fwhm=3.0,
            inner_radius_px=3.0,
            outer_radius_px=13.0,
            instrument="toy",
        )
    return score_maps(maps, truths, threshold).to_dict()


def highest_rate(score, x):
    """TPR(x) as the rules say it."""
    rates = [point["tpr"] for point in score["curve"] if point["fp_per_map"] <= x]
    return max(rates, default=0.0)


def layers(chart):
    """Mark and rows of every layer of a chart, as a browser gets them."""
    spec = chart.to_dict()
    return [(layer["mark"], spec["datasets"][layer["data"]["name"]]) for layer in spec["layer"]]


def test_the_stairs_are_the_curve_of_the_rules_at_every_x():
    one = score()
    steps = step_table({"one": one})
    assert len(steps) > 5
    for x in np.random.default_rng(1).uniform(0, 12, 200):
        reached = steps[steps["fp_per_map"] <= x]["tpr"].iloc[-1]
        assert reached == highest_rate(one, x)


def test_the_stairs_begin_at_zero_false_positives():
    steps = step_table({"one": score(), "two": score(1)})
    assert (steps.groupby("entry")["fp_per_map"].min() == 0).all()
    blind = score(threshold=1e9)
    blind["curve"] = []
    assert step_table({"blind": blind}).to_numpy().tolist() == [["blind", 0.0, 0.0, None]]


def test_the_point_of_an_entry_is_its_score_at_its_own_threshold():
    one = score(threshold=2.5)
    (point,) = own_points({"one": one}).to_dict("records")
    assert point == {
        "entry": "one",
        "fp_per_map": one["overall"]["fp"] / N_MAPS,
        "tpr": one["overall"]["tp"] / (2 * N_MAPS),
        "value": 2.5,
    }


def test_the_point_lies_on_the_stairs():
    one = score()
    (point,) = own_points({"one": one}).to_dict("records")
    at = [p["tpr"] for p in one["curve"] if p["fp_per_map"] == point["fp_per_map"]]
    assert min(at) <= point["tpr"] <= max(at)


@pytest.mark.slow
def test_a_contest_shows_only_points_that_its_maps_resolve():
    samples = sampled_table({"one": score()})
    # Three false positives in 8 maps are 0.375 per map.
    assert samples["fp_per_map"].tolist() == [0.5, 1.0, 2.0, 4.0]
    assert samples["tpr"].tolist() == [highest_rate(score(), x) for x in (0.5, 1, 2, 4)]


@pytest.mark.slow
def test_the_chart_of_a_contest_holds_no_value_of_a_candidate_and_no_step():
    one = score()
    text = json.dumps(sampled_chart({"one": one}).to_dict())
    assert not [p["value"] for p in one["curve"] if repr(p["value"]) in text]
    for _, rows in layers(sampled_chart({"one": one})):
        assert len(rows) <= 4
        assert {row["fp_per_map"] for row in rows} <= {0.5, 1, 2, 4, one["overall"]["fp_per_map"]}
    # The same search finds them in the chart of a practice challenge.
    text = json.dumps(step_chart({"one": one}).to_dict())
    assert [p["value"] for p in one["curve"] if repr(p["value"]) in text]


def test_the_axis_shows_zero_and_the_own_threshold():
    noisy = score(threshold=0.5)
    x = step_chart({"noisy": noisy}).to_dict()["layer"][0]["encoding"]["x"]
    assert x["scale"]["type"] == "symlog"
    low, high = x["scale"]["domain"]
    assert low == 0
    assert high > noisy["overall"]["fp_per_map"] > 10
    assert x["axis"]["values"][0] == 0
    assert x["title"] == "False positives per map"


def test_stairs_go_on_to_the_end_of_the_axis_where_the_candidates_end():
    short = score()
    short["curve"] = short["curve"][:3]
    line, rows = layers(step_chart({"short": short}))[0]
    assert line["interpolate"] == "step-after"
    assert rows[-1]["fp_per_map"] == 10.0
    assert rows[-1]["tpr"] == highest_rate(short, 10.0)


def test_entries_differ_in_colour_and_in_dashes():
    assert len(set(COLOURS)) == len(set(DASHES)) == MOST_ENTRIES
    scores = {f"entry {i}": score(i) for i in range(MOST_ENTRIES)}
    encoding = step_chart(scores).to_dict()["layer"][0]["encoding"]
    for channel in ("color", "strokeDash"):
        assert encoding[channel]["scale"]["domain"] == list(scores)
        assert len(encoding[channel]["scale"]["range"]) == MOST_ENTRIES


def test_a_track_that_hides_nothing_has_no_curve():
    blank = score(n_injected=0)
    assert step_table({"blank": blank}).empty
    assert own_points({"blank": blank}).empty
    step_chart({"blank": blank}).to_dict()
    sampled_chart({"blank": blank}).to_dict()
