"""Single frames judged by a network: trained on a sequence, it finds what is in it."""

from dataclasses import replace

import numpy as np
import pytest

from exobench.baselines import learns, load
from exobench.baselines.learning.frames.detector import combined
from exobench.datasets.errors import InputError

OPTIONS = {"samples": 120, "n_components": 2, "snr_low": 6.0, "epochs": 5, "device": "cpu"}


@pytest.fixture(scope="module")
def sequence(sky):
    return sky.with_companion(sky.noise((24, 41, 41), blur=0.7), 20, 33, 40.0)


@pytest.fixture(scope="module")
def found(sequence):
    pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")
    return load("frame_cnn", **OPTIONS)(sequence)


def test_it_is_a_method_that_learns():
    assert learns("frame_cnn")


def test_the_map_peaks_at_a_companion_that_was_in_all_frames_of_the_training(found, sequence):
    peak = np.unravel_index(np.nanargmax(found), found.shape)
    assert np.hypot(peak[0] - 20, peak[1] - 33) < sequence.reference_fwhm
    assert found[peak] > 4


def test_the_map_has_no_value_at_the_star_nor_beyond_the_largest_circle(found):
    y, x = np.indices(found.shape) - 20
    radius = np.hypot(y, x)
    assert np.isnan(found[radius > 20]).all()
    assert np.isnan(found[20, 20])
    assert np.isfinite(found[(radius > 5) & (radius < 17)]).all()


def test_evidence_that_stands_on_the_sky_adds_up_and_what_stands_on_the_detector_does_not():
    angles = np.linspace(0, 120, 13)
    evidence = np.zeros((2, angles.size, 21, 21))
    azimuth = np.deg2rad(30 - angles)
    y, x = np.rint(10 + 7 * np.sin(azimuth)), np.rint(10 + 7 * np.cos(azimuth))
    evidence[0, np.arange(angles.size), y.astype(int), x.astype(int)] = 1
    evidence[1, :, y.astype(int)[0], x.astype(int)[0]] = 1
    sky, detector = (combined(one, angles, (41, 41)) for one in evidence)
    assert np.nanmax(sky) > 3 * np.nanmax(detector)


def test_signed_evidence_counts_frames_that_speak_against_a_companion():
    evidence = np.zeros((4, 21, 21))
    evidence[:2, 10, 15], evidence[2:, 10, 15] = 1, -1
    angles = np.zeros(4)
    signed = combined(evidence, angles, (41, 41))
    rectified = combined(evidence, angles, (41, 41), rectified=True)
    assert np.nanmax(np.abs(signed)) < 1e-5
    assert np.nanmax(rectified) > 0.3


def test_several_wavelengths_are_refused(sequence):
    two = replace(
        sequence,
        cube=np.repeat(sequence.cube, 2, axis=0),
        psf=np.repeat(sequence.psf, 2, axis=0),
        fwhm=np.repeat(sequence.fwhm, 2),
    )
    pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")
    with pytest.raises(InputError, match="2 wavelengths; frame_cnn takes one"):
        load("frame_cnn", **OPTIONS)(two)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frames": "derotated"}, "frames must be one of residual, raw"),
        ({"cam": "absolute"}, "cam must be one of signed, rectified"),
        ({"samples": 10}, "samples must be 40 or more"),
        ({"snr_low": 0.0}, "snr_low must be more than 0"),
        ({"snr_low": 9.0, "snr_high": 3.0}, r"snr_high must be 9\.0 or more"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        load("frame_cnn", **options)
