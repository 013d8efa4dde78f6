"""Figures of training draw what its history says."""

import numpy as np
import pytest
from scipy import special

pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")

from exobench.baselines.learning.judgement.calibration import calibrate
from exobench.baselines.learning.networks.training import Epoch
from exobench.datasets.errors import InputError
from exobench.leaderboard.learning_figures import correction_figure, learning_figure


def history(losses, aucs):
    return tuple(
        Epoch(
            number=k,
            training_loss=loss + 0.1,
            validation_loss=loss,
            validation_auc=auc,
            seconds=1.0,
        )
        for k, (loss, auc) in enumerate(zip(losses, aucs, strict=True), start=1)
    )


def test_losses_and_areas_are_drawn_with_the_epoch_that_is_kept(tmp_path):
    first = history([0.7, 0.5, 0.4, 0.45], [0.5, 0.8, 0.92, 0.9])
    second = history([0.69, 0.6, 0.55], [0.55, None, 0.8])
    figure = learning_figure({"seed 0": first, "seed $1$": second}, title="a $title$")
    losses, areas = figure.axes
    drawn = {line.get_label(): line.get_data() for line in losses.get_lines()}
    np.testing.assert_allclose(drawn["seed 0"], [[1, 2, 3, 4], [0.7, 0.5, 0.4, 0.45]])
    marks = [line.get_data() for line in losses.get_lines() if line.get_marker() in "os"]
    np.testing.assert_allclose(np.ravel(marks), [3, 0.4, 3, 0.55])
    training = [line.get_ydata() for line in losses.get_lines() if line.is_dashed()]
    assert any(np.array_equal(y, [0.8, 0.6, 0.5, 0.55]) for y in map(np.round, training, [2] * 9))
    auc = {line.get_label(): line.get_ydata() for line in areas.get_lines()}
    np.testing.assert_allclose(auc["seed $1$"], [0.55, np.nan, 0.8])
    figure.savefig(tmp_path / "curves.png")


def test_one_epoch_is_enough_and_none_is_not(tmp_path):
    learning_figure({"one": history([0.7], [0.6])}).savefig(tmp_path / "one.png")
    for nothing in ({}, {"none": ()}):
        with pytest.raises(InputError, match="one training or more"):
            learning_figure(nothing)
    with pytest.raises(InputError, match="at most 5 curves"):
        learning_figure({str(k): history([0.7], [0.6]) for k in range(6)})


def test_the_correction_shows_both_diagrams_with_their_errors(tmp_path):
    rng = np.random.default_rng(0)

    def drawn(n, prior):
        labels = (rng.uniform(size=n) < prior).astype(int)
        return labels, 4.0 * (rng.normal(size=n) + 2.0 * labels) - 4.0

    calibration = calibrate(*drawn(2000, 0.5), search_prior=0.1)
    labels, logits = drawn(4000, 0.1)
    figure = correction_figure(labels, special.expit(logits), calibration.probabilities(logits))
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    errors = [float(name.split("error ")[1].rstrip(")")) for name in names if "error" in name]
    assert errors[1] <= 0.03
    assert errors[1] <= errors[0] / 3
    figure.savefig(tmp_path / "correction.png")
