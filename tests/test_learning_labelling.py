"""Labelled sets: companions and places without one, apart on the sky, reproducible."""

import json
from dataclasses import replace

import numpy as np
import pytest

from exobench.baselines.learning.residuals.flux_ranges import FluxRange
from exobench.baselines.learning.residuals.mlar import RingResiduals
from exobench.baselines.learning.residuals.rings import companion_at
from exobench.baselines.learning.samples.label_plan import planned
from exobench.baselines.learning.samples.labelling import BLOCK, labelled, labelled_ring
from exobench.baselines.learning.samples.placing import stratified
from exobench.baselines.learning.samples.recipe import Recipe
from exobench.baselines.learning.samples.samples import FIELDS, Samples
from exobench.baselines.learning.samples.splits import check_no_leak, reach_of
from exobench.baselines.learning.samples.store import SampleStore, write_samples
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import to_polar, to_yx

RECIPE = Recipe(n_per_class=60, n_ranks=3, patch=5, shares=(0.6, 0.4, 0.0))
SHAPE = (39, 39)


@pytest.fixture(scope="session")
def noise(sky):
    """A short sequence of smooth noise whose angles do not start at 0."""
    sequence = sky.noise((16, *SHAPE), blur=1.0, seed=3)
    return replace(sequence, angles=sequence.angles + 110)


@pytest.fixture(scope="session")
def plan(noise):
    return planned(noise, RECIPE, np.random.default_rng(0))


@pytest.fixture
def given_fluxes(monkeypatch):
    """Spares the injections that tell the range of fluxes of a ring."""
    fluxes = FluxRange(low=1.0, high=3.0)
    where = "exobench.baselines.learning.samples.label_plan.flux_range"
    monkeypatch.setattr(where, lambda *arguments, **keywords: fluxes)


@pytest.fixture(scope="session")
def by_split(plan):
    return joined(plan)


def joined(plan):
    parts = {}
    for split, samples in labelled(plan):
        parts.setdefault(split, []).append(samples)
    return {split: Samples.concatenate(some) for split, some in parts.items()}


def changed(plan, **recipe):
    """The plan of another recipe with the same rings, sectors and flux ranges."""
    return replace(plan, recipe=replace(plan.recipe, **recipe))


def together(by_split):
    return Samples.concatenate(by_split.values())


def places(samples):
    return np.stack(to_yx(samples.radius.astype(float), samples.azimuth, SHAPE), axis=1)


def test_every_split_has_its_share_of_both_classes(plan, by_split):
    found = {split: np.bincount(one.labels).tolist() for split, one in by_split.items()}
    assert found == {"train": [36, 36], "validation": [24, 24]}
    assert plan.n_samples == 120


def test_splits_share_neither_parents_nor_pixels(plan, by_split):
    check_no_leak(by_split, plan.sectors)
    parents = together(by_split).parents
    np.testing.assert_array_equal(parents[:, 0], parents[:, 1])
    assert np.unique(parents).size == 120


@pytest.mark.usefixtures("given_fluxes")
def test_rings_have_as_many_samples_or_in_proportion_to_their_area(noise, plan):
    for one in plan.rings:
        assert one.counts["train"] == pytest.approx(36 / len(plan.rings), abs=1)
    by_area = planned(noise, replace(RECIPE, weighting="area"), np.random.default_rng(0))
    counts = [one.counts["train"] for one in by_area.rings]
    assert counts == sorted(counts)
    assert counts[-1] > 2 * counts[0]


@pytest.mark.usefixtures("given_fluxes")
def test_the_same_seed_gives_the_same_file_and_another_one_other_samples(noise, tmp_path):
    few = replace(RECIPE, n_per_class=20)
    one, same, other = (planned(noise, few, np.random.default_rng(seed)) for seed in (0, 0, 1))
    paths = [tmp_path / "one.h5", tmp_path / "same.h5"]
    for path, plan in zip(paths, (one, same), strict=True):
        write_samples(path, labelled(plan), plan.sectors, plan.provenance())
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert other.sectors.start != one.sectors.start
    assert [ring.seed for ring in other.rings] != [ring.seed for ring in one.rings]
    provenance = SampleStore.open(paths[0]).provenance
    assert provenance["sequence"] == "plain"
    assert Recipe(**json.loads(provenance["recipe"])) == few
    assert json.loads(provenance["rings"])[0]["fluxes"] == {"low": 1.0, "high": 3.0}


def test_a_ring_is_the_same_whenever_it_is_made(plan, by_split):
    last = plan.rings[-1]
    alone = Samples.concatenate([s for split, s in labelled_ring(plan, last) if split == "train"])
    n = len(alone)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(alone, name), getattr(by_split["train"], name)[-n:])


def test_fluxes_cover_the_range_of_their_ring(plan, by_split):
    train = by_split["train"]
    assert np.isnan(train.flux[train.labels == 0]).all()
    for one in plan.rings:
        in_ring = (train.radius >= one.ring.inner) & (train.radius < one.ring.outer)
        flux = np.sort(train.flux[in_ring & (train.labels == 1)])
        n = one.counts["train"]
        share = (flux - one.fluxes.low) / (one.fluxes.high - one.fluxes.low)
        np.testing.assert_array_equal(np.floor(share * n), np.arange(n))


def test_companions_are_in_the_centre_and_the_other_class_has_none(plan):
    bright = [
        replace(one, fluxes=replace(one.fluxes, low=2 * one.fluxes.high, high=3 * one.fluxes.high))
        for one in plan.rings
    ]
    samples = together(joined(replace(plan, rings=tuple(bright))))
    with_one, without = (samples.take(samples.labels == label).batch() for label in (1, 0))
    seen, blank = (one.stacks.mean(axis=0)[0] for one in (with_one, without))
    assert seen[2, 2] > 1 + seen[::4, ::4].max()
    assert np.abs(blank).max() < 0.5
    assert with_one.snr[:, 0].mean() > 2 + without.snr[:, 0].mean()
    assert abs(without.snr[:, 0].mean()) < 0.5


def test_class_c_minus_is_what_a_sky_that_turns_the_other_way_would_show(noise, plan, by_split):
    train = by_split["train"]
    ring = plan.rings[1].ring
    mine = (train.radius >= ring.inner) & (train.radius < ring.outer) & (train.labels == 0)
    negated = RingResiduals(replace(noise, angles=-noise.angles), ring, plan.settings)
    expected = negated.patches(places(train.take(mine)))
    np.testing.assert_allclose(train.stacks[mine], expected.stacks, atol=1e-4)
    np.testing.assert_allclose(train.snr[mine], expected.snr, atol=1e-3)


def test_class_c_minus_takes_whole_pixels_while_they_last_and_each_once(plan):
    ring_plan = plan.rings[0]
    n_pixels = len(plan.plot(ring_plan, "train", 0).pixels())
    many = replace(ring_plan, counts={"train": n_pixels + 20})
    samples = Samples.concatenate([one for _, one in labelled_ring(changed(plan, views=50), many)])
    yx = places(samples.take(samples.labels == 0))
    whole = (np.abs(yx - np.rint(yx)) < 1e-4).all(axis=1)
    assert (whole.sum(), (~whole).sum()) == (n_pixels, 20)
    assert len(np.unique(np.rint(yx[whole]), axis=0)) == n_pixels


def test_blocks_are_small(plan):
    many = replace(plan.rings[0], counts={"train": 300})
    sizes = [len(one) for _, one in labelled_ring(changed(plan, views=50), many)]
    assert sum(sizes) == 600
    assert max(sizes) < 2 * BLOCK


def test_class_c_minus_may_be_anywhere(plan):
    samples = together(joined(changed(plan, positions="anywhere")))
    yx = places(samples.take(samples.labels == 0))
    assert (np.abs(yx - np.rint(yx)) > 1e-3).any(axis=1).all()


@pytest.mark.usefixtures("given_fluxes")
def test_patches_beside_a_companion_share_no_pixel_with_its_own(noise):
    recipe = replace(RECIPE, negatives="elsewhere", shares=(1.0, 0.0, 0.0))
    plan = planned(noise, recipe, np.random.default_rng(0))
    assert plan.sectors.turns == (110, 110)
    samples = joined(plan)["train"]
    assert np.bincount(samples.labels).tolist() == [60, 60]
    yx, order = places(samples), np.argsort(samples.parents[:, 0])
    for one in plan.rings:
        n, first = one.counts["train"], one.first_parent
        with_one, without = (order[first + i * n : first + (i + 1) * n] for i in (0, 1))
        assert (samples.labels[with_one] == 1).all()
        assert (samples.labels[without] == 0).all()
        apart = np.hypot(*(yx[with_one] - yx[without]).T)
        assert apart.min() > 2 * reach_of(5)
    blank = RingResiduals(noise, one.ring, plan.settings).patches(yx[without])
    np.testing.assert_allclose(samples.stacks[without], blank.stacks, atol=0.4)
    assert (samples.stacks[without] != blank.stacks).any()


def test_views_of_a_companion_have_its_number_and_shifts_of_their_own(plan):
    samples = joined(changed(plan, views=3))["train"]
    seen = samples.take(samples.labels == 1)
    numbers, counts = np.unique(seen.parents[:, 0], return_counts=True)
    assert counts.max() == 3
    first = seen.take(seen.parents[:, 0] == numbers[0])
    assert np.unique(first.flux).size == 1
    yx = places(first)
    assert 0 < np.hypot(*(yx[0] - yx[1])) <= np.sqrt(2)
    assert np.bincount(samples.labels).tolist() == [36, 36]


def test_turned_patches_show_the_same_companion_and_other_surroundings(plan, by_split):
    turned = joined(changed(plan, turned=True))["train"]
    straight = by_split["train"]
    both = [one.take(one.labels == 1) for one in (straight, turned)]
    np.testing.assert_array_equal(both[0].flux[:5], both[1].flux[:5])
    centres = [one.stacks[:5, :, 2, 2] for one in both]
    np.testing.assert_allclose(*centres, atol=1e-4)
    assert (both[0].stacks[:5] != both[1].stacks[:5]).any(axis=(2, 3)).all()


def test_known_companions_are_kept_away_from_in_the_images_of_both_classes(noise, plan):
    detector = np.radians(plan.sectors.start + 60)  # amidst the sector for training
    sky = np.degrees(detector) + 110
    known = companion_at(noise, to_yx(15.0, sky, SHAPE), 5.0)
    spared = replace(plan, known=(known,))
    free, touched = (together(joined(one)) for one in (spared, plan))
    distance = reach_of(5) + noise.reference_fwhm
    track = np.stack(to_yx(15.0, sky - 2 * noise.angles, SHAPE), axis=1)
    there = np.stack(to_yx(15.0, np.array([sky]), SHAPE), axis=1)

    def nearest(samples, label, lights):
        yx = places(samples.take(samples.labels == label))
        return np.hypot(*(yx[:, np.newaxis] - lights).transpose(2, 0, 1)).min()

    for label, lights in ((1, there), (0, track)):
        assert nearest(free, label, lights) >= distance
        assert nearest(touched, label, lights) < distance


def test_companions_that_leave_no_place_are_an_error(noise, plan):
    everywhere = tuple(
        companion_at(noise, to_yx(radius, theta, SHAPE), 5.0)
        for radius in (5.0, 9.0, 13.0, 17.0)
        for theta in range(0, 360, 15)
    )
    with pytest.raises(InputError, match="has no free place for train beside companions"):
        list(labelled(replace(plan, known=everywhere)))


def test_progress_reaches_the_total_and_knows_the_time_left(plan):
    seen = []
    for _ in labelled(plan, seen.append):
        pass
    assert [one.done for one in seen] == sorted({one.done for one in seen})
    assert (seen[-1].done, seen[-1].total, seen[-1].seconds_left) == (120, 120, 0)
    half = replace(seen[0], done=30, total=120, seconds=10.0)
    assert half.seconds_left == 30


def test_too_few_frames_for_the_ranks_are_an_error(noise):
    with pytest.raises(InputError, match="16 frames; 16 ranks need 17 or more"):
        planned(noise, replace(RECIPE, n_ranks=16), np.random.default_rng(0))


def test_frames_too_small_for_the_patches_are_an_error(noise):
    with pytest.raises(InputError, match="frames of 39 px leave no ring for patches of 31 px"):
        planned(noise, replace(RECIPE, patch=31), np.random.default_rng(0))


def test_too_little_rotation_for_the_patches_says_how_much_there_is_and_how_much_is_needed(sky):
    still = sky.noise((16, *SHAPE), blur=1.0, rotation=13.0)
    with pytest.raises(InputError) as error:
        planned(still, replace(RECIPE, patch=9), np.random.default_rng(0))
    first, *others = error.value.problems
    assert "no ring offers samples for train, validation" in first
    assert len(others) > 1
    assert "half a patch of 9 px is needed; the sky turns by 13 degrees, " in others[-1]


@pytest.mark.usefixtures("given_fluxes")
def test_rings_in_which_too_little_moves_are_left_out_by_name(sky):
    slow = sky.noise((16, *SHAPE), blur=1.0, rotation=14.0)
    plan = planned(slow, replace(RECIPE, shares=(1.0, 0.0, 0.0)), np.random.default_rng(0))
    assert plan.rings[0].ring.middle * np.deg2rad(14) >= 2.5
    assert plan.left_out[0].startswith("ring of 4.5 to ")
    assert "a companion moves by" in plan.left_out[0]


@pytest.mark.usefixtures("given_fluxes")
def test_sectors_too_narrow_for_the_patches_are_an_error(noise):
    narrow = replace(RECIPE, repeats=12)
    with pytest.raises(InputError, match="no ring offers samples for train, validation"):
        planned(noise, narrow, np.random.default_rng(0))


def test_all_problems_of_a_recipe_are_named():
    with pytest.raises(InputError) as error:
        Recipe(
            n_per_class=0,
            views=0,
            shift_px=0.7,
            snr=(3.0, 1.0),
            negatives="none",
            patch=4,
            n_ranks=0,
            shares=(1.0, 1.0, 0.0),
        )
    words = ("n_per_class", "views", "shift_px", "snr", "negatives", "patch", "n_ranks", "shares")
    assert [line.split()[0] for line in error.value.problems] == list(words)


def test_strata_have_one_point_each_on_every_axis():
    points = stratified(50, 3, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(np.floor(points * 50), axis=0).T, [np.arange(50)] * 3)
    assert stratified(0, 2, np.random.default_rng(0)).shape == (0, 2)


def test_places_in_the_image_are_counted_from_the_star(plan):
    plot = plan.plot(plan.rings[0], "train", 1)
    quantiles = np.random.default_rng(0).random((50, 2))
    radius, _ = to_polar(*plot.places(quantiles).T, SHAPE)
    assert radius.min() >= plan.rings[0].ring.inner
    assert radius.max() <= plan.rings[0].ring.outer
