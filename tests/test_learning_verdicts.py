"""What a detector says of one pixel is what its map shows there."""

import json
from dataclasses import replace

import numpy as np
import pytest

from exobench.baselines.learning.judgement.calibration import Calibration
from exobench.baselines.learning.judgement.meaning import Meaning
from exobench.baselines.learning.judgement.noise_scale import NoiseScale
from exobench.baselines.learning.networks.architecture import Architecture, initial_weights
from exobench.baselines.learning.networks.model_file import Detector, Model
from exobench.baselines.learning.residuals.rings import patch_side
from exobench.baselines.learning.samples.recipe import Recipe
from exobench.baselines.learning.verdicts import brightest_candidate, peak_offset, verdict_at
from exobench.datasets import simulate
from exobench.datasets.errors import InputError
from exobench.datasets.sequence import Companion


@pytest.fixture(scope="module", autouse=True)
def torch():
    return pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")


@pytest.fixture(scope="module")
def sequence():
    return simulate("irdis_like", rng=np.random.default_rng(0), n_frames=14, size=45)


def part(patch, seed):
    architecture = Architecture(kind="conv3d", n_ranks=4, patch=patch, filters=(3, 4), dense=5)
    rng = np.random.default_rng(seed)
    weights = {
        name: values + rng.normal(0, 0.3, values.shape).astype(np.float32)
        for name, values in initial_weights(architecture, rng).items()
    }
    noise = NoiseScale(median=0.1 * seed, high=1.0, excess=0.5, n_samples=50)
    meaning = Meaning(calibration=Calibration(slope=1.5, intercept=0.2), noise=noise)
    return Model(
        architecture=architecture,
        weights=weights,
        recipe=Recipe(n_ranks=4).to_dict(),
        calibration=meaning.to_dict(),
    )


@pytest.fixture(scope="module")
def detector(sequence):
    patch = patch_side(sequence.reference_fwhm)
    return Detector(parts=(part(patch, 0), part(patch, 1)), boundaries_px=(12.0,))


@pytest.mark.parametrize("yx", [(22, 30), (35.3, 27.8)])
def test_a_verdict_is_the_pixel_of_the_map(detector, sequence, yx):
    from exobench.baselines.learning.detector import detector_map

    found = verdict_at(detector, sequence, yx, device="cpu")
    assert (found.y, found.x) == tuple(np.rint(yx).astype(int))
    wanted = np.zeros(sequence.shape, bool)
    wanted[found.y, found.x] = True
    for output in ("significance", "log_odds", "probability"):
        shown = detector_map(detector, sequence, wanted=wanted, output=output, device="cpu")
        assert shown[found.y, found.x] == pytest.approx(getattr(found, output), abs=1e-4)
    companion = Companion(
        separation=found.separation, position_angle=found.position_angle, flux=1.0
    )
    np.testing.assert_allclose(companion.position(sequence), (found.y, found.x), atol=1e-9)
    assert len(found.ranks) == len(found.snr) == len(found.explanation.probability_alone) == 4
    assert found.ranks == tuple(sorted(set(found.ranks)))
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [one["components"] for one in told["ranks"]] == list(found.ranks)
    assert told["probability_as_trained"] == pytest.approx(found.explanation.probability)


def test_what_each_input_says_is_told_by_its_name(detector, sequence):
    found = verdict_at(detector, sequence, (22, 30), device="cpu")
    told = found.to_dict()
    assert told["probability_of_stack"] is told["probability_of_curve"] is None
    of_both = replace(found.explanation, probability_of_stack=0.2, probability_of_curve=0.7)
    told = replace(found, explanation=of_both).to_dict()
    assert (told["probability_of_stack"], told["probability_of_curve"]) == (0.2, 0.7)


@pytest.mark.parametrize("yx", [(22, 24), (1, 1), (-40, 300)])
def test_positions_without_a_patch_are_refused(detector, sequence, yx):
    with pytest.raises(InputError, match=r"from the star; whole patches fit from .* arcsec"):
        verdict_at(detector, sequence, yx, device="cpu")


def test_the_brightest_candidate_is_the_highest_pixel(sequence):
    shown = np.random.default_rng(3).normal(size=sequence.shape)
    shown[:5] = np.nan
    shown[30, 11] = 9.0
    assert brightest_candidate(shown, sequence) == (30, 11)
    with pytest.raises(InputError, match="the map has no values"):
        brightest_candidate(np.full(sequence.shape, np.nan), sequence)


def test_the_peak_of_a_patch_is_told_from_its_middle():
    image = np.zeros((7, 7))
    image[5, 2] = 1
    assert peak_offset(image) == (2, -1)
