"""A small network on the principal components of patches."""

import dataclasses

import numpy as np
import pytest
from sklearn.decomposition import PCA

from exobench.baselines.learning.networks.training import area_under_roc
from exobench.baselines.learning.shallow import patch_network
from exobench.baselines.learning.shallow.patch_network import PatchLessons, PatchNetwork
from exobench.datasets.errors import InputError

LESSONS = PatchLessons(n_components=8, hidden=6, penalty=0.1, epochs=25, seed=2)


def drawn(n, seed):
    """Patches of 7 x 7 pixels of noise, in class 1 with a point of 3 sigma in the middle."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((7, 7)) - 3
    point = 3 * np.exp(-(x**2 + y**2) / 4)
    labels = rng.integers(2, size=n)
    rows = rng.normal(size=(n, 49)) + labels[:, np.newaxis] * point.ravel()
    return np.arcsinh(rows).astype(np.float32), labels


@pytest.fixture(scope="module")
def trained():
    return PatchNetwork.trained(drawn(600, 0), drawn(300, 1), LESSONS)


def test_points_are_told_from_noise_that_the_network_has_not_seen(trained):
    rows, labels = drawn(600, 2)
    assert area_under_roc(labels, trained.logits(rows)) > 0.95


def test_components_are_those_of_scikit_learn_scaled_to_unit_variance(trained):
    rows, _ = drawn(600, 0)
    peer = PCA(n_components=8, whiten=True, svd_solver="full").fit(rows.astype(np.float64))
    mine = (rows - trained.mean) @ trained.components
    np.testing.assert_allclose(np.abs(mine), np.abs(peer.transform(rows)), atol=0.02)
    np.testing.assert_allclose(mine.std(axis=0), 1, rtol=1e-6)


def test_logits_are_those_of_scikit_learns_network(monkeypatch):
    from sklearn import neural_network

    made = []

    class Kept(neural_network.MLPClassifier):
        def partial_fit(self, *arguments, **keywords):
            made.append(self)
            return super().partial_fit(*arguments, **keywords)

    monkeypatch.setattr(neural_network, "MLPClassifier", Kept)
    one_epoch = dataclasses.replace(LESSONS, epochs=1)
    network = PatchNetwork.trained(drawn(200, 0), drawn(100, 1), one_epoch)
    rows, _ = drawn(50, 3)
    seen = (rows - network.mean) @ network.components
    expected = made[0].predict_proba(seen)[:, 1]
    np.testing.assert_allclose(1 / (1 + np.exp(-network.logits(rows))), expected, rtol=1e-6)


def test_the_weights_of_the_least_validation_loss_are_kept(monkeypatch):
    losses = iter([0.7, 0.5, 0.6, 0.6, 0.6, 0.1])
    seen = []

    def loss(labels, logits):
        seen.append(logits)
        return next(losses)

    monkeypatch.setattr(patch_network, "cross_entropy", loss)
    validation = drawn(50, 1)
    lessons = dataclasses.replace(LESSONS, patience=3)
    network = PatchNetwork.trained(drawn(100, 0), validation, lessons)
    assert len(seen) == 5
    np.testing.assert_array_equal(network.logits(validation[0]), seen[1])


def test_the_same_seed_trains_the_same_network_and_another_one_another(trained):
    again = PatchNetwork.trained(drawn(600, 0), drawn(300, 1), LESSONS)
    for one in dataclasses.fields(PatchNetwork):
        np.testing.assert_array_equal(getattr(again, one.name), getattr(trained, one.name))
    other = dataclasses.replace(LESSONS, seed=3)
    rows, _ = drawn(50, 3)
    different = PatchNetwork.trained(drawn(600, 0), drawn(300, 1), other)
    assert not np.array_equal(different.logits(rows), trained.logits(rows))


def test_components_that_do_not_vary_are_left_out():
    rows, labels = drawn(200, 0)
    rows[:, 4:] = 1.0
    network = PatchNetwork.trained((rows, labels), (rows, labels), LESSONS)
    assert network.components.shape == (49, 4)
    assert np.isfinite(network.logits(rows)).all()


def test_samples_of_one_class_or_not_finite_are_refused():
    rows, labels = drawn(100, 0)
    for bad in ((rows, np.ones(100, dtype=int)), (np.where(rows > 2, np.nan, rows), labels)):
        with pytest.raises(InputError, match="finite ones of both classes"):
            PatchNetwork.trained(bad, (rows, labels), LESSONS)
        with pytest.raises(InputError, match="finite ones of both classes"):
            PatchNetwork.trained((rows, labels), bad, LESSONS)


def test_patches_of_another_size_are_refused(trained):
    with pytest.raises(InputError, match=r"patches of 49 pixels, got an array of shape \(2, 81\)"):
        trained.logits(np.zeros((2, 81)))
