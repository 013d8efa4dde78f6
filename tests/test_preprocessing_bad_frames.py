"""Spoilt frames are rejected, with their angles and times; usual ones are kept."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from exobench.datasets.centring import shift
from exobench.datasets.errors import SequenceError
from exobench.datasets.files import read_sequence
from exobench.datasets.preprocessing import FrameQuality, frame_quality, good_frames, selected


@pytest.fixture(scope="module")
def naco(shared_data):
    star = read_sequence(shared_data / "naco_betapic")
    return replace(star, times=np.arange(star.n_frames) * 30.0)


def test_the_real_frames_are_all_kept(naco):
    assert good_frames(frame_quality(naco)).all()


SPOILT = {
    "noise": lambda frame: np.random.default_rng(1).normal(0, 50, frame.shape),
    "empty": np.zeros_like,
    "clouds": lambda frame: 0.3 * frame,
    "open loop": lambda frame: ndimage.gaussian_filter(frame, 6),
    "lost star": lambda frame: shift(frame, (4, 3)),
    "moon": lambda frame: frame + 200,
}


@pytest.mark.parametrize("kind", SPOILT)
def test_spoilt_frames_of_the_real_sequence_are_rejected_and_only_they(naco, kind):
    cube = naco.cube.copy()
    for t in (0, 1, 17, 40, 60):
        cube[0, t] = SPOILT[kind](cube[0, t])
    kept = good_frames(frame_quality(replace(naco, cube=cube)))
    assert np.flatnonzero(~kept).tolist() == [0, 1, 17, 40, 60]


@pytest.mark.parametrize(
    ("statistic", "departure", "rejected"),
    [
        ("correlation", -0.2, True),
        ("correlation", 0.008, False),  # of a frame that is the median
        ("flux", -0.2, True),
        ("flux", 0.2, True),
        ("concentration", -0.2, True),
        ("concentration", 0.2, True),
    ],
)
def test_each_statistic_rejects_on_its_own(statistic, departure, rejected):
    rng = np.random.default_rng(2)
    values = {
        "correlation": 0.99 + 0.002 * rng.uniform(-1, 1, 40),
        "flux": 1 + 0.01 * rng.normal(size=40),
        "concentration": 0.3 + 0.01 * rng.normal(size=40),
    }
    values[statistic][23] += departure
    kept = good_frames(FrameQuality(**values))
    assert np.flatnonzero(~kept).tolist() == ([23] if rejected else [])


def test_a_change_that_takes_hours_is_no_reason_to_reject(naco):
    gain = np.linspace(1, 0.3, naco.n_frames)[:, np.newaxis, np.newaxis].astype(np.float32)
    assert good_frames(frame_quality(replace(naco, cube=naco.cube * gain))).all()


def test_flux_and_concentration_are_relative_and_correlation_is_pearsons(naco):
    few = replace(naco, cube=naco.cube[:, :5], angles=naco.angles[:5], times=None)
    quality = frame_quality(few)
    y, x = np.indices(naco.shape) - 50
    disc = np.hypot(y, x) <= 50
    pixels = few.cube[0][:, disc].astype(float)
    sums = pixels.sum(axis=1)
    np.testing.assert_allclose(quality.flux, sums / np.median(sums))
    core = few.cube[0][:, np.hypot(y, x) <= 2 * few.fwhm[0]].sum(axis=1)
    np.testing.assert_allclose(quality.concentration, core / sums, rtol=1e-5)
    median = np.median(pixels, axis=0)
    expected = [np.corrcoef(one, median)[0, 1] for one in pixels]
    np.testing.assert_allclose(quality.correlation, expected)


def test_equal_frames_and_few_frames_are_all_kept(naco):
    same = replace(naco, cube=np.repeat(naco.cube[:, :1], naco.n_frames, axis=1))
    assert good_frames(frame_quality(same)).all()
    brighter = np.array([1, 5, 1])[:, np.newaxis, np.newaxis]
    few = replace(naco, cube=naco.cube[:, :3] * brighter, angles=[0, 1, 2], times=None)
    assert good_frames(frame_quality(few)).all()


def test_angles_and_times_go_with_their_frames(naco):
    kept = np.arange(naco.n_frames) % 3 == 0
    some = selected(naco, kept)
    np.testing.assert_array_equal(some.cube, naco.cube[:, ::3])
    np.testing.assert_array_equal(some.angles, naco.angles[::3])
    np.testing.assert_array_equal(some.times, naco.times[::3])


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        (np.arange(61), "expected one truth value for each of 61 frames, got int64"),
        (np.ones(60, dtype=bool), r"got bool of shape \(60,\)"),
        (np.zeros(61, dtype=bool), "no frame would be left of 61"),
    ],
)
def test_a_choice_that_does_not_fit_is_refused(naco, kept, message):
    with pytest.raises(SequenceError, match=message):
        selected(naco, kept)
