"""The page on a verdict draws what it says, and says where nothing is to be drawn."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")

from exobench.baselines.learning.explain import Explanation
from exobench.baselines.learning.verdicts import Verdict
from exobench.leaderboard.explanation_figures import Field, explanation_figure

FIELD = Field(
    detection_map=np.random.default_rng(0).normal(size=(41, 41)), pixel_scale=0.01, fwhm=4.0
)


def verdict(n_ranks=12, empty=False):
    rng = np.random.default_rng(1)
    shape = (n_ranks, 9, 9)
    maps = {name: rng.random(shape, np.float32) for name in ("stack", "saliency", "evidence")}
    told = Explanation(
        logit=2.0,
        grad_cam=np.zeros(shape, np.float32) if empty else maps["evidence"],
        probability_without=rng.random(n_ranks, np.float32),
        probability_alone=rng.random(n_ranks, np.float32),
        probability_of_stack=np.nan if empty else 0.25,
        probability_of_curve=np.nan if empty else 0.75,
        **maps,
    )
    return Verdict(
        y=30,
        x=20,
        radius_px=10.0,
        separation=0.1,
        position_angle=0.0,
        ranks=tuple(range(1, 2 * n_ranks, 2)),
        snr=rng.normal(size=n_ranks).astype(np.float32),
        significance=3.2,
        log_odds=-4.0,
        probability=0.018,
        explanation=told,
    )


def texts(figure):
    from matplotlib.text import Text

    return {one.get_text() for one in figure.findobj(Text)}


def images(figure):
    return [image.get_array() for axes in figure.findobj() for image in getattr(axes, "images", ())]


def test_every_rank_is_drawn_with_its_number_and_probability():
    one = verdict()
    figure = explanation_figure(one, FIELD, title="sodinn on $night$")
    said = texts(figure)
    for number, alone in zip(one.ranks, one.explanation.probability_alone, strict=True):
        assert f"{number}: {alone:.2f}" in said
    drawn = images(figure)
    for values in (one.explanation.stack, one.explanation.saliency, one.explanation.evidence):
        for image in values:
            assert sum(np.array_equal(image, other) for other in drawn) == 1
    assert any("3.2 σ" in text and "0.018 in a search" in text for text in said)
    assert any("by it alone 0.75, by the patches alone 0.25" in text for text in said)


def test_an_empty_grad_cam_says_why():
    figure = explanation_figure(verdict(n_ranks=3, empty=True), FIELD)
    assert any("empty" in text for text in texts(figure))
    assert not any("by it alone" in text for text in texts(figure))
    assert not any("empty" in text for text in texts(explanation_figure(verdict(3), FIELD)))
