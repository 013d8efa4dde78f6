"""SODIRF and the patch network: trained on a sequence in seconds, they find what is in it."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import norm

from exobench.baselines import learns, load, names
from exobench.baselines.learning.networks.training import area_under_roc
from exobench.baselines.learning.samples.drawn import drawn
from exobench.baselines.learning.samples.recipe import Recipe
from exobench.baselines.learning.shallow.forest import Growth
from exobench.baselines.learning.shallow.forest_detector import ForestLessons, learnt_forest
from exobench.baselines.learning.shallow.patch_detector import learnt_patch_network
from exobench.baselines.learning.shallow.patch_network import PatchLessons
from exobench.datasets import simulate
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import to_yx
from exobench.datasets.injection import inject
from exobench.datasets.sequence import Companion
from exobench.scoring.candidates import find_candidates

METHODS = ("sodirf", "patch_mlp")
SMALL = {
    "sodirf": {"samples": 60, "n_ranks": 4, "trees": 20},
    "patch_mlp": {"samples": 60},
}
FEATURES = ("template", "template+snr", "stack")
RADIUS, AZIMUTH = 17.0, 40.0


@pytest.fixture(scope="module")
def sequence():
    return simulate("irdis_like", rng=np.random.default_rng(0), n_frames=30, size=61)


def two_hundred(sequence, **changes):
    """200 companions and 200 places without one, in sectors of their own."""
    recipe = Recipe(n_per_class=200, shares=(0.5, 0.25, 0.25), **changes)
    return drawn(sequence, recipe, np.random.default_rng(1))


@pytest.fixture(scope="module")
def found(sequence):
    """What forests learn from: few to many components."""
    return two_hundred(sequence, n_ranks=8, explained=0.95, snr=(1.0, 10.0))


@pytest.fixture(scope="module")
def of_one_image(sequence):
    """What the network learns from: the last slice, of four components."""
    return two_hundred(sequence, n_ranks=4, explained=0.9)


@pytest.fixture(scope="module")
def detectors(found, of_one_image):
    """Of each features a forest, and the patch network."""
    forests = {
        kind: learnt_forest(
            found, ForestLessons(recipe=found.plan.recipe, features=kind, growth=Growth(trees=50))
        )
        for kind in FEATURES
    }
    return forests | {"network": learnt_patch_network(of_one_image, PatchLessons())}


def with_companion(found, times):
    """One so many times as bright as what has S/N 10 in annular PCA."""
    sequence = found.plan.sequence
    (one,) = (r for r in found.plan.rings if r.ring.inner <= RADIUS < r.ring.outer)
    separation = RADIUS * sequence.pixel_scale
    flux = times * float(one.fluxes.high)
    companion = Companion(separation=separation, position_angle=AZIMUTH - 90, flux=flux)
    return inject(sequence, [companion])


@pytest.mark.slow
@pytest.mark.parametrize("features", FEATURES)
def test_forests_tell_companions_from_speckles_of_sectors_not_seen(found, detectors, features):
    test = found.samples["test"]
    assert area_under_roc(test.labels, detectors[features].judge(test.batch())) > 0.8


@pytest.mark.slow
def test_the_patch_network_tells_companions_from_speckles_of_sectors_not_seen(
    of_one_image, detectors
):
    test = of_one_image.samples["test"]
    assert area_under_roc(test.labels, detectors["network"].judge(test.batch())) > 0.75


@pytest.mark.slow
@pytest.mark.parametrize(
    ("which", "times"), [("template", 1), ("template+snr", 1), ("stack", 1), ("network", 3)]
)
def test_a_companion_is_one_of_the_first_two_candidates(found, detectors, which, times):
    """Not of the first one alone: to a forest, all that are bright are alike."""
    sequence = with_companion(found, times)
    shown = detectors[which].map(sequence)
    assert np.isfinite(shown).mean() > 0.4
    yx, values = find_candidates(shown, sequence.reference_fwhm, np.isfinite(shown))
    first_two = yx[np.argsort(values)[-2:]]
    off = np.hypot(*(first_two - to_yx(RADIUS, AZIMUTH, shown.shape)).T)
    assert off.min() < sequence.reference_fwhm


@pytest.mark.slow
@pytest.mark.parametrize("which", ["template+snr", "network"])
def test_pixels_that_are_asked_for_are_those_of_the_whole_map(detectors, sequence, which):
    whole = detectors[which].map(sequence, "log_odds")
    wanted = np.zeros(sequence.shape, dtype=bool)
    wanted[20:24, 40:45] = True
    some = detectors[which].map(sequence, "log_odds", wanted)
    np.testing.assert_allclose(some[wanted], whole[wanted], atol=1e-4)
    assert np.isnan(some[~wanted]).all()


@pytest.mark.slow
@pytest.mark.parametrize("which", ["template+snr", "network"])
def test_significances_are_those_of_the_noise_of_the_map(detectors, sequence, which):
    pixels = detectors[which].map(sequence)
    pixels = pixels[np.isfinite(pixels)]
    assert np.median(pixels) == pytest.approx(0, abs=1e-3)
    assert (pixels > norm.isf(0.1)).mean() == pytest.approx(0.1, abs=2e-3)


@pytest.mark.slow
def test_patches_of_the_map_are_scaled_as_those_of_the_training(of_one_image, detectors):
    """A map of the star itself: its logits are of the range that negatives have."""
    network = detectors["network"]
    training = of_one_image.samples["train"]
    noise = network.judge(training.batch())[training.labels == 0]
    shown = network.meaning.calibration.log_odds(noise)
    of_map = network.map(of_one_image.plan.sequence, "log_odds")
    low, high = np.quantile(shown, (0.05, 0.95))
    inside = (of_map > low) & (of_map < high)
    assert inside[np.isfinite(of_map)].mean() > 0.6


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_the_same_seed_gives_the_same_map_and_leaves_the_sequence_as_it_was(sequence, name):
    before = sequence.cube.copy()
    method = load(name, **SMALL[name])
    first = method(sequence)
    np.testing.assert_array_equal(method(sequence), first)
    np.testing.assert_array_equal(sequence.cube, before)


def test_they_are_known_as_methods_that_learn():
    assert set(METHODS) <= {name for name in names() if learns(name)}


def test_a_forest_is_shown_companions_of_the_range_that_is_asked_for(sequence):
    assert load("sodirf")._lessons(sequence).recipe.snr == (1.0, 10.0)
    assert load("sodirf", snr_low=2.0, snr_high=5.0)._lessons(sequence).recipe.snr == (2.0, 5.0)


@pytest.mark.parametrize("name", METHODS)
def test_too_few_frames_are_refused(sequence, name):
    short = dataclasses.replace(
        sequence, cube=sequence.cube[:, :2], angles=sequence.angles[:2], times=None
    )
    with pytest.raises(InputError, match=f"2 frames; {name} needs 3 or more"):
        load(name)(short)


@pytest.mark.parametrize("name", METHODS)
def test_frames_without_room_are_refused(sequence, name):
    middle = slice(20, 41)
    small = dataclasses.replace(sequence, cube=sequence.cube[..., middle, middle])
    with pytest.raises(InputError, match="frames of 21 px leave no ring for patches"):
        load(name, **SMALL[name])(small)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("sodirf", {"features": "pixels"}, "features must be one of template, template"),
        ("sodirf", {"trees": 0}, "trees must be 1 or more, got 0"),
        ("sodirf", {"samples": 10}, "samples must be 60 or more, got 10"),
        ("sodirf", {"snr_low": 4.0, "snr_high": 3.0}, r"snr_high must be more than 4\.0, got 3"),
        ("sodirf", {"output": "odds"}, "output must be one of significance, log_odds"),
        ("patch_mlp", {"explained": 1.5}, "explained must be 1 or less, got 1.5"),
        ("patch_mlp", {"explained": 0.0}, "explained must be more than 0"),
        ("patch_mlp", {"hidden": 0}, "hidden must be 1 or more, got 0"),
    ],
)
def test_options_out_of_range_are_refused(name, options, message):
    with pytest.raises(InputError, match=message):
        load(name, **options)
