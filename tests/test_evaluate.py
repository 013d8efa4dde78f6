"""From a submission and a truth to a score file."""

import json
import subprocess
import sys

import numpy as np
import pytest

from exobench.challenge.evaluate import evaluate, strict_score
from exobench.challenge.folder import challenge_folder, read_challenge
from exobench.challenge.submission import read_submission
from exobench.datasets.errors import ChallengeError
from exobench.scoring import METRICS, MapTruth, score_maps


def score_of(toy, maps=None, threshold=5.0, **method):
    challenge = read_challenge(toy.folder)
    submission = read_submission(toy.archive(maps, threshold, **method), challenge.manifest)
    return evaluate(submission, challenge)


def test_the_score_is_that_of_the_maps_with_challenge_and_track(toy_challenge):
    maps = toy_challenge.maps()
    truths = {
        s.name: MapTruth(
            injections=np.array(s.companions).reshape(-1, 2),
            fwhm=4.0,
            inner_radius_px=5.0,
            outer_radius_px=17.0,
            instrument=s.name.rpartition("_")[0],
            shape=s.shape,
            lambda_over_d_px=4.0,
            strata=("bright",) * len(s.companions),
        )
        for s in toy_challenge.sequences
        if s.track == "adi"
    }
    expected = score_maps(maps, truths, 5.0).to_dict()
    found = score_of(toy_challenge, maps)
    assert (found["challenge"], found["track"], found["mode"]) == ("toy", "adi", "strict")
    assert found == expected | {"challenge": "toy", "track": "adi"}


def test_the_score_has_the_keys_of_the_contract(toy_challenge):
    score = score_of(toy_challenge)
    assert set(score) == {
        *("format", "challenge", "track", "mode", "metric_version", "threshold", "overall"),
        *(
            "interval",
            "exact_interval",
            "per_sequence",
            "per_instrument",
            "per_separation",
            "per_stratum",
        ),
        *("per_spectrum", "curve", "warnings"),
    }
    assert list(score["overall"]) == list(METRICS)
    assert (score["overall"]["tp"], score["overall"]["fp"]) == (2, 0)


def test_what_is_found_and_what_is_not_is_counted(toy_challenge):
    maps = toy_challenge.maps()
    maps["toy_odd_1"][5:14, 16:25] = 0
    maps["toy_even_2"][30, 20] = 6
    overall = score_of(toy_challenge, maps)["overall"]
    assert (overall["tp"], overall["fp"], overall["fn"]) == (1, 1, 1)
    assert overall["f1"] == pytest.approx(0.5)
    assert overall["fp_per_blank_map"] == 1


def test_a_missing_map_counts_as_nothing_found(toy_challenge):
    maps = toy_challenge.maps()
    del maps["toy_odd_1"]
    overall = score_of(toy_challenge, maps)["overall"]
    assert (overall["n_missing"], overall["n_injected"], overall["tpr"]) == (1, 2, 0)


def test_the_score_hangs_on_the_answers_not_on_the_archive(toy_challenge):
    first = score_of(toy_challenge)
    assert json.dumps(score_of(toy_challenge)) == json.dumps(first)
    assert score_of(toy_challenge, name="other words") == first


def test_a_strict_score_tells_where_the_false_positives_are(toy_challenge):
    maps = toy_challenge.maps()
    maps["toy_even_2"][30, 20] = 6
    challenge = read_challenge(toy_challenge.folder)
    submission = read_submission(toy_challenge.archive(maps), challenge.manifest)
    score = strict_score(submission, challenge)
    assert score.sequences[1].false_positives.tolist() == [[30, 20]]


def test_the_tolerance_of_the_manifest_counts(make_challenge):
    class Strict(make_challenge.sequence):
        @property
        def public(self):
            return super().public | {"tolerance_fwhm": 0.25}

    toy = make_challenge(Strict(name="toy_odd_1", companions=((20.0, 32.0),)))
    maps = {"toy_odd_1": np.zeros((41, 41), dtype=np.float32)}
    maps["toy_odd_1"][20, 31] = 9
    assert score_of(toy, maps)["overall"]["tp"] == 1
    maps["toy_odd_1"] = np.roll(maps["toy_odd_1"], -1, axis=1)
    assert score_of(toy, maps)["overall"]["tp"] == 0


def test_two_tolerances_in_one_track_are_an_error(make_challenge):
    class Strict(make_challenge.sequence):
        @property
        def public(self):
            return super().public | {"tolerance_fwhm": 0.25}

    toy = make_challenge(Strict(name="toy_1"), make_challenge.sequence(name="toy_2"))
    with pytest.raises(ChallengeError, match=r"must share one tolerance_fwhm, got 0\.25, 1"):
        score_of(toy)


def test_the_public_folder_is_not_the_challenge(toy_challenge):
    for function in (challenge_folder, read_challenge):
        with pytest.raises(ChallengeError, match="is the public part of a challenge"):
            function(toy_challenge.public)


def test_scores_need_the_private_part(toy_challenge):
    (toy_challenge.folder / "private" / "truth.json").unlink()
    with pytest.raises(ChallengeError, match="which only its organizer has"):
        read_challenge(toy_challenge.folder)


def test_a_truth_that_was_changed_is_refused(toy_challenge):
    path = toy_challenge.folder / "private" / "truth.json"
    path.write_bytes(path.read_bytes().replace(b"32.0", b"31.0"))
    with pytest.raises(ChallengeError, match="is not the truth that toy committed to"):
        read_challenge(toy_challenge.folder)


def test_another_version_of_the_metrics_is_refused(make_challenge):
    toy = make_challenge(make_challenge.sequence(name="toy_1"), metric_version=2)
    with pytest.raises(ChallengeError, match="version 2 of the metrics"):
        read_challenge(toy.folder)


def test_no_challenge_at_all_is_an_error(tmp_path):
    with pytest.raises(ChallengeError, match="no such folder"):
        read_challenge(tmp_path / "nowhere")
    with pytest.raises(ChallengeError, match=r"no manifest\.json"):
        read_challenge(tmp_path)


PROGRAM = """
import sys
from datetime import UTC, datetime
from exobench.challenge.entries import FolderEntryStore
from exobench.challenge.evaluate import evaluate
from exobench.challenge.evaluate_eidc import evaluate_eidc
from exobench.challenge.folder import read_challenge
from exobench.challenge.ranking import ranking
from exobench.challenge.submission import read_submission
challenge = read_challenge(sys.argv[1])
submission = read_submission(sys.argv[2], challenge.manifest)
store = FolderEntryStore(challenge.folder)
store.keep(submission, evaluate(submission, challenge), received=datetime.now(UTC))
evaluate_eidc(submission, challenge)
assert ranking(challenge.manifest, store)["tracks"]["adi"][0]["f1"] == 1
heavy = {"torch", "jax", "flax", "streamlit", "matplotlib", "pandas", "vip_hci", "photutils"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.extras
def test_checking_scoring_and_ranking_load_no_framework(toy_challenge, tmp_path):
    (tmp_path / "sub.zip").write_bytes(toy_challenge.archive())
    arguments = [str(toy_challenge.folder), str(tmp_path / "sub.zip")]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"


def test_the_public_folder_is_known_by_a_relative_path_too(toy_challenge, monkeypatch):
    monkeypatch.chdir(toy_challenge.folder)
    with pytest.raises(ChallengeError, match="is the public part of a challenge"):
        challenge_folder("public")
