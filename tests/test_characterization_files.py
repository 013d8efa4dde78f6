"""Files of positions and spectra: read as astropy reads them, and nothing else is read."""

import io
import zipfile

import numpy as np
import pytest
from astropy.io import fits

from exobench.challenge.characterization_files import (
    answer_file,
    check_names,
    first_guess_bytes,
    first_guess_file,
    read_first_guesses,
)
from exobench.challenge.characterization_submission import (
    characterization_bytes,
    check_characterization,
    write_characterization,
)
from exobench.challenge.characterization_warnings import read_all_first_guesses
from exobench.challenge.evaluate_characterization import evaluate_characterization, evaluate_phase2
from exobench.challenge.folder import read_challenge
from exobench.challenge.manifest import PublicFile
from exobench.challenge.method import Method
from exobench.challenge.submission import check_submission
from exobench.datasets.errors import ChallengeError, InputError, RecipeError
from exobench.datasets.fits_bytes import FitsError, images_bytes, read_images
from exobench.scoring.characterization import Characterization, Estimates

CONTRASTS = ((1e-5, 2e-5, 3e-5), (4e-5, 4e-5, 4e-5))


@pytest.fixture
def files():
    """A submission without problems, by file name; arrays as they are in the files."""
    return {
        "astrometry_toy_a1.fits": [[[12.0, 0.0], [0.0, -11.0]]],
        "astrometry_toy_a2.fits": [[[0.0, 10.0]]],
        "photometry_toy_a1.fits": [CONTRASTS],
        "photometry_toy_a2.fits": [CONTRASTS[:1]],
    }


def saved(*units):
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(units[0]), *units[1:]]).writeto(buffer)
    return buffer.getvalue()


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            raw = isinstance(content, bytes)
            archive.writestr(
                name,
                content
                if raw
                else images_bytes([a if a is None else np.array(a) for a in content]),
            )
    return buffer.getvalue()


def found(files, told_challenge, track=None):
    """Problems as (level, code, file)."""
    verdict = check_characterization(zipped(files), told_challenge.manifest, track)
    assert verdict.valid == (not verdict.errors)
    return [(p.level, p.code, p.file) for p in verdict.problems]


def messages(files, told_challenge):
    return [
        p.message for p in check_characterization(zipped(files), told_challenge.manifest).problems
    ]


# several images in a file


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", ">f4"])
def test_images_are_those_that_astropy_reads(dtype):
    arrays = [np.arange(6).reshape(2, 3), np.ones((2, 3)), np.arange(24).reshape(2, 3, 4)]
    arrays = [a.astype(dtype) for a in arrays]
    content = saved(arrays[0], fits.ImageHDU(arrays[1], name="ERRORS"), fits.ImageHDU(arrays[2]))
    for ours, theirs in zip(read_images(content, 3), arrays, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_images_that_we_write_are_read_by_astropy_and_by_us():
    arrays = [np.arange(6.0).reshape(2, 3), None, np.arange(24, dtype="f4").reshape(2, 3, 4)]
    content = images_bytes(arrays)
    with fits.open(io.BytesIO(content)) as units:
        units.verify("exception")
        assert [unit.data is None for unit in units] == [False, True, False]
        np.testing.assert_array_equal(units[2].data, arrays[2])
    read = read_images(content, 3)
    assert read[1] is None
    np.testing.assert_array_equal(read[0], arrays[0])
    assert images_bytes(arrays) == content


@pytest.mark.peers
def test_files_of_the_library_of_the_challenge_are_read(tmp_path):
    pytest.importorskip("vip_hci", reason="needs the extra: pip install 'exobench[peers]'")
    from vip_hci.fits import write_fits

    arrays = (np.ones((2, 2)), np.full((2, 2), 0.1), np.arange(28.0).reshape(2, 2, 7))
    write_fits(str(tmp_path / "mef.fits"), arrays, verbose=False)
    for ours, theirs in zip(
        read_images((tmp_path / "mef.fits").read_bytes(), 3), arrays, strict=True
    ):
        np.testing.assert_array_equal(ours, theirs.astype(np.float32))


def huge(unit):
    """The same unit that declares 10^12 pixels."""
    return unit.replace(b"NAXIS1  =                    2", b"NAXIS1  =        1000000000000")


def huge_extension():
    both = images_bytes([np.zeros((2, 2))] * 2)
    return both[:5760] + huge(both[5760:])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (huge(images_bytes([np.zeros((2, 2))])), "is damaged"),
        (huge_extension(), "is damaged"),
        (images_bytes([np.zeros((2, 2))] * 4), "more than 3 images"),
        (images_bytes([np.zeros((2, 2))] * 2)[:-1], "is damaged"),
        (images_bytes([np.zeros((2, 2))]) + b"x" * 2880, "is damaged"),
        (saved(np.zeros((2, 2)), fits.BinTableHDU.from_columns([])), "no image (BINTABLE)"),
        (saved(np.zeros((2, 2)), fits.CompImageHDU(np.zeros((9, 9)))), "no image (BINTABLE)"),
        (b"SIMPLE  =", "does not end"),
        (b"PK\x03\x04", "zip archive"),
        (b"", "not a FITS file"),
    ],
)
def test_a_file_that_is_not_plain_images_is_refused_before_anything_is_made_of_it(content, said):
    with pytest.raises(FitsError) as caught:
        read_images(content, 3)
    assert said in str(caught.value)


def test_first_guesses_are_x_and_y_in_the_file():
    guesses = np.array([[1.0, 2.0], [3.0, 4.0]])
    content = first_guess_bytes(guesses)
    with fits.open(io.BytesIO(content)) as units:
        assert units[0].data.tolist() == [[2.0, 1.0], [4.0, 3.0]]
    np.testing.assert_array_equal(read_first_guesses(content), guesses)
    for wrong in (b"", images_bytes([np.zeros(2)])):
        with pytest.raises(InputError, match="first guesses"):
            read_first_guesses(wrong)


def test_names_are_those_of_the_second_phase():
    assert answer_file("sphere_ifs_12", "astrometry") == "astrometry_sphere_ifs12.fits"
    assert answer_file("gpi_1", "photometry") == "photometry_gpi1.fits"
    assert first_guess_file("sphere_ifs_12") == "sphere_ifs_first_guess_12.fits"
    check_names(["a_1", "a_2", "b_1"])
    with pytest.raises(RecipeError, match="a1_2 and a_12 would both be answered by"):
        check_names(["a1_2", "a_12"])


# submissions


def test_a_good_submission_has_all_its_answers_and_a_perfect_score(files, told_challenge):
    challenge = told_challenge()
    files["method.toml"] = b'name = "mine"\n'
    verdict = check_characterization(zipped(files), challenge.manifest)
    assert verdict.problems == ()
    assert (verdict.track, verdict.submission.method.name) == ("adi_ifs", "mine")
    opened = read_challenge(challenge.folder)
    score = evaluate_characterization(verdict.submission, opened)
    assert (score["challenge"], score["track"]) == ("toy", "adi_ifs")
    assert score["overall"]["astrometry"]["distance_px"] == 0
    assert score["overall"]["photometry"]["relative_l1_sum"] == pytest.approx(0, abs=1e-12)
    legacy = evaluate_phase2(verdict.submission, opened)
    assert legacy["mode"] == "eidc"
    assert legacy["astrometry"] == {"value": 0.0, "defects": []}


def test_where_the_flux_of_the_star_is_unknown_fluxes_stand_for_contrasts(files, told_challenge):
    challenge = told_challenge(star_flux=None)
    verdict = check_characterization(zipped(files), challenge.manifest)
    score = evaluate_characterization(verdict.submission, read_challenge(challenge.folder))
    assert score["overall"]["photometry"]["relative_l1_sum"] == pytest.approx(0, abs=1e-12)


def test_what_is_written_is_read_again(told_challenge, tmp_path):
    rng = np.random.default_rng(0)
    at, bright = rng.normal(10, 1, (2, 2)), rng.uniform(1e-5, 2e-5, (2, 3))
    answers = {
        "toy_a_1": Characterization(
            positions=Estimates(
                values=at,
                sigma=np.array([[0.1, 0.2], [0.3, 0.4]]),
                samples=rng.normal(at[..., None], 1, (2, 2, 9)),
                detected=np.array([[True, True], [False, False]]),
            ),
            contrasts=Estimates(
                values=bright, samples=bright[..., None] + rng.normal(0, 1e-6, (2, 3, 9))
            ),
        ),
        "toy_a_2": Characterization(contrasts=Estimates.nothing(1, 3)),
    }
    path = tmp_path / "new" / "sub.zip"
    path.parent.mkdir()
    write_characterization(path, answers, Method(name="mine"))
    assert path.read_bytes() == characterization_bytes(answers, Method(name="mine"))
    verdict = check_characterization(path, told_challenge().manifest)
    assert [p.code for p in verdict.problems] == ["missing_file"]
    for name, expected in answers.items():
        for kind in ("positions", "contrasts"):
            ours, theirs = getattr(verdict.submission.answers[name], kind), getattr(expected, kind)
            assert (ours is None) == (theirs is None)
            for part in ("values", "known", "sigma", "samples") if ours is not None else ():
                np.testing.assert_array_equal(getattr(ours, part), getattr(theirs, part))


def test_positions_are_x_and_y_in_files_and_so_are_their_errors(files, told_challenge):
    files["astrometry_toy_a2.fits"] = [
        [[1.0, 9.0]],
        [[0.1, 0.9]],
        [[[1.0, 1.1, 1.2], [9.0, 9.1, 9.2]]],
    ]
    submission = check_characterization(zipped(files), told_challenge().manifest).submission
    read = submission.answers["toy_a_2"].positions
    assert read.values.tolist() == [[9.0, 1.0]]
    assert read.sigma.tolist() == [[0.9, 0.1]]
    assert read.samples[0].tolist() == [[9.0, 9.1, 9.2], [1.0, 1.1, 1.2]]


def test_minus_one_is_not_detected_in_both_coordinates_or_in_a_channel(files, told_challenge):
    files["astrometry_toy_a1.fits"] = [[[-1.0, -1.0], [-1.0, 11.0]]]
    files["photometry_toy_a1.fits"] = [[[-1.0, 2e-5, 3e-5], [-1.0, -1.0, -1.0]]]
    challenge = told_challenge()
    submission = check_characterization(zipped(files), challenge.manifest).submission
    answer = submission.answers["toy_a_1"]
    assert answer.positions.known.tolist() == [[False, False], [True, True]]
    assert answer.contrasts.known.tolist() == [[False, True, True], [False] * 3]
    score = evaluate_characterization(submission, read_challenge(challenge.folder))
    first = score["per_sequence"][0]["companions"][0]
    assert first["astrometry"]["distance_px"] == 5
    assert first["photometry"]["relative_l1"] == pytest.approx([1, 0, 0])
    legacy = evaluate_phase2(submission, read_challenge(challenge.folder))
    codes = {
        kind: [d["code"] for d in legacy[kind]["defects"]] for kind in legacy if kind[-1] == "y"
    }
    assert "undetected_position" in codes["astrometry"]
    assert codes["photometry"].count("undetected_contrast") == 2


def test_the_two_zips_of_the_challenge_are_valid_each_for_itself(files, told_challenge):
    challenge = told_challenge()
    astrometry = {name: c for name, c in files.items() if name.startswith("astrometry")}
    assert found(astrometry, challenge) == [("warning", "missing_kind", "")]
    submission = check_characterization(zipped(astrometry), challenge.manifest).submission
    opened = read_challenge(challenge.folder)
    assert evaluate_characterization(submission, opened)["overall"]["photometry"] is None
    assert evaluate_phase2(submission, opened)["photometry"] is None


def of_kind(files, kind):
    return {name: content for name, content in files.items() if name.startswith(kind)}


def test_the_two_zips_of_the_challenge_are_one_answer_together(files, told_challenge):
    challenge = told_challenge()
    files["method.toml"] = b'name = "mine"'
    positions, spectra = (
        zipped(of_kind(files, k) | of_kind(files, "method")) for k in ("astrometry", "photometry")
    )
    verdict = check_characterization(positions, challenge.manifest, other=spectra)
    assert verdict.problems == ()
    opened = read_challenge(challenge.folder)
    whole = check_characterization(zipped(files), challenge.manifest).submission
    both = verdict.submission
    assert evaluate_characterization(both, opened) == evaluate_characterization(whole, opened)
    # What is kept is one zip, whatever the order in which the two were named.
    again = check_characterization(both.archive, challenge.manifest).submission
    assert again.sha256 == both.sha256
    turned = check_characterization(spectra, challenge.manifest, other=positions).submission
    assert turned.sha256 == both.sha256


def test_the_order_within_each_of_two_zips_stays_that_of_the_second_phase(files, told_challenge):
    challenge = told_challenge()
    mixed = zipped(dict(reversed(of_kind(files, "astrometry").items())))
    verdict = check_characterization(
        mixed, challenge.manifest, other=zipped(of_kind(files, "photometry"))
    )
    legacy = evaluate_phase2(verdict.submission, read_challenge(challenge.folder))
    assert legacy["astrometry"]["value"] is None
    assert legacy["photometry"]["value"] == pytest.approx(0)


def test_two_zips_that_contradict_each_other_are_refused(files, told_challenge):
    manifest = told_challenge().manifest
    changed = files | {"astrometry_toy_a2.fits": [[[0.0, 11.0]]]}
    verdict = check_characterization(zipped(files), manifest, other=zipped(changed))
    assert [(p.code, p.file) for p in verdict.errors] == [("duplicate", "astrometry_toy_a2.fits")]
    verdict = check_characterization(zipped(files), manifest, other="none.zip")
    assert [p.code for p in verdict.errors] == ["unreadable"]
    verdict = check_characterization(b"no", manifest, other=zipped(files))
    assert [p.code for p in verdict.errors] == ["not_a_zip"]


def test_the_numbers_of_the_second_phase_pair_files_as_the_zip_lists_them(files, told_challenge):
    del files["photometry_toy_a1.fits"], files["photometry_toy_a2.fits"]
    challenge = told_challenge()
    mixed = dict(reversed(files.items()))
    submission = check_characterization(zipped(mixed), challenge.manifest).submission
    opened = read_challenge(challenge.folder)
    legacy = evaluate_phase2(submission, opened)
    assert legacy["astrometry"]["value"] is None  # one planet where the truth has two
    assert [d["code"] for d in legacy["astrometry"]["defects"]] == ["short_answer_stops"]
    assert (
        evaluate_characterization(submission, opened)["overall"]["astrometry"]["distance_px"] == 0
    )


def test_everything_that_is_wrong_is_listed_by_file(files, told_challenge):
    nan = [[[np.nan, 0.0], [0.0, -11.0]]]
    flat = [[[0.0, 10.0]], [[0.1, -0.1]], np.zeros((1, 2, 3))]
    files |= {
        "astrometry_toy_a1.fits": nan,
        "astrometry_toy_a2.fits": flat,
        "photometry_toy_a1.fits": [CONTRASTS[:1]],
        "photometry_toy_a2.fits": b"no",
    }
    assert found(files, told_challenge()) == [
        ("error", "bad_estimates", "astrometry_toy_a1.fits"),
        ("error", "bad_estimates", "astrometry_toy_a2.fits"),
        ("error", "bad_estimates", "astrometry_toy_a2.fits"),
        ("error", "wrong_shape", "photometry_toy_a1.fits"),
        ("error", "not_fits", "photometry_toy_a2.fits"),
    ]
    assert messages(files, told_challenge())[:4] == [
        "companion 1, quantity 1 of 2: the estimate is not finite; declare it as not detected "
        "(-1 in a file) if there is none",
        "companion 1, quantity 1 of 2: all posterior samples are equal: a posterior has a width",
        "companion 1, quantity 2 of 2: the 1-sigma error must be finite and positive",
        "expected estimates of shape 2 x 3 (companions, in the order of the first guesses of "
        "toy_a_1, x channels) in the primary image, got 1 x 3",
    ]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([[[0.0, 10.0], [1.0, 1.0]]], "got 2 x 2"),
        ([[[[0.0, 10.0]]]], "got 1 x 1 x 2"),
        ([None, [[0.0, 10.0]]], "got none"),
        ([[[0.0, 10.0]], [0.1, 0.1]], "errors must have the shape"),
        ([[[0.0, 10.0]], None, np.zeros((1, 3, 2))], "(1, 2, n_samples)"),
        ([[[0.0, 10.0]], None, np.zeros((1, 2))], "(1, 2, n_samples)"),
        ([[[0.0, 10.0]], None, [[[1.0, np.nan], [1.0, 2.0]]]], "a posterior sample is not finite"),
    ],
)
def test_shapes_and_posteriors_that_do_not_fit_say_so(parts, said, files, told_challenge):
    files["astrometry_toy_a2.fits"] = parts
    (message,) = messages(files, told_challenge())
    assert said in message


def test_what_deserves_a_second_look_is_a_warning(files, told_challenge):
    rng = np.random.default_rng(0)
    files["astrometry_toy_a1.fits"] = [[[32.0, 20.0], [0.0, -11.0]]]  # pixels, not offsets
    files["photometry_toy_a1.fits"] = [[[10.0, 11.0, 12.0], [4e-5] * 3]]  # magnitudes
    files["astrometry_toy_a2.fits"] = [
        [[0.0, 10.0]],
        None,
        rng.normal([[[0.0], [11.0]]], 0.1, (1, 2, 200)),
    ]
    assert found(files, told_challenge()) == [
        ("warning", "outside_frame", "astrometry_toy_a1.fits"),
        ("warning", "posterior_elsewhere", "astrometry_toy_a2.fits"),
        ("warning", "bright", "photometry_toy_a1.fits"),
    ]
    assert [f[1] for f in found(files, told_challenge(star_flux=None))][-1] == "posterior_elsewhere"


def test_a_position_far_from_its_first_guess_is_a_warning(files, told_challenge):
    manifest = told_challenge().manifest
    guesses = {"toy_a_1": np.array([[3.0, 13.0], [-12.0, 2.0]]), "toy_a_2": np.array([[9.0, 0.0]])}
    assert check_characterization(zipped(files), manifest, guesses=guesses).problems == ()
    files["astrometry_toy_a1.fits"] = [[[0.0, -11.0], [12.0, 0.0]]]  # in the other order
    verdict = check_characterization(zipped(files), manifest, guesses=guesses)
    assert verdict.valid
    assert [p.code for p in verdict.warnings] == ["far_from_guess"] * 2
    assert "stands 19.1 px from its first guess, which is off by 5 px at most" in str(
        verdict.warnings[0]
    )


def test_first_guesses_that_are_gone_are_said_by_path(told_challenge, tmp_path):
    manifest = told_challenge().manifest
    (track,) = manifest.tracks.values()
    files = {"first_guess": PublicFile(path="adi_ifs/guess.fits", sha256="0" * 64)}
    with_files = track.sequences[0].model_copy(update={"files": files})
    changed = manifest.model_copy(
        update={"tracks": {"adi_ifs": track.model_copy(update={"sequences": (with_files,)})}}
    )
    with pytest.raises(ChallengeError, match=r"guess\.fits: cannot be read, no such file"):
        read_all_first_guesses(tmp_path, changed)
    (tmp_path / "adi_ifs").mkdir()
    (tmp_path / "adi_ifs" / "guess.fits").write_bytes(first_guess_bytes(np.ones((2, 2))))
    assert read_all_first_guesses(tmp_path, changed)["toy_a_1"].tolist() == [[1, 1], [1, 1]]
    (tmp_path / "adi_ifs" / "guess.fits").write_bytes(b"")
    with pytest.raises(ChallengeError, match=r"guess\.fits: first guesses: is not a FITS file"):
        read_all_first_guesses(tmp_path, changed)


def test_a_missing_file_is_a_warning_and_a_strange_one_an_error(files, told_challenge):
    del files["photometry_toy_a2.fits"]
    files |= {"notes.txt": b"", "metadata.json": b"", "photometry_toy_a3.fits": b""}
    assert found(files, told_challenge()) == [
        ("error", "forbidden_file", "metadata.json"),
        ("error", "unexpected_file", "notes.txt"),
        ("error", "unexpected_file", "photometry_toy_a3.fits"),
        ("warning", "missing_file", "photometry_toy_a2.fits"),
    ]


def test_detections_are_refused_where_the_companions_are_told(files, told_challenge, toy_challenge):
    challenge = told_challenge()
    detection = toy_challenge.archive()
    assert [p.code for p in check_submission(detection, challenge.manifest).problems] == [
        "characterization"
    ]
    files |= {"toy_a_detmap_1.fits": b"", "detection_threshold.fits": b""}
    assert [p[1] for p in found(files, challenge)] == ["detection"] * 2
    with pytest.raises(ChallengeError, match="challenge of detection"):
        check_characterization(zipped(files), toy_challenge.manifest)


def test_a_zip_that_answers_nothing_or_another_track_is_refused(files, told_challenge):
    challenge = told_challenge()
    assert found({"method.toml": b""}, challenge) == [("error", "no_estimates", "")]
    with pytest.raises(ChallengeError, match="no track 'adi'"):
        found(files, challenge, "adi")
    assert check_characterization(b"no", challenge.manifest).problems[0].code == "not_a_zip"
    assert check_characterization("none.zip", challenge.manifest).problems[0].code == "unreadable"


def test_a_truth_that_does_not_fit_its_manifest_is_said(files, told_challenge, toy_challenge):
    submission = check_characterization(zipped(files), told_challenge().manifest).submission
    with pytest.raises(ChallengeError, match="challenge of detection"):
        evaluate_characterization(submission, read_challenge(toy_challenge.folder))


def test_the_verbs_check_and_score_say_what_an_answer_is_worth(
    files, told_challenge, exobench, tmp_path
):
    challenge, sub, out = told_challenge(), tmp_path / "sub.zip", tmp_path / "score.json"
    files["astrometry_toy_a2.fits"] = [[[0.0, 10.5]], [[0.5, 0.5]]]
    del files["photometry_toy_a2.fits"]
    sub.write_bytes(zipped(files))
    code, printed, _ = exobench("check", sub, challenge.public)
    assert code == 0
    assert "valid submission to track adi_ifs, 1 warning" in printed
    code, printed, err = exobench("score", sub, challenge.folder, "--out", out)
    assert code == 0
    assert err.startswith("warning: photometry_toy_a2.fits: is missing")
    assert "astrometry: 3 of 3 companions detected" in printed
    assert "photometry: 2 of 3 companions detected, 1 file missing" in printed
    assert "95 % regions of stated errors hold the truth in 1 of 1" in printed
    assert "kept as entry" in printed
    assert '"mode": "characterization"' in out.read_text()
    code, printed, _ = exobench("score", sub, challenge.folder, "--mode", "eidc")
    assert code == 0
    assert "astrometry as on the board of the second phase: 0.25\n" in printed
    assert "[errors_unused]" in printed
    assert "photometry as on the board of the second phase: none" in printed
    files["photometry_toy_a1.fits"] = b"no"
    sub.write_bytes(zipped(files))
    for verb, place in (("check", challenge.public), ("score", challenge.folder)):
        assert exobench(verb, sub, place)[0] == 2


def test_a_baseline_is_not_run_where_there_is_nothing_to_detect(told_challenge, exobench):
    code, _, err = exobench("run", "median", told_challenge().public)
    assert code == 2
    assert "baselines detect" in err
