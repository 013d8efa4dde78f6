"""Figures of calibration draw what their numbers say."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")

from exobench.datasets.errors import InputError
from exobench.leaderboard.calibration_figures import false_alarm_figure, reliability_figure
from exobench.scoring.calibration import audit, blank_fields, reliability_diagram


@pytest.fixture(scope="module")
def audited():
    rng = np.random.default_rng(0)
    maps = (rng.normal(size=(41, 41)) for _ in range(60))
    return audit(blank_fields(maps, 4.0, (5.0, 18.0)), edges=(1.0, 3.0, np.inf))


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def test_every_separation_has_a_panel_with_claim_counts_and_tail(audited):
    figure = false_alarm_figure(audited, unit="lambda/D", title="a $title$ that is no formula")
    shown = [axes for axes in figure.axes if axes.axison]
    assert len(shown) == 3
    assert figure.get_suptitle() == "a $title$ that is no formula"
    titles = [axes.get_title(loc="left") for axes in shown]
    assert [title.split(":")[0] for title in titles] == [
        "all separations",
        "1 to 3 λ/D",
        "beyond 3 λ/D",
    ]
    drawn = lines(shown[0])
    assert {"claimed", "measured", "generalised Pareto tail"} <= set(drawn)
    x, y = drawn["measured"].get_data()
    # At each value drawn, the fraction of elements at least as high.
    np.testing.assert_allclose(y, [(audited.overall.elements >= value).mean() for value in x])


def test_the_tail_ends_where_nothing_is_resolved(audited):
    axes = false_alarm_figure(audited).axes[0]
    _, tail = lines(axes)["generalised Pareto tail"].get_data()
    least = 3 / audited.overall.n_effective
    assert np.nanmin(tail) == pytest.approx(least, rel=0.02)
    (band,) = [patch for patch in axes.patches if patch.get_label() == "not resolved"]
    assert band.get_y() + band.get_height() == pytest.approx(least)


def test_without_a_claim_none_is_drawn(audited):
    axes = false_alarm_figure(audited, claim=None).axes[0]
    assert "claimed" not in lines(axes)


def test_a_diagram_shows_fractions_intervals_and_how_often(tmp_path):
    rng = np.random.default_rng(1)
    p = rng.uniform(size=2000)
    diagram = reliability_diagram(rng.uniform(size=2000) < p, p, equal="width")
    figure = reliability_figure({"one": diagram, "two": diagram})
    upper, lower = figure.axes
    assert len(upper.containers) == 2
    x, y = upper.containers[0].lines[0].get_data()
    np.testing.assert_allclose(x, [one.predicted for one in diagram.bins])
    np.testing.assert_allclose(y, [one.observed for one in diagram.bins])
    np.testing.assert_allclose(lower.patches[0].get_data().values, [one.n for one in diagram.bins])
    figure.savefig(tmp_path / "figure.png")


def test_no_diagram_is_left_out_without_a_word():
    diagram = reliability_diagram([0, 1], [0.2, 0.9])
    with pytest.raises(InputError, match="at most 5 curves apart, got 6"):
        reliability_figure({str(k): diagram for k in range(6)})


@pytest.mark.slow
def test_the_axis_of_sigmas_says_what_it_is_and_has_no_ticks_that_look_like_a_minus(audited):
    figure = false_alarm_figure(audited)
    figure.draw_without_rendering()
    rights = [axes.child_axes[0] for axes in figure.axes if axes.axison]
    assert [right.get_ylabel() for right in rights] == ["", "", "as many Gaussian σ"]
    for tick in rights[0].yaxis.get_major_ticks():
        assert tick.tick2line.get_markersize() == 0
    assert figure.axes[0].get_xlabel() == "value in the map [σ]"


def test_bins_without_predictions_are_drawn_empty():
    p = np.repeat([0.05, 0.95], 20)
    diagram = reliability_diagram(np.repeat([0, 1], 20), p, equal="width")
    steps = reliability_figure({"two": diagram}).axes[1].patches[0].get_data()
    np.testing.assert_allclose(steps.values, [20, 0, 20])
    np.testing.assert_allclose(steps.edges, [0, 0.1, 0.9, 1])
