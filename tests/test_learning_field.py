"""Maps of what a judge says: of a few pixels they are those of the whole map."""

import numpy as np
import pytest

from exobench.baselines._reinjection import LOCAL, path_of, prepared_reinjection, searched
from exobench.baselines.learning.judgement.field import field_map
from exobench.baselines.learning.residuals.patches import PatchSettings
from exobench.baselines.learning.residuals.rings import patch_side, rings
from exobench.datasets import simulate
from exobench.datasets.injection import inject
from exobench.datasets.sequence import Companion


def middles_and_curves(batches):
    """A judge that looks at the middles of patches and at S/N curves."""
    found = [batch.stacks[:, :, 4, 4].mean(axis=1) + batch.snr.sum(axis=1) for batch in batches]
    return np.concatenate(found)


@pytest.fixture(scope="module")
def sequence():
    return simulate("irdis_like", rng=np.random.default_rng(3), n_frames=14, size=51)


@pytest.fixture(scope="module")
def settings(sequence):
    return PatchSettings(patch=patch_side(sequence.reference_fwhm), n_ranks=5)


@pytest.fixture(scope="module")
def companion(sequence):
    separation = 13 * sequence.pixel_scale
    return Companion(separation=separation, position_angle=70.0, flux=20.0)


@pytest.mark.parametrize("with_snr", [True, False])
def test_a_few_pixels_of_a_field_are_those_of_the_whole(sequence, settings, with_snr):
    wanted = np.random.default_rng(0).random(sequence.shape) < 0.02
    wanted[:, :20] = False
    whole = field_map(sequence, settings, middles_and_curves, with_snr=with_snr)
    few = field_map(sequence, settings, middles_and_curves, wanted=wanted, with_snr=with_snr)
    asked = wanted & np.isfinite(whole)
    assert asked.sum() > 5
    np.testing.assert_array_equal(np.isfinite(few), asked)
    np.testing.assert_allclose(few[asked], whole[asked], rtol=1e-5, atol=1e-5)


def test_without_curves_the_judge_sees_none(sequence, settings):
    def seen(batches):
        return np.concatenate([np.abs(batch.snr).sum(axis=1) for batch in batches])

    found = field_map(sequence, settings, seen, with_snr=False)
    assert np.nanmax(found) == 0
    assert np.nanmax(field_map(sequence, settings, seen)) > 1


class Judged:
    """A method whose map is made pixel by pixel."""

    tracks = ("adi",)

    def __init__(self, settings):
        self.settings = settings

    def __call__(self, sequence):
        return self.map_at(sequence, None)

    def map_at(self, sequence, wanted):
        return field_map(sequence, self.settings, middles_and_curves, wanted=wanted)


def test_a_companion_of_a_campaign_is_looked_for_where_it_is(sequence, settings, companion):
    method = Judged(settings)
    assert path_of(method, one_wavelength=True) == LOCAL
    prepared = prepared_reinjection(method, sequence)
    np.testing.assert_array_equal(prepared.blank.detections, method(sequence))
    seen = prepared.look(companion).detections
    whole = method(inject(sequence, [companion]))
    near = searched(sequence, np.array(companion.position(sequence))) & np.isfinite(whole)
    np.testing.assert_array_equal(np.isfinite(seen), near)
    np.testing.assert_allclose(seen[near], whole[near], rtol=1e-5, atol=1e-5)
    assert np.nanmax(np.abs(seen - prepared.blank.detections)) > 1


def test_rings_without_a_wanted_pixel_are_not_made(sequence, settings, monkeypatch):
    made = []
    first = rings(sequence, settings.patch)[0]
    module = "exobench.baselines.learning.judgement.field"
    real = field_map.__globals__["RingResiduals"]

    def noted(sequence, ring, settings):
        made.append(ring)
        return real(sequence, ring, settings)

    monkeypatch.setattr(f"{module}.RingResiduals", noted)
    wanted = np.zeros(sequence.shape, dtype=bool)
    wanted[tuple(first.pixels(sequence.shape)[0])] = True
    field_map(sequence, settings, middles_and_curves, wanted=wanted)
    assert made == [first]
