"""The page on learned detectors: its ratios follow from journals, by hand here."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from exobench.challenge.campaigns.journal import Journal
from exobench.challenge.campaigns.tables import COLUMNS
from exobench.datasets import simulate

DOCS = Path(__file__).parents[1] / "docs"
LEARNED = "sodinn(samples=60)"


@pytest.fixture(scope="module")
def modules():
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS / "studies")
        yield {
            name: importlib.import_module(name)
            for name in ("learned_study", "learned_study_rates", "learned_study_page")
        }
    for name in set(sys.modules) - before:
        if str(DOCS) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def journal(folder, name, values, brightness="faint", false=(3, 2), maps=("a_1",)):
    """Companions of these values, and candidates of every blank map."""
    (folder / name).mkdir(parents=True)
    records = []
    for sequence in maps:
        who = {"algorithm": name, "sequence": sequence}
        records += [
            ("false_positives", {**who, "map": "blank", "injection": None, "value": v})
            for v in false
        ]
        records.append(("costs", {**who, "injection": -1, "cpu_seconds": 9.0}))
    for i, value in enumerate(values):
        row = {"algorithm": name, "sequence": "a_1", "injection": i, "candidate_value": value}
        row |= {"brightness": brightness}
        records.append(("injections", dict.fromkeys(COLUMNS["injections"]) | row))
        records.append(("costs", {**who, "injection": i, "cpu_seconds": 0.5, "sequence": "a_1"}))
    Journal(folder / name).add(records)


def test_a_ratio_is_that_of_companions_above_one_false_positive_per_map(modules, tmp_path):
    rates = modules["learned_study_rates"]
    journal(tmp_path, "annular_pca", [4, 4, 2, 1, None, 1, 1, 1])
    journal(tmp_path, f"{LEARNED} 0", [4, 4, 4, 4, 2.5, 1, None, 2])
    journal(tmp_path, f"{LEARNED} 1", [4, 4, 4, 1, 2, 1])
    (one,) = rates.tested(tmp_path)
    assert one.name == LEARNED
    np.testing.assert_allclose(rates.rates(one, "faint"), [[5 / 8, 2 / 8], [3 / 6, 2 / 6]])
    point, low, high = rates.ratio(one, "faint")
    assert point == pytest.approx(8 / 4)
    assert 1 <= low < point < high


def test_a_threshold_of_resampled_maps_is_that_of_a_campaign(modules):
    from exobench.challenge.campaigns.rates import threshold_at

    rates, rng = modules["learned_study_rates"], np.random.default_rng(0)
    number, values = rng.integers(4, size=40), np.sort(rng.normal(size=40))[::-1]
    maps = rates.Maps(values=values, number=number)
    often = np.array([2, 0, 1, 1])
    drawn = np.repeat(values, often[number])
    false = pd.DataFrame({"map": "blank", "value": drawn})
    for per_map in (0.5, 1.0, 3.0):
        assert maps.threshold(often.astype(float), per_map) == threshold_at(false, 4, per_map)


def test_nights_turn_every_frame_by_another_angle_and_leave_the_first_as_it_is(modules):
    night = modules["learned_study"].night
    sequence = simulate("irdis_like", rng=np.random.default_rng(0), n_frames=8, size=41)
    np.testing.assert_array_equal(night(sequence, 0, 4).angles, sequence.angles)
    others = [night(sequence, number, 4).angles for number in (1, 2, 3)]
    assert all((one != sequence.angles).all() for one in others)
    assert all(sorted(one) == sorted(sequence.angles) for one in others)


def test_companions_are_even_in_snr(modules):
    snr = np.array([modules["learned_study"].snr_of(index) for index in range(300)])
    assert snr.min() >= 1
    assert snr.max() < 4
    counts = np.histogram(snr, bins=6, range=(1, 4))[0]
    assert counts.min() >= 48


def test_the_table_names_number_rates_and_ratio(modules, tmp_path):
    journal(tmp_path, "annular_pca", [4, 2, 2, 2], maps=("a_1", "a_1, night 2"))
    journal(tmp_path, f"{LEARNED} 0", [4, 4, 2, 2], maps=("a_1", "a_1, night 2"))
    (one,) = modules["learned_study_rates"].tested(tmp_path)
    lines = modules["learned_study_page"].table([one]).splitlines()
    # two maps: two candidates may exceed the threshold, which is the third, 2
    assert lines[2].startswith(f"| {LEARNED} | faint | 4 | 0.25 | 0.50 | 0.50 | 2.00 | [")
