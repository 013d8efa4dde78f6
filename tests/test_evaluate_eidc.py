"""Scores as in 2020 from files: pooled numbers, the published analysis, defects.

The cases are those of reference fixtures: FWHM 4 px, frames of 101 x 101 px, Gaussian
peaks of height 10, a planet at (x, y) = (70, 50), threshold 3.
"""

import io
import json
import zipfile

import numpy as np
import pytest

from exobench.challenge.evaluate_eidc import evaluate_eidc
from exobench.challenge.folder import read_challenge
from exobench.challenge.submission import read_submission
from exobench.datasets.fits_bytes import image_bytes
from exobench.scoring import METRICS

PLANET = (50.0, 70.0)  # y, x


def g(x, y, amp=10.0, s=4 / 2.355):
    rows, columns = np.indices((101, 101))
    return amp * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * s**2))


CROWD = np.sum([g(x, y) for x in (15, 35, 55, 75) for y in (15, 85)], axis=0)


@pytest.fixture
def evaluated(make_challenge):
    """Scores maps against sequences that hold the given companions."""

    class Wide(make_challenge.sequence):
        @property
        def public(self):
            return super().public | {"outer_radius_px": 48.0}

    def run(*pairs, more=None, lists=None):
        sequences = [
            Wide(name=f"toy_{i}", shape=(101, 101), companions=companions)
            for i, (_, companions) in enumerate(pairs, start=1)
        ]
        challenge = read_challenge(make_challenge(*sequences).folder)
        files = {
            f"toy_detmap_{i}.fits": image_bytes(values)
            for i, (values, _) in enumerate(pairs, start=1)
            if values is not None
        }
        files["detection_threshold.fits"] = image_bytes(np.array([3.0]))
        files |= {name: image_bytes(np.array([value])) for name, value in (more or {}).items()}
        files |= {f"toy_detections_{i}.csv": text for i, text in (lists or {}).items()}
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        submission = read_submission(buffer.getvalue(), challenge.manifest)
        return evaluate_eidc(submission, challenge)

    return run


def codes(score):
    return [defect["code"] for defect in score["defects"]]


def values(score):
    return tuple(score["overall"][key] for key in ("f1", "ppv", "tpr", "fp"))


def test_case_0_one_of_two_found(evaluated):
    score = evaluated((g(70, 50), (PLANET,)), (np.zeros((101, 101)), (PLANET,)))
    assert values(score) == (pytest.approx(2 / 3), 1, 0.5, 0)
    assert codes(score) == []
    assert score["scores_txt"] == (
        "F1_3d:0.666667\nPrecision_3d:1.000000\nRecall_3d:0.500000\nFalsePositives_3d:0.000000\n"
    )


def test_case_1_recall_of_five(evaluated):
    frame = np.zeros((101, 101))
    for dx, dy in ((0, 0), (2, 2), (2, -2), (-2, 2), (-2, -2)):
        frame[50 + dy, 70 + dx] = 5
    score = evaluated((frame, (PLANET,)), more={"npix.fits": 1.0})
    assert values(score) == (pytest.approx(1.666667, abs=1e-6), 1, 5, 0)
    assert codes(score) == [
        *("participant_parameters", "several_blobs", "two_valued_map", "recall_above_one")
    ]


def test_case_11_a_blank_sequence_counts_the_one_before_again(evaluated):
    score = evaluated((g(70, 50), (PLANET,)), (CROWD, ()))
    assert values(score) == (pytest.approx(4 / 3), 1, 2, 0)
    assert codes(score) == ["blank_repeats", "recall_above_one"]


def test_case_14_a_missing_map_stops_it(evaluated):
    score = evaluated((g(70, 50), (PLANET,)), (None, (PLANET,)), (g(70, 50), (PLANET,)))
    assert values(score) == (None, None, None, None)
    assert codes(score) == ["missing_map_stops"]
    assert [row["tp"] for row in score["per_sequence"]] == [1, None, None]
    assert score["overall"]["n_missing"] == 1


def test_case_15b_a_fwhm_of_sixty_finds_everything(evaluated):
    score = evaluated((CROWD + g(70, 50), (PLANET,)), more={"toy_fwhm_1.fits": 60.0})
    assert values(score) == (
        pytest.approx(1.4),
        pytest.approx(0.777778, abs=1e-6),
        7,
        2,
    )
    assert "participant_parameters" in codes(score)


@pytest.mark.parametrize(
    "more", [{"npix.fits": -3.0}, {"toy_fwhm_1.fits": 0.0}, {"toy_fwhm_1.fits": 1e300}]
)
def test_settings_that_cannot_be_are_left_aside_and_named(evaluated, more):
    score = evaluated((g(70, 50), (PLANET,)), more=more)
    assert values(score) == (1, 1, 1, 0)
    assert codes(score) == ["ignored_parameters"]
    assert (score["parameters"]["npix"], score["parameters"]["fwhm"]) == (2, {"toy_1": 4})


def test_settings_that_are_those_of_the_server_are_not_named(evaluated):
    sent = {
        "npix.fits": 2.0,
        "toy_fwhm_1.fits": 4.0,
        "overlap_threshold.fits": 0.7,
        "max_blob_fact.fits": 2.0,
    }
    assert codes(evaluated((g(70, 50), (PLANET,)), more=sent)) == []
    score = evaluated((g(70, 50), (PLANET,)), more=sent | {"overlap_threshold.fits": 0.5})
    assert [d["message"] for d in score["defects"]] == [
        "overlap_threshold.fits came along but had no effect"
    ]


def test_positions_are_not_swapped(evaluated):
    score = evaluated((g(50, 70), (PLANET,)), (g(70, 50), (PLANET,)))
    assert (score["overall"]["tp"], score["overall"]["fp"]) == (1, 1)


def test_it_has_the_keys_of_a_strict_score_and_four_more(evaluated):
    score = evaluated((g(70, 50), (PLANET,)))
    assert score["mode"] == "eidc"
    assert list(score["overall"]) == list(METRICS)
    assert set(score) == {
        *("format", "challenge", "track", "mode", "metric_version", "threshold", "overall"),
        *("interval", "per_sequence", "per_separation", "curve"),
        *("defects", "scores_txt", "parameters", "published_analysis"),
    }
    assert set(score["per_sequence"][0]) == {
        *("name", "instrument", "tp", "fp", "fn", "n_injected", "tpr", "f1", "coverage"),
        "injections",
    }


def test_the_published_analysis_stands_beside_the_pooled_scores(evaluated):
    score = evaluated((g(70, 50), (PLANET,)), (CROWD, ()), (None, (PLANET,)))
    assert score["scores_txt"] is None
    published = score["published_analysis"]
    assert [(row["tp"], row["fn"]) for row in published["per_sequence"]] == [(1, 0), (0, 0), (0, 1)]
    assert [row["f1"] for row in published["per_sequence"]] == [1, None, 0]
    assert (published["ranking_f1"], published["ranking_highest"]) == (0.5, 1)
    assert published["threshold_range"] == [0, 6]
    assert {d["code"] for d in published["defects"]} >= {
        *("auc_not_invariant", "blank_leaves_ranking", "macro_not_pooled")
    }
    json.dumps(score, allow_nan=False)


def test_a_list_of_detections_was_unknown(evaluated):
    """The server finds no map; the analysis finds nothing in it."""
    score = evaluated((g(70, 50), (PLANET,)), (None, (PLANET,)), lists={2: "y,x,score\n50,70,9\n"})
    assert codes(score) == ["missing_map_stops"]
    assert score["overall"]["n_missing"] == 0
    assert score["published_analysis"]["per_sequence"][1]["tp"] == 0
