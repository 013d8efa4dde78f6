"""Regimes of the noise: found where speckles give way, and wide enough to train in."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.baselines.learning.detector import two_splits
from exobench.baselines.learning.residuals.rings import rings
from exobench.baselines.learning.samples import noise_regimes
from exobench.baselines.learning.samples.noise_regimes import pca_pmap, regimes_of
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import radius_map
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import ImageSequence
from exobench.scoring.diagnostics import noise_regimes as noise_regimes_of
from exobench.scoring.diagnostics import ring_fluxes

FWHM = 4.0
RECIPE = two_splits(n_ranks=8)


def make_sequence(frames, rotation=70.0):
    y, x = np.indices((21, 21)) - 10
    psf = normalise_psf(np.exp(-4 * np.log(2) * (y**2 + x**2) / FWHM**2), FWHM).psf
    return ImageSequence(
        name="toy_1",
        cube=frames[np.newaxis],
        angles=np.linspace(-rotation / 2, rotation / 2, len(frames)),
        psf=psf,
        fwhm=FWHM,
        pixel_scale=0.01,
    )


def two_regimes(crossover, seed=0, n_frames=24, size=81, slope=3.0, rotation=70.0):
    """Speckles, the intensity of a Gaussian field, as strong as the background at a radius."""
    rng = np.random.default_rng(seed)

    def field():
        return gaussian_filter(rng.normal(size=(n_frames, size, size)), (0, 1.5, 1.5))

    speckles, background = field() ** 2 + field() ** 2, field()
    deviation = [
        np.sqrt(np.mean([ring_fluxes(one, FWHM, crossover)[0].var(ddof=1) for one in frames]))
        for frames in (speckles, background)
    ]
    radius = np.maximum(radius_map((size, size)), 1.0)
    scaled = deviation[1] / deviation[0] * speckles * (crossover / radius) ** slope
    return make_sequence(scaled + background, rotation)


@pytest.mark.parametrize(
    ("crossover", "seed"),
    [
        (16.0, 1),
        pytest.param(18.0, 0, marks=pytest.mark.slow),
        pytest.param(22.0, 2, marks=pytest.mark.slow),
        pytest.param(28.0, 3, marks=pytest.mark.slow),
    ],
)
def test_two_regimes_meet_where_speckles_and_background_are_equally_strong(crossover, seed):
    sequence = two_regimes(crossover, seed)
    found = regimes_of(sequence, RECIPE)
    assert [one.noise for one in found.parts] == ["speckles", "background"]
    (start, boundary), (again, end) = (one.radii_px for one in found.parts)
    assert (start, again, end) == (0.0, boundary, None)
    assert boundary == pytest.approx(crossover, abs=1.5 * FWHM)
    assert boundary in [one.inner for one in rings(sequence, RECIPE.settings(sequence).patch)]
    assert found.notes[0].startswith("two regimes: speckles up to ")


def test_numbers_of_components_run_from_one_to_a_third_of_the_frames():
    sequence = two_regimes(12.0, n_frames=12, size=41)
    assert pca_pmap(sequence).labels == ("1", "2", "3", "4")


def test_noise_of_one_kind_is_one_regime_that_says_which():
    rng = np.random.default_rng(9)
    white = gaussian_filter(rng.normal(size=(12, 51, 51)), (0, 1.5, 1.5))
    for sequence, noise, said in (
        (make_sequence(white), "background", "one regime: noise that is Gaussian"),
        (two_regimes(16.0, 4, 24, 61, slope=0.0), "speckles", "one regime: speckles as far as"),
    ):
        found = regimes_of(sequence, RECIPE)
        assert [(one.noise, one.radii_px) for one in found.parts] == [(noise, (0.0, None))]
        assert found.notes[0].startswith(said)
        assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["notes"] == [*found.notes]


def test_a_regime_without_room_for_samples_is_merged_and_named():
    """Where companions move by less than half a patch, nothing can be trained."""
    found = regimes_of(two_regimes(18.0, n_frames=12, rotation=12.0), RECIPE)
    assert [(one.noise, one.radii_px) for one in found.parts] == [("background", (0.0, None))]
    assert "speckles leave no room for training: merged to one regime" in found.notes[0]


@pytest.mark.parametrize(("crossover", "noise"), [(3.0, "background"), (60.0, "speckles")])
def test_a_regime_without_a_ring_is_merged(monkeypatch, crossover, noise):
    sequence = make_sequence(np.ones((12, 61, 61)))
    white = np.random.default_rng(0).normal(size=(12, 61, 61))
    found = noise_regimes_of(sequence, {"1": lambda s: white}, max_images=4)
    parted = replace(found, boundary_px=crossover, crossover_px=crossover)
    monkeypatch.setattr(noise_regimes, "pca_pmap", lambda sequence: parted)
    regimes = regimes_of(sequence, RECIPE)
    assert [(one.noise, one.radii_px) for one in regimes.parts] == [(noise, (0.0, None))]
    other = {"background": "speckles", "speckles": "background"}[noise]
    assert f"; {other} leave no room for training: merged" in regimes.notes[0]


@pytest.mark.slow
def test_the_real_naco_sequence_is_all_speckles(shared_data):
    """Non-Gaussian most of all at 7 FWHM, where the control of the adaptive optics ends."""
    found = regimes_of(read_sequence(shared_data / "naco_betapic"), RECIPE)
    assert [one.noise for one in found.parts] == ["speckles"]
    least = found.found.separations.fwhm[np.argmin(found.found.combined)]
    assert least == pytest.approx(7, abs=1)
