"""Reference reductions: their names, their options and what they see."""

from dataclasses import replace

import numpy as np
import pytest

from exobench.baselines import load
from exobench.challenge.references import (
    DEFAULT_IFS_REFERENCES,
    DEFAULT_REFERENCES,
    ReducedSignificance,
    References,
    reference_problems,
)
from exobench.datasets.errors import InputError
from exobench.datasets.preprocessing.binning import binned
from exobench.datasets.simulator import simulate
from exobench.scoring.snr import significance_at

YX = np.array([[45.0, 35.0], [35.0, 20.0]])


@pytest.fixture(scope="module")
def sequence():
    return simulate("naco_like", rng=1, n_frames=24, size=71)


def families(*choices, max_frames=None):
    return References(choices=choices, max_frames=max_frames)


def test_families_are_named_by_baseline_and_the_options_that_are_not_its_defaults(sequence):
    asked = families("median", {"name": "pca", "n_components": 3}, {"name": "loci", "dr": 1.5})
    assert list(asked(sequence)) == ["median", "pca(n_components=3)", "loci"]


def test_options_of_equal_value_do_not_share_a_name(sequence):
    asked = families(
        {"name": "loci", "dr": 2.0},
        {"name": "loci", "g": 2.0},
        {"name": "loci", "n_delta": 2.0, "g": 3.0},
    )
    assert list(asked(sequence)) == ["loci(dr=2.0)", "loci(g=2.0)", "loci(g=3.0, n_delta=2.0)"]
    assert [family.baseline for family in asked(sequence).values()] == [
        load("loci", dr=2.0),
        load("loci", g=2.0),
        load("loci", g=3.0, n_delta=2.0),
    ]


@pytest.mark.parametrize(
    ("max_frames", "n_components"),
    [(None, 8), (63, 8), (12, 4), (2, 1)],  # a third of the frames that are seen
)
def test_the_number_of_components_follows_the_frames_and_the_name_does_not(
    sequence, max_frames, n_components
):
    (named,) = families("pca", max_frames=max_frames)(sequence).items()
    assert named == ("pca", ReducedSignificance(load("pca", n_components=n_components), max_frames))


def test_components_that_are_asked_for_are_not_capped(sequence):
    (family,) = families({"name": "pca", "n_components": 20})(sequence).values()
    assert family.baseline == load("pca", n_components=20)


def test_significance_is_that_of_the_baseline_on_binned_frames(sequence):
    family = References(choices=("median",), max_frames=12)(sequence)["median"]
    image = load("median").reduce(binned(sequence, 12))
    expected = significance_at(image, sequence.reference_fwhm, YX)
    assert np.array_equal(family(sequence, YX), expected)
    everything = ReducedSignificance(load("median"))(sequence, YX)
    assert not np.array_equal(expected, everything)


def test_the_defaults_can_be_references_of_their_tracks():
    assert reference_problems(DEFAULT_REFERENCES, "adi") == []
    assert reference_problems(DEFAULT_IFS_REFERENCES, "adi_ifs") == []


def test_a_baseline_without_a_residual_image_is_no_reference(monkeypatch):
    class Network:
        tracks = ("adi",)

    monkeypatch.setattr("exobench.challenge.references.load", lambda name, **_: Network())
    (problem,) = reference_problems(("network",), "adi")
    assert problem == "network: makes no residual image, so that it cannot be a reference"


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        ("pca", "pca", "pca: is named twice"),
        (
            "pca",
            {"name": "pca", "n_components": 10},
            "pca(n_components=10): is the same reference as pca; leave one of them out",
        ),
        (
            {"name": "loci", "dr": 2, "g": 3.0},
            {"name": "loci", "g": 3, "dr": 2.0},
            "loci(dr=2, g=3.0): is named twice",
        ),
    ],
)
def test_the_same_reference_in_other_words_is_named(first, second, problem):
    assert reference_problems((first, "median", second), "adi") == [problem]


def test_options_of_equal_value_make_other_references():
    choices = ({"name": "loci", "dr": 2.0}, {"name": "loci", "g": 2.0})
    assert reference_problems(choices, "adi") == []


def test_families_that_few_images_make_the_same_are_refused(sequence):
    asked = families("pca", {"name": "pca", "n_components": 4}, "median")
    assert list(asked(sequence)) == ["pca", "pca(n_components=4)", "median"]
    with pytest.raises(InputError) as caught:
        replace(asked, max_frames=12)(sequence)
    assert caught.value.problems == (
        "pca(n_components=4): is the same reference as pca for 12 images; leave one of them out",
    )
