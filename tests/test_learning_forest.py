"""Forests as arrays: what scikit-learn grows, said in votes that are never 0 or 1."""

import dataclasses

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from exobench.baselines.learning.shallow.forest import Forest, Growth
from exobench.datasets.errors import InputError

GROWTH = Growth(trees=12, leaf=3, seed=5)


def drawn(n, seed):
    """Rows of noise, of which the first ten numbers are shifted in class 1."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=n)
    rows = rng.normal(size=(n, 40))
    rows[:, :10] += labels[:, np.newaxis]
    return rows.astype(np.float32), labels


@pytest.fixture(scope="module")
def grown():
    rows, labels = drawn(300, 0)
    return Forest.grown(rows, labels, GROWTH)


def peer(rows, labels):
    return RandomForestClassifier(
        n_estimators=GROWTH.trees, min_samples_leaf=GROWTH.leaf, random_state=GROWTH.seed
    ).fit(rows, labels)


def test_votes_are_those_of_scikit_learns_leaves_with_a_sample_more_of_each_class(grown):
    rows, _ = drawn(700, 1)
    fitted = peer(*drawn(300, 0))
    votes = []
    for tree in fitted.estimators_:
        leaves = tree.apply(rows)
        n = tree.tree_.weighted_n_node_samples[leaves]
        votes.append((tree.predict_proba(rows)[:, 1] * n + 1) / (n + 2))
    np.testing.assert_allclose(grown.probabilities_of(rows), np.mean(votes, axis=0), rtol=1e-12)


def test_logits_are_finite_where_all_trees_agree():
    rows, labels = drawn(300, 0)
    rows += 20 * labels[:, np.newaxis]  # no tree is ever wrong
    votes = peer(rows, labels).predict_proba(rows)[:, 1]
    np.testing.assert_array_equal(votes, labels, err_msg="the case is not one")
    logits = Forest.grown(rows, labels, GROWTH).logits(rows)
    assert np.abs(logits).max() < 6
    np.testing.assert_array_equal(logits > 0, labels == 1)


def test_companions_are_told_from_noise_that_the_forest_has_not_seen(grown):
    from exobench.baselines.learning.networks.training import area_under_roc

    rows, labels = drawn(500, 2)
    assert area_under_roc(labels, grown.logits(rows)) > 0.9


def test_strong_companions_are_likelier_to_a_forest_that_has_seen_strong_ones():
    """The range of the training bounds the votes: what is beyond it falls into the last leaves."""

    def rows_of(shift):
        rows, labels = drawn(2000, 4)
        rows[:, :10] += (labels * (shift - 1))[:, np.newaxis]
        return rows, labels

    spread = np.random.default_rng(5).uniform(0, 1, 2000)
    narrow, wide = (Forest.grown(*rows_of(0.2 + most * spread), GROWTH) for most in (0.4, 3.0))
    weak, strong = (np.random.default_rng(6).normal(size=(500, 40)) for _ in range(2))
    weak[:, :10] += 0.4
    strong[:, :10] += 5.0
    assert wide.logits(strong).mean() > narrow.logits(strong).mean() + 0.5
    assert wide.logits(strong).mean() > wide.logits(weak).mean() + 2


def test_the_same_seed_grows_the_same_forest_and_another_one_another(grown):
    rows, labels = drawn(300, 0)
    again = Forest.grown(rows, labels, GROWTH)
    for one in dataclasses.fields(Forest):
        np.testing.assert_array_equal(getattr(again, one.name), getattr(grown, one.name))
    other = Forest.grown(rows, labels, dataclasses.replace(GROWTH, seed=6))
    assert not np.array_equal(other.logits(rows), grown.logits(rows))


def test_no_rows_have_no_logits(grown):
    assert grown.logits(np.empty((0, 40))).shape == (0,)


def test_samples_that_nothing_can_be_learnt_from_are_refused():
    rows, _ = drawn(20, 0)
    rows[3, 4] = np.nan
    with pytest.raises(InputError) as caught:
        Forest.grown(rows, np.zeros(20, dtype=int))
    assert [problem.split(";")[0] for problem in caught.value.problems] == [
        "features of a forest must be finite",
        "a forest needs samples of both classes, 0 and 1",
    ]


def test_rows_of_another_length_are_refused(grown):
    with pytest.raises(InputError, match=r"40 features of a sample, got an array of shape \(3, 9"):
        grown.logits(np.zeros((3, 9)))
