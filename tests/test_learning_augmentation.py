"""Augmented samples: each with its own turn, shift and partner, none from outside."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from exobench.baselines.learning.samples.augmentation import Augmentation, averaged, turned
from exobench.baselines.learning.samples.samples import FIELDS, Samples
from exobench.datasets.errors import InputError


def made(n=40, n_ranks=3, patch=9, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    return Samples(
        stacks=rng.normal(size=(n, n_ranks, patch, patch)),
        snr=rng.normal(size=(n, n_ranks)),
        labels=labels,
        radius=rng.uniform(8, 24, n),
        azimuth=rng.uniform(0, 360, n),
        flux=np.where(labels, rng.uniform(1, 2, n), np.nan),
        parents=np.repeat(np.arange(n)[:, np.newaxis], 2, axis=1),
    )


def test_turning_is_that_of_cubic_splines_in_scipy():
    stacks = made(5).stacks
    rng = np.random.default_rng(1)
    angles, shifts = rng.uniform(0, 360, 5), rng.uniform(-0.5, 0.5, (5, 2))
    moved = turned(stacks, angles, shifts)
    y, x = np.indices((9, 9)) - 4.0
    for stack, found, angle, (dy, dx) in zip(stacks, moved, angles, shifts, strict=True):
        cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
        source = [4 + cos * (y - dy) - sin * (x - dx), 4 + sin * (y - dy) + cos * (x - dx)]
        expected = [map_coordinates(one, source, order=3, mode="mirror") for one in stack]
        np.testing.assert_allclose(found, expected, atol=2e-5)


def test_a_source_at_plus_x_turns_counter_clockwise_to_plus_y_and_is_then_moved():
    stacks = np.zeros((1, 1, 9, 9), dtype=np.float32)
    stacks[0, 0, 4, 7] = 1
    up = turned(stacks, np.array([90.0]), np.array([[0.0, 0.0]]))
    np.testing.assert_allclose(up[0, 0, 7, 4], 1, atol=1e-5)
    moved = turned(stacks, np.array([90.0]), np.array([[-1.0, 1.0]]))
    np.testing.assert_allclose(moved[0, 0, 6, 5], 1, atol=1e-5)


def test_a_companion_that_is_turned_and_moved_keeps_its_shape():
    def blob(y, x):
        yy, xx = np.indices((9, 9))
        return np.exp(-((yy - y) ** 2 + (xx - x) ** 2) / 5.8).astype(np.float32)

    found = turned(blob(4, 4)[np.newaxis, np.newaxis], np.array([33.0]), np.array([[0.4, -0.3]]))
    np.testing.assert_allclose(found[0, 0, 2:7, 2:7], blob(4.4, 3.7)[2:7, 2:7], atol=0.01)


def test_no_two_samples_get_the_same_shift():
    alike = made(30)
    stacks = np.broadcast_to(alike.stacks[:1], alike.stacks.shape)
    augmentation = Augmentation(averages=0, turned=1)
    changed = augmentation(replace(alike, stacks=stacks), np.random.default_rng(0)).stacks
    distinct = np.unique(changed.reshape(30, -1).round(4), axis=0)
    assert len(distinct) == 30


def test_partners_are_others_of_the_same_class_and_ring():
    samples = made(200)
    changed = Augmentation(averages=1, turned=0, ring_px=4.0)(samples, np.random.default_rng(3))
    first, second = changed.parents.T
    pairs = first != second
    assert pairs.mean() > 0.9
    np.testing.assert_array_equal(first, samples.parents[:, 0])
    np.testing.assert_array_equal(samples.labels[second], samples.labels)
    np.testing.assert_array_equal(samples.radius[second] // 4, samples.radius // 4)
    mean = (samples.stacks[first] + samples.stacks[second]) / 2
    np.testing.assert_allclose(changed.stacks, mean, rtol=1e-6)
    np.testing.assert_array_equal(np.isnan(changed.flux), samples.labels == 0)


def test_the_snr_of_an_average_is_that_measured_in_the_average_of_two_images():
    rng = np.random.default_rng(5)
    images = (
        rng.normal(size=(2, 400, 3))
        + np.array([2.0, 3.0])[:, np.newaxis, np.newaxis] * (np.arange(400) == 0)[:, np.newaxis]
    )

    def snr(values):
        noise = values[1:]
        return (values[0] - noise.mean(axis=0)) / noise.std(axis=0, ddof=1)

    samples = replace(made(2), snr=np.stack([snr(one) for one in images]))
    found = averaged(samples, np.array([0]), np.array([1])).snr[0]
    np.testing.assert_allclose(found, snr(images.mean(axis=0)), rtol=0.12)


def test_averages_are_not_averaged_again():
    samples, rng = made(60), np.random.default_rng(6)
    augmentation = Augmentation(averages=1, turned=0, ring_px=50)
    once = augmentation(samples, rng)
    pairs = once.parents[:, 0] != once.parents[:, 1]
    twice = augmentation(once, rng)
    np.testing.assert_array_equal(twice.stacks[pairs], once.stacks[pairs])


def test_the_same_seed_gives_the_same_samples_and_the_input_is_left_alone():
    samples = made()
    before = {name: getattr(samples, name).copy() for name in FIELDS}
    one, same, other = (Augmentation()(samples, np.random.default_rng(s)) for s in (7, 7, 8))
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
        np.testing.assert_array_equal(getattr(samples, name), before[name])
    assert (one.stacks != other.stacks).any()


def test_a_sample_without_a_partner_and_no_samples_at_all_are_left_as_they_are():
    augmentation = Augmentation(averages=1, turned=0)
    alone = made(1)
    np.testing.assert_array_equal(
        augmentation(alone, np.random.default_rng(0)).stacks, alone.stacks
    )
    assert len(Augmentation()(made(4).take([]), np.random.default_rng(0))) == 0


def test_all_problems_of_an_augmentation_are_named():
    with pytest.raises(InputError) as error:
        Augmentation(averages=1.2, turned=-1, shift_px=-0.5, ring_px=0)
    assert [line.split()[0] for line in error.value.problems] == [
        "averages",
        "turned",
        "shift_px",
        "ring_px",
    ]


def test_a_share_of_the_samples_is_changed_and_the_rest_left_alone():
    samples = made(n=400)
    changed = Augmentation.of_share(0.5)(samples, np.random.default_rng(0))
    same = (changed.stacks == samples.stacks).all(axis=(1, 2, 3))
    # 1 - (1 - 0.5 x 0.2)(1 - 0.5 x 0.8): some are averaged, then turned.
    assert same.mean() == pytest.approx(0.54, abs=0.08)
