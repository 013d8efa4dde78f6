"""Fluxes of companions between two S/N, ring by ring."""

import dataclasses

import numpy as np
import pytest

from exobench.baselines.learning.residuals.flux_ranges import FluxRange, flux_range
from exobench.baselines.learning.residuals.mlar import RingResiduals
from exobench.baselines.learning.residuals.patches import PatchSettings
from exobench.baselines.learning.residuals.ranks import explained_variance, rank_explaining
from exobench.baselines.learning.residuals.ring_frames import Annulus
from exobench.baselines.learning.residuals.rings import companion_at, rings
from exobench.datasets.errors import InputError

SETTINGS = PatchSettings(patch=7, n_ranks=3)


def found_in(sequence, ring):
    rng = np.random.default_rng(0)
    return flux_range(sequence, ring, SETTINGS, rng, snr=(2.0, 6.0), n_injections=30)


@pytest.fixture(scope="module")
def sequence(sky):
    return sky.noise((20, 41, 41), blur=0.7)


@pytest.fixture(scope="module")
def ring(sequence):
    return rings(sequence, 7)[3]


@pytest.fixture(scope="module")
def found(sequence, ring):
    return found_in(sequence, ring)


def test_companions_of_the_range_reach_its_snr_on_average(sequence, ring, found):
    frames = Annulus.around(ring, 7, sequence.shape).rows(sequence.cube[0])[:, :-1]
    explained = explained_variance(frames)
    ranks = tuple(rank_explaining(explained, share) for share in (0.9, 0.95, 0.99))
    residuals = RingResiduals(sequence, ring, SETTINGS, ranks)
    places = ring.positions(24, np.random.default_rng(3), sequence.shape)

    def reached(flux):
        looks = [residuals.positives(companion_at(sequence, yx, flux)) for yx in places]
        return np.mean([look.snr.max() for look in looks])

    assert reached(found.high) == pytest.approx(6.0, rel=0.25)
    assert reached(found.low) == pytest.approx(2.0, rel=0.25)


def test_the_range_scales_with_the_unit_of_the_cube(sequence, ring, found):

    scaled = dataclasses.replace(sequence, cube=sequence.cube * 64)
    other = found_in(scaled, ring)
    assert other.low == pytest.approx(64 * found.low, rel=1e-2)
    assert other.high == pytest.approx(64 * found.high, rel=1e-2)


def test_fluxes_are_drawn_within_the_range():
    drawn = FluxRange(low=2.0, high=3.0).draw(500, np.random.default_rng(0))
    assert drawn.min() >= 2
    assert drawn.max() <= 3
    assert drawn.mean() == pytest.approx(2.5, abs=0.05)


def test_a_ring_in_which_no_flux_is_seen_says_so(sky):
    still = sky.noise((8, 41, 41), rotation=0.01)
    ring = rings(sky.noise((8, 41, 41)), 7)[0]
    with pytest.raises(InputError, match=r"plain: no flux .* ring of 4.5 to .* reaches S/N 60"):
        flux_range(still, ring, SETTINGS, np.random.default_rng(0), snr=(1.0, 60.0))


def test_arguments_out_of_range_are_all_named(sequence, ring):
    with pytest.raises(InputError) as told:
        flux_range(
            sequence, ring, SETTINGS, np.random.default_rng(0), snr=(3.0, 1.0), n_injections=2
        )
    assert len(told.value.problems) == 2
