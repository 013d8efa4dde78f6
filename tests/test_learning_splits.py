"""Splits that share neither companions nor pixels, and the detection of those that do."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import rankdata

from exobench.baselines.learning.samples.augmentation import Augmentation
from exobench.baselines.learning.samples.samples import Samples
from exobench.baselines.learning.samples.splits import (
    SPLITS,
    LeakError,
    Sectors,
    check_no_leak,
    reach_of,
    split_samples,
    turns_of,
)
from exobench.datasets.errors import InputError

PATCH = 9
SECTORS = Sectors(start=33.0, turns=(-70.0, 70.0))


def placed(radius, azimuth, labels, stacks=None, patch=PATCH):
    n = len(radius)
    if stacks is None:
        stacks = np.zeros((n, 1, patch, patch))
    return Samples(
        stacks=stacks,
        snr=np.zeros((n, 1)),
        labels=labels,
        radius=radius,
        azimuth=azimuth,
        flux=np.where(labels, 1.0, np.nan),
        parents=np.repeat(np.arange(n)[:, np.newaxis], 2, axis=1),
    )


def scattered(n, seed=0, low=5.0, high=60.0):
    rng = np.random.default_rng(seed)
    radius = np.sqrt(rng.uniform(low**2, high**2, n))
    return placed(radius, rng.uniform(0, 360, n), rng.integers(0, 2, n))


def pixels(samples, sectors):
    """Of whole patches on the detector, not turned."""
    turned = np.deg2rad(sectors.detector_azimuth(samples.azimuth, samples.labels))
    y, x = (np.rint(samples.radius * f(turned)).astype(int) for f in (np.sin, np.cos))
    side = np.arange(PATCH) - PATCH // 2
    squares = [
        (yy + dy, xx + dx) for yy, xx in zip(y, x, strict=True) for dy in side for dx in side
    ]
    return set(squares)


def test_no_pixel_of_a_patch_is_shared_by_two_splits():
    parts = split_samples(scattered(3000), SECTORS)
    train, validation, test = (pixels(parts[name], SECTORS) for name in SPLITS)
    assert len(train) + len(validation) + len(test) == len(train | validation | test)
    assert min(len(part) for part in parts.values()) > 200


def test_every_split_but_for_the_gaps_has_its_share_of_the_field():
    samples = scattered(20_000, low=50, high=2000)
    parts = split_samples(samples, SECTORS)
    shares = [len(parts[name]) / len(samples) for name in SPLITS]
    np.testing.assert_allclose(shares, [0.6, 0.2, 0.2], atol=0.02)


@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("shares", [(0.6, 0.2, 0.2), (0.7, 0.3, 0.0), (1.0, 0.0, 0.0)])
def test_arcs_and_splits_of_samples_agree(shares, repeats):
    sectors = Sectors(start=300.0, shares=shares, repeats=repeats, turns=(25.0, -40.0))
    azimuths = np.arange(0.25, 360, 0.5)
    for radius in (5.0, 12.0, 40.0):
        for label in (0, 1):
            image = sectors.image_azimuth(azimuths, label)
            labels = np.full(azimuths.size, label)
            found = sectors.split_of(np.full(azimuths.size, radius), image, labels, 6.4)
            for number, split in enumerate(SPLITS):
                arcs = sectors.arcs(split, radius, 6.4) if split in sectors.names else []
                inside = [
                    any((one - low) % 360 <= high - low for low, high in arcs) for one in azimuths
                ]
                np.testing.assert_array_equal(found == number, inside)


@pytest.mark.parametrize("shares", [(0.6, 0.2, 0.2), (1.0, 0.0, 0.0)])
def test_azimuths_fill_the_arcs_evenly(shares):
    sectors = Sectors(start=300.0, shares=shares, repeats=2)
    quantiles, radius = (np.arange(1000) + 0.5) / 1000, 50.0
    for split in sectors.names:
        found = sectors.azimuths(split, np.full(1000, radius), quantiles, 6.4)
        counts = [
            np.count_nonzero((found >= low) & (found <= high))
            for low, high in sectors.arcs(split, radius, 6.4)
        ]
        assert counts == [1000 // len(counts)] * len(counts)


def test_one_split_alone_has_the_whole_field_to_the_star():
    assert Sectors(start=20.0, shares=(1, 0, 0)).arcs("train", 2.0, 6.4) == [(20.0, 380.0)]


def test_both_classes_of_a_place_on_the_detector_are_in_the_same_split():
    angles = np.linspace(100, 180, 30)
    sectors = Sectors(start=10.0, turns=turns_of(angles))
    assert sectors.turns == (-140, 140)
    # At mid-rotation a source at theta stands at theta - 140; negated angles turn that place
    # by -140.
    detector = np.arange(0.0, 360, 7)
    one = sectors.split_of(np.full(52, 30.0), detector + 140, np.ones(52), 6.4)
    other = sectors.split_of(np.full(52, 30.0), detector - 140, np.zeros(52), 6.4)
    np.testing.assert_array_equal(one, other)
    assert set(one) == {-1, 0, 1, 2}
    assert turns_of(angles, negated=False) == (140, 140)


def test_a_random_split_is_found_out():
    samples = scattered(200)
    halves = {"train": samples.take(slice(0, 100)), "validation": samples.take(slice(100, None))}
    with pytest.raises(LeakError, match="patches of train and validation share pixels"):
        check_no_leak(halves, SECTORS)


def test_a_split_after_augmentation_is_found_out():
    parts = split_samples(scattered(2000), SECTORS)
    known = parts["train"].take(slice(0, 3))
    elsewhere = replace(parts["validation"].take(slice(0, 3)), parents=known.parents)
    leaked = parts | {"validation": Samples.concatenate([parts["validation"], elsewhere])}
    with pytest.raises(LeakError, match="train and validation share 3 parents, such as"):
        check_no_leak(leaked, SECTORS)


def test_the_second_parent_of_an_average_counts_too():
    parts = split_samples(scattered(2000), SECTORS)
    parents = parts["test"].parents.copy()
    parents[5, 1] = parts["train"].parents[7, 0]
    with pytest.raises(LeakError, match="train and test share 1 parents"):
        check_no_leak(parts | {"test": replace(parts["test"], parents=parents)}, SECTORS)


@pytest.mark.parametrize("apart", [1.0, 11.0])
def test_touching_patches_of_two_splits_are_found_out_of_whatever_class(apart):
    turn = np.rad2deg(2 * np.arcsin(apart / 60))  # on a circle of 30 px
    one = placed([30.0], [70.0], [1])
    other = replace(placed([30.0], [-70.0 + turn], [0]), parents=np.array([[9, 9]]))
    with pytest.raises(LeakError, match=f"centres are {apart:.2f} px apart, expected 12.73"):
        check_no_leak({"train": one, "test": other}, SECTORS)
    far = replace(other, azimuth=np.array([-70 + 30.0]))
    check_no_leak({"train": one, "test": far}, SECTORS)


def test_averages_and_turned_samples_of_a_split_stay_in_it():
    rng = np.random.default_rng(0)
    parts = split_samples(scattered(2000), SECTORS)
    check_no_leak({name: Augmentation()(one, rng) for name, one in parts.items()}, SECTORS)
    averages = Augmentation(averages=1)(parts["train"], rng)
    with pytest.raises(ValueError, match="average after splitting"):
        split_samples(averages, SECTORS)


def auc(scores, labels):
    """Of Mann & Whitney."""
    n = labels.sum()
    return (rankdata(scores)[labels == 1].sum() - n * (n + 1) / 2) / (n * (labels.size - n))


def memorised(train, validation):
    """AUC of a memory of the training stacks: the label of the most similar one."""
    known, asked = (one.stacks.reshape(len(one), -1) for one in (train, validation))
    distance = (known**2).sum(axis=1) - 2 * asked @ known.T
    return auc(train.labels[distance.argmin(axis=1)], validation.labels)


def crowded_patches(seed, n_places=300, n_each=5):
    """Patches of a field of speckles, some at every place, with a random label for the place."""
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.normal(size=(141, 141)), 1.5).astype(np.float32)
    radius = np.sqrt(rng.uniform(20**2, 60**2, n_places))
    turn = np.deg2rad(rng.uniform(0, 360, n_places))
    places = np.stack([radius * np.sin(turn), radius * np.cos(turn)], axis=1)
    centres = np.repeat(places, n_each, axis=0) + rng.uniform(-1, 1, (n_places * n_each, 2))
    y, x = np.rint(centres).astype(int).T
    side = np.arange(PATCH) - PATCH // 2
    stacks = field[70 + y[:, None, None] + side[:, None], 70 + x[:, None, None] + side]
    labels = np.repeat(rng.integers(0, 2, n_places), n_each)
    azimuth = np.rad2deg(np.arctan2(y, x))
    return placed(np.hypot(y, x), azimuth, labels, stacks[:, np.newaxis])


def test_a_memory_profits_from_patches_that_overlap_and_not_from_our_splits():
    sectors = Sectors(start=33.0, shares=(0.6, 0.4, 0.0))
    leaked, ours = [], []
    for seed in range(4):
        samples = crowded_patches(seed)
        order = np.random.default_rng(seed).permutation(len(samples))
        leaked.append(memorised(samples.take(order[:900]), samples.take(order[900:])))
        parts = split_samples(samples, sectors)
        ours.append(memorised(parts["train"], parts["validation"]))
    assert min(leaked) > 0.9
    assert abs(np.mean(ours) - 0.5) < 0.08


def test_a_memory_profits_from_augmentation_before_splitting_and_not_from_ours_after_it():
    sectors = Sectors(start=33.0, shares=(0.6, 0.4, 0.0))
    rng = np.random.default_rng(1)
    augmentation = Augmentation(averages=0.3, turned=0, ring_px=10)
    samples = scattered(600, seed=3)
    samples = replace(samples, stacks=rng.normal(size=samples.stacks.shape))

    def enlarged(one):
        return Samples.concatenate([augmentation(one, rng) for _ in range(3)])

    everything = enlarged(samples)
    order = rng.permutation(len(everything))
    half = len(order) // 2
    leaked = memorised(everything.take(order[:half]), everything.take(order[half:]))
    parts = {name: enlarged(one) for name, one in split_samples(samples, sectors).items()}
    assert leaked > 0.8
    assert abs(memorised(parts["train"], parts["validation"]) - 0.5) < 0.1


def test_all_problems_of_sectors_are_named():
    with pytest.raises(InputError) as error:
        Sectors(shares=(0.5, 0.2, 0.2), repeats=0)
    assert len(error.value.problems) == 2
    with pytest.raises(InputError, match="sum to 1"):
        Sectors(shares=(1.5, -0.25, -0.25))


def test_a_patch_reaches_to_its_corners():
    assert reach_of(9) == pytest.approx(np.hypot(4.5, 4.5))
