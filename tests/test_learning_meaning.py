"""What the logits of a detector mean, by held-out samples."""

import json

import numpy as np
import pytest

from exobench.baselines.learning.judgement.meaning import OUTPUTS, Meaning
from exobench.baselines.learning.judgement.noise_scale import NoiseScale
from exobench.datasets.errors import InputError


@pytest.fixture(scope="module")
def measured():
    """Labels, logits that tell the classes apart by two standard deviations, and noise."""
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1], 400)
    return labels, rng.normal(2.0 * labels, 1.0), rng.normal(-0.5, 1.5, 600)


def test_the_scale_of_noise_is_that_of_the_noise_given(measured):
    assert Meaning.of(*measured).noise == NoiseScale.of(measured[2])


def test_every_output_rises_with_the_logit_and_keeps_gaps(measured):
    meaning = Meaning.of(*measured)
    logits = np.array([np.nan, -1.0, 0.0, 1.0, 4.0])
    for output in OUTPUTS:
        values = meaning.values(logits, output)
        assert np.isnan(values[0])
        assert (np.diff(values[1:]) > 0).all()


def test_a_meaning_survives_json(measured):
    meaning = Meaning.of(*measured)
    assert Meaning.from_dict(json.loads(json.dumps(meaning.to_dict()))) == meaning


def test_an_unknown_output_is_refused(measured):
    with pytest.raises(InputError, match="output must be one of significance, log_odds, prob"):
        Meaning.of(*measured).values([0.0], "sigma")
