"""Samples of learned detectors per second, 61x101x101, 20 ranks, patches of 9x9, one core.

CPU: --benchmark-timer=time.process_time. The number of samples of a round stands beside it.
"""

import itertools

import numpy as np
import pytest

from exobench.baselines.learning.residuals.flux_ranges import flux_range
from exobench.baselines.learning.residuals.mlar import RingResiduals
from exobench.baselines.learning.residuals.patches import PatchSettings
from exobench.baselines.learning.residuals.rings import companion_at, rings

SETTINGS = PatchSettings(patch=9, n_ranks=20)
FLUX = 3e-5  # of the star

RINGS = {"inner": 0, "middle": 4, "outer": -1}


@pytest.fixture(params=RINGS)
def ring(request, naco_sequence):
    return rings(naco_sequence, SETTINGS.patch)[RINGS[request.param]]


def test_positives_one_injection_each(benchmark, naco_sequence, ring):
    residuals = RingResiduals(naco_sequence, ring, SETTINGS)
    places = ring.positions(100, np.random.default_rng(0), naco_sequence.shape)
    companions = itertools.cycle(
        companion_at(naco_sequence, yx, FLUX * float(naco_sequence.star_flux[0])) for yx in places
    )
    residuals.positives(next(companions))
    benchmark.extra_info |= {"samples": 1, "most components": residuals.ranks[-1]}
    benchmark.pedantic(lambda: residuals.positives(next(companions)), rounds=100)


def test_five_views_of_an_injection(benchmark, naco_sequence, ring):
    residuals = RingResiduals(naco_sequence, ring, SETTINGS)
    rng, shape = np.random.default_rng(0), naco_sequence.shape
    places = itertools.cycle(ring.positions(40, rng, shape))

    def run():
        yx = next(places)
        companion = companion_at(naco_sequence, yx, FLUX * float(naco_sequence.star_flux[0]))
        shifts, turns = rng.uniform(-0.5, 0.5, (5, 2)), rng.uniform(0, 360, 5)
        return residuals.positives(companion, yx + shifts, turns)

    run()
    benchmark.extra_info["samples"] = 5
    benchmark.pedantic(run, rounds=40)


def test_negatives_on_pixels_and_all_that_they_need(benchmark, naco_sequence, ring):
    pixels = ring.pixels(naco_sequence.shape)
    RingResiduals(naco_sequence, ring, SETTINGS)

    def run():
        return RingResiduals(naco_sequence, ring, SETTINGS).negatives(pixels)

    benchmark.extra_info["samples"] = len(pixels)
    benchmark.pedantic(run, rounds=5)


def test_negatives_between_pixels_and_turned(benchmark, naco_sequence, ring):
    residuals = RingResiduals(naco_sequence, ring, SETTINGS)
    rng = np.random.default_rng(0)
    yx, turns = ring.positions(100, rng, naco_sequence.shape), rng.uniform(0, 360, 100)
    residuals.negatives(yx[:1], turns[:1])
    benchmark.extra_info["samples"] = len(yx)
    benchmark.pedantic(lambda: residuals.negatives(yx, turns), rounds=3)


def test_stacks_of_all_pixels_of_all_rings(benchmark, naco_sequence):
    def run():
        return sum(
            len(yx)
            for ring in rings(naco_sequence, SETTINGS.patch)
            for yx, _ in RingResiduals(naco_sequence, ring, SETTINGS).map_patches()
        )

    benchmark.extra_info["samples"] = benchmark.pedantic(run, rounds=2)


def test_flux_range_of_a_ring(benchmark, naco_sequence, ring):
    benchmark.pedantic(
        lambda: flux_range(naco_sequence, ring, SETTINGS, np.random.default_rng(0)), rounds=1
    )
