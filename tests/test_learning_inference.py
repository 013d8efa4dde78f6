"""Trained models at work: the same probabilities by every road, in bounded memory."""

from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import expit

from exobench.baselines.learning.networks import inference
from exobench.baselines.learning.networks.architecture import Architecture, initial_weights
from exobench.baselines.learning.networks.inference import probabilities
from exobench.baselines.learning.networks.model_file import Model
from exobench.baselines.learning.samples.samples import Batch
from exobench.datasets.errors import InputError


def small_model(**options):
    options = {"kind": "conv3d", "n_ranks": 4, "patch": 5, "filters": (2, 3), "dense": 4} | options
    architecture = Architecture(**options)
    weights = initial_weights(architecture, np.random.default_rng(0))
    return Model(architecture=architecture, weights=weights)


def batches(*lengths, seed=1, n_ranks=4, patch=5):
    rng = np.random.default_rng(seed)
    for n in lengths:
        yield Batch(
            stacks=rng.random((n, n_ranks, patch, patch), dtype=np.float32),
            snr=rng.normal(size=(n, n_ranks)).astype(np.float32),
            labels=np.zeros(n, np.int8),
        )


@pytest.fixture(params=["torch", "flax"])
def framework(request):
    extra = {"torch": "torch", "flax": "jax"}[request.param]
    pytest.importorskip(request.param, reason=f"needs the extra: pip install 'exobench[{extra}]'")
    return request.param


def test_probabilities_are_those_of_the_network_whatever_the_pieces(framework):
    torch = pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")
    from exobench.baselines.learning.torch.network import network

    model = small_model(snr_curve=True)
    with torch.no_grad():
        module = network(model.architecture, model.weights)
        expected = [
            expit(module(torch.tensor(one.stacks), torch.tensor(one.snr)).numpy())
            for one in batches(7, 0, 8)
        ]
    found = probabilities(model, batches(7, 0, 8), framework=framework, device="cpu", batch_size=4)
    assert found.dtype == np.float32
    assert found.std() > 1e-3
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-6)
    assert torch.backends.cudnn.allow_tf32
    assert not torch.is_inference_mode_enabled()


def test_a_stack_that_is_not_finite_has_no_probability_and_others_do():
    pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")
    (batch,) = batches(3)
    batch.stacks[1, 2, 3, 4] = np.nan
    found = probabilities(small_model(), [batch], device="cpu")
    assert np.isnan(found).tolist() == [False, True, False]


def test_a_device_that_is_not_there_is_named_with_those_that_are(framework):
    for device in ("cuda:77", "gpu:77"):
        with pytest.raises(
            InputError, match=r"has no device '(cuda|gpu):77' here; there are .*cpu"
        ):
            probabilities(small_model(), batches(1), framework=framework, device=device)


@pytest.fixture
def recorded(monkeypatch):
    """Sizes of what a network would have been given, in place of a framework."""
    sizes = []

    @contextmanager
    def predictor(model, device):
        def logits(stacks, snr):
            assert len(stacks) == len(snr)
            sizes.append(len(stacks))
            return stacks[:, 0, 0, 0]

        yield logits

    monkeypatch.setattr(inference, "runner", lambda _: SimpleNamespace(predictor=predictor))
    return sizes


def test_batches_are_taken_one_at_a_time_and_cut_to_the_size_that_is_asked_for(recorded):
    taken = []

    def watched():
        for batch in batches(5, 2, 4):
            taken.append(sum(recorded))
            yield batch

    found = probabilities(small_model(), watched(), batch_size=2)
    assert recorded == [2, 2, 1, 2, 2, 2]
    assert taken == [0, 5, 7]
    firsts = np.concatenate([one.stacks[:, 0, 0, 0] for one in batches(5, 2, 4)])
    np.testing.assert_allclose(found, expit(firsts), rtol=1e-6)


def test_no_patches_have_no_probabilities(recorded):
    assert probabilities(small_model(), []).shape == (0,)


def test_patches_of_another_size_are_refused(recorded):
    with pytest.raises(InputError, match="trained for patches of 5 pixels, this sequence needs 7"):
        probabilities(small_model(), batches(1, patch=7))
    with pytest.raises(InputError, match="trained for 4 ranks, the samples have 6"):
        probabilities(small_model(), batches(1, n_ranks=6))


@pytest.mark.parametrize("size", [0, -1, 2.0, True])
def test_a_batch_size_that_is_no_count_is_refused(size):
    with pytest.raises(InputError, match="batch_size must be a whole number of 1 or more, got"):
        probabilities(small_model(), [], batch_size=size)


def test_a_framework_that_is_unknown_or_not_installed_is_named(monkeypatch):
    with pytest.raises(InputError, match="framework must be torch or flax, got 'jax'"):
        probabilities(small_model(), [], framework="jax")

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(inference, "import_module", missing)
    for framework, extra in (("torch", "torch"), ("flax", "jax")):
        message = rf"framework {framework} is not installed; .* 'exobench\[{extra}\]'"
        with pytest.raises(InputError, match=message):
            probabilities(small_model(), [], framework=framework)
