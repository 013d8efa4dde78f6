"""Reference reductions: their names, their options and what they see."""

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
from exobench.datasets.preprocessing.binning import binned
from exobench.datasets.simulator import simulate
from exobench.scoring.snr import significance_at

YX = np.array([[45.0, 35.0], [35.0, 20.0]])


@pytest.fixture(scope="module")
def sequence():
    return simulate("naco_like", rng=1, n_frames=24, size=71)


def test_families_are_named_by_baseline_and_number_of_components(sequence):
    assert list(References(choices=("median", "pca", "loci"))(sequence)) == [
        "median",
        "pca_8",  # a third of 24 frames
        "loci",
    ]
    asked = References(choices=({"name": "pca", "n_components": 3}, {"name": "loci", "dr": 2.0}))
    assert list(asked(sequence)) == ["pca_3", "loci_2.0"]


def test_the_number_of_components_follows_the_frames_that_are_seen(sequence):
    assert list(References(choices=("pca",), max_frames=12)(sequence)) == ["pca_4"]
    assert list(References(choices=("pca",), max_frames=63)(sequence)) == ["pca_8"]


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
