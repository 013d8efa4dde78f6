"""`exobench verify`: what it says and how it ends."""

import json
import shutil

import pytest

pytestmark = pytest.mark.usefixtures("without_workers")


def test_a_challenge_as_built_is_said_to_be_so(exobench, contest):
    code, out, _ = exobench("verify", contest.folder, "--sequence", "irdis_like_1")
    assert code == 0
    assert out.splitlines()[0] == "small-contest: nothing wrong found"
    assert "built again    1 of 1 sequences" in out
    assert "the one committed to" in out


def test_the_public_part_alone_can_be_checked(exobench, contest, tmp_path):
    alone = shutil.copytree(contest.folder / "public", tmp_path / "alone")
    code, out, _ = exobench("verify", alone, "--json")
    assert code == 0
    content = json.loads(out)
    assert (content["valid"], content["truth"], content["rebuilt"]) == (True, "absent", [])
    assert len(content["checked"]) == 4
    assert [problem["code"] for problem in content["problems"]] == ["truth_absent"]


def test_everything_wrong_is_a_line_and_the_code_is_2(exobench, contest, tmp_path):
    folder = shutil.copytree(contest.folder, tmp_path / "copy")
    for name in ("irdis_like_pa_1", "irdis_like_psf_2"):
        with (folder / "public" / "adi" / f"{name}.fits").open("ab") as file:
            file.write(b"\0")
    with (folder / "private" / "truth.json").open("ab") as file:
        file.write(b"\n")
    code, out, _ = exobench("verify", folder)
    assert code == 2
    errors = [line for line in out.splitlines() if line.startswith("error: ")]
    assert [line.rpartition("[")[2] for line in errors] == ["file_changed]"] * 2 + ["truth_other]"]
    assert "small-contest: 3 errors" in out
    code, out, _ = exobench("verify", folder, "--json")
    assert (code, json.loads(out)["valid"]) == (2, False)


def test_what_is_no_challenge_is_said_in_a_line(exobench, tmp_path):
    code, out, err = exobench("verify", tmp_path)
    assert (code, out) == (2, "")
    assert "no manifest.json there" in err
    assert len(err.splitlines()) == 1
