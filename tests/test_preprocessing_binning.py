"""Binned sequences show the same sky with fewer frames."""

from dataclasses import replace

import numpy as np
import pytest

from exobench.datasets.errors import SequenceError
from exobench.datasets.files import read_sequence
from exobench.datasets.injection import inject
from exobench.datasets.preprocessing import bin_smearing, binned
from exobench.datasets.rotation import derotate
from exobench.datasets.sequence import Companion, ImageSequence


def sequence(n_frames=10, angles=None, **fields):
    y, x = np.indices((9, 9)) - 4
    given = {
        "name": "toy_1",
        "cube": np.random.default_rng(1).normal(size=(2, n_frames, 20, 21)),
        "angles": np.arange(n_frames) * 2.0 if angles is None else angles,
        "psf": np.stack([np.exp(-(y**2 + x**2) / 4.0)] * 2),
        "fwhm": (3.0, 3.5),
        "pixel_scale": 0.01,
        "times": np.arange(n_frames) * 30.0,
    }
    return ImageSequence(**given | fields)


def test_frames_angles_and_times_are_means_over_the_same_frames():
    star = sequence(8)
    few = binned(star, 2)
    np.testing.assert_allclose(few.cube[:, 1], star.cube[:, 4:].mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(few.angles, [3, 11])
    np.testing.assert_allclose(few.times, [45, 165])
    assert few.cube.dtype == np.float32


@pytest.mark.parametrize(
    ("n_frames", "max_frames", "sizes"),
    [
        (252, 63, [4] * 63),
        (10, 3, [3, 3, 4]),
        (10, 4, [2, 3, 2, 3]),
        (7, 6, [1, 2, 2, 2]),
        (5, 1, [5]),
    ],
)
def test_bins_differ_by_one_frame_and_leave_none_out(n_frames, max_frames, sizes):
    index = np.arange(n_frames, dtype=float)
    cube = np.broadcast_to(index[:, None, None], (2, n_frames, 3, 3))
    few = binned(sequence(n_frames, cube=cube, psf=np.ones((2, 3, 3))), max_frames)
    ends = np.cumsum(sizes)
    means = [index[end - size : end].mean() for end, size in zip(ends, sizes, strict=True)]
    np.testing.assert_allclose(few.cube[0, :, 0, 0], means, rtol=1e-6)


def test_angles_are_averaged_across_the_full_turn():
    assert binned(sequence(2, angles=[359.0, 2.0]), 1).angles == pytest.approx([360.5])


def test_as_many_frames_as_allowed_stay_as_they_are():
    star = sequence()
    assert binned(star, 10) is star


def test_frames_of_reference_stars_are_kept():
    reference = np.ones((2, 5, 20, 21))
    assert binned(sequence(reference=reference), 3).reference.shape == (2, 5, 20, 21)


def test_the_smearing_is_the_longest_arc_at_the_edge():
    star = sequence(6, angles=[0, 2, 4, 9, 11, 13])
    assert bin_smearing(star, 3) == pytest.approx(np.deg2rad(5) * 9 / 3.0)
    assert bin_smearing(star, 6) == 0


def test_more_smearing_than_accepted_is_refused_with_its_size():
    star = sequence(6, angles=[0, 2, 4, 9, 11, 13])
    assert binned(star, 3, max_smearing=0.3).n_frames == 3
    with pytest.raises(SequenceError, match=r"over 0\.26 FWHM, more than 0\.2; use more bins"):
        binned(star, 3, max_smearing=0.2)


def test_no_frames_at_all_are_refused():
    with pytest.raises(SequenceError, match="1 frame or more after binning, got 0"):
        binned(sequence(), 0)


def test_a_companion_of_the_real_cube_keeps_its_place_and_flux(shared_data):
    star = read_sequence(shared_data / "naco_betapic")
    source = Companion(separation=0.6, position_angle=75, flux=1000.0)
    alone = inject(replace(star, cube=np.zeros_like(star.cube)), [source])

    def seen(one):
        return derotate(one.cube, one.angles)[0].mean(axis=0)

    before, after = seen(alone), seen(binned(alone, 31))
    y, x = np.rint(source.position(star)).astype(int)
    assert np.unravel_index(after.argmax(), after.shape) == (y, x)
    assert after[y, x] == pytest.approx(before[y, x], rel=0.02)
    assert bin_smearing(star, 31) == pytest.approx(0.75, abs=0.01)
