"""Epochs, early stopping and checkpoints, with a learner that numpy computes."""

import json
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy.special import expit

from exobench.baselines.learning.networks.checkpoints import check_same_training
from exobench.baselines.learning.networks.fitting import fit
from exobench.baselines.learning.networks.training import (
    EarlyStopping,
    TrainingError,
    TrainingSettings,
    area_under_roc,
    cross_entropy,
    padded,
    row_weights,
)
from exobench.baselines.learning.samples.samples import Batch
from exobench.datasets.errors import InputError

SETTINGS = TrainingSettings(epochs=6, batch=16, learning_rate=0.1, seed=3)


class Stacks:
    """Noise, with a brighter centre in every second stack."""

    def __init__(self, n=256, seed=0, brightness=1.0):
        rng = np.random.default_rng(seed)
        labels = np.arange(n) % 2
        stacks = rng.normal(size=(n, 2, 3, 3))
        stacks[:, :, 1, 1] += brightness * labels[:, np.newaxis]
        self.all = Batch(
            stacks=stacks.astype(np.float32),
            snr=np.zeros((n, 2), np.float32),
            labels=labels.astype(np.int8),
        )
        self.orders = []

    def _batches(self, rows):
        for at in np.split(rows, range(16, rows.size, 16)):
            yield Batch(
                stacks=self.all.stacks[at], snr=self.all.snr[at], labels=self.all.labels[at]
            )

    def train(self, rng):
        rows = rng.permutation(np.arange(len(self.all) // 2, len(self.all)))
        self.orders.append(rows)
        return self._batches(rows)

    def validation(self):
        return self._batches(np.arange(len(self.all) // 2))


class Logistic:
    """Logistic regression by gradient descent with momentum and dropout."""

    def __init__(self, settings):
        self.description = {"framework": "numpy", "architecture": {"kind": "logistic"}}
        self.settings = settings
        self.w, self.speed, self.steps = np.zeros(18), np.zeros(18), 0
        self.seeds = []

    def learn(self, batches, seed):
        rng = np.random.default_rng(seed)
        self.seeds.append(seed)
        losses = []
        for batch in batches:
            x = batch.stacks.reshape(len(batch), -1) * (rng.uniform(size=18) < 0.8)
            losses.append(cross_entropy(batch.labels, x @ self.w))
            gradient = x.T @ (expit(x @ self.w) - batch.labels) / len(batch)
            self.speed = 0.5 * self.speed - self.settings.rate(self.steps) * gradient
            self.w = self.w + self.speed
            self.steps += 1
        return losses

    def logits(self, batch):
        return (batch.stacks.reshape(len(batch), -1) @ self.w).astype(np.float32)

    def weights(self):
        return {"w": self.w.astype(np.float32)}

    def state(self):
        return {"w": self.w, "speed": self.speed, "steps": np.array(self.steps)}

    def restore(self, state):
        self.w, self.speed, self.steps = state["w"], state["speed"], int(state["steps"])


@pytest.fixture
def checkpoint(tmp_path):
    pytest.importorskip("safetensors", reason="needs the extra: pip install 'exobench[torch]'")
    return tmp_path / "there" / "training.checkpoint"


def numbers(trained):
    """All of a training but what the clock said."""
    return [asdict(replace(epoch, seconds=0.0)) for epoch in trained.history]


def same(one, other):
    return (
        numbers(one) == numbers(other)
        and one.best_epoch == other.best_epoch
        and all(one.weights[name].tobytes() == a.tobytes() for name, a in other.weights.items())
    )


def test_the_loss_falls_and_a_seed_says_everything():
    trained = fit(Logistic(SETTINGS), Stacks(), SETTINGS)
    losses = [epoch.training_loss for epoch in trained.history]
    assert losses[-1] < 0.9 * losses[0]
    assert trained.history[-1].validation_auc > 0.75
    assert same(trained, fit(Logistic(SETTINGS), Stacks(), SETTINGS))
    other = replace(SETTINGS, seed=4)
    assert not same(trained, fit(Logistic(other), Stacks(), other))


def test_every_epoch_has_an_order_and_a_dropout_of_its_own():
    data, learner = Stacks(), Logistic(SETTINGS)
    fit(learner, data, SETTINGS)
    assert len({order.tobytes() for order in data.orders}) == 6
    assert len(set(learner.seeds)) == 6


def test_the_weights_kept_are_those_of_the_lowest_validation_loss():
    class Worsening(Logistic):
        def learn(self, batches, seed):
            losses = super().learn(batches, seed)
            if len(self.seeds) == 2:
                self.kept = self.weights()
            if len(self.seeds) > 2:
                self.w = -self.w
            return losses

    learner = Worsening(SETTINGS)
    trained = fit(learner, Stacks(), SETTINGS)
    validation = [epoch.validation_loss for epoch in trained.history]
    assert trained.best_epoch == 1 + int(np.argmin(validation)) == 2
    np.testing.assert_array_equal(trained.weights["w"], learner.kept["w"])


def test_training_ends_when_the_loss_no_longer_falls_enough():
    stopping = EarlyStopping(patience=2, min_delta=0.01)
    # 0.695 and 0.6905 are lower than 0.70, but by less than 0.01: no progress since.
    losses = [0.80, 0.70, 0.695, 0.6905]
    assert [stopping.stops(losses[:n]) for n in range(1, 5)] == [False, False, False, True]
    # Small steps add up to progress: 0.689 is lower by more than 0.01 than the last one.
    assert not stopping.stops([0.80, 0.70, 0.695, 0.689])
    assert EarlyStopping.best([3.0, 1.0, 2.0, 1.0]) == 2
    settings = replace(SETTINGS, epochs=30, patience=2, min_delta=10.0)
    assert len(fit(Logistic(settings), Stacks(), settings).history) == 3


def test_a_training_that_was_interrupted_goes_on_as_if_it_had_not_been(checkpoint):
    whole = fit(Logistic(SETTINGS), Stacks(), SETTINGS)

    def interrupt(progress):
        if progress.epoch.number == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(Logistic(SETTINGS), Stacks(), SETTINGS, on_epoch=interrupt, checkpoint=checkpoint)
    learner = Logistic(SETTINGS)
    resumed = fit(learner, Stacks(), SETTINGS, checkpoint=checkpoint)
    assert len(learner.seeds) == 3
    assert same(resumed, whole)
    # One that has ended is returned as it is; more epochs go on from it.
    assert same(fit(Logistic(SETTINGS), Stacks(), SETTINGS, checkpoint=checkpoint), whole)
    more = replace(SETTINGS, epochs=8)
    longer = fit(Logistic(more), Stacks(), more, checkpoint=checkpoint)
    assert same(longer, fit(Logistic(more), Stacks(), more))


def test_a_checkpoint_of_another_training_is_refused_with_what_differs(checkpoint):
    fit(Logistic(SETTINGS), Stacks(), SETTINGS, checkpoint=checkpoint)
    before = checkpoint.read_bytes()
    other = replace(SETTINGS, batch=32, seed=9)
    with pytest.raises(InputError) as caught:
        fit(Logistic(other), Stacks(seed=1), other, checkpoint=checkpoint)
    text = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 2
    assert "training with batch 16, not 32" in text
    assert "training with seed 3, not 9" in text
    with pytest.raises(InputError, match="training with other held-out samples; train on as"):
        fit(Logistic(SETTINGS), Stacks(seed=1), SETTINGS, checkpoint=checkpoint)
    learner = Logistic(SETTINGS)
    learner.w = learner.w + 0.1
    with pytest.raises(InputError, match="training with other first weights; train on as then"):
        fit(learner, Stacks(), SETTINGS, checkpoint=checkpoint)
    assert checkpoint.read_bytes() == before


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "header", "folder"])
def test_a_damaged_checkpoint_is_refused(checkpoint, damage):
    fit(Logistic(SETTINGS), Stacks(), SETTINGS, checkpoint=checkpoint)
    content = checkpoint.read_bytes()
    checkpoint.unlink()
    if damage == "folder":
        checkpoint.mkdir()
    else:
        damaged = {
            "empty": b"",
            "text": b"no tensors at all, only words",
            "cut": content[:-40],
            "header": content.replace(b'\\"history\\"', b'\\"hist0ry\\"'),
        }[damage]
        assert damaged != content
        checkpoint.write_bytes(damaged)
    expected = "is a folder" if damage == "folder" else "is no checkpoint of a training"
    with pytest.raises(InputError, match=expected):
        fit(Logistic(SETTINGS), Stacks(), SETTINGS, checkpoint=checkpoint)


def test_a_loss_that_is_not_finite_ends_the_training_and_what_there_was_is_kept(checkpoint):
    class Diverging(Logistic):
        def learn(self, batches, seed):
            losses = super().learn(batches, seed)
            if self.steps > 16:
                self.w = np.full(18, np.nan)
            return losses

    with pytest.raises(TrainingError, match="validation loss of epoch 3 is nan") as caught:
        fit(Diverging(SETTINGS), Stacks(), SETTINGS, checkpoint=checkpoint)
    assert f"of epoch 2, are kept in {checkpoint}" in str(caught.value)
    two = replace(SETTINGS, epochs=2)
    assert same(caught.value.trained, fit(Logistic(two), Stacks(), two))
    assert same(fit(Logistic(two), Stacks(), two, checkpoint=checkpoint), caught.value.trained)
    with pytest.raises(TrainingError, match="of epoch 2, are returned with this error"):
        fit(Diverging(SETTINGS), Stacks(), SETTINGS)


def test_without_an_epoch_there_is_nothing_to_keep():
    class Broken(Logistic):
        def learn(self, batches, seed):
            return [*super().learn(batches, seed), np.inf]

    with pytest.raises(TrainingError, match=r"training loss of epoch 1 is inf.*nothing") as caught:
        fit(Broken(SETTINGS), Stacks(), SETTINGS)
    assert caught.value.trained is None


def test_a_caller_is_told_how_long_it_will_take():
    told = []
    fit(Logistic(SETTINGS), Stacks(), SETTINGS, on_epoch=told.append)
    assert [progress.epoch.number for progress in told] == [1, 2, 3, 4, 5, 6]
    assert told[-1].seconds_left == 0
    pace = np.median([progress.epoch.seconds for progress in told[:4]])
    assert told[3].seconds_left == pytest.approx(2 * pace)
    assert [progress.epochs for progress in told] == [6] * 6


def test_no_samples_are_said_to_be_none():
    class Empty(Stacks):
        def train(self, rng):
            return iter(())

    class Unchecked(Stacks):
        def validation(self):
            return iter(())

    with pytest.raises(InputError, match="no samples to train with"):
        fit(Logistic(SETTINGS), Empty(), SETTINGS)
    with pytest.raises(InputError, match="no samples to validate with"):
        fit(Logistic(SETTINGS), Unchecked(), SETTINGS)


def test_the_rate_falls_as_keras_has_it():
    settings = TrainingSettings(learning_rate=0.003, decay=0.01)
    assert settings.rate(0) == 0.003
    assert settings.rate(100) == pytest.approx(0.0015)


def test_losses_and_areas_are_those_of_scikit_learn():
    from sklearn.metrics import log_loss, roc_auc_score

    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=300)
    logits = np.round(rng.normal(size=300) + labels, 1)  # with ties
    assert cross_entropy(labels, logits) == pytest.approx(log_loss(labels, expit(logits)))
    assert area_under_roc(labels, logits) == pytest.approx(roc_auc_score(labels, logits))
    assert area_under_roc(np.ones(4), np.arange(4.0)) is None
    assert cross_entropy([1, 0], [800.0, -800.0]) == 0.0
    assert cross_entropy([0, 1], [800.0, -800.0]) == 800.0


def test_padding_adds_rows_that_do_not_count():
    values = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.testing.assert_array_equal(padded(values, 5)[:3], values)
    assert padded(values, 5).shape == (5, 2)
    assert padded(values, 2) is values
    np.testing.assert_allclose(row_weights(3, 5), [1 / 3, 1 / 3, 1 / 3, 0, 0], rtol=1e-6)


def test_settings_that_cannot_be_are_listed():
    with pytest.raises(InputError) as caught:
        TrainingSettings(
            epochs=0,
            learning_rate=float("nan"),
            batch=2.5,
            weight_decay=-1,
            seed=-1,
            mixed_precision="yes",
            device=3,
        )
    assert sorted(problem.split()[0] for problem in caught.value.problems) == [
        "batch",
        "device",
        "epochs",
        "learning_rate",
        "mixed_precision",
        "seed",
        "weight_decay",
    ]


def test_settings_are_json():
    assert TrainingSettings(**json.loads(json.dumps(asdict(SETTINGS)))) == SETTINGS


def test_no_framework_is_loaded():
    code = (
        "import sys, exobench.baselines.learning.networks.fitting, "
        "exobench.baselines.learning.judgement.calibration; "
        "print({'torch', 'jax', 'flax', 'safetensors', 'matplotlib'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_what_differs_within_a_part_of_a_training_is_named(tmp_path):
    then, now = ({"architecture": {"patch": side, "dense": 5}} for side in (7, 9))
    with pytest.raises(InputError, match=r"with patch 7, not 9;") as caught:
        check_same_training(then, now, tmp_path / "checkpoint")
    assert len(caught.value.problems) == 1
