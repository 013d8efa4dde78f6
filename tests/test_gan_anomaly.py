"""What a generator of speckles cannot make: companions, in single frames and in maps."""

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.baselines import learns, load
from exobench.baselines.learning.speckle_training import SpeckleSettings, save
from exobench.baselines.learning.speckles import (
    InversionSettings,
    anomaly_scores,
    residual_canvases,
    train_speckles,
)
from exobench.baselines.learning.training import area_under_roc
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import radius_map, to_yx

TINY = {"size": 32, "epochs": 1, "steps": 5, "device": "cpu"}


@pytest.fixture(autouse=True)
def torch():
    return pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")


def speckles(n, n_modes=6, size=33, seed=0):
    """Frames of a star: mixtures of a few patterns of speckles, and weak white noise."""
    rng = np.random.default_rng(seed)
    patterns = gaussian_filter(rng.normal(size=(n_modes, size, size)), (0, 1.5, 1.5))
    patterns /= patterns.std()
    mixed = np.tensordot(rng.normal(size=(n, n_modes)), patterns, axes=1)
    return (100 + mixed + 0.2 * rng.normal(size=mixed.shape)).astype(np.float32)


def planted(frames, strength, seed=0):
    """The frames with one companion each, of Gaussian shape, at random places."""
    rng = np.random.default_rng(seed)
    radius, theta = rng.uniform(4, 12, len(frames)), rng.uniform(0, 360, len(frames))
    y, x = (one[:, np.newaxis, np.newaxis] for one in to_yx(radius, theta, frames.shape))
    rows, columns = np.indices(frames.shape[1:])
    return frames + strength * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 1.3**2))


def test_it_says_that_it_learns():
    assert learns("gan_anomaly")


def test_its_map_has_values_within_the_canvas_alone(sky):
    sequence = sky.noise((8, 41, 41), blur=1.0)
    before = sequence.cube.copy()
    detections = load("gan_anomaly", **TINY)(sequence)
    radius = radius_map(sequence.shape)
    assert detections.shape == (41, 41)
    assert np.isfinite(detections[(radius > sky.fwhm) & (radius < 15 - sky.fwhm)]).all()
    assert np.isnan(detections[radius > 15 - sky.fwhm / 2]).all()
    np.testing.assert_array_equal(sequence.cube, before)


@pytest.mark.slow
def test_the_map_of_a_model_in_a_file_is_that_of_the_same_training_again(sky, tmp_path):
    sequence = sky.noise((8, 41, 41), blur=1.0)
    settings = SpeckleSettings(size=32, epochs=1, device="cpu")
    save(train_speckles(sequence.cube[0], settings), tmp_path / "model.safetensors")
    kept = load("gan_anomaly", model=str(tmp_path / "model.safetensors"), steps=5, device="cpu")
    np.testing.assert_array_equal(kept(sequence), load("gan_anomaly", **TINY)(sequence))


@pytest.mark.slow
def test_a_companion_is_the_brightest_place_of_the_map(sky):
    y, x = 26, 29
    sequence = sky.with_companion(sky.noise((20, 41, 41), blur=1.0), y, x, flux=12.0)
    detections = load("gan_anomaly", **TINY | {"epochs": 5, "steps": 60})(sequence)
    inside = np.where(radius_map(sequence.shape) > 1.5 * sky.fwhm, detections, np.nan)
    found = np.unravel_index(np.nanargmax(inside), inside.shape)
    assert np.hypot(found[0] - y, found[1] - x) <= 1
    assert detections[found] > 5
    opposite = dataclasses.replace(sequence, angles=-sequence.angles)
    turned = load("gan_anomaly", **TINY | {"epochs": 5, "steps": 60})(opposite)
    assert turned[y, x] < 0.5 * detections[y, x]


@pytest.mark.slow
def test_frames_with_a_companion_leave_more_than_frames_without():
    """The bar: an area of 0.7, which the frames before inversion do not reach."""
    frames = speckles(200)
    seen, blank, parent = frames[:120], frames[120:160], frames[160:]
    settings = SpeckleSettings(size=32, latent=16, epochs=25, device="cpu")
    model = train_speckles(seen, settings)
    canvases, _ = model.scale.standardised(np.concatenate([blank, planted(parent, 2.0)]))
    labels = np.repeat([0, 1], 40)
    left = residual_canvases(model, canvases, InversionSettings(device="cpu"))
    before, after = (area_under_roc(labels, anomaly_scores(one, 3.0)) for one in (canvases, left))
    assert after > 0.7
    assert after > before


def test_sequences_that_are_too_short_are_refused(sky):
    with pytest.raises(InputError, match="1 frame .* expected 2 or more"):
        load("gan_anomaly", **TINY)(sky.noise((1, 41, 41)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 40}, "size must be a multiple of 16"),
        ({"epochs": 0}, "epochs must be 1 or more, got 0"),
        ({"feature_weight": -1.0}, "feature_weight must be 0 or more, got -1"),
    ],
)
def test_options_out_of_range_are_refused(sky, options, message):
    with pytest.raises(InputError, match=message):
        load("gan_anomaly", **TINY | options)(sky.noise((6, 41, 41)))
