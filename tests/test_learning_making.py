"""Labelled sets on disk: continued where they were left, the same bytes in the end."""

from dataclasses import replace
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from exobench.baselines.learning.residuals.flux_ranges import FluxRange
from exobench.baselines.learning.samples import making
from exobench.baselines.learning.samples.label_plan import planned
from exobench.baselines.learning.samples.labelling import labelled
from exobench.baselines.learning.samples.making import make_samples
from exobench.baselines.learning.samples.recipe import Recipe
from exobench.baselines.learning.samples.samples import FIELDS, Samples
from exobench.baselines.learning.samples.store import bytes_of
from exobench.datasets.errors import InputError


@pytest.fixture
def plan(sky, monkeypatch):
    """Of few samples; without the injections that tell the range of fluxes of a ring."""
    fluxes = FluxRange(low=1.0, high=3.0)
    where = "exobench.baselines.learning.samples.label_plan.flux_range"
    monkeypatch.setattr(where, lambda *arguments, **keywords: fluxes)
    recipe = Recipe(n_per_class=24, n_ranks=2, patch=5, shares=(0.6, 0.4, 0.0))
    sequence = sky.noise((12, 39, 39), blur=1.0, seed=3)
    return planned(sequence, recipe, np.random.default_rng(0))


class Interrupted(Exception):
    pass


def interrupt(after):
    """A report of progress that ends in an exception once so many samples are done."""

    def advanced(progress):
        if progress.done >= after:
            raise Interrupted

    return advanced


def test_the_file_holds_what_the_plan_leads_to(plan, tmp_path):
    seen = []
    store = make_samples(tmp_path / "samples.h5", plan, seen.append)
    assert store.counts == {"train": (14, 14), "validation": (10, 10)}
    assert store.provenance == plan.provenance()
    assert (seen[-1].done, seen[-1].total) == (48, 48)
    expected = Samples.concatenate([one for split, one in labelled(plan) if split == "train"])
    for name in FIELDS:
        found = getattr(store.samples("train"), name)
        np.testing.assert_array_equal(found, getattr(expected, name))
    assert [one.name for one in tmp_path.iterdir()] == ["samples.h5"]


def test_a_disk_without_room_is_refused_before_anything_is_written(plan, tmp_path, monkeypatch):
    path, room = tmp_path / "new" / "samples.h5", SimpleNamespace(free=0)
    asked = []
    monkeypatch.setattr(making, "disk_usage", lambda folder: asked.append(folder) or room)
    with pytest.raises(InputError, match=r"samples.h5: the samples need 0 MB on that disk, 0 MB"):
        make_samples(path, plan)
    assert list(tmp_path.iterdir()) == []
    assert asked == [tmp_path]
    counts = [*(ring.counts for ring in plan.rings), {"train": 14, "validation": 10}]
    needed = sum(bytes_of(2 * n, plan.settings) for one in counts for n in one.values())
    needed += making._WITHOUT_SAMPLES * len(counts)
    room.free = needed - 1
    with pytest.raises(InputError, match="the samples need"):
        make_samples(path, plan)
    room.free = needed
    make_samples(path, plan)
    stated = sum(bytes_of(2 * n, plan.settings) for n in (14, 10))
    assert 0 < path.stat().st_size - stated < making._WITHOUT_SAMPLES
    with h5py.File(path) as file:
        blocks = [one.id.get_storage_size() for split in file.values() for one in split.values()]
    assert sum(blocks) == pytest.approx(stated, abs=4 * len(blocks))  # 4 for the checksum of each


def test_an_interrupted_set_goes_on_with_the_next_ring_and_ends_in_the_same_bytes(plan, tmp_path):
    whole, broken = tmp_path / "whole.h5", tmp_path / "broken.h5"
    make_samples(whole, plan)
    with pytest.raises(Interrupted):
        make_samples(broken, plan, interrupt(30))
    assert not broken.exists()
    seen = []
    make_samples(broken, plan, seen.append)
    first, *_ = plan.rings
    assert 0 < seen[-1].total <= 48 - 2 * sum(first.counts.values())
    assert broken.read_bytes() == whole.read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("spoil", ["nothing", "recipe", "damage"])
def test_a_whole_set_is_made_anew_only_if_it_is_of_another_plan_or_damaged(plan, tmp_path, spoil):
    path = tmp_path / "samples.h5"
    make_samples(path, plan)
    whole = path.read_bytes()
    if spoil == "recipe":
        plan = replace(plan, recipe=replace(plan.recipe, shift_px=0.0))
    elif spoil == "damage":
        path.write_bytes(whole[:1000])
    seen = []
    assert make_samples(path, plan, seen.append).provenance == plan.provenance()
    assert bool(seen) == (spoil != "nothing")
    assert (path.read_bytes() == whole) == (spoil != "recipe")


@pytest.mark.parametrize("spoil", ["recipe", "damage"])
def test_rings_of_another_plan_or_damaged_ones_are_made_anew(plan, tmp_path, spoil):
    path = tmp_path / "samples.h5"
    with pytest.raises(Interrupted):
        make_samples(path, plan, interrupt(30))
    if spoil == "recipe":
        plan = replace(plan, recipe=replace(plan.recipe, shift_px=0.0))
    else:
        for part in (tmp_path / ".samples.h5.rings").iterdir():
            part.write_bytes(part.read_bytes()[:1000])
    seen = []
    make_samples(path, plan, seen.append)
    assert seen[-1].total == 48


def test_a_file_that_cannot_be_written_is_an_error_before_the_work(plan, tmp_path):
    with pytest.raises(InputError, match="is a folder; name a file"):
        make_samples(tmp_path, plan, interrupt(0))
