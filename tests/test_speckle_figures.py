"""The figure of synthetic speckles beside real ones."""

import numpy as np
import pytest

from exobench.baselines.learning.speckles.quality import radial_profile
from exobench.datasets.errors import InputError
from exobench.leaderboard.speckle_figures import speckle_figure


def test_it_shows_images_of_either_kind_and_their_profiles(tmp_path):
    rng = np.random.default_rng(0)
    real, synthetic = rng.normal(size=(4, 32, 32)), 2 * rng.normal(size=(9, 32, 32))
    figure = speckle_figure(real, synthetic, title="noise")
    figure.savefig(tmp_path / "speckles.png")
    images = [axes for axes in figure.axes if axes.images]
    assert len(images) == 4 + 6
    (profile,) = (axes for axes in figure.axes if axes.get_xlabel() == "separation / px")
    first, second = (line.get_ydata() for line in profile.lines)
    np.testing.assert_allclose(first, radial_profile(real, 14))
    np.testing.assert_allclose(second, radial_profile(synthetic, 14))


def test_images_of_two_sizes_are_refused():
    with pytest.raises(InputError, match="images of one size"):
        speckle_figure(np.zeros((4, 32, 32)), np.zeros((4, 16, 16)))
