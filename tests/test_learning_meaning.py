"""What the logits of a detector mean, by held-out samples."""

import json

import numpy as np
import pytest

from exobench.baselines.learning.judgement.meaning import OUTPUTS, Meaning
from exobench.baselines.learning.judgement.noise_scale import NoiseScale
from exobench.datasets.errors import InputError


@pytest.fixture(scope="module")
def held_out():
    """Labels, and logits that tell the classes apart by two standard deviations."""
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1], 400)
    return labels, rng.normal(2.0 * labels, 1.0)


def test_the_scale_of_noise_is_of_samples_without_companion_alone(held_out):
    labels, logits = held_out
    assert Meaning.of(labels, logits).noise == NoiseScale.of(logits[labels == 0])


def test_every_output_rises_with_the_logit_and_keeps_gaps(held_out):
    meaning = Meaning.of(*held_out)
    logits = np.array([np.nan, -1.0, 0.0, 1.0, 4.0])
    for output in OUTPUTS:
        values = meaning.values(logits, output)
        assert np.isnan(values[0])
        assert (np.diff(values[1:]) > 0).all()


def test_a_meaning_survives_json(held_out):
    meaning = Meaning.of(*held_out)
    assert Meaning.from_dict(json.loads(json.dumps(meaning.to_dict()))) == meaning


def test_an_unknown_output_is_refused(held_out):
    with pytest.raises(InputError, match="output must be one of significance, log_odds, prob"):
        Meaning.of(*held_out).values([0.0], "sigma")
