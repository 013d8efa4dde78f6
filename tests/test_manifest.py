"""What the participants of a challenge are told."""

import json

import pytest

from exobench.challenge.manifest import public_folder, read_manifest
from exobench.datasets.errors import ChallengeError


def rewrite(toy_challenge, change):
    path = toy_challenge.public / "manifest.json"
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content))
    return toy_challenge.folder


def test_a_challenge_is_found_by_its_folder_and_its_public_folder(toy_challenge):
    for path in (toy_challenge.folder, toy_challenge.public, str(toy_challenge.public)):
        assert public_folder(path) == toy_challenge.public
        assert read_manifest(path).name == "toy"


def test_a_folder_without_manifest_is_no_challenge(tmp_path):
    with pytest.raises(ChallengeError, match=r"no manifest.json there nor in its folder public"):
        public_folder(tmp_path)
    with pytest.raises(ChallengeError, match="none: no such folder"):
        public_folder(tmp_path / "none")


def test_an_unknown_track_lists_the_known(toy_challenge):
    with pytest.raises(ChallengeError, match="toy has no track 'rdi'; it has adi, adi_ifs"):
        toy_challenge.manifest.sequences("rdi")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(seed=3), "unknown key seed; known are"),
        (lambda m: m.pop("commitment"), "commitment is missing"),
        (lambda m: m.update(rank_by="auc"), "rank_by: input should be"),
        (
            lambda m: m["tracks"]["adi"]["sequences"][1].update(fwhm="4"),
            "tracks.adi.sequences[2].fwhm: input should be a valid number, got '4'",
        ),
        (lambda m: m["tracks"].update(rdi={"sequences": []}), "tracks.rdi.[key]"),
        (
            lambda m: m["tracks"]["adi"]["sequences"][0].update(recipe=1),
            "unknown key tracks.adi.sequences[1].recipe; known are characterization, diameter, ",
        ),
    ],
)
def test_a_manifest_that_is_not_as_declared_is_named_key_by_key(toy_challenge, change, said):
    with pytest.raises(ChallengeError) as caught:
        read_manifest(rewrite(toy_challenge, change))
    (problem,) = caught.value.problems
    assert said in problem


def test_a_manifest_that_is_no_json_is_said(toy_challenge):
    (toy_challenge.public / "manifest.json").write_text("{")
    with pytest.raises(ChallengeError, match=r"manifest.json: is not JSON"):
        read_manifest(toy_challenge.folder)
