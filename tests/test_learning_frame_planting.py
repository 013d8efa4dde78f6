"""Frames with planted companions: as bright and where they are said to be, and nothing leaks."""

from dataclasses import replace

import numpy as np
import pytest

from exobench.baselines.learning.frames.planting import (
    Planting,
    judged_frames,
    planted_frames,
    square_of,
)
from exobench.baselines.learning.frames.splits import check_apart, least_radius, time_blocks
from exobench.baselines.learning.samples.splits import LeakError, Sectors
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import to_polar

SECTORS = Sectors(shares=(0.6, 0.2, 0.2))
BRIGHT = Planting(n_components=2, n_per_class=60, snr=(30.0, 60.0), sectors=SECTORS)


@pytest.fixture(scope="module")
def sequence(sky):
    return sky.noise((30, 41, 41), blur=1.0)


@pytest.fixture(scope="module")
def splits(sequence):
    return planted_frames(sequence, BRIGHT, np.random.default_rng(0))


def test_half_of_the_frames_have_a_companion_where_they_say(splits):
    for samples in splits.values():
        assert samples.labels.mean() == pytest.approx(0.5)
        with_companion = samples.labels == 1
        flat = samples.frames.reshape(len(samples), -1).argmax(axis=1)
        brightest = np.stack(np.unravel_index(flat, samples.frames.shape[1:]), axis=1)
        off = np.hypot(*(brightest - samples.yx).T)
        assert (off[with_companion] < 1.5).mean() > 0.95
        assert (off[~with_companion] < 1.5).mean() < 0.2


def test_a_turned_frame_keeps_the_distance_of_its_companion_from_the_star(splits, sequence):
    samples = splits["train"]
    radius, _ = to_polar(*samples.yx.T, square_of(sequence).shape)
    np.testing.assert_allclose(radius, samples.radius)


def test_splits_share_neither_frames_nor_places(splits, sequence):
    fwhm = float(sequence.fwhm[0])
    check_apart(splits, fwhm)
    for name, samples in splits.items():
        assert set(samples.frame) <= set(time_blocks(30, SECTORS)[name])
        index = SECTORS.split_of(samples.radius, samples.azimuth, np.zeros(len(samples), int), fwhm)
        assert (index == ("train", "validation", "test").index(name)).all()


def test_a_split_that_shares_frames_or_places_is_detected(splits, sequence):
    fwhm, train, test = float(sequence.fwhm[0]), splits["train"], splits["test"]
    leaked = test.frame.copy()
    leaked[0] = train.frame[0]
    with pytest.raises(LeakError, match="share 1 frames"):
        check_apart({"train": train, "test": replace(test, frame=leaked)}, fwhm)
    moved = {"radius": test.radius.copy(), "azimuth": test.azimuth.copy()}
    moved["radius"][0], moved["azimuth"][0] = train.radius[0], train.azimuth[0]
    with pytest.raises(LeakError, match=r"places of train and test are 0\.00 px apart"):
        check_apart({"train": train, "test": replace(test, **moved)}, fwhm)


def test_every_frame_is_in_one_split_or_in_a_gap_between_blocks():
    blocks = time_blocks(61, SECTORS)
    numbers = np.concatenate(list(blocks.values()))
    assert np.unique(numbers).size == numbers.size
    owner = np.full(61, -1)
    for i, frames in enumerate(blocks.values()):
        owner[frames] = i
    changes = np.flatnonzero(np.diff(owner) != 0)
    assert all(-1 in owner[c : c + 2] for c in changes)
    assert [frames.size for frames in blocks.values()] == pytest.approx([36, 11, 11], abs=3)


def test_beyond_the_least_radius_every_split_has_azimuths_and_within_it_one_has_none():
    reach = 4.0
    least = least_radius(SECTORS, reach)
    assert all(SECTORS.arcs(name, 1.01 * least, reach) for name in SECTORS.names)
    assert not SECTORS.arcs("test", 0.99 * least, reach)


def test_a_companion_of_the_sequence_is_dark_in_both_classes(sequence, sky):
    bright = sky.with_companion(sequence, 20, 34, 60.0)
    planting = replace(BRIGHT, n_components=1)
    judged = judged_frames(bright, planting)
    assert judged.max() > -judged.min() + 0.5
    faint = replace(planting, snr=(0.01, 0.02))
    made = planted_frames(bright, faint, np.random.default_rng(0))["train"]
    for label in (0, 1):
        frames = made.frames[made.labels == label]
        assert -frames.min() > frames.max() + 0.5


def test_flux_is_in_units_of_the_noise_at_its_separation(sky):
    """Noise that is 10 times as strong far out asks for companions 10 times as bright there."""
    noise = sky.noise((30, 41, 41), blur=1.0)
    y, x = np.indices((41, 41)) - 20
    louder = sky.of(noise.cube[0] * np.where(np.hypot(y, x) > 12, 10, 1))
    planting = replace(BRIGHT, frames="raw", snr=(20.0, 20.001))
    samples = planted_frames(louder, planting, np.random.default_rng(0))["train"]
    near, far = samples.radius < 9.5, samples.radius > 14.5
    lit = samples.labels == 1
    peaks = np.array([frame.max() for frame in samples.frames])
    assert np.median(peaks[lit & near]) == pytest.approx(np.median(peaks[lit & far]), rel=0.15)


def test_even_frames_are_cut_to_the_square_that_turns_about_the_star(sequence):
    wide = replace(sequence, cube=np.zeros((1, 30, 40, 46), np.float32))
    wide.cube.flags.writeable = False
    cube = np.zeros((1, 30, 40, 46), np.float32)
    cube[..., 20, 23] = 1
    square = square_of(replace(wide, cube=cube))
    assert square.shape == (39, 39)
    assert (square.cube[..., 19, 19] == 1).all()


def test_the_same_seed_gives_the_same_bytes(sequence):
    few = replace(BRIGHT, n_per_class=10)
    one, two = (planted_frames(sequence, few, np.random.default_rng(5)) for _ in range(2))
    for name, samples in one.items():
        assert samples.frames.tobytes() == two[name].frames.tobytes()


def test_what_is_too_short_or_too_small_is_refused(sequence, sky):
    def first(n):
        return replace(sequence, cube=sequence.cube[:, :n], angles=sequence.angles[:n])

    with pytest.raises(InputError, match=f"{sequence.name}: 3 frames are too few") as caught:
        planted_frames(first(3), BRIGHT, np.random.default_rng(0))
    least = int(str(caught.value).split("; ")[1].removesuffix(" would do"))
    with pytest.raises(InputError, match=f"; {least} would do"):
        planted_frames(first(least - 1), BRIGHT, np.random.default_rng(0))
    assert all(frames.size for frames in time_blocks(least, SECTORS).values())
    small = sky.noise((30, 13, 13))
    with pytest.raises(InputError, match=r"frames give room up to 4\.5 px"):
        planted_frames(small, BRIGHT, np.random.default_rng(0))
