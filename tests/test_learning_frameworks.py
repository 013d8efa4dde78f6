"""Training by PyTorch and by Flax: the same loop, the same numbers, the same promises."""

from dataclasses import asdict, replace
from importlib import import_module

import numpy as np
import pytest

from exobench.baselines.learning.networks.architecture import Architecture, initial_weights
from exobench.baselines.learning.networks.training import (
    TrainingError,
    TrainingSettings,
    area_under_roc,
    cross_entropy,
)
from exobench.baselines.learning.samples.samples import Batch
from exobench.datasets.errors import InputError

TINY = Architecture(kind="conv3d", n_ranks=4, patch=5, filters=(3, 4), dense=6)
CERTAIN = replace(TINY, channel_dropout=(0.0, 0.0), pooled_dropout=0.0, dense_dropout=0.0)
SETTINGS = TrainingSettings(epochs=3, batch=16, learning_rate=0.01, seed=5, device="cpu")


@pytest.fixture(params=["torch", "flax"])
def framework(request):
    return has_framework(request.param)


def has_framework(name):
    extra = {"torch": "torch", "flax": "jax"}[name]
    reason = f"needs the extra: pip install 'exobench[{extra}]'"
    pytest.importorskip(name, reason=reason)
    pytest.importorskip("safetensors", reason=reason)
    return name


def trained(framework, architecture=TINY, settings=SETTINGS, data=None, **options):
    module = import_module(f"exobench.baselines.learning.{framework}.training")
    weights = initial_weights(architecture, np.random.default_rng(1))
    return module.train(architecture, weights, data or Patches(), settings, **options)


class Patches:
    """Stacks of noise; those of label 1 have a bright centre."""

    def __init__(self, n_train=40, n_validation=20, brightness=1.0):
        rng = np.random.default_rng(2)
        n = n_train + n_validation
        labels = np.arange(n) % 2
        stacks = rng.uniform(size=(n, 4, 5, 5))
        stacks[:, :, 2, 2] += brightness * labels[:, np.newaxis]
        self.all = Batch(
            stacks=stacks.astype(np.float32),
            snr=(stacks[:, :, 2, 2] * 3).astype(np.float32),
            labels=labels.astype(np.int8),
        )
        self.rows = np.split(np.arange(n), [n_train])

    def _batches(self, rows):
        for at in np.split(rows, range(16, rows.size, 16)):
            yield Batch(
                stacks=self.all.stacks[at], snr=self.all.snr[at], labels=self.all.labels[at]
            )

    def train(self, rng):
        return self._batches(rng.permutation(self.rows[0]))

    def validation(self):
        return self._batches(self.rows[1])


def numbers(one):
    """All of a training but what the clock said."""
    epochs = [asdict(replace(epoch, seconds=0.0)) for epoch in one.history]
    return epochs, one.best_epoch, {name: a.tobytes() for name, a in one.weights.items()}


def test_a_seed_says_everything_and_an_interruption_changes_nothing(framework, tmp_path):
    whole = trained(framework)
    assert numbers(trained(framework)) == numbers(whole)
    other = trained(framework, settings=replace(SETTINGS, seed=6))
    assert numbers(other) != numbers(whole)

    def interrupt(progress):
        if progress.epoch.number == 2:
            raise KeyboardInterrupt

    path = tmp_path / "checkpoint"
    with pytest.raises(KeyboardInterrupt):
        trained(framework, on_epoch=interrupt, checkpoint=path)
    told = []
    resumed = trained(framework, on_epoch=told.append, checkpoint=path)
    assert [progress.epoch.number for progress in told] == [3]
    assert numbers(resumed) == numbers(whole)


def test_dropout_leaves_out_something_else_in_every_epoch(framework):
    # With the order of one batch and a rate that changes nothing, only dropout is left.
    still = replace(SETTINGS, learning_rate=1e-12, epochs=3)
    losses = [e.training_loss for e in trained(framework, settings=still).history]
    assert len(set(losses)) == 3
    certain = trained(framework, CERTAIN, still, Patches(n_train=16))
    losses = [epoch.training_loss for epoch in certain.history]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-6)


def test_the_weights_are_those_that_the_history_speaks_of(framework):
    network = import_module(f"exobench.baselines.learning.{framework}.network").network
    one = trained(framework)
    data = Patches()
    stacks = data.all.stacks[data.rows[1]]
    labels = data.all.labels[data.rows[1]]
    if framework == "torch":
        import torch

        logits = network(TINY, one.weights)(torch.tensor(stacks)).detach().numpy()
    else:
        logits = np.asarray(network(TINY, one.weights)(stacks))
    best = one.history[one.best_epoch - 1]
    assert cross_entropy(labels, logits) == pytest.approx(best.validation_loss, abs=1e-6)
    assert area_under_roc(labels, logits) == pytest.approx(best.validation_auc)


def test_the_first_step_of_adam_moves_weights_by_the_learning_rate(framework):
    settings = replace(SETTINGS, epochs=1)
    one = trained(framework, CERTAIN, settings, Patches(n_train=16))
    before = initial_weights(CERTAIN, np.random.default_rng(1))
    moved = np.concatenate([(one.weights[name] - before[name]).ravel() for name in before])
    changed = np.abs(moved[moved != 0])
    assert changed.size > 50
    assert changed.max() <= 0.01 * 1.001
    assert np.median(changed) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("snr_curve", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_both_frameworks_take_the_same_steps(snr_curve):
    architecture = replace(CERTAIN, snr_curve=snr_curve)
    settings = replace(SETTINGS, weight_decay=0.1, decay=0.5, epochs=3)
    first, second = (
        trained(has_framework(name), architecture, settings) for name in ("torch", "flax")
    )
    for one, other in zip(first.history, second.history, strict=True):
        assert one.training_loss == pytest.approx(other.training_loss, abs=1e-5)
        assert one.validation_loss == pytest.approx(other.validation_loss, abs=1e-5)
    assert first.best_epoch == second.best_epoch
    for name, values in first.weights.items():
        np.testing.assert_allclose(second.weights[name], values, atol=1e-4, err_msg=name)


def test_weights_decay_by_what_was_asked_for(framework):
    # Decay far above the learning rate: what is learned hardly shows beside it.
    kept, decayed = (
        trained(framework, CERTAIN, replace(SETTINGS, weight_decay=rate, epochs=1))
        for rate in (0.0, 10.0)
    )
    n_steps = 3
    expected = np.prod([1 - SETTINGS.rate(n) * 10.0 for n in range(n_steps)])
    before = initial_weights(CERTAIN, np.random.default_rng(1))["dense.weight"]
    ratio = np.std(decayed.weights["dense.weight"]) / np.std(before)
    assert ratio == pytest.approx(expected, rel=0.05)
    assert np.std(kept.weights["dense.weight"]) / np.std(before) == pytest.approx(1, rel=0.1)


def test_samples_that_are_not_finite_are_told_with_their_epoch(framework):
    data = Patches()
    data.all.stacks[3] = np.nan
    with pytest.raises(TrainingError, match="training loss of epoch 1 is nan"):
        trained(framework, data=data)


def test_a_device_that_is_not_there_is_refused(framework):
    with pytest.raises(InputError, match="has no device 'cuda:77' here"):
        trained(framework, settings=replace(SETTINGS, device="cuda:77"))


def test_weights_of_another_architecture_are_refused(framework):
    module = import_module(f"exobench.baselines.learning.{framework}.training")
    with pytest.raises(InputError, match="weights"):
        module.train(TINY, {}, Patches(), SETTINGS)


def test_a_checkpoint_of_another_framework_is_refused(tmp_path):
    path = tmp_path / "checkpoint"
    settings = replace(SETTINGS, epochs=1)
    trained(has_framework("torch"), settings=settings, checkpoint=path)
    with pytest.raises(InputError, match=r"with framework .torch .*not .flax"):
        trained(has_framework("flax"), settings=settings, checkpoint=path)


def test_the_chance_of_pytorch_stays_as_it_was():
    has_framework("torch")
    import torch

    torch.manual_seed(11)
    before = torch.get_rng_state()
    trained("torch", settings=replace(SETTINGS, epochs=1))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["convlstm", "lstm", "gru"])
def test_every_kind_of_network_goes_on_from_a_checkpoint(framework, kind, tmp_path):
    architecture = replace(TINY, kind=kind, recurrent=5)
    whole = trained(framework, architecture)
    path = tmp_path / "checkpoint"
    trained(framework, architecture, replace(SETTINGS, epochs=1), checkpoint=path)
    assert numbers(trained(framework, architecture, checkpoint=path)) == numbers(whole)


@pytest.mark.parametrize("name", ["torch", "flax"])
def test_a_gpu_trains_as_the_cpu_does(name):
    framework = has_framework(name)
    if name == "torch":
        has_gpu = import_module("torch").cuda.is_available()
    else:
        has_gpu = any(one.platform == "gpu" for one in import_module("jax").devices())
    if not has_gpu:
        pytest.skip(f"{name} sees no GPU")
    on_cpu = trained(framework, CERTAIN)
    for switch, tolerance in (("off", 1e-3), ("auto", 2e-2)):
        settings = replace(SETTINGS, device="cuda", mixed_precision=switch, compiled=switch)
        on_gpu = trained(framework, CERTAIN, settings)
        for one, other in zip(on_cpu.history, on_gpu.history, strict=True):
            assert one.validation_loss == pytest.approx(other.validation_loss, abs=tolerance)
