"""What a submission may be: every rule, its code, and a verdict that needs no truth."""

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest

from exobench.challenge.method import Method
from exobench.challenge.problems import SubmissionError
from exobench.challenge.submission import (
    check_submission,
    read_submission,
    submission_bytes,
    write_submission,
)
from exobench.datasets.errors import ChallengeError, InputError
from exobench.datasets.fits_bytes import image_bytes
from exobench.scoring import DetectionList

ODD, EVEN, IFS = "toy_odd_detmap_1.fits", "toy_even_detmap_2.fits", "toy_ifs_detmap_1.fits"
LIST = "toy_odd_detections_1.csv"
THRESHOLD = "detection_threshold.fits"


@pytest.fixture
def manifest(toy_challenge):
    return toy_challenge.manifest


@pytest.fixture
def files(toy_challenge):
    """Files of a submission without problems, by name; to be changed."""
    maps = toy_challenge.maps()
    return {
        ODD: image_bytes(maps["toy_odd_1"]),
        EVEN: image_bytes(maps["toy_even_2"]),
        THRESHOLD: image_bytes(np.array([5.0])),
    }


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def found(files, manifest, track=None):
    """Problems as (level, code, file)."""
    verdict = check_submission(zipped(files), manifest, track)
    assert verdict.valid == (not verdict.errors)
    return [(p.level, p.code, p.file) for p in verdict.problems]


def only(files, manifest):
    """The one problem."""
    (problem,) = check_submission(zipped(files), manifest).problems
    return problem


def with_pixels(toy_challenge, name, value, *pixels):
    image = toy_challenge.maps()[name]
    for y, x in pixels:
        image[y, x] = value
    return image_bytes(image)


def test_a_good_submission_has_no_problems_and_all_its_answers(files, manifest, toy_challenge):
    files["method.toml"] = b'name = "mine"\nauthors = ["A", "B"]\ncpu_seconds = 12\n'
    data = zipped(files)
    verdict = check_submission(data, manifest)
    assert verdict.problems == ()
    submission = verdict.submission
    assert (submission.track, submission.threshold) == ("adi", 5.0)
    assert submission.sha256 == hashlib.sha256(data).hexdigest()
    assert submission.method.stated() == {"name": "mine", "authors": ["A", "B"], "cpu_seconds": 12}
    for name, expected in toy_challenge.maps().items():
        np.testing.assert_array_equal(submission.answers[name], expected)
        assert submission.answers[name].dtype == np.float64


def test_a_path_and_its_bytes_get_the_same_verdict(files, manifest, tmp_path):
    files["extra.txt"] = b""
    path = tmp_path / "sub.zip"
    path.write_bytes(zipped(files))
    verdicts = [check_submission(one, manifest) for one in (path, str(path), path.read_bytes())]
    assert len({verdict.problems for verdict in verdicts}) == 1


@pytest.mark.parametrize("name", ["nowhere.zip", "."])
def test_a_file_that_cannot_be_read_is_a_problem(name, manifest, tmp_path):
    verdict = check_submission(tmp_path / name, manifest)
    assert [p.code for p in verdict.problems] == ["unreadable"]
    assert not verdict.valid


def test_a_huge_file_is_not_read_to_its_end(manifest, tmp_path):
    path = tmp_path / "huge.zip"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    assert [p.code for p in check_submission(path, manifest).problems] == ["archive_too_large"]


def test_all_problems_come_at_once(files, manifest, toy_challenge):
    files[ODD] = b"hello"
    files[EVEN] = image_bytes(np.zeros((41, 41)))
    files[THRESHOLD] = image_bytes(np.array([np.nan]))
    files["toy_odd_detmap_9.fits"] = files["metadata.yaml"] = files["notes.txt"] = b"x"
    files["method.toml"] = b"name = 3"
    files["sub/other"] = b""
    assert found(files, manifest) == [
        ("error", "bad_threshold", THRESHOLD),
        ("error", "forbidden_file", "metadata.yaml"),
        ("error", "bad_method", "method.toml"),
        ("error", "unexpected_file", "notes.txt"),
        ("error", "folder", "sub/other"),
        ("error", "wrong_shape", EVEN),
        ("error", "not_fits", ODD),
        ("error", "unknown_sequence", "toy_odd_detmap_9.fits"),
    ]


def test_a_missing_map_is_a_warning(files, manifest):
    del files[EVEN]
    assert found(files, manifest) == [("warning", "missing_map", EVEN)]


def test_no_map_at_all_is_an_error(files, manifest):
    assert found({THRESHOLD: files[THRESHOLD]}, manifest) == [("error", "no_map", "")]
    assert [code for _, code, _ in found({}, manifest)] == ["no_map", "threshold_missing"]


def test_a_broken_map_is_not_also_missing(files, manifest):
    assert found({ODD: b"", EVEN: b"", THRESHOLD: files[THRESHOLD]}, manifest) == [
        ("error", "not_fits", EVEN),
        ("error", "not_fits", ODD),
    ]


def test_a_map_and_a_list_for_one_sequence_are_a_duplicate(files, manifest):
    files[LIST] = b"y,x,score\n20,32,9\n"
    assert found(files, manifest) == [("error", "duplicate", LIST)]


def test_an_unknown_sequence_is_named_beside_the_known(files, manifest):
    for name in ("other_detmap_1.fits", "toy_odd_detmap_3.fits", "toy_odd_detections_7.csv"):
        problem = only({**files, name: files[ODD]}, manifest)
        assert (problem.code, problem.file) == ("unknown_sequence", name)
        assert "toy_odd_1, toy_even_2, toy_ifs_1" in problem.message


@pytest.mark.parametrize("name", ["TOY_ODD_DETMAP_1.FITS", "toy_odd_detmap_1.fits.gz", "x.npy"])
def test_other_names_are_not_expected(files, manifest, name):
    problem = only({**files, name: files[ODD]}, manifest)
    assert problem.code in {"unexpected_file", "nested_archive"}
    assert problem.level == "error"


@pytest.mark.parametrize("name", ["metadata", "metadata.yaml", "METADATA.json", "metadata_x.fits"])
def test_metadata_is_refused_by_whatever_end(files, manifest, name):
    assert only({**files, name: b"command: rm"}, manifest).code == "forbidden_file"


def test_the_shape_is_that_of_the_frames(files, manifest):
    for shape in ((40, 41), (41, 40), (1, 41, 41), (41,)):
        files[ODD] = image_bytes(np.zeros(shape, dtype=np.float32))
        problem = only(files, manifest)
        assert (problem.code, problem.file) == ("wrong_shape", ODD)
        assert "expected a map of 41 x 41 pixels" in problem.message
        assert f"got {' x '.join(map(str, shape))}" in problem.message


def test_plus_infinity_counts_only_in_the_scored_area(files, manifest, toy_challenge):
    files[ODD] = with_pixels(toy_challenge, "toy_odd_1", np.inf, (20, 20), (0, 0), (20, 38))
    assert found(files, manifest) == []
    files[ODD] = with_pixels(toy_challenge, "toy_odd_1", np.inf, (30, 20), (25, 20), (0, 0))
    problem = only(files, manifest)
    assert (problem.code, problem.file) == ("infinite", ODD)
    assert "(25, 20)" in problem.message


def test_minus_infinity_and_nan_make_no_claim(files, manifest, toy_challenge):
    files[ODD] = with_pixels(toy_challenge, "toy_odd_1", -np.inf, (25, 20), (26, 20))
    assert found(files, manifest) == []


@pytest.mark.parametrize(
    "content",
    [
        image_bytes(np.array([np.nan])),
        image_bytes(np.array([np.inf])),
        image_bytes(np.array([1.0, 2.0])),
        image_bytes(np.array([[1.0]])),
        b"5.0",
        b"",
    ],
)
def test_the_threshold_is_one_finite_number(files, manifest, content):
    files[THRESHOLD] = content
    problem = only(files, manifest)
    assert (problem.code, problem.file) == ("bad_threshold", THRESHOLD)


def test_a_missing_threshold_is_an_error(files, manifest):
    del files[THRESHOLD]
    assert found(files, manifest) == [("error", "threshold_missing", THRESHOLD)]


def test_a_threshold_of_minus_infinity_is_not_finite(files, manifest):
    files[THRESHOLD] = image_bytes(np.array([-np.inf]))
    assert only(files, manifest).code == "bad_threshold"


def test_integer_maps_and_thresholds_are_welcome(files, manifest):
    from astropy.io import fits

    def written(array):
        buffer = io.BytesIO()
        fits.PrimaryHDU(array).writeto(buffer)
        return buffer.getvalue()

    y, x = np.indices((41, 41))
    files[ODD] = written((y * x % 100).astype(np.int16))
    files[THRESHOLD] = written(np.array([7], dtype=np.int64))
    verdict = check_submission(zipped(files), manifest)
    assert verdict.valid
    assert verdict.submission.threshold == 7.0
    np.testing.assert_array_equal(verdict.submission.answers["toy_odd_1"], y * x % 100)


def test_maps_of_two_tracks_are_an_error(files, manifest, toy_challenge):
    files[IFS] = image_bytes(toy_challenge.maps("adi_ifs")["toy_ifs_1"])
    problem = only(files, manifest)
    assert problem.code == "several_tracks"
    assert "adi and adi_ifs" in problem.message


def test_the_track_follows_from_the_names(files, manifest, toy_challenge):
    ifs = {
        IFS: image_bytes(toy_challenge.maps("adi_ifs")["toy_ifs_1"]),
        THRESHOLD: files[THRESHOLD],
    }
    assert check_submission(zipped(ifs), manifest).track == "adi_ifs"
    assert found(ifs, manifest, "adi_ifs") == []
    assert found(ifs, manifest, "adi") == [("error", "wrong_track", "")]
    with pytest.raises(ChallengeError, match="has no track 'rdi'; it has adi, adi_ifs"):
        check_submission(zipped(ifs), manifest, "rdi")


def test_settings_of_the_2020_scorer_are_named_and_not_used(files, manifest):
    for name in ("npix.fits", "overlap_threshold.fits", "max_blob_fact.fits"):
        files[name] = image_bytes(np.array([3.0]))
    files["toy_odd_fwhm_1.fits"] = image_bytes(np.array([60.0]))
    files["toy_even_fwhm_2.fits"] = b"not even FITS"
    verdict = check_submission(zipped(files), manifest)
    assert verdict.valid
    assert {(p.code, p.file) for p in verdict.warnings} == {
        ("ignored_file", name) for name in files if name not in (ODD, EVEN, THRESHOLD)
    }
    assert verdict.submission.parameters == {
        "npix.fits": 3.0,
        "overlap_threshold.fits": 3.0,
        "max_blob_fact.fits": 3.0,
        "toy_odd_fwhm_1.fits": 60.0,
    }


def test_low_coverage_is_a_warning_over_all_maps(files, manifest, toy_challenge):
    gap = toy_challenge.maps()["toy_odd_1"]
    gap[:20] = np.nan
    files[ODD] = image_bytes(gap)
    problem = only(files, manifest)
    assert (problem.level, problem.code, problem.file) == ("warning", "low_coverage", ODD)
    assert "75.8% of the scored pixels of all maps" in problem.message
    gap[:] = 0.1 * np.arange(41)
    gap[20, 30:33] = np.nan
    files[ODD] = image_bytes(gap)
    assert "low_coverage" not in {code for _, code, _ in found(files, manifest)}


def test_maps_without_levels_are_warnings(files, manifest):
    constant, binary, empty = np.ones((41, 41)), np.eye(41), np.full((41, 41), np.nan)
    constant[0, 0] = 7  # outside the scored area
    for image, code in ((constant, "constant_map"), (binary, "binary_map"), (empty, "empty_map")):
        files[ODD] = image_bytes(image)
        codes = [c for _, c, f in found(files, manifest) if f == ODD and c != "low_coverage"]
        assert codes == [code]


def test_a_threshold_above_every_value_is_a_warning(files, manifest):
    files[THRESHOLD] = image_bytes(np.array([50.0]))
    assert found(files, manifest) == [("warning", "no_detection", THRESHOLD)]


def test_a_list_may_stand_in_place_of_a_map(files, manifest):
    del files[ODD]
    files[LIST] = (
        b"\xef\xbb\xbfscore, y , x\r\n9.5,20,32\r\n\r\n-1e1,9.25,nan\n"[:-16] + b"\n7,9,20\n"
    )
    submission = read_submission(zipped(files), manifest)
    answer = submission.answers["toy_odd_1"]
    assert isinstance(answer, DetectionList)
    np.testing.assert_array_equal(answer.yx, [[20, 32], [9, 20]])
    np.testing.assert_array_equal(answer.values, [9.5, 7])


def test_an_empty_list_detects_nothing(files, manifest):
    del files[ODD]
    files[LIST] = b"y,x,score"
    assert read_submission(zipped(files), manifest).answers["toy_odd_1"].yx.shape == (0, 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "first line must name the columns"),
        (b"1,2,3\n", "first line must name the columns"),
        (b"y,x\n1,2\n", "first line must name the columns"),
        (b"y,x,score,flux\n", "first line must name the columns"),
        (b"y,x,score\n1,2\n", "line 2: expected 3 numbers"),
        (b"y,x,score\n1,2,3\n1,2,three\n", "line 3: expected 3 numbers"),
        (b"y,x,score\n1_0,2,3\n", "line 2: expected 3 numbers"),
        (b"y,x,score\n=1+1,2,3\n", "line 2: expected 3 numbers"),
        (b"y,x,score\n\xff,2,3\n", "is not text"),
        (b"y,x,score\n\xd9\xa1,2,3\n", "line 2: expected 3 numbers"),
        (b"y,x,score\nnan,2,3\n", "line 2: y and x must be positions"),
        (b"y,x,score\n1,inf,3\n", "line 2: y and x must be positions"),
        (b"y,x,score\n1e308,1e308,3\n", "line 2: y and x must be positions"),
        (b"y,x,score\n1,1e999,3\n", "line 2: y and x must be positions"),
        (b"y,x,score\n" + b"1,2,3\n" * 10_001, "10001 rows; expected at most 10000"),
    ],
)
def test_lists_that_are_none_are_refused(files, manifest, content, message):
    del files[ODD]
    files[LIST] = content
    problem = only(files, manifest)
    assert (problem.code, problem.file) == ("bad_list", LIST)
    assert message in problem.message


def test_plus_infinity_in_a_list_counts_only_in_the_scored_area(files, manifest):
    del files[ODD]
    files[LIST] = b"y,x,score\n20,20,inf\n20,32,inf\n"
    problem = check_submission(zipped(files), manifest).problems[0]
    assert (problem.code, problem.file) == ("infinite", LIST)
    assert "line 3" in problem.message
    files[LIST] = b"y,x,score\n20,20,inf\n20,32,8\n"
    assert found(files, manifest) == [("warning", "outside_scored_area", LIST)]


def test_messages_follow_from_submission_and_manifest_alone(files, make_challenge, tmp_path):
    """Two truths under one manifest, one invalid submission: the same words."""
    one = make_challenge.sequence(name="toy_odd_1", companions=((20.0, 32.0),))
    blank = make_challenge.sequence(name="toy_odd_1")
    manifests = [make_challenge(sequence).manifest for sequence in (one, blank)]
    files[ODD] = image_bytes(np.zeros((3, 3)))
    del files[EVEN]
    first, second = (check_submission(zipped(files), m).to_dict() for m in manifests)
    assert json.dumps(first) == json.dumps(second)
    assert not first["valid"]


def test_reading_raises_every_error_with_its_code_and_no_warning(files, manifest, tmp_path):
    del files[EVEN], files[THRESHOLD]
    files[ODD] = b""
    (tmp_path / "sub.zip").write_bytes(zipped(files))
    with pytest.raises(SubmissionError) as caught:
        read_submission(tmp_path / "sub.zip", manifest)
    assert isinstance(caught.value, InputError)
    assert [p.code for p in caught.value.coded] == ["threshold_missing", "not_fits"]
    assert all(line.startswith(f"{tmp_path / 'sub.zip'}: ") for line in caught.value.problems)
    assert "[not_fits]" in caught.value.problems[1]


def test_written_submissions_are_valid_and_the_same_bytes(manifest, toy_challenge, tmp_path):
    maps, method = toy_challenge.maps(), Method(name='Méthode 🪐 "A"', authors=("B",), device="x")
    path = tmp_path / "new" / "sub.zip"
    write_submission(path, maps, 5.0, method)
    assert [p.name for p in path.parent.iterdir()] == ["sub.zip"]
    submission = read_submission(path, manifest)
    assert submission.method == method
    backwards = dict(reversed(maps.items()))
    assert submission_bytes(backwards, 5.0, method) == path.read_bytes() == submission.archive
    for name, values in maps.items():
        np.testing.assert_array_equal(submission.answers[name], values)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == sorted(archive.namelist())
        assert archive.namelist() == [THRESHOLD, "method.toml", EVEN, ODD]
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_written_bytes_do_not_hang_on_machine_or_library():
    digest = hashlib.sha256(submission_bytes({"a_1": np.eye(3)}, 5.0)).hexdigest()
    assert digest == "9a5886b09245085048c299f4eec45059729f4cc078137999ab156d9072649f4b"


def test_written_submissions_hold_no_metadata(manifest, toy_challenge):
    data = submission_bytes(toy_challenge.maps(), 5.0)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == [THRESHOLD, EVEN, ODD]
