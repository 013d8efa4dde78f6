"""The page on labels: its numbers by hand, and nothing of the test sectors in a training set."""

import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from exobench.baselines.learning.samples.recipe import Recipe
from exobench.baselines.learning.samples.samples import Batch
from exobench.datasets import simulate
from exobench.datasets.geometry import to_polar

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def modules():
    pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS / "studies")
        patch.setattr(importlib.import_module("learned_study_rates"), "N_REPLICATES", 20)
        yield {
            name: importlib.import_module(name)
            for name in ("labelling_field", "labelling_study", "labelling_study_page")
        }
    for name in set(sys.modules) - before:
        if str(DOCS) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def told(found, blank=None):
    """Of two companions and, unless said otherwise, of maps with two candidates of 1 each."""
    rows = [[number % 4, 1.0, 20.0, False] for number in range(8)] if blank is None else blank
    return {"found": found, "blank": rows}


def companions(modules, *snr):
    test = modules["labelling_field"].Test
    return [test(y=0.0, x=0.0, flux=1.0, snr=one) for one in snr]


def test_what_exceeds_one_false_positive_per_map_is_found(modules):
    page = modules["labelling_study_page"]
    blank = [[0, 5.0, 20.0, False], [0, 4.0, 20.0, False], [1, 3.5, 20.0, True]]
    blank += [[2, 3.0, 20.0, True], [3, 2.0, 20.0, True]]
    some = {page.PCA: [told([2.5, 0.5, 0.5, 0.5])], page.USUAL: [told([2.5, 1, 3, 4], blank)]}
    rows = page.labels(some, companions(modules, 1.5, 2, 3.5, 3)).splitlines()
    assert rows[2].startswith("| annular PCA | 0.50 | 0.25 | 0.25 |")
    # Five candidates in four maps: the fifth, of 2, is the threshold.
    assert rows[3].startswith(f"| {page.USUAL} | 0.50 | 0.75 | 0.75 | 3.00 [")


def test_false_positives_of_the_test_sectors_are_told_from_the_others(modules):
    page = modules["labelling_study_page"]
    blank = [[0, 5.0, 20.0, False], [1, 3.5, 20.0, True], [2, 3.0, 20.0, True]]
    kept = page.in_test_sectors(told([1], blank))["blank"]
    assert kept == blank[1:]


def test_the_mean_over_rates_is_that_of_every_step(modules):
    page = modules["labelling_study_page"]
    blank = [[number % 4, 20.0 - number, 20.0, False] for number in range(20)]
    some = [told([19.5, 12.5], blank)]  # found with 1 and 8 candidates of 16 above them
    one = page.compared(some, some, companions(modules, 2, 2))
    steps = np.arange(17)
    expected = np.mean([((n >= 1).astype(float) + (n >= 8)) / 2 for n in steps])
    assert page.mean_found(one) == pytest.approx(expected)


def test_a_page_is_written_from_what_was_kept(modules, tmp_path, monkeypatch):
    page, study = modules["labelling_study_page"], modules["labelling_study"]
    own = {"validation_auc": 0.8, "pixel_above_negative": 0.5, "best_epoch": 3}
    own |= {"training_seconds": 8.0}
    for name in (page.PCA, page.CURVE, page.USUAL, "elsewhere"):
        study.keep(study.told_path(tmp_path, name, 0), json.dumps(told([2, 0.5]) | own))
    (tmp_path / "share.json").write_text("0.2")
    (tmp_path / "tests.json").write_text('[{"y": 0, "x": 0, "flux": 1, "snr": 2}]')
    tests = [{"y": 0, "x": 0, "flux": 1, "snr": 2}] * 2
    (tmp_path / "tests.json").write_text(json.dumps(tests))
    marks = "\n".join(
        f"<!-- table {name} -->\n<!-- end {name} -->"
        for name in ("labels", "false positives", "own")
    )
    (tmp_path / "labelling_study.md").write_text(marks)
    monkeypatch.setattr(page, "PAGE", tmp_path / "labelling_study.md")
    page.write_page(tmp_path)
    text = (tmp_path / "labelling_study.md").read_text()
    assert text.count("| elsewhere |") == 3


@pytest.fixture(scope="module")
def judge(modules, tmp_path_factory):
    """Of a small sequence."""
    study, field = modules["labelling_study"], modules["labelling_field"]
    sequence = simulate("naco_like", rng=1, n_frames=24, size=61)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(field, "_OF_ALL", 20)
        some = field.tests(sequence)
    return study.field_of(tmp_path_factory.mktemp("study"), sequence, some, 5)


@pytest.mark.slow
def test_companions_stand_where_no_sample_was_drawn(modules, judge, tmp_path):
    study = modules["labelling_study"]
    assert len(judge.tests) == 6
    radius, azimuth = to_polar(*np.array([(one.y, one.x) for one in judge.tests]).T, (61, 61))
    assert judge.in_split("test", radius, azimuth).all()
    recipe = Recipe(n_per_class=40, n_ranks=5)
    store = study.samples(tmp_path, judge.sequence, recipe, 0)
    assert store.counts.keys() == {"train", "validation"}
    sectors = json.dumps(asdict(judge.plan.sectors), sort_keys=True)
    assert store.provenance["sectors"] == sectors


@pytest.mark.slow
def test_a_judge_looks_at_every_companion_and_every_blank_map(judge):
    found = judge.judged(lambda batch: batch.snr.mean(axis=1))
    assert len(found["found"]) == len(judge.tests)
    assert {row[0] for row in found["blank"]} == {0, 1, 2, 3}
    assert sorted(found["blank"], key=lambda row: -row[1]) == found["blank"]
    again = judge.judged(lambda batch: Batch.of(batch.stacks, batch.snr, batch.labels).snr.mean(1))
    assert again == found
