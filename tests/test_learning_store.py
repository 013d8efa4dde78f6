"""Files of samples: whole or not at all, streamed once an epoch, refused where they are wrong."""

import tracemalloc
from dataclasses import replace

import h5py
import numpy as np
import pytest

from exobench.baselines.learning.samples.augmentation import Augmentation
from exobench.baselines.learning.samples.samples import FIELDS, Samples
from exobench.baselines.learning.samples.splits import LeakError, Sectors
from exobench.baselines.learning.samples.store import RUN, SampleStore, StoredData, write_samples
from exobench.datasets.errors import InputError

SECTORS = Sectors(shares=(0.5, 0.5, 0.0))
MIDDLE = {"train": 90.0, "validation": 270.0}


def made(n, split="train", n_ranks=2, patch=3, first=0, seed=0, positive=None):
    """Samples whose number is their parent, their S/N and, in a corner, their smallest value."""
    rng = np.random.default_rng(seed)
    numbers = first + np.arange(n)
    labels = numbers % 2 if positive is None else np.arange(n) < positive
    return Samples(
        stacks=rng.uniform(size=(n, n_ranks, patch, patch)),
        snr=np.repeat(numbers[:, np.newaxis], n_ranks, axis=1),
        labels=labels,
        radius=rng.uniform(20, 30, n),
        azimuth=MIDDLE[split] + rng.uniform(-30, 30, n),
        flux=np.where(labels, 1.0, np.nan),
        parents=np.repeat(numbers[:, np.newaxis], 2, axis=1),
    )


def written(path, n=300, n_validation=40, **fields):
    blocks = [
        ("train", made(n, **fields)),
        ("validation", made(n_validation, "validation", first=n, **fields)),
    ]
    write_samples(path, blocks, SECTORS, {"sequence": "toy_1", "recipe": '{"n": 1}'})
    return SampleStore.open(path)


@pytest.fixture
def store(tmp_path):
    return written(tmp_path / "samples.h5")


def numbers(batches):
    return np.concatenate([batch.snr[:, 0] for batch in batches]).astype(int)


def test_what_was_written_is_read(store):
    assert (store.n_ranks, store.patch, len(store)) == (2, 3, 340)
    assert store.counts == {"train": (150, 150), "validation": (20, 20)}
    assert store.provenance == {"sequence": "toy_1", "recipe": '{"n": 1}'}
    expected = made(300)
    for name in FIELDS:
        found = getattr(store.samples("train"), name)
        assert found.dtype == FIELDS[name]
        np.testing.assert_array_equal(found, getattr(expected, name))


def test_places_are_the_samples_without_their_stacks(store):
    places = store.places("train")
    np.testing.assert_array_equal(places.radius, made(300).radius)
    assert places.stacks.shape == (300, 2, 3, 3)
    assert not places.stacks.any()


def test_the_same_samples_give_the_same_bytes_in_however_many_blocks(tmp_path):
    parts = [made(300).take(np.arange(i, i + 100)) for i in (0, 100, 200)]
    one, other, third = (tmp_path / name for name in ("a.h5", "b.h5", "c.h5"))
    write_samples(one, [("train", made(300))], SECTORS, {"recipe": "{}"})
    write_samples(other, [("train", made(300))], SECTORS, {"recipe": "{}"})
    write_samples(third, [("train", part) for part in parts], SECTORS, {"recipe": "{}"})
    assert one.read_bytes() == other.read_bytes()
    for name in FIELDS:
        found = [getattr(SampleStore.open(path).samples("train"), name) for path in (one, third)]
        np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("n", [1, RUN - 1, 300, 5 * RUN + 7])
def test_an_epoch_has_every_sample_exactly_once(tmp_path, n, monkeypatch):
    monkeypatch.setattr("exobench.baselines.learning.samples.store.POOL", 2 * RUN)
    store = written(tmp_path / "samples.h5", n)
    batches = list(store.batches("train", 50, np.random.default_rng(0)))
    assert [len(batch) for batch in batches[:-1]] == [50] * (len(batches) - 1)
    np.testing.assert_array_equal(np.sort(numbers(batches)), np.arange(n))


def test_the_order_is_that_of_the_seed_and_another_in_the_next_epoch(store):
    rng = np.random.default_rng(1)
    first, second = (numbers(store.batches("train", 32, rng)) for _ in range(2))
    again = numbers(store.batches("train", 32, np.random.default_rng(1)))
    np.testing.assert_array_equal(first, again)
    assert (first != second).any()
    assert abs(np.corrcoef(first, np.arange(300))[0, 1]) < 0.2


def test_neighbours_on_disk_come_far_apart_in_a_large_file(tmp_path, monkeypatch):
    monkeypatch.setattr("exobench.baselines.learning.samples.store.RUN", 8)
    monkeypatch.setattr("exobench.baselines.learning.samples.store.POOL", 256)
    store = written(tmp_path / "samples.h5", 1000, n_ranks=1)
    order = numbers(store.batches("train", 64, np.random.default_rng(2)))
    assert abs(np.corrcoef(order, np.arange(1000))[0, 1]) < 0.3
    assert np.unique(order[:64] // 8).size > 16


def test_batches_are_normalised_as_the_store_was_told(store):
    batch = next(store.batches("train", 300, np.random.default_rng(0)))
    assert (batch.stacks.min(axis=(2, 3)) != 0).any()
    scaled = SampleStore.open(store.path, normalisation="slice")
    batch = next(scaled.batches("train", 300, np.random.default_rng(0)))
    np.testing.assert_array_equal(batch.stacks.min(axis=(2, 3)), 0)


def test_a_stack_keeps_its_own_label_and_snr(store):
    samples = store.samples("train")
    for batch in store.batches("train", 64, np.random.default_rng(3)):
        own = samples.take(batch.snr[:, 0].astype(int)).batch()
        np.testing.assert_array_equal(batch.stacks, own.stacks)
        np.testing.assert_array_equal(batch.labels, own.labels)


def test_balanced_batches_have_the_larger_class_once_and_the_smaller_one_as_often_as_needed(
    tmp_path,
):
    store = written(tmp_path / "samples.h5", 200, positive=30)
    batches = list(store.balanced_batches("train", 16, np.random.default_rng(0)))
    for batch in batches:
        assert (batch.labels == 1).sum() == (batch.labels == 0).sum()
    seen = np.bincount(numbers(batches), minlength=200)
    np.testing.assert_array_equal(seen[30:], 1)
    assert seen[:30].min() >= 170 // 30
    assert seen[:30].max() <= 170 // 30 + 1


def test_balanced_batches_need_two_classes_and_an_even_size(tmp_path):
    store = written(tmp_path / "samples.h5", 20, positive=0)
    with pytest.raises(InputError, match=r"20 samples of c- and 0 of c\+ in train"):
        store.balanced_batches("train", 16, np.random.default_rng(0))
    with pytest.raises(InputError, match="even size"):
        store.balanced_batches("validation", 15, np.random.default_rng(0))


def test_augmented_epochs_keep_the_classes_and_never_show_a_stack_twice(store):
    data = StoredData(store=store, size=32, augmentation=Augmentation(ring_px=50))
    rng = np.random.default_rng(4)
    epochs = [list(data.train(rng)) for _ in range(2)]
    stacks = [np.concatenate([batch.stacks for batch in epoch]) for epoch in epochs]
    assert sum(batch.labels.sum() for batch in epochs[0]) == 150
    before = {one.tobytes() for one in stacks[0]}
    unchanged = sum(one.tobytes() in before for one in stacks[1])
    assert unchanged < 0.1 * 300  # those that are neither turned nor averaged, by chance
    same = [numbers(data.validation()) for _ in range(2)]
    np.testing.assert_array_equal(*same)


def test_memory_does_not_grow_with_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr("exobench.baselines.learning.samples.store.POOL", 2 * RUN)

    def peak(n):
        store = written(tmp_path / f"{n}.h5", n, n_ranks=4, patch=9)
        tracemalloc.start()
        for _ in store.batches("train", 64, np.random.default_rng(0)):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(2 * RUN)  # what is loaded only once
    assert peak(16 * RUN) < 1.3 * peak(4 * RUN)


def test_an_interrupted_write_leaves_nothing(tmp_path):
    def blocks():
        yield "train", made(100)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_samples(tmp_path / "samples.h5", blocks(), SECTORS, {})
    assert list(tmp_path.iterdir()) == []


def test_leaked_samples_are_not_written(tmp_path):
    common = replace(made(20, "validation", first=100), parents=made(20).parents)
    blocks = [("train", made(50)), ("validation", common)]
    with pytest.raises(LeakError, match="share 20 parents"):
        write_samples(tmp_path / "samples.h5", blocks, SECTORS, {})
    assert list(tmp_path.iterdir()) == []


def test_no_samples_are_an_error(tmp_path):
    with pytest.raises(InputError, match="no samples to write"):
        write_samples(tmp_path / "samples.h5", [], SECTORS, {})


def test_samples_of_another_shape_are_refused(store):
    with pytest.raises(InputError) as error:
        SampleStore.open(store.path, n_ranks=20, patch=9)
    assert [line.split(": ")[1].split(";")[0] for line in error.value.problems] == [
        "holds samples with n_ranks = 2, expected 20",
        "holds samples with patch = 3, expected 9",
    ]


def test_a_split_that_is_not_there_is_named(store):
    with pytest.raises(InputError, match="no samples for test, only for train, validation"):
        store.batches("test", 8, np.random.default_rng(0))
    with pytest.raises(InputError, match="1 sample or more, got 0"):
        store.batches("train", 0, np.random.default_rng(0))


def spoilt(how):
    def change(path):
        with h5py.File(path, "r+") as file:
            how(file)

    return change


def relabel(file):
    file["train/labels"][3] = 7


def point_elsewhere(file):
    del file["train"]
    file["train"] = h5py.ExternalLink("other.h5", "/train")


def shorten(file):
    file["train/snr"].resize(10, axis=0)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda path: path.write_bytes(b""), "not an HDF5 file"),
        (lambda path: path.write_bytes(b"SIMPLE  =  T"), "not an HDF5 file"),
        (lambda path: path.unlink(), "no such file"),
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), "truncated or damaged"),
        (spoilt(lambda file: file.attrs.pop("kind")), "holds no samples of exobench"),
        (spoilt(lambda file: file.attrs.modify("format", 2)), "format 2, this version"),
        (spoilt(lambda file: file.attrs.modify("patch", 5)), r"/train/stacks has shape"),
        (spoilt(lambda file: file.attrs.pop("patch")), "must be whole numbers"),
        (spoilt(lambda file: file["train"].pop("flux")), "/train/flux is missing"),
        (spoilt(shorten), r"/train/snr has shape \(10, 2\), expected \(300, 2\)"),
        (spoilt(relabel), "/train/labels must be 0 or 1"),
        (spoilt(point_elsewhere), "/train is a link to another place"),
        (spoilt(lambda file: [file.pop(s) for s in ("train", "validation")]), "no samples in it"),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_name(store, spoil, expected):
    spoil(store.path)
    with pytest.raises(InputError, match=expected) as error:
        SampleStore.open(store.path)
    assert all(line.startswith(str(store.path)) for line in error.value.problems)


def test_a_flipped_bit_is_found_when_it_is_read(store):
    content = bytearray(store.path.read_bytes())
    with h5py.File(store.path, "r") as file:
        chunk = file["train/stacks"].id.get_chunk_info(0)
    content[chunk.byte_offset + 100] ^= 1
    store.path.write_bytes(content)
    damaged = SampleStore.open(store.path)
    with pytest.raises(InputError, match="truncated or damaged file of samples"):
        list(damaged.batches("train", 8, np.random.default_rng(0)))
