"""The satellite spots around the star."""

import numpy as np
import pytest

from exobench.datasets.errors import InputError
from exobench.datasets.psf import aperture_flux
from exobench.datasets.simulator.satellite_spots import (
    SatelliteSpots,
    spot_image,
    spot_positions,
)

SPOTS = SatelliteSpots(spot_contrast=1e-3, spot_separation=15.0, spot_angle=20.0)


def off_axis(width=1.6, size=21, peak=0.8):
    y, x = np.indices((size, size)) - size // 2
    return (peak * np.exp(-(y**2 + x**2) / (2 * width**2))).astype(np.float32)


def centroid(image, near, half=6):
    row, column = np.rint(near).astype(int)
    cut = image[row - half : row + half + 1, column - half : column + half + 1]
    y, x = np.indices(cut.shape)
    return np.array([(cut * y).sum(), (cut * x).sum()]) / cut.sum() + [row - half, column - half]


@pytest.mark.parametrize("shape", [(120, 120), (121, 130)])
def test_spots_stand_at_radii_proportional_to_the_wavelength(shape):
    radii = []
    for lambda_over_d_px in (2.0, 2.3, 3.1):
        image = spot_image(SPOTS, off_axis(), lambda_over_d_px, shape)
        centre = np.array([shape[0] // 2, shape[1] // 2])
        for y, x in zip(*spot_positions(SPOTS, lambda_over_d_px, shape), strict=True):
            found = centroid(image, (y, x))
            assert found == pytest.approx([y, x], abs=0.01)
            radii.append(np.hypot(*(found - centre)) / lambda_over_d_px)
    assert radii == pytest.approx([15.0] * 12, abs=0.01)


def test_the_first_spot_stands_at_its_angle_and_the_others_a_quarter_turn_apart():
    y, x = spot_positions(SPOTS, 2.0, (121, 121))
    angles = np.rad2deg(np.arctan2(y - 60, x - 60)) % 360
    assert angles == pytest.approx([20, 110, 200, 290])


def test_each_spot_has_its_contrast():
    star = off_axis()
    image = spot_image(SPOTS, star, 2.0, (120, 120))
    y, x = spot_positions(SPOTS, 2.0, (120, 120))
    row, column = round(y[0]), round(x[0])
    cut = image[row - 10 : row + 11, column - 10 : column + 11]
    assert cut.sum() == pytest.approx(1e-3 * star.sum(), rel=1e-3)
    assert aperture_flux(cut, 9.0) == pytest.approx(1e-3 * aperture_flux(star, 9.0), rel=0.01)
    assert image.sum() == pytest.approx(4e-3 * star.sum(), rel=1e-3)


def test_spots_beyond_the_frame_leave_it_empty_and_those_at_its_edge_are_cut():
    assert not spot_image(SPOTS, off_axis(), 9.0, (120, 120)).any()
    cut = spot_image(
        SatelliteSpots(spot_contrast=1e-3, spot_separation=30.0, spot_angle=0.0),
        off_axis(),
        2.0,
        (121, 121),
    )
    inside = off_axis()[:, :11]  # up to the column that is the frame's last
    assert cut.sum() == pytest.approx(4e-3 * inside.sum(), rel=1e-3)


def test_without_contrast_there_is_nothing():
    image = spot_image(SatelliteSpots(), off_axis(), 2.0, (60, 61))
    assert image.shape == (60, 61)
    assert not image.any()


def test_a_negative_contrast_is_refused():
    with pytest.raises(InputError, match="spot_contrast must be a finite number, 0 or more"):
        SatelliteSpots(spot_contrast=-1)
