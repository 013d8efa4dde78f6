"""Frames rendered off the centre, recorded, and recentred as observers do."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from exobench.datasets.centring import shift
from exobench.datasets.geometry import centre, frame_centre
from exobench.datasets.simulator.camera import Camera, record
from exobench.datasets.simulator.detector import Detector
from exobench.datasets.simulator.registration import (
    Registration,
    StarTrack,
    draw_track,
    resampling,
)


def track_of(offset, measured=None):
    offset = np.atleast_2d(np.asarray(offset, dtype=float))
    measured = offset if measured is None else np.atleast_2d(np.asarray(measured, dtype=float))
    return StarTrack(offset=offset, measured=measured)


def smooth(n_frames, *shape, width=2.0, seed=0):
    noise = np.random.default_rng(seed).normal(size=(n_frames, *shape))
    return ndimage.gaussian_filter(noise, (0, width, width)).astype(np.float32)


def star_of(frame):
    weight = np.clip(frame, 0, None) / np.clip(frame, 0, None).sum()
    y, x = np.indices(frame.shape)
    return np.array([(weight * y).sum(), (weight * x).sum()])


def gaussian(shape, width=2.5):
    y, x = np.indices(shape)
    cy, cx = frame_centre(shape)
    return np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * width**2)).astype(np.float32)


# --- where the star stands


def test_the_star_wanders_as_asked_for():
    settings = Registration(
        star_drift=0.4, star_drift_lifetime=60.0, star_jitter=0.2, recentring_error=0.1
    )
    track = draw_track(settings, 20000, 30.0, np.random.default_rng(1))
    around = track.offset - track.offset.mean(axis=0)
    assert around.var() == pytest.approx(0.4**2 + 0.2**2, rel=0.05)
    # Between frames the drift keeps exp(-1/2) of itself, the jitter nothing.
    lagged = (around[1:] * around[:-1]).mean()
    assert lagged == pytest.approx(0.4**2 * np.exp(-0.5), rel=0.05)
    error = track.measured - track.offset
    assert error.std() == pytest.approx(0.1, rel=0.03)
    assert abs(np.corrcoef(error[1:, 0], error[:-1, 0])[0, 1]) < 0.03


def test_a_slow_error_of_the_measurement_stays_for_many_frames():
    settings = Registration(recentring_drift=0.2, star_drift_lifetime=300.0)
    track = draw_track(settings, 20000, 30.0, np.random.default_rng(1))
    error = track.measured - track.offset
    assert error.std() == pytest.approx(0.2, rel=0.05)
    assert (error[1:] * error[:-1]).mean() / error.var() == pytest.approx(np.exp(-0.1), abs=0.01)
    assert not settings.exact
    assert Registration().exact


def test_the_mean_place_of_the_star_is_anywhere_within_a_pixel():
    settings = Registration(recentring_error=0.1)
    places = [
        draw_track(settings, 3, 30.0, np.random.default_rng(seed)).offset for seed in range(300)
    ]
    places = np.array(places)
    assert np.ptp(places, axis=1).max() == 0
    assert places.std() == pytest.approx(np.sqrt(1 / 12), rel=0.1)
    assert np.abs(places).max() <= 0.5


# --- rendering


@pytest.mark.parametrize("shape", [(30, 41), (41, 30)])
def test_rendering_is_the_fourier_shift_of_the_mirrored_frame(shape):
    frames = smooth(2, *shape)
    track = track_of([(0.31, -1.44), (-0.5, 0.02)])
    matrices = resampling(track, shape)
    rendered = matrices.render(frames)
    top, left = ((m - n) // 2 for m, n in zip(matrices.lattice, shape, strict=True))
    for frame, recorded, offset in zip(frames, rendered, track.offset, strict=True):
        inner = recorded[top : top + shape[0], left : left + shape[1]]
        np.testing.assert_allclose(inner, shift(frame.astype(float), tuple(offset)), atol=1e-6)


def test_rendering_moves_the_star_and_keeps_its_flux():
    shape = (40, 41)
    frames = np.stack([gaussian(shape)] * 3)
    offsets = np.array([(0.0, 0.0), (0.37, -0.81), (-1.2, 0.45)])
    matrices = resampling(track_of(offsets), shape)
    margin = np.array([(m - n) // 2 for m, n in zip(matrices.lattice, shape, strict=True)])
    for frame, offset in zip(matrices.render(frames), offsets, strict=True):
        np.testing.assert_allclose(
            star_of(frame), np.array(frame_centre(shape)) + margin + offset, atol=1e-3
        )
        assert frame.sum() == pytest.approx(frames[0].sum(), rel=1e-5)


def test_light_does_not_wrap_round_the_frame():
    frame = np.zeros((1, 31, 31), dtype=np.float32)
    frame[0, :, :6] = gaussian((31, 11))[:, 5:]
    rendered = resampling(track_of((0.0, -0.6)), (31, 31)).render(frame)[0]
    # Only the ringing of the cut at the left edge's mirror, not the star itself.
    assert np.abs(rendered[:, -9:]).max() < 0.01 * rendered.max()


# --- recentring


@pytest.mark.parametrize("shape", [(30, 41), (41, 30)])
def test_recentring_is_the_cubic_spline_of_scipy(shape):
    track = track_of([(0.31, -0.44), (-0.5, 0.02)], [(0.2, -0.3), (-0.5, 0.5)])
    matrices = resampling(track, shape)
    recorded = np.random.default_rng(2).normal(size=(2, *matrices.lattice)).astype(np.float32)
    centred = matrices.recentre(recorded)
    top, left = ((m - n) // 2 for m, n in zip(matrices.lattice, shape, strict=True))
    for frame, ours, measured in zip(recorded, centred, track.measured, strict=True):
        theirs = ndimage.shift(frame.astype(float), -measured, order=3, mode="mirror")
        np.testing.assert_allclose(
            ours, theirs[top : top + shape[0], left : left + shape[1]], atol=2e-6
        )


@pytest.mark.parametrize("pitch", [0.0, 1.0, 1.5])
@pytest.mark.parametrize("size", [40, 41])
def test_a_star_comes_back_but_for_the_error_of_its_measurement(pitch, size):
    shape = (size, size)
    offsets = np.array([(0.37, -0.81), (-1.2, 0.45), (0.5, 0.5)])
    errors = np.array([(0.0, 0.0), (0.1, -0.2), (-0.05, 0.15)])
    matrices = resampling(track_of(offsets, offsets + errors), shape, pitch)
    centred = matrices.recentre(matrices.render(np.stack([gaussian(shape)] * 3)))
    for frame, error in zip(centred, errors, strict=True):
        np.testing.assert_allclose(star_of(frame), np.array(frame_centre(shape)) - error, atol=5e-3)
        assert frame.sum() == pytest.approx(gaussian(shape).sum(), rel=1e-3)


def test_smooth_light_survives_but_for_the_fidelity_of_splines():
    frames = smooth(3, 50, 50, width=2.0)
    matrices = resampling(track_of([(0.5, 0.5), (0.2, -1.3), (0.0, 0.0)]), (50, 50))
    centred = matrices.recentre(matrices.render(frames))
    inner = np.s_[:, 3:-3, 3:-3]
    assert np.abs(centred - frames)[inner].max() < 0.01 * frames.std()


def test_recentring_by_whole_pixels_copies_them():
    recorded_shape = resampling(track_of((1.0, -2.0)), (20, 21)).lattice
    recorded = np.random.default_rng(3).normal(size=(1, *recorded_shape)).astype(np.float32)
    centred = resampling(track_of((1.0, -2.0)), (20, 21)).recentre(recorded)
    margin_y, margin_x = ((m - n) // 2 for m, n in zip(recorded_shape, (20, 21), strict=True))
    expected = recorded[:, margin_y + 1 : margin_y + 21, margin_x - 2 : margin_x + 19]
    np.testing.assert_allclose(centred, expected, atol=1e-6)


# --- what it does to noise


def kernel(t, reach=30):
    """Weights of a cubic spline through samples, at a fraction `t` between two of them."""
    impulse = np.zeros(2 * reach + 1)
    impulse[reach] = 1
    return ndimage.shift(impulse, t, order=3)


def autocorrelation(images, lag):
    """Along x."""
    product = images[..., : images.shape[-1] - lag] * images[..., lag:]
    return product.mean() / (images**2).mean()


@pytest.mark.parametrize("fraction", [0.5, 0.25])
def test_noise_is_correlated_as_the_kernel_says(fraction):
    detector = Detector(star=1e4, background=1e4, read_noise=0.0)
    track = track_of([(0.0, fraction)] * 40)
    matrices = resampling(track, (80, 81))
    white = np.zeros((40, *matrices.lattice), dtype=np.float32)
    rng = np.random.default_rng(4)
    for frame in white:
        detector.expose(frame, rng)
    noise = matrices.recentre(white)
    weights = kernel(fraction)
    power = (weights**2).sum()
    assert noise.var() == pytest.approx(power * white.var(), rel=0.02)
    for lag in (1, 2, 3):
        expected = (weights[:-lag] * weights[lag:]).sum() / power
        assert autocorrelation(noise, lag) == pytest.approx(expected, abs=0.01)
    # Along y nothing was moved.
    assert abs(autocorrelation(noise.swapaxes(1, 2), 1)) < 0.01


def test_the_camera_records_off_the_centre_and_recentres():
    shape = (1, 60, 48, 48)
    star = np.broadcast_to(gaussian(shape[2:]), shape)
    camera = Camera(
        detector=Detector(star=1e9, background=0.0, read_noise=0.0),
        exposure=30.0,
        registration=Registration(star_drift=0.3, star_jitter=0.1, recentring_error=0.15),
    )
    cube = star.copy()
    record(cube, camera, np.random.default_rng(5))
    centres = np.array([star_of(frame) for frame in cube[0]])
    assert centres.mean(axis=0) == pytest.approx([24, 24], abs=0.08)
    assert centres.std(axis=0) == pytest.approx([0.15, 0.15], rel=0.3)
    assert cube.sum() == pytest.approx(star.sum(), rel=1e-3)


def test_lenslets_keep_the_noise_of_an_area_and_correlate_pixels():
    detector = Detector(star=1e6, background=2000.0, read_noise=30.0)
    lenslets = Camera(
        detector=detector, exposure=30.0, registration=Registration(lenslet_pitch=1.5)
    )
    pixels = replace(lenslets, registration=Registration())
    cubes = []
    for camera in (lenslets, pixels):
        cube = np.full((1, 80, 72, 72), 1e-3, dtype=np.float32)
        record(cube, camera, np.random.default_rng(6))
        cubes.append(cube[0] - 1e-3)
    wide = [cube.reshape(80, 6, 12, 6, 12).mean(axis=(2, 4)).std() for cube in cubes]
    assert wide[0] == pytest.approx(wide[1], rel=0.1)
    assert autocorrelation(cubes[0], 1) > 0.3
    assert abs(autocorrelation(cubes[1], 1)) < 0.01


def test_no_row_of_the_noise_is_the_mirror_of_another():
    # Light beyond the edge is mirrored, for there is none to render; noise never is.
    camera = Camera(
        detector=Detector(star=1e6, background=2000.0, read_noise=30.0),
        exposure=30.0,
        registration=Registration(star_drift=1.0, star_jitter=0.3),
    )
    cube = np.zeros((1, 200, 32, 32), dtype=np.float32)
    record(cube, camera, np.random.default_rng(7))
    rows = cube[0, :, :3].reshape(200, 3, 32)
    for one, other in ((0, 2), (0, 1)):
        correlation = (rows[:, one] * rows[:, other]).mean() / cube.var()
        inner = (cube[0, :, 15] * cube[0, :, 15 + other - one]).mean() / cube.var()
        assert correlation == pytest.approx(inner, abs=0.05)


def test_the_centre_is_the_same_for_lenslets():
    for size in (30, 31):
        frame = gaussian((size, size))[np.newaxis]
        matrices = resampling(track_of((0.0, 0.0)), (size, size), 1.5)
        assert star_of(matrices.recentre(matrices.render(frame))[0]) == pytest.approx(
            [centre(size)] * 2, abs=1e-3
        )
