"""What the report of difficulty says of a challenge whose answer is known."""

import hashlib
import json

import pytest

from exobench.challenge.difficulty import difficulty
from exobench.challenge.documents import write_json
from exobench.datasets.errors import ChallengeError

RADII = [5.0, 17.0]


def companion(x, stratum, separation, snr, flux=4.0):
    return {
        "y": 20.0,
        "x": x,
        "separation": (x - 20) * 0.01,
        "position_angle": 270.0,
        "flux": flux,
        "contrast": flux / 1e4,
        "stratum": stratum,
        "separation_stratum": separation,
        "spectrum": None,
        "snr": snr,
    }


@pytest.fixture
def challenge(toy_challenge):
    """A toy challenge in whose first sequence three families know their limits."""
    private = toy_challenge.folder / "private"
    truth = json.loads((private / "truth.json").read_text())
    near, far = "0-3 lambda/D", "10-inf lambda/D"
    truth["sequences"]["toy_odd_1"]["companions"] = [
        companion(26.0, "bright", near, {"a": 9.0, "b": 6.0, "c": 5.0}),
        companion(27.0, "faint", near, {"a": 4.9, "b": None, "c": 1.0}),
        companion(34.0, "middle", far, {"a": 7.0, "b": 5.1, "c": 4.0}),
        companion(35.0, "visible", far, {"a": 20.0, "b": 20.0, "c": 20.0}),
    ]
    truth["sequences"]["toy_ifs_1"]["companions"] = []
    write_json(private / "truth.json", truth, mode=0o600)
    manifest = json.loads((toy_challenge.public / "manifest.json").read_text())
    manifest["commitment"] = hashlib.sha256((private / "truth.json").read_bytes()).hexdigest()
    write_json(toy_challenge.public / "manifest.json", manifest)
    limits = {"a": [1.0, 1.0], "b": [2.0, 2.0], "c": [8.0, 8.0]}
    sequences = {
        name: {
            "limits": {
                family: {"radius_px": RADII, "flux": flux}
                for family, flux in limits.items()
                if name == "toy_odd_1"
            },
            "left_out": [],
        }
        for name in truth["sequences"]
    }
    report = {"format": 1, "environment": {}, "sequences": sequences}
    write_json(private / "build-report.json", report, mode=0o600)
    return toy_challenge.folder


def test_what_each_family_finds_at_5_sigma_is_counted_without_visible_companions(challenge):
    report = difficulty(challenge)["tracks"]["adi"]
    assert report["n_companions"] == 3
    assert {f: (one["found"], one["n"]) for f, one in report["families"].items()} == {
        "a": (2, 3),
        "b": (2, 3),
        "c": (1, 3),
    }
    assert report["families"]["a"]["tpr"] == pytest.approx(2 / 3)


def test_limits_are_compared_with_their_median_and_with_the_star(challenge):
    report = difficulty(challenge)["tracks"]["adi"]
    fainter = {f: one["limit_fainter_by"] for f, one in report["families"].items()}
    assert fainter == pytest.approx({"a": 0.7526, "b": 0.0, "c": -1.5051}, abs=1e-3)
    near, far = report["limits"]
    assert (near["separation"], near["n"], far["n"]) == ("0-3 lambda/D", 2, 1)
    expected = {"combined": 9.2474, "a": 10.0, "b": 9.2474, "c": 7.7423}
    assert near["contrast"] == pytest.approx(expected, abs=1e-3)


def test_without_a_family_the_limit_is_the_mean_magnitude_of_the_other_two(challenge):
    families = difficulty(challenge)["tracks"]["adi"]["families"]
    # Fluxes 1, 2, 8, median 2: without the first sqrt(16), the second sqrt(8), the third sqrt(2).
    shifts = {f: one["left_out"]["brighter_by"] for f, one in families.items()}
    assert shifts == pytest.approx({"a": 0.7526, "b": 0.3763, "c": -0.3763}, abs=1e-3)
    assert families["a"]["left_out"]["without_limit"] == 0


def test_strata_that_all_or_none_find_are_named(challenge):
    report = difficulty(challenge)["tracks"]["adi"]
    assert report["found_by_all"] == ["bright at 0-3 lambda/D", "visible at 10-inf lambda/D"]
    assert report["found_by_none"] == ["faint at 0-3 lambda/D"]
    middle = next(row for row in report["strata"] if row["brightness"] == "middle")
    assert middle["found"] == {"a": 1, "b": 1, "c": 0}


def test_a_track_without_companions_has_an_empty_report(challenge):
    report = difficulty(challenge)["tracks"]["adi_ifs"]
    assert (report["n_companions"], report["families"], report["strata"]) == (0, {}, [])


def rewrite(folder, change):
    """Change the content of the report of the build and of the truth, and commit to that."""
    private, manifest = folder / "private", folder / "public" / "manifest.json"
    report, truth = private / "build-report.json", private / "truth.json"
    contents = [json.loads(path.read_text()) for path in (report, truth)]
    change(*(content["sequences"] for content in contents))
    for path, content in zip((report, truth), contents, strict=True):
        write_json(path, content, mode=0o600)
    committed = {"commitment": hashlib.sha256(truth.read_bytes()).hexdigest()}
    write_json(manifest, json.loads(manifest.read_text()) | committed)


def only_a(report, truth):
    report["toy_odd_1"]["limits"] = {"a": report["toy_odd_1"]["limits"]["a"]}
    for one in truth["toy_odd_1"]["companions"]:
        one["snr"] = {"a": one["snr"]["a"]}


def test_one_family_cannot_be_left_out(challenge, exobench):
    rewrite(challenge, only_a)
    assert difficulty(challenge)["tracks"]["adi"]["families"]["a"]["left_out"] is None
    _, out, _ = exobench("difficulty", challenge)
    assert out.splitlines()[4].split() == ["a", "2", "of", "3", "+0.00", "-", "-"]
    assert "combined  " not in out  # it is that of the family
    assert "found by" not in out.lower()


def no_contrasts(report, truth):
    for one in truth["toy_odd_1"]["companions"]:
        one["contrast"] = None


def test_where_the_flux_of_the_star_is_unknown_limits_have_no_magnitude(challenge):
    rewrite(challenge, no_contrasts)
    near, _ = difficulty(challenge)["tracks"]["adi"]["limits"]
    assert near["contrast"] == dict.fromkeys(("combined", "a", "b", "c"))


def not_there(report, truth):
    del report["toy_odd_1"]


def less_families(report, truth):
    del report["toy_odd_1"]["limits"]["b"]


def other_radii(report, truth):
    report["toy_odd_1"]["limits"]["b"]["radius_px"] = [5.0, 16.0]


def no_flux(report, truth):
    del report["toy_odd_1"]["limits"]["b"]["flux"]


def less_flux(report, truth):
    report["toy_odd_1"]["limits"]["b"]["flux"] = [1.0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (not_there, "is of another build than truth.json, by toy_odd_1"),
        (less_families, "is of another build than truth.json, by toy_odd_1"),
        (other_radii, "is of another build than truth.json, by toy_odd_1"),
        (no_flux, "has no limits against separation of toy_odd_1"),
        (less_flux, "has no limits against separation of toy_odd_1"),
    ],
)
def test_a_report_that_is_not_of_this_truth_is_refused(challenge, exobench, change, said):
    rewrite(challenge, change)
    code, out, error = exobench("difficulty", challenge)
    assert (code, out) == (2, "")
    assert error == f"error: {challenge / 'private' / 'build-report.json'}: {said}\n"


def test_the_program_prints_tables_or_json(challenge, exobench):
    code, out, _ = exobench("difficulty", challenge)
    assert code == 0
    adi, _, ifs = out.partition("\n\n\n")
    assert adi == TABLES
    assert ifs == "toy, track adi_ifs: sequences: 1, blank: 1, companions drawn: 0\n"
    code, out, _ = exobench("difficulty", challenge, "--json")
    assert json.loads(out) == difficulty(challenge)


TABLES = """\
toy, track adi: sequences: 2, blank: 1, companions drawn: 3, placed to be visible: 1

References, over all companions but those placed to be visible
reference  found at 5 sigma  limit (mag)  without it (mag)     range (mag)
a                    2 of 3        +0.75             +0.75  +0.75 to +0.75
b                    2 of 3        +0.00             +0.38  +0.38 to +0.38
c                    1 of 3        -1.51             -0.38  -0.38 to -0.38
  limit: how much fainter (+) or brighter (-) than the combined limit, median
  without it: how much brighter (+) or fainter (-) companions would be, median

Limits where the companions are, in magnitudes below the star, medians
separation       n  combined      a     b     c
0-3 lambda/D     2      9.25  10.00  9.25  7.74
10-inf lambda/D  1      9.25  10.00  9.25  7.74

Companions found, those placed to be visible among them
stratum                     n  a  b  c
bright at 0-3 lambda/D      1  1  1  1
faint at 0-3 lambda/D       1  0  0  0
visible at 10-inf lambda/D  1  1  1  1
middle at 10-inf lambda/D   1  1  1  0

Found by all: bright at 0-3 lambda/D (1); visible at 10-inf lambda/D (1)
Found by none: faint at 0-3 lambda/D (1)"""


def test_without_the_private_part_there_is_no_report(toy_challenge, exobench):
    with pytest.raises(ChallengeError, match=r"build-report.json: no such file; exobench build"):
        difficulty(toy_challenge.folder)
    assert exobench("difficulty", toy_challenge.public)[0] == 2
