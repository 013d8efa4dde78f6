"""What the camera adds to the light and the pipeline leaves of it, effect by effect."""

import numpy as np
import pytest

from exobench.datasets.errors import InputError
from exobench.datasets.simulator.background import BackgroundDrift, background_residual
from exobench.datasets.simulator.camera import Camera, record
from exobench.datasets.simulator.crosstalk import Crosstalk, mix_channels
from exobench.datasets.simulator.detector import Detector
from exobench.datasets.simulator.registration import Registration
from exobench.datasets.simulator.stripes import ColumnStripes, column_offsets
from exobench.datasets.simulator.warm_pixels import (
    DARK_ERROR,
    WarmPixels,
    draw_warm_pixels,
    repair,
)

DETECTOR = Detector(star=1e6, background=400.0, read_noise=15.0)
PLAIN = Camera(detector=DETECTOR, exposure=30.0)
EVERYTHING = Camera(
    detector=DETECTOR,
    exposure=30.0,
    background=BackgroundDrift(background_drift=0.1),
    stripes=ColumnStripes(stripe_rms=5.0),
    warm_pixels=WarmPixels(warm_fraction=0.01),
    crosstalk=Crosstalk(channel_crosstalk=0.05),
    registration=Registration(star_drift=0.2, star_jitter=0.1, recentring_error=0.05),
)


def recorded(light, camera=PLAIN, seed=1):
    cube = light.copy()
    record(cube, camera, np.random.default_rng(seed))
    return cube


def dark(n_wavelengths=1, n_frames=6, size=24):
    return np.zeros((n_wavelengths, n_frames, size, size), dtype=np.float32)


def flat(level=1e-3, **shape):
    return dark(**shape) + np.float32(level)


# --- the chain


def test_with_everything_off_the_bytes_are_those_of_the_detector_alone():
    light = flat(n_wavelengths=2)
    expected, rng = light.copy(), np.random.default_rng(7)
    for channel in expected:
        for frame in channel:
            DETECTOR.expose(frame, rng)
    assert recorded(light, seed=7).tobytes() == expected.tobytes()


def test_the_same_seed_gives_the_same_bytes():
    light = flat(n_wavelengths=2)
    one, same, other = (recorded(light, EVERYTHING, seed) for seed in (3, 3, 4))
    assert one.tobytes() == same.tobytes() != other.tobytes()


@pytest.mark.parametrize(
    "other",
    [
        {"background": BackgroundDrift(background_drift=0.1)},
        {"background": BackgroundDrift(background_grain=0.1)},
        {"warm_pixels": WarmPixels(warm_fraction=0.01)},
    ],
)
def test_an_effect_leaves_the_photon_noise_and_the_other_effects_as_they_are(other):
    light, stripes = flat(n_frames=4), {"stripes": ColumnStripes(stripe_rms=9.0)}
    plain, striped, without, both = (
        DETECTOR.star * recorded(light, Camera(detector=DETECTOR, exposure=30.0, **effects))
        for effects in ({}, stripes, other, stripes | other)
    )
    assert np.abs(striped - plain).max() > 9
    # Almost: a repaired pixel takes the median of stripes.
    assert np.median(np.abs((both - without) - (striped - plain))) < 0.01


def test_channels_share_the_drift_of_the_background_and_nothing_else():
    still = Detector(star=1e6, background=400.0, read_noise=0.0)
    quiet = {"detector": still, "exposure": 30.0}
    drift = Camera(background=BackgroundDrift(background_drift=0.5), **quiet)
    stripes = Camera(stripes=ColumnStripes(stripe_rms=5.0), **quiet)
    light = dark(n_wavelengths=2)
    first, second = recorded(light, drift) - recorded(light, Camera(**quiet))
    np.testing.assert_allclose(first, second, atol=1e-6 * np.abs(first).max() + 1e-9)
    first, second = recorded(light, stripes) - recorded(light, Camera(**quiet))
    assert abs(np.corrcoef(first[:, 0].ravel(), second[:, 0].ravel())[0, 1]) < 0.3


# --- background


def test_the_background_has_its_rms_and_forgets_at_its_rate():
    drift = BackgroundDrift(background_drift=0.02, background_lifetime=300.0)
    pattern = background_residual(drift, (6000, 12, 15), 30.0, np.random.default_rng(1))
    assert pattern.std() == pytest.approx(0.02, rel=0.05)
    for lag in (1, 10):
        correlation = (pattern[:-lag] * pattern[lag:]).mean() / (pattern**2).mean()
        assert correlation == pytest.approx(np.exp(-30 * lag / 300), abs=0.05)


def test_the_background_is_a_surface_of_second_order():
    drift = BackgroundDrift(background_drift=0.02)
    pattern = background_residual(drift, (5, 20, 26), 30.0, np.random.default_rng(1))
    y, x = np.indices((20, 26)).reshape(2, -1) / 20
    surface = np.stack([np.ones_like(x), x, y, x * y, x**2, y**2])
    coefficients = np.linalg.lstsq(surface.T, pattern.reshape(5, -1).T, rcond=None)[0]
    np.testing.assert_allclose(surface.T @ coefficients, pattern.reshape(5, -1).T, atol=1e-7)
    assert np.abs(coefficients).min(axis=1).max() > 0


def test_the_background_is_measured_in_that_of_the_detector():
    camera = Camera(
        detector=DETECTOR, exposure=30.0, background=BackgroundDrift(background_drift=0.5)
    )
    light = dark(n_frames=400, size=10)
    added = recorded(light, camera) - recorded(light)
    assert DETECTOR.star * added.std() == pytest.approx(0.5 * 400, rel=0.15)


def test_the_grain_is_white_in_space_and_forgets_at_its_rate():
    drift = BackgroundDrift(background_grain=0.03, background_lifetime=60.0)
    grain = background_residual(drift, (300, 30, 31), 30.0, np.random.default_rng(1))
    assert grain.std() == pytest.approx(0.03, rel=0.02)
    lagged = (grain[:-1] * grain[1:]).mean() / grain.var()
    assert lagged == pytest.approx(np.exp(-0.5), abs=0.01)
    assert abs((grain[:, 1:] * grain[:, :-1]).mean()) < 0.01 * grain.var()


# --- stripes


def test_stripes_have_their_variance_and_stand_along_columns():
    camera = Camera(detector=DETECTOR, exposure=30.0, stripes=ColumnStripes(stripe_rms=6.0))
    light = dark(n_frames=200)
    added = DETECTOR.star * (recorded(light, camera) - recorded(light))[0]
    assert np.ptp(added, axis=1).max() < 0.01
    assert added.std() == pytest.approx(6.0, rel=0.03)
    # Independent from column to column and from frame to frame.
    row = added[:, 0]
    assert abs((row[1:] * row[:-1]).mean()) < 0.05 * 36
    assert abs((row[:, 1:] * row[:, :-1]).mean()) < 0.05 * 36


def test_a_mean_over_rows_shows_stripes_that_pixels_hide():
    camera = Camera(detector=DETECTOR, exposure=30.0, stripes=ColumnStripes(stripe_rms=4.0))
    cube = DETECTOR.star * recorded(dark(n_frames=300, size=32), camera)[0]
    pixel = 400.0 + 15.0**2
    assert cube.var() == pytest.approx(pixel + 16, rel=0.03)
    assert cube.mean(axis=1).var() == pytest.approx(pixel / 32 + 16, rel=0.05)


def test_columns_of_an_amplifier_share_their_offset():
    stripes = ColumnStripes(stripe_rms=3.0, stripe_columns=8)
    offsets = column_offsets(stripes, 50, 40, np.random.default_rng(2))
    steps = np.abs(np.diff(offsets, axis=1)).max(axis=0) > 0
    assert set(np.diff(np.flatnonzero(steps))) == {8}
    assert offsets.std() == pytest.approx(3.0, rel=0.15)


def test_amplifiers_begin_anywhere():
    stripes = ColumnStripes(stripe_rms=3.0, stripe_columns=8)
    firsts = set()
    for seed in range(60):
        (offsets,) = column_offsets(stripes, 1, 9, np.random.default_rng(seed))
        firsts.add(int(np.flatnonzero(np.diff(offsets))[0]))
    assert firsts == set(range(8))


# --- warm pixels


def warm_map(fraction=0.01, size=400, **changes):
    settings = {"exposure": 30.0, "noise": 20.0, "rng": np.random.default_rng(3)} | changes
    return draw_warm_pixels(
        WarmPixels(warm_fraction=fraction, warm_rate=5.0), (size, size), **settings
    )


def test_warm_pixels_are_as_many_and_as_warm_as_asked_for():
    warm = warm_map()
    assert warm.y.size == pytest.approx(1600, rel=0.1)
    assert warm.excess.mean() == pytest.approx(150.0, rel=0.1)
    # Exponential: the share of those above 5 times the noise of 20 electrons.
    assert warm.found.mean() == pytest.approx(np.exp(-100 / 150), abs=0.05)
    assert warm.excess[~warm.found].max() <= 100 < warm.excess[warm.found].min()


def test_a_warm_pixel_keeps_an_error_and_the_noise_of_its_photons():
    warm = warm_map(fraction=0.1, size=60)
    signal = warm.signal(2000, np.random.default_rng(4))
    np.testing.assert_allclose(signal.var(axis=0), warm.excess, rtol=0.2)
    scatter = np.sqrt(warm.excess / 2000)
    assert np.abs((signal.mean(axis=0) - warm.left) / scatter).max() < 5
    assert (warm.left / warm.excess).std() == pytest.approx(DARK_ERROR, rel=0.2)


def test_warm_pixels_stay_where_they_are_and_never_spike():
    # Of 40 electrons on average, most are too faint for the map of bad pixels.
    warm = WarmPixels(warm_fraction=0.01, warm_rate=40 / 30)
    camera = Camera(detector=DETECTOR, exposure=30.0, warm_pixels=warm)
    light = dark(n_frames=500, size=60)
    cube = DETECTOR.star * recorded(light, camera)[0]
    noise = np.sqrt(400 + 15.0**2)
    changed = (recorded(light, camera) != recorded(light))[0].any(axis=0)
    assert changed.mean() == pytest.approx(0.01, rel=0.5)
    assert np.abs(cube).max() < 8 * noise
    mean = cube.mean(axis=0) / (noise / np.sqrt(500))
    assert mean[~changed].std() == pytest.approx(1, abs=0.05)
    assert mean[changed].std() > 1.5


def test_a_repaired_pixel_is_the_median_of_the_good_ones_around_it():
    frames = np.random.default_rng(5).normal(size=(3, 9, 9)).astype(np.float32)
    original = frames.copy()
    frames[:, 4, 4] = frames[:, 4, 5] = frames[:, 0, 0] = 1e6
    repair(frames, np.array([4, 4, 0]), np.array([4, 5, 0]))
    box = original[:, 2:7, 2:7].reshape(3, 25)
    good = np.delete(box, [12, 13], axis=1)
    np.testing.assert_array_equal(frames[:, 4, 4], np.median(good, axis=1))
    corner = original[:, :3, :3].reshape(3, 9)[:, 1:]
    np.testing.assert_array_equal(frames[:, 0, 0], np.median(corner, axis=1).astype(np.float32))
    untouched = np.ones((9, 9), dtype=bool)
    untouched[[4, 4, 0], [4, 5, 0]] = False
    np.testing.assert_array_equal(frames[:, untouched], original[:, untouched])


def test_a_pixel_without_good_neighbours_stays():
    frames = np.full((1, 3, 3), 7.0, dtype=np.float32)
    repair(frames, *(axis.ravel() for axis in np.indices((3, 3))))
    np.testing.assert_array_equal(frames, 7.0)


def test_repaired_pixels_are_smoother_than_real_ones():
    hot = Camera(
        detector=DETECTOR,
        exposure=30.0,
        warm_pixels=WarmPixels(warm_fraction=0.02, warm_rate=1e4),
    )
    light = dark(n_frames=100, size=40)
    cube, plain = recorded(light, hot)[0], recorded(light)[0]
    repaired = (cube != plain).any(axis=0)
    # The median of about 24 normal numbers: variance pi / 2 / 24.
    ratio = cube[:, repaired].var() / plain.var()
    assert ratio == pytest.approx(np.pi / 2 / 24, rel=0.15)


# --- crosstalk


def test_crosstalk_is_a_kernel_of_three_channels():
    cube = np.zeros((5, 1, 2, 2))
    cube[2] = 1
    mix_channels(cube, Crosstalk(channel_crosstalk=0.1))
    np.testing.assert_allclose(cube[:, 0, 0, 0], [0, 0.1, 0.8, 0.1, 0], atol=1e-15)


def test_crosstalk_keeps_the_flux_and_a_flat_spectrum_at_the_ends_too():
    for lit in range(4):
        cube = np.zeros((4, 3, 2, 2))
        cube[lit] = 1
        mix_channels(cube, Crosstalk(channel_crosstalk=0.2))
        np.testing.assert_allclose(cube.sum(axis=0), 1)
    same = np.ones((4, 3, 2, 2))
    mix_channels(same, Crosstalk(channel_crosstalk=0.2))
    np.testing.assert_allclose(same, 1)


def test_crosstalk_equals_its_matrix():
    rng, share, n = np.random.default_rng(6), 0.07, 6
    matrix = (1 - 2 * share) * np.eye(n) + share * (np.eye(n, k=1) + np.eye(n, k=-1))
    matrix[0, 0] = matrix[-1, -1] = 1 - share
    cube = rng.normal(size=(n, 4, 5))
    expected = np.tensordot(matrix, cube, 1)
    mix_channels(cube, Crosstalk(channel_crosstalk=share))
    np.testing.assert_allclose(cube, expected, atol=1e-14)


def test_one_channel_has_nobody_to_talk_to():
    cube = np.random.default_rng(7).normal(size=(1, 2, 3, 3))
    before = cube.copy()
    mix_channels(cube, Crosstalk(channel_crosstalk=0.2))
    np.testing.assert_array_equal(cube, before)


def test_light_is_mixed_before_its_noise():
    light = dark(n_wavelengths=3, n_frames=300, size=16)
    light[1] = 0.1
    silent = Detector(star=1e6, background=0.0, read_noise=0.0)
    camera = Camera(detector=silent, exposure=30.0, crosstalk=Crosstalk(channel_crosstalk=0.1))
    electrons = 1e6 * recorded(light, camera)
    assert electrons.mean(axis=(1, 2, 3)) == pytest.approx([1e4, 8e4, 1e4], rel=1e-3)
    assert electrons.var(axis=(1, 2, 3)) == pytest.approx([1e4, 8e4, 1e4], rel=0.03)
    # Mixed after detection, the noise of neighbours would be correlated.
    first, middle = electrons[0].ravel(), electrons[1].ravel()
    assert abs(np.corrcoef(first, middle)[0, 1]) < 0.02


# --- parameters


@pytest.mark.parametrize(
    ("group", "values"),
    [
        (BackgroundDrift, {"background_drift": -0.1}),
        (BackgroundDrift, {"background_lifetime": 0}),
        (ColumnStripes, {"stripe_columns": 0}),
        (WarmPixels, {"warm_fraction": 0.5}),
        (Crosstalk, {"channel_crosstalk": 0.4}),
        (Registration, {"star_jitter": float("nan")}),
        (Registration, {"lenslet_pitch": 0.1}),
    ],
)
def test_impossible_values_are_refused_by_name(group, values):
    (name,) = values
    with pytest.raises(InputError, match=f"^{name} must be"):
        group(**values)
