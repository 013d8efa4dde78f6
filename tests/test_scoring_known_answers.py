"""Scores counted by hand (tests/data/scoring/README.md), so that they stay recomputable."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from exobench.scoring import METRICS, DetectionList, MapTruth, score_maps

CASES = sorted(
    path.parent for path in (Path(__file__).parent / "data/scoring").glob("*/truth.json")
)


def read_answer(folder, name):
    instrument, _, number = name.rpartition("_")
    table = folder / f"{instrument}_detections_{number}.csv"
    if table.exists():
        rows = np.loadtxt(table, delimiter=",", skiprows=1, ndmin=2).reshape(-1, 3)
        return DetectionList(rows[:, :2], rows[:, 2])
    path = folder / f"{instrument}_detmap_{number}.fits"
    return fits.getdata(path) if path.exists() else None


@pytest.fixture(params=CASES, ids=lambda folder: folder.name)
def case(request):
    """Score of a case, and what was counted by hand."""
    folder = request.param
    truth = json.loads((folder / "truth.json").read_text())
    truths = {name: MapTruth(**settings) for name, settings in truth["sequences"].items()}
    answers = {name: read_answer(folder, name) for name in truths}
    answers = {name: answer for name, answer in answers.items() if answer is not None}
    score = score_maps(answers, truths, truth["threshold"]).to_dict()
    return score, json.loads((folder / "expected.json").read_text())


def test_there_are_cases():
    assert len(CASES) == 3


def test_every_metric_equals_the_hand_count(case):
    score, expected = case
    assert list(expected["overall"]) == list(METRICS)
    for key, counted in expected["overall"].items():
        exact = counted if counted is None else pytest.approx(float(Fraction(counted)), rel=1e-14)
        assert score["overall"][key] == exact, key


def test_intervals_equal_the_hand_count(case):
    score, expected = case
    for key, pair in expected["interval"].items():
        assert score["interval"][key] == pytest.approx(pair, rel=1e-12), key
    if not expected["interval"]:
        assert set(score["interval"].values()) == {None}


def test_the_curve_equals_the_hand_count(case):
    score, expected = case
    assert [[p["value"], p["tp"], p["fp"]] for p in score["curve"]] == expected["curve"]


def test_sequences_equal_the_hand_count(case):
    score, expected = case
    found = [[row[key] for key in ("name", "tp", "fp", "fn")] for row in score["per_sequence"]]
    assert found == expected["per_sequence"]


def test_separations_equal_the_hand_count(case):
    score, expected = case
    found = [[row[key] for key in ("n_injected", "tp", "fp")] for row in score["per_separation"]]
    assert found == expected["per_separation"]
