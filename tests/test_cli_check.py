import json

import numpy as np
import pytest

from exobench.datasets.fits_bytes import image_bytes


@pytest.fixture
def sub(tmp_path, toy_challenge):
    path = tmp_path / "sub.zip"
    path.write_bytes(toy_challenge.archive())
    return path


@pytest.fixture
def bad(tmp_path, toy_challenge):
    maps = toy_challenge.maps()
    path = tmp_path / "bad.zip"
    maps = {"toy_odd_1": np.zeros((3, 3)), "toy_odd_7": maps["toy_odd_1"]}
    path.write_bytes(toy_challenge.archive(maps, threshold=np.nan))
    return path


def test_a_valid_submission_exits_with_zero_and_a_verdict(exobench, sub, toy_challenge):
    code, out, err = exobench("check", sub, toy_challenge.public)
    assert (code, err) == (0, "")
    assert out == f"{sub}: valid submission to track adi, 0 warnings\n"


def test_every_problem_is_one_line_with_code_and_file(exobench, bad, toy_challenge):
    code, out, _ = exobench("check", bad, toy_challenge.public)
    assert code == 2
    lines = out.splitlines()
    assert len(lines) == 5
    for line, file, problem in zip(
        lines,
        ("detection_threshold", "toy_odd_detmap_1", "toy_odd_detmap_7", "toy_even_detmap_2"),
        ("bad_threshold", "wrong_shape", "unknown_sequence", "missing_map"),
        strict=False,
    ):
        level = "warning" if problem == "missing_map" else "error"
        assert line.startswith(f"{level}: {file}.fits: ")
        assert line.endswith(f"[{problem}]")
    assert lines[-1] == f"{bad}: not valid, 3 errors, 1 warning"


def test_json_is_all_that_is_printed(exobench, sub, bad, toy_challenge):
    code, out, err = exobench("check", sub, toy_challenge.public, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"format": 1, "valid": True, "track": "adi", "problems": []}
    code, out, err = exobench("check", bad, toy_challenge.public, "--json")
    assert (code, err) == (2, "")
    verdict = json.loads(out)
    assert not verdict["valid"]
    assert {p["code"] for p in verdict["problems"]} == {
        *("bad_threshold", "wrong_shape", "unknown_sequence", "missing_map")
    }
    assert set(verdict["problems"][0]) == {"code", "level", "file", "message"}


def test_the_organizers_folder_serves_as_well(exobench, sub, toy_challenge):
    assert exobench("check", sub, toy_challenge.folder)[0] == 0


def test_the_truth_is_not_needed(exobench, sub, toy_challenge):
    (toy_challenge.folder / "private" / "truth.json").unlink()
    assert exobench("check", sub, toy_challenge.public)[0] == 0


def test_another_track_than_asked_for_is_an_error(exobench, sub, toy_challenge):
    code, out, _ = exobench("check", sub, toy_challenge.public, "--track", "adi_ifs")
    assert code == 2
    assert "[wrong_track]" in out
    code, _, err = exobench("check", sub, toy_challenge.public, "--track", "rdi")
    assert code == 2
    assert "toy has no track 'rdi'; it has adi, adi_ifs" in err


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", image_bytes(np.eye(3))])
def test_what_is_no_zip_exits_with_two(exobench, tmp_path, toy_challenge, content):
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    code, out, err = exobench("check", path, toy_challenge.public)
    assert (code, err) == (2, "")
    assert len(out.splitlines()) == 2


def test_missing_files_and_folders_exit_with_two(exobench, sub, tmp_path, toy_challenge):
    code, out, _ = exobench("check", tmp_path / "no.zip", toy_challenge.public)
    assert code == 2
    assert "cannot be read, no such file" in out
    code, _, err = exobench("check", sub, tmp_path / "nowhere")
    assert code == 2
    assert "no such folder" in err


def test_the_help_has_an_example(exobench):
    code, out, _ = exobench("check", "--help")
    assert code == 0
    assert "Example: exobench check" in out
