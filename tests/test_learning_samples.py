"""Samples of learned detectors: checked, taken, joined, and scaled for networks."""

import numpy as np
import pytest

from exobench.baselines.learning.samples.samples import FIELDS, Samples, normalised
from exobench.datasets.errors import InputError


def made(n=6, n_ranks=3, patch=5, seed=0, **changed):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    fields = {
        "stacks": rng.normal(size=(n, n_ranks, patch, patch)),
        "snr": rng.normal(size=(n, n_ranks)),
        "labels": labels,
        "radius": rng.uniform(10, 20, n),
        "azimuth": rng.uniform(0, 360, n),
        "flux": np.where(labels, 1.0, np.nan),
        "parents": np.repeat(np.arange(n)[:, np.newaxis], 2, axis=1),
    }
    return Samples(**(fields | changed))


def test_every_array_has_its_type():
    samples = made()
    assert {name: getattr(samples, name).dtype for name in FIELDS} == FIELDS
    assert (len(samples), samples.n_ranks, samples.patch) == (6, 3, 5)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"snr": np.zeros((6, 2))}, r"snr must have shape \(6, 3\), got \(6, 2\)"),
        ({"labels": np.zeros(5)}, r"labels must have shape \(6,\), got \(5,\)"),
        ({"stacks": np.zeros((6, 3, 5, 4))}, r"stacks must have shape .*, got \(6, 3, 5, 4\)"),
    ],
)
def test_arrays_that_do_not_match_are_refused(changed, expected):
    with pytest.raises(ValueError, match=expected):
        made(**changed)


def test_taking_and_joining_are_each_others_inverse():
    samples, order = made(), np.array([4, 0, 5, 1, 3, 2])
    joined = Samples.concatenate([samples.take(order[:2]), samples.take(order[2:])])
    back = joined.take(np.argsort(order))
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(back, name), getattr(samples, name))


def test_a_mask_takes_the_samples_where_it_is_true_and_nothing_takes_none():
    samples = made()
    np.testing.assert_array_equal(samples.take(samples.labels == 1).parents[:, 0], [1, 3, 5])
    assert len(samples.take([])) == 0


def test_every_slice_runs_from_0_to_1_even_where_all_values_are_positive():
    stacks = np.random.default_rng(1).uniform(5, 9, (4, 3, 5, 5)).astype(np.float32)
    stacks[1] -= 20
    scaled = normalised(stacks, "slice")
    np.testing.assert_array_equal(scaled.min(axis=(2, 3)), 0)
    np.testing.assert_array_equal(scaled.max(axis=(2, 3)), 1)
    low, high = stacks[2, 1].min(), stacks[2, 1].max()
    np.testing.assert_allclose(scaled[2, 1], (stacks[2, 1] - low) / (high - low), atol=1e-6)


def test_patches_in_units_of_noise_stay_what_they_are():
    stacks = np.random.default_rng(2).normal(size=(2, 3, 5, 5)).astype(np.float32)
    np.testing.assert_array_equal(normalised(stacks, "noise"), stacks)


def test_a_constant_slice_becomes_0():
    stacks = np.ones((1, 2, 3, 3), dtype=np.float32)
    stacks[0, 1, 1, 1] = 2
    assert not normalised(stacks, "slice")[0, 0].any()
    assert normalised(stacks, "slice")[0, 1].max() == 1


def test_extremes_of_the_type_do_not_overflow():
    stacks = np.zeros((1, 1, 3, 3), dtype=np.float32)
    stacks[0, 0, 0, 0], stacks[0, 0, 2, 2] = np.finfo(np.float32).max, np.finfo(np.float32).min
    np.testing.assert_allclose(normalised(stacks, "slice")[0, 0, 1, 1], 0.5)


def test_normalisation_leaves_the_samples_alone_and_an_unknown_one_is_refused():
    samples = made()
    before = samples.stacks.copy()
    assert samples.batch("slice").stacks.max() == 1
    np.testing.assert_array_equal(samples.stacks, before)
    with pytest.raises(InputError, match="one of noise, slice, got 'cube'"):
        samples.batch("cube")


def test_a_signal_to_noise_that_is_not_finite_tells_a_network_nothing():
    snr = np.random.default_rng(1).normal(size=(6, 3))
    snr[0, 1], snr[2, 0], snr[3] = np.nan, np.inf, -np.inf
    batch = made(snr=snr).batch()
    lost = ~np.isfinite(snr)
    assert batch.snr.dtype == np.float32
    np.testing.assert_array_equal(batch.snr[lost], 0)
    np.testing.assert_array_equal(batch.snr[~lost], snr[~lost].astype(np.float32))
