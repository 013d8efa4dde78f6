"""From a sequence to a detector that tells companions from speckles, on a CPU."""

from importlib import import_module

import numpy as np
import pytest

from exobench.baselines.learning.networks.architecture import Architecture, initial_weights
from exobench.baselines.learning.networks.inference import logits
from exobench.baselines.learning.networks.model_file import Model
from exobench.baselines.learning.networks.training import TrainingSettings, area_under_roc
from exobench.baselines.learning.samples.label_plan import planned
from exobench.baselines.learning.samples.labelling import labelled
from exobench.baselines.learning.samples.recipe import Recipe
from exobench.baselines.learning.samples.store import SampleStore, StoredData, write_samples
from exobench.datasets import simulate


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """200 companions of S/N 1 to 3 and 200 places without one, in sectors of their own."""
    sequence = simulate("irdis_like", rng=np.random.default_rng(0), n_frames=30, size=61)
    recipe = Recipe(n_per_class=200, n_ranks=8, snr=(1.0, 3.0), shares=(0.5, 0.25, 0.25))
    plan = planned(sequence, recipe, np.random.default_rng(1))
    path = tmp_path_factory.mktemp("samples") / "samples.h5"
    write_samples(path, labelled(plan), plan.sectors, plan.provenance())
    return SampleStore.open(path)


@pytest.mark.slow
@pytest.mark.parametrize(("framework", "extra"), [("torch", "torch"), ("flax", "jax")])
def test_400_samples_of_a_sequence_are_enough_to_tell_companions_from_speckles(
    store, framework, extra
):
    pytest.importorskip(framework, reason=f"needs the extra: pip install 'exobench[{extra}]'")
    test = store.samples("test")
    architecture = Architecture(kind="conv3d", n_ranks=test.n_ranks, patch=test.patch)
    trained = import_module(f"exobench.baselines.learning.{framework}.training").train(
        architecture,
        initial_weights(architecture, np.random.default_rng(0)),
        StoredData(store=store),
        TrainingSettings(epochs=20, device="cpu"),
    )
    model = Model(architecture=architecture, weights=trained.weights)
    found = logits(model, [test.batch()], framework=framework, device="cpu")
    assert area_under_roc(test.labels, found) > 0.8
