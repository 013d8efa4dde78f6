"""`exobench audit`: from a submission to its false alarms."""

import json
from dataclasses import replace

import numpy as np
import pytest

from exobench.challenge.false_alarms import audit_submission
from exobench.challenge.folder import read_challenge
from exobench.challenge.submission import read_submission
from exobench.scoring.candidates import DetectionList


@pytest.fixture
def blanks(make_challenge):
    """A challenge of eight blank sequences, two of one star, and one with a companion."""
    names = [f"toy_{k}" for k in range(1, 9)]
    toys = [make_challenge.sequence(name=name, shape=(61, 61)) for name in names]
    found = make_challenge.sequence(name="toy_9", shape=(61, 61), companions=((30.0, 42.0),))
    return make_challenge(*toys, found)


@pytest.fixture
def sub(tmp_path, blanks):
    """Normal pixels, twice as wild as they claim to be."""
    rng = np.random.default_rng(0)
    maps = {s.name: 2 * rng.normal(size=s.shape) for s in blanks.sequences}
    maps["toy_9"][30, 42] = 100.0
    path = tmp_path / "sub.zip"
    path.write_bytes(blanks.archive(maps, threshold=4.5, name="mine"))
    return path


def test_claimed_and_measured_are_printed_by_separation(exobench, sub, blanks):
    code, out, err = exobench("audit", sub, blanks.folder)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert "in 8 blank sequences" in lines[1]
    assert {"all", "0-3", "3-6"} <= {line.partition(" ")[0] for line in lines}
    two = next(line for line in lines if line.startswith("all")).split()
    assert two[1:3] == ["2", "0.023"]
    assert float(two[3]) == pytest.approx(0.159, abs=0.06)
    assert "maps with one" in out
    # The threshold of the submission is audited too.
    assert any(line.split()[:2] == ["4.5", "3.4e-06"] for line in lines)


def test_one_blank_sequence_is_told_in_the_singular(exobench, make_challenge, tmp_path):
    toy = make_challenge(make_challenge.sequence(name="toy_1", shape=(61, 61)))
    sub = tmp_path / "sub.zip"
    noise = np.random.default_rng(0).normal(size=(61, 61))
    sub.write_bytes(toy.archive({"toy_1": noise}, threshold=4.5, name="mine"))
    _, out, _ = exobench("audit", sub, toy.folder)
    assert out.splitlines()[1].endswith("in 1 blank sequence")


def test_json_is_all_that_stands_on_standard_output(exobench, sub, blanks):
    _, out, _ = exobench("audit", sub, blanks.folder, "--json")
    found = json.loads(out)
    assert (found["format"], found["unit"], found["track"]) == (1, "lambda/D", "adi")
    assert found["n_fields"] == 8
    assert [row["value"] for row in found["overall"]["at_element"]] == [2, 3, 4, 4.5, 5]
    assert found["overall"]["at_element"][0]["agrees"] is False


def test_only_blank_sequences_are_looked_at(sub, blanks):
    challenge = read_challenge(blanks.folder)
    submission = read_submission(sub, challenge.manifest)
    audited = audit_submission(submission, challenge, values=(50.0,)).found
    assert audited.overall.in_search[-1].count == 0


def test_maps_that_are_not_in_sigma_are_measured_without_a_claim(exobench, sub, blanks):
    code, out, _ = exobench("audit", sub, blanks.folder, "--no-claim", "--value", 1, "--json")
    assert code == 0
    rows = json.loads(out)["overall"]["at_element"]
    assert [row["value"] for row in rows] == [1, 4.5]
    assert all(row["claimed"] is None for row in rows)
    code, out, _ = exobench("audit", sub, blanks.folder, "--no-claim", "--value", 1)
    assert code == 0
    lines = out.splitlines()
    assert lines[4].split("  ")[0] == "separation"
    columns = [name.strip() for name in lines[4].split("  ") if name]
    assert columns == ["separation", "value", "measured", "95 % interval", "worth"]
    assert "worth: Gaussian sigma of the measured probability" in out
    assert "claimed" not in out


def test_blank_sequences_without_a_map_are_named(exobench, tmp_path, blanks):
    maps = blanks.maps()
    del maps["toy_1"]
    path = tmp_path / "sub.zip"
    path.write_bytes(blanks.archive(maps))
    code, _, err = exobench("audit", path, blanks.folder)
    assert code == 0
    assert "toy_1: blank, but without a map" in err


def test_a_list_of_detections_is_no_map(sub, blanks):
    challenge = read_challenge(blanks.folder)
    submission = read_submission(sub, challenge.manifest)
    listed = DetectionList(np.array([[30.0, 40.0]]), np.array([3.0]))
    submission = replace(submission, answers=submission.answers | {"toy_2": listed})
    audited = audit_submission(submission, challenge)
    assert audited.left_out == ("toy_2",)
    assert audited.found.n_fields == 7


def test_a_challenge_without_blanks_says_how_to_get_some(exobench, tmp_path, make_challenge):
    toy = make_challenge(make_challenge.sequence(name="toy_1", companions=((20.0, 32.0),)))
    path = tmp_path / "sub.zip"
    path.write_bytes(toy.archive())
    code, out, err = exobench("audit", path, toy.folder)
    assert (code, out) == (2, "")
    assert "blank_fraction" in err


@pytest.mark.slow
def test_the_figure_is_drawn(exobench, sub, blanks, tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")
    code, out, _ = exobench("audit", sub, blanks.folder, "--plot", tmp_path / "audit.png")
    assert code == 0
    assert f"figure written to {tmp_path / 'audit.png'}" in out
    assert (tmp_path / "audit.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--value", "nan"], "finite"), (["--plot", "audit.xyz"], "image file")],
)
def test_options_that_make_no_sense_are_refused(exobench, sub, blanks, options, message):
    code, out, err = exobench("audit", sub, blanks.folder, *options)
    assert (code, out) == (2, "")
    assert message in err


def test_the_public_part_alone_does_not_tell_which_are_blank(exobench, sub, blanks):
    code, _, err = exobench("audit", sub, blanks.public)
    assert code == 2
    assert "public part" in err
