import json

import numpy as np
import pytest


@pytest.fixture
def sub(tmp_path, toy_challenge):
    path = tmp_path / "sub.zip"
    path.write_bytes(toy_challenge.archive(name="mine"))
    return path


def entries(toy_challenge):
    folder = toy_challenge.folder / "entries"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def test_headlines_are_printed_and_the_entry_is_kept(exobench, sub, toy_challenge):
    code, out, err = exobench("score", sub, toy_challenge.folder)
    assert (code, err) == (0, "")
    assert (
        "at threshold 5: 2 true positives, 0 false positives; 2 injections in 2 sequences, "
        "0 without a map" in out
    )
    (line,) = [line for line in out.splitlines() if line.startswith("F1  ")]
    assert line.split() == ["F1", "1.000", "–"]
    assert "they need 6 units or more" in out
    (entry,) = entries(toy_challenge)
    assert f"kept as entry {entry.name}" in out
    assert not json.loads((entry / "entry.json").read_text())["baseline"]


def test_intervals_are_printed_where_there_are_any(exobench, tmp_path, make_challenge):
    sequences = [
        make_challenge.sequence(name=f"toy_{i}", companions=((20.0, 32.0),)) for i in range(7)
    ]
    toy = make_challenge(*sequences)
    path = tmp_path / "sub.zip"
    path.write_bytes(toy.archive(toy.maps(found=0.5)))
    _, out, _ = exobench("score", path, toy.folder)
    (line,) = [line for line in out.splitlines() if line.startswith("True positive rate")]
    low, high = (float(word.strip("[],")) for word in line.split()[-2:])
    assert 0 <= low < float(line.split()[-3]) < high <= 1
    assert "they need 6 units or more" not in out


def test_where_all_units_agree_the_exact_interval_stands_marked(exobench, tmp_path, make_challenge):
    sequences = [
        make_challenge.sequence(name=f"toy_{i}", companions=((20.0, 32.0),)) for i in range(7)
    ]
    toy = make_challenge(*sequences)
    path = tmp_path / "sub.zip"
    path.write_bytes(toy.archive(toy.maps()))
    _, out, _ = exobench("score", path, toy.folder)
    (line,) = [line for line in out.splitlines() if line.startswith("True positive rate")]
    # Clopper & Pearson: 7 of 7 successes have the lower bound 0.025^(1/7).
    assert line.endswith(f"1.000  [{0.025 ** (1 / 7):.3f}, 1.000]*")
    assert "* all units of resampling agree: exact interval (Clopper-Pearson)" in out


def test_the_metric_that_ranks_comes_first(exobench, sub, tmp_path, make_challenge):
    toy = make_challenge(make_challenge.sequence(name="toy_odd_1"), rank_by="ppv")
    path = tmp_path / "other.zip"
    path.write_bytes(toy.archive())
    _, out, _ = exobench("score", path, toy.folder)
    assert out.splitlines()[4].startswith("Precision (PPV)")


def test_the_same_zip_again_says_so(exobench, sub, toy_challenge):
    exobench("score", sub, toy_challenge.folder)
    code, out, _ = exobench("score", sub, toy_challenge.folder)
    assert code == 0
    assert "the same zip is an entry already" in out
    assert len(entries(toy_challenge)) == 1


def test_a_dry_run_and_eidc_mode_keep_nothing(exobench, sub, toy_challenge):
    _, out, _ = exobench("score", sub, toy_challenge.folder, "--dry-run")
    assert "not kept (dry run)" in out
    _, out, _ = exobench("score", sub, toy_challenge.folder, "--mode", "eidc")
    assert "not kept (eidc scores never are)" in out
    assert entries(toy_challenge) == []


def test_eidc_mode_prints_what_the_original_wrote_and_its_defects(exobench, sub, toy_challenge):
    _, out, _ = exobench("score", sub, toy_challenge.folder, "--mode", "eidc")
    assert "  F1_3d:1.333333\n" in out
    assert "[recall_above_one]" in out
    assert "[blank_repeats]" in out
    assert "ranking 1.000 of 1: the sum over instruments of the mean F1\n    toy_odd 1.000\n" in out
    assert "  AUC_TPR " in out
    assert "[fdr_of_nothing]" in out


def test_the_json_of_eidc_mode_has_both_aggregations(exobench, sub, toy_challenge):
    _, out, err = exobench("score", sub, toy_challenge.folder, "--mode", "eidc", "--json")
    score = json.loads(out)
    assert err == ""
    assert score["scores_txt"].startswith("F1_3d:1.333333\n")
    assert score["published_analysis"]["ranking_f1"] == 1
    assert {d["code"] for d in score["defects"]} == {"blank_repeats", "recall_above_one"}


def test_a_defect_of_several_sequences_is_printed_once(exobench, tmp_path, make_challenge):
    toy = make_challenge(
        *(make_challenge.sequence(name=f"toy_{i}", companions=((20.0, 32.0),)) for i in range(3))
    )
    path = tmp_path / "sub.zip"
    path.write_bytes(toy.archive({n: (m > 3) * 9.0 for n, m in toy.maps().items()}))
    _, out, _ = exobench("score", path, toy.folder, "--mode", "eidc")
    assert out.count("[two_valued_map]") == 1
    assert "toy_0: the map holds two values, which no rule forbids (and 2 more in --json)" in out


def test_a_baseline_is_marked(exobench, sub, toy_challenge):
    exobench("score", sub, toy_challenge.folder, "--baseline")
    (entry,) = entries(toy_challenge)
    assert json.loads((entry / "entry.json").read_text())["baseline"]


def test_json_and_file_are_the_score(exobench, sub, toy_challenge, tmp_path):
    path = tmp_path / "new" / "score.json"
    code, out, err = exobench("score", sub, toy_challenge.folder, "--json", "--out", path)
    assert (code, err) == (0, "")
    score = json.loads(out)
    assert score == json.loads(path.read_text())
    (entry,) = entries(toy_challenge)
    assert score == json.loads((entry / "score-strict-v1.json").read_text())
    assert (score["challenge"], score["track"], score["mode"]) == ("toy", "adi", "strict")


def test_warnings_go_to_standard_error(exobench, tmp_path, toy_challenge):
    maps = toy_challenge.maps()
    del maps["toy_even_2"]
    path = tmp_path / "sub.zip"
    path.write_bytes(toy_challenge.archive(maps))
    code, out, err = exobench("score", path, toy_challenge.folder, "--json")
    assert code == 0
    assert err.startswith("warning: toy_even_detmap_2.fits: is missing")
    assert json.loads(out)["overall"]["n_missing"] == 1


def test_an_invalid_submission_is_not_scored_and_leaves_nothing(exobench, tmp_path, toy_challenge):
    path = tmp_path / "bad.zip"
    path.write_bytes(toy_challenge.archive({}, threshold=float("nan")))
    out_file = tmp_path / "score.json"
    code, out, err = exobench("score", path, toy_challenge.folder, "--out", out_file)
    assert (code, out) == (2, "")
    assert [line.split("[")[-1] for line in err.splitlines()] == ["no_map]", "bad_threshold]"]
    assert all(line.startswith(f"error: {path}: ") for line in err.splitlines())
    assert not out_file.exists()
    assert entries(toy_challenge) == []


def test_the_public_folder_alone_is_refused(exobench, sub, toy_challenge):
    code, _, err = exobench("score", sub, toy_challenge.public)
    assert code == 2
    assert "is the public part of a challenge" in err
    (toy_challenge.folder / "private" / "truth.json").unlink()
    code, _, err = exobench("score", sub, toy_challenge.folder)
    assert code == 2
    assert "scores need the private part" in err


def test_a_file_that_cannot_be_written_is_an_error_before_anything_is_kept(
    exobench, sub, toy_challenge, tmp_path
):
    (tmp_path / "file").touch()
    code, _, err = exobench("score", sub, toy_challenge.folder, "--out", tmp_path / "file" / "s")
    assert code == 2
    assert "cannot be written" in err
    assert entries(toy_challenge) == []


def test_the_help_has_an_example(exobench):
    assert "Example: exobench score" in exobench("score", "--help")[1]


def test_what_the_score_warns_of_is_said_once(exobench, tmp_path, make_challenge):
    """Even maps half a pixel low, and half of one without values."""
    places = ((20.4, 31.4), (9.6, 20.6), (31.4, 20.6))
    names = [f"toy_{n}" for n in range(4)]
    toy = make_challenge(
        *(make_challenge.sequence(name=name, shape=(40, 40), companions=places) for name in names)
    )
    y, x = np.indices((40, 40))
    frame = sum(9 * np.exp(-((y + 0.5 - cy) ** 2 + (x + 0.5 - cx) ** 2) / 5.8) for cy, cx in places)
    maps = dict.fromkeys(names, frame) | {"toy_3": np.where(x + y < 40, np.nan, frame)}
    (tmp_path / "sub.zip").write_bytes(toy.archive(maps))
    code, _, err = exobench("score", tmp_path / "sub.zip", toy.folder)
    assert code == 0
    coverage, star = err.splitlines()
    assert "of the scored pixels are finite" in coverage
    assert "seem to have the star at (n - 1) / 2" in star
