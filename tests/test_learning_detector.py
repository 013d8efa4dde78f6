"""Which sequences a trained detector may be shown."""

from types import SimpleNamespace

import numpy as np
import pytest

from exobench.baselines.learning.detector import check_sampling
from exobench.baselines.learning.networks.architecture import Architecture, initial_weights
from exobench.baselines.learning.networks.model_file import Model
from exobench.datasets.errors import InputError


def test_a_sequence_needs_more_frames_than_the_model_has_components():
    architecture = Architecture(kind="conv3d", n_ranks=6, patch=5, filters=(2, 3), dense=4)
    weights = initial_weights(architecture, np.random.default_rng(0))
    model = Model(architecture=architecture, weights=weights, recipe={"patch": 5})
    check_sampling(model, SimpleNamespace(name="night", n_frames=7))
    with pytest.raises(InputError) as refused:
        check_sampling(model, SimpleNamespace(name="night", n_frames=6))
    assert refused.value.problems == (
        "night: 6 frames leave 5 numbers of components, the model was trained for 6: train again "
        "on it, or take a model of fewer n_ranks",
    )
