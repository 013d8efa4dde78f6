"""Entries of characterization as citizens of a challenge: kept, ranked, scored again, shown."""

import json
import sys

import numpy as np
import pytest

from exobench.challenge.characterization_submission import characterization_bytes
from exobench.challenge.entries import SCORE, FolderEntryStore
from exobench.challenge.evaluate_characterization import characterization_truths, modern_score
from exobench.challenge.folder import read_challenge
from exobench.challenge.method import Method
from exobench.challenge.ranking import ranking
from exobench.challenge.rescore import plan_rescoring, rescore
from exobench.datasets.errors import ChallengeError
from exobench.leaderboard import server
from exobench.scoring.characterization import (
    Characterization,
    CharacterizationTruth,
    Estimates,
    score_characterization,
)

needs_figures = pytest.mark.skipif(
    bool(server.missing_packages()),
    reason="needs the extra: pip install 'exobench[leaderboard]'",
)
HOSTILE = "<script>alert(1)</script> $x$"


def answer_of(folder, name, px=0.2, relative=0.1, seed=0, lose=()):
    """Bytes of an answer that is the truth and errors as large as it says."""
    rng = np.random.default_rng(seed)
    answers = {}
    for sequence, true in characterization_truths(read_challenge(folder), "adi_ifs").items():
        parts = {}
        for kind, values, sigma in (
            ("positions", true.positions, np.full(true.positions.shape, px)),
            ("contrasts", true.contrasts, relative * true.contrasts),
        ):
            known = np.full(values.shape, sequence not in lose)
            measured = values + sigma * rng.normal(size=values.shape)
            parts[kind] = Estimates(values=measured, sigma=sigma, detected=known)
        answers[sequence] = Characterization(**parts)
    return answers, Method(name=name)


@pytest.fixture
def entered(told_challenge, exobench, tmp_path):
    """A challenge of 8 sequences with entries: good, poor (a baseline) and one of positions."""

    def make(kind="practice", poor="poor"):
        challenge = told_challenge(n=8, kind=kind)
        good, method = answer_of(challenge.folder, "good")
        zips = {
            "good": characterization_bytes(good, method),
            "poor": characterization_bytes(
                *answer_of(challenge.folder, poor, px=1.5, relative=0.5, lose=("toy_a_1",))
            ),
            "positions": characterization_bytes(
                {name: Characterization(positions=a.positions) for name, a in good.items()},
                Method(name="positions only"),
            ),
        }
        for name, content in zips.items():
            path = tmp_path / f"{name}.zip"
            path.write_bytes(content)
            options = ["--baseline"] if name == "poor" else []
            code, printed, _ = exobench("score", path, challenge.folder, *options)
            assert code == 0
            assert "kept as entry" in printed
        return challenge

    return make


def test_the_verb_rank_has_a_board_of_positions_and_one_of_spectra(entered, exobench):
    challenge = entered()
    code, printed, _ = exobench("rank", challenge.folder)
    assert code == 0
    positions, spectra = printed.split("\n\n")
    assert "track adi_ifs, astrometry: 3 entries, 8 sequences, ranked by distance_px" in positions
    assert (
        "track adi_ifs, photometry: 2 entries, 8 sequences, ranked by relative_l1_mean" in spectra
    )
    assert "positions only" not in spectra
    assert "poor (baseline)" in spectra
    document = json.loads(exobench("rank", challenge.folder, "--json")[1])
    assert document["rank_by"] == {"astrometry": "distance_px", "photometry": "relative_l1_mean"}
    rows = document["tracks"]["adi_ifs"]["astrometry"]
    assert rows[-1]["name"] == "poor"
    assert rows[-1]["distance_px"] > rows[0]["distance_px"]
    assert set(rows[-1]["beaten_by"]) == {row["entry"] for row in rows[:-1]}
    assert rows[-1]["n_detected"] == 10
    assert rows[0]["interval"]["distance_px"][0] < rows[0]["distance_px"]
    assert rows[0]["rank_interval"][0] == 1
    assert document["boards"]["adi_ifs"]["photometry"]["separable"]


def test_a_board_ranks_by_the_mean_over_companions_that_the_score_has(entered):
    challenge = entered()
    store = FolderEntryStore(challenge.folder)
    document = ranking(challenge.manifest, store)
    scores = {entry.id: store.score(entry) for entry in store.entries()}
    for kind, key in document["rank_by"].items():
        for row in document["tracks"]["adi_ifs"][kind]:
            rows = scores[row["entry"]]["per_sequence"]
            errors = [one[kind][key] for sequence in rows for one in sequence["companions"]]
            assert len(errors) == 12
            assert row[key] == pytest.approx(np.mean(errors))


def test_the_same_zip_twice_is_one_entry_and_a_dry_run_none(entered, exobench, tmp_path):
    challenge = entered()
    good = tmp_path / "good.zip"
    assert "is an entry already" in exobench("score", good, challenge.folder)[1]
    assert "not kept (dry run)" in exobench("score", good, challenge.folder, "--dry-run")[1]
    for entry in FolderEntryStore(challenge.folder).entries():
        (challenge.folder / "entries" / entry.id / SCORE).unlink()
    assert exobench("rank", challenge.folder)[0] == 2
    exobench("score", good, challenge.folder, "--mode", "eidc")
    assert not list(challenge.folder.glob(f"entries/*/{SCORE}"))


def test_entries_are_scored_again_and_by_the_rules_that_are_declared(entered, in_process):
    challenge = entered()
    store = FolderEntryStore(challenge.folder)
    first = store.entries()[0]
    kept = challenge.folder / "entries" / first.id / SCORE
    content = kept.read_bytes()
    score = json.loads(content)
    score["rules"]["undetected_error"] = 9.0
    kept.write_text(json.dumps(score))
    with pytest.raises(ChallengeError, match="scored by other rules"):
        ranking(challenge.manifest, store)
    found = {one.name: one for one in rescore(plan_rescoring(challenge.folder), in_process)}
    assert {name: one.state for name, one in found.items()} == {
        "good": "changed",
        "poor": "same",
        "positions only": "same",
    }
    assert (
        found["good"].before == found["good"].after == score["overall"]["astrometry"]["distance_px"]
    )
    assert kept.read_bytes() == content


def test_a_score_of_other_companions_is_no_score_of_this_board(entered):
    challenge = entered()
    store = FolderEntryStore(challenge.folder)
    path = challenge.folder / "entries" / store.entries()[0].id / SCORE
    score = json.loads(path.read_text())
    score["per_sequence"][0]["companions"].pop()
    path.write_text(json.dumps(score))
    with pytest.raises(ChallengeError, match="not over the companions"):
        ranking(challenge.manifest, store)


def test_a_zip_that_was_changed_after_it_was_kept_is_not_read(entered):
    challenge = entered()
    store = FolderEntryStore(challenge.folder)
    one, other, _ = store.entries()
    folder = challenge.folder / "entries"
    (folder / one.id / "submission.zip").write_bytes(
        (folder / other.id / "submission.zip").read_bytes()
    )
    with pytest.raises(ChallengeError, match="is not the zip that was received"):
        store.characterization(one)


def test_two_zips_are_kept_as_one_entry(told_challenge, exobench, tmp_path):
    challenge = told_challenge(n=2)
    answers, _ = answer_of(challenge.folder, "mine")
    for kind in ("positions", "contrasts"):
        part = {name: Characterization(**{kind: getattr(a, kind)}) for name, a in answers.items()}
        (tmp_path / f"{kind}.zip").write_bytes(characterization_bytes(part))
    zips = (tmp_path / "positions.zip", "--with", tmp_path / "contrasts.zip")
    code, printed, _ = exobench("check", zips[0], challenge.public, *zips[1:])
    assert (code, "0 warnings" in printed) == (0, True)
    code, printed, _ = exobench("score", zips[0], challenge.folder, *zips[1:])
    assert "photometry: 3 of 3 companions detected" in printed
    (entry,) = FolderEntryStore(challenge.folder).entries()
    kept = FolderEntryStore(challenge.folder).characterization(entry)
    assert kept.answers["toy_a_1"].contrasts is not None
    assert kept.answers["toy_a_1"].positions is not None


def test_verbs_that_are_of_detections_say_so_in_a_line(entered, exobench, toy_challenge, tmp_path):
    challenge, good = entered(), tmp_path / "good.zip"
    for arguments, said in (
        (("compare", "good", "poor", challenge.folder), "exobench rank tests every pair"),
        (("audit", good, challenge.folder), "no detections in it"),
        (("score", good, challenge.folder, "--prevalence", "0.1"), "--prevalence is of detections"),
        (("score", good, toy_challenge.folder, "--with", good), "--with is of positions"),
        (("check", good, toy_challenge.public, "--with", good), "--with is of positions"),
    ):
        code, _, err = exobench(*arguments)
        assert code == 2
        assert said in err
        assert err.count("\n") == 1


# pages


@pytest.mark.slow
@needs_figures
def test_the_report_of_a_practice_challenge_shows_every_companion(entered, exobench, tmp_path):
    challenge, page = entered(poor=HOSTILE), tmp_path / "page.html"
    code, printed, _ = exobench("score", tmp_path / "poor.zip", challenge.folder, "--report", page)
    assert code == 0
    assert "it shows the truth" in printed
    text = page.read_text()
    assert text.count("data:image/svg+xml;base64,") == 2
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert text.count("<b>not detected</b>") == 2
    assert "68 % regions of stated errors" in text
    assert text.count("toy_a_8") == 1


@needs_figures
def test_the_report_of_a_contest_has_nothing_of_a_single_companion(entered, exobench, tmp_path):
    challenge, page = entered(kind="contest"), tmp_path / "page.html"
    code, printed, _ = exobench("score", tmp_path / "poor.zip", challenge.folder, "--report", page)
    assert code == 0
    assert "it shows no truth" in printed
    text = page.read_text()
    assert "toy_a_" not in text
    assert "data:image" not in text
    assert "Distance (px)" in text
    for word in ("Bias", "regions of", "Errors made", "likelihood"):
        assert word not in text


@needs_figures
def test_figures_have_the_residuals_in_mas_with_their_errors(entered):
    from exobench.leaderboard.estimate_figures import residual_figure, spectra_figure

    challenge = entered()
    entries = FolderEntryStore(challenge.folder)
    poor = next(one for one in entries.entries() if one.name == "poor")
    submission = entries.characterization(poor)
    score = modern_score(submission, read_challenge(challenge.folder))
    figure = residual_figure(score, submission.answers)
    axes = figure.axes[0]
    assert "2 not detected" in axes.get_title(loc="left")
    drawn = {tuple(np.round(c.lines[0].get_xydata()[0], 6)) for c in axes.containers}
    expected = {
        tuple(np.round(one.position.offset[::-1] * 10, 6))  # 0.01 arcsec a pixel
        for one in score.companions
        if one.position.detected
    }
    assert drawn == expected
    (bar,) = axes.containers[0].lines[2][0].get_segments()
    assert np.ptp(bar, axis=0) == pytest.approx([2 * 15, 0])
    waves = {s.name: s.wavelengths for s in challenge.manifest.sequences("adi_ifs")}
    spectra = spectra_figure(score, submission.answers, waves)
    assert [a.get_visible() for a in spectra.axes].count(True) == 12
    np.testing.assert_allclose(spectra.axes[0].lines[0].get_ydata(), [1e-5, 2e-5, 3e-5])
    silent = {name: Characterization() for name in submission.answers}
    assert (
        residual_figure(
            modern_score(_nothing(submission), read_challenge(challenge.folder)), silent
        )
        is None
    )


@needs_figures
def test_one_channel_is_a_panel_of_ratios_and_what_is_far_off_a_triangle():
    from exobench.leaderboard.estimate_figures import spectra_figure

    true = CharacterizationTruth(
        positions=[[0.0, 20.0], [20.0, 0.0], [9.0, 9.0]],
        contrasts=[[1e-5], [2e-5], [1e-5]],
        pixel_scale=0.01,
        first_guess_px=5.0,
    )
    estimates = Estimates(
        values=np.array([[1.5e-5], [1.0], [-1.0]]),
        sigma=np.full((3, 1), 2e-6),
        detected=np.array([[True], [True], [False]]),
    )
    answers = {"cam_1": Characterization(contrasts=estimates)}
    figure = spectra_figure(
        score_characterization(answers, {"cam_1": true}), answers, {"cam_1": (3.8,)}
    )
    (axes,) = figure.axes
    (bar,) = axes.containers
    assert bar.lines[0].get_xydata() == pytest.approx(np.array([[0, 1.5]]))
    markers = {line.get_marker(): list(line.get_xdata()) for line in axes.lines}
    assert markers["^"] == [1]
    assert markers["x"] == [2]


def _nothing(submission):
    """The same answer with no position at all detected."""
    from dataclasses import replace

    answers = {
        name: Characterization(positions=Estimates.nothing(*one.positions.shape))
        for name, one in submission.answers.items()
    }
    return replace(submission, answers=answers)


@pytest.fixture
def page(monkeypatch):
    """Runs the page of a challenge in this process."""
    # AppTest makes the page the main module, which processes started later would run again.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])

    def run(folder):
        from streamlit.testing.v1 import AppTest

        monkeypatch.setattr(sys, "argv", ["app.py", str(folder)])
        shown = AppTest.from_file(str(server.PAGE), default_timeout=60).run()
        assert not shown.exception
        return shown

    return run


@pytest.mark.slow
@needs_figures
def test_the_page_of_a_practice_challenge_shows_both_boards_and_companions(entered, page):
    shown = page(entered(poor=HOSTILE).folder)
    boards = [one.value for one in shown.dataframe]
    assert list(boards[0]["Method"])[-1] == HOSTILE
    assert "Distance (px)" in boards[0]
    assert list(boards[1]["Detected"]) == ["12 of 12", "10 of 12"]
    assert [one.value for one in shown.subheader][:3] == [
        "Astrometry",
        "Spectro-photometry",
        "Companion by companion",
    ]
    assert "Bias in x (px)" in list(boards[2]["Metric"])
    assert len(shown.image) == 2
    assert not any(HOSTILE in one.value for one in (*shown.markdown, *shown.caption))


@pytest.mark.slow
@needs_figures
def test_the_page_of_a_contest_sends_means_over_all_companions_only(entered, page):
    shown = page(entered(kind="contest").folder)
    assert "Companion by companion" not in [one.value for one in shown.subheader]
    assert not shown.image
    assert not shown.selectbox
    for one in shown.dataframe:
        assert not any("Bias" in str(cell) for cell in one.value.to_numpy().ravel())


@needs_figures
def test_the_page_without_entries_says_what_to_type(told_challenge, page):
    shown = page(told_challenge().folder)
    assert "exobench check answer.zip" in shown.code[0].value
