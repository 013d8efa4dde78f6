import json

import numpy as np
import pytest

from exobench.datasets.centring import shift
from exobench.datasets.files import read_sequence
from exobench.datasets.inspection import compass, inspect_sequence, stillness_warning
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import ImageSequence


def sequence(**changes):
    """Twelve noisy frames of a star at the centre; nothing to warn of."""
    rng = np.random.default_rng(1)
    r = np.hypot(*(np.indices((40, 40)) - 20))
    rows, columns = np.indices((31, 31)) - 15
    normal = normalise_psf(np.exp(-4 * np.log(2) * (rows**2 + columns**2) / 16.0))
    fields = {
        "name": "toy_1",
        "instrument": "toy",
        "cube": (np.exp(-r / 6) + 1e-3 * rng.normal(size=(1, 12, 40, 40))).astype(np.float32),
        "angles": np.linspace(0, 40, 12),
        "psf": normal.psf,
        "fwhm": normal.fwhm,
        "pixel_scale": 0.0123,
        "wavelengths": [1.6],
        "diameter": 8.0,
    }
    return ImageSequence(**(fields | changes))


def warnings(**changes):
    return inspect_sequence(sequence(**changes)).warnings


def only(found, text):
    (warning,) = found
    assert text in warning


def test_a_sound_sequence_has_no_warnings():
    assert warnings() == ()


def test_the_real_naco_sequence_is_centred_and_sound(shared_data):
    found = inspect_sequence(read_sequence(shared_data / "naco_betapic"))
    assert found.shape == (1, 61, 101, 101)
    assert np.hypot(*found.star_offset) < 0.1
    assert found.star_symmetry > 0.98
    assert 0.3 < found.star_drift < 1.0
    assert found.field_radius == pytest.approx(50 * 0.02719)
    assert found.warnings == ()


def test_properties_are_those_of_the_sequence():
    found = inspect_sequence(sequence(star_flux=3.0, metadata={"simulated": "yes"}))
    assert found.angles == (0.0, 40.0)
    assert found.field_rotation == 40
    assert found.fwhm == pytest.approx((4.0,), rel=1e-3)
    assert found.lambda_over_d_px == pytest.approx(1.6e-6 / 8 * 206264.806 / 0.0123)
    assert found.field_radius == pytest.approx(19 * 0.0123)
    assert found.star_flux_known
    assert found.n_reference == 0
    assert found.metadata == {"simulated": "yes"}


@pytest.mark.parametrize(
    ("angle", "north", "east"), [(0, 90, 180), (90, 0, 90), (-30, 120, 210), (100, 350, 80)]
)
def test_north_is_up_and_east_left_once_a_frame_is_turned_by_its_angle(angle, north, east):
    # Turning the frame counter-clockwise by `angle` brings north to 90 and east to 180 degrees.
    pointing = compass(sequence(angles=np.full(12, float(angle))), 0)
    assert (pointing.north, pointing.east) == (north, east)
    assert (pointing.north + angle) % 360 == 90
    assert (pointing.east + angle) % 360 == 180


def test_the_dictionary_is_json():
    found = json.loads(json.dumps(inspect_sequence(sequence()).to_dict(), allow_nan=False))
    assert found["shape"] == [1, 12, 40, 40]
    assert found["compass"][1]["frame"] == 11


def test_a_star_off_centre_is_told_with_its_offset():
    cube = shift(sequence().cube, (0.9, -1.4))
    only(warnings(cube=cube), "1.66 px off the centre (dy = +0.90, dx = -1.40")


def test_a_star_that_wanders_is_told():
    cube = sequence().cube.copy()
    cube[:, :6], cube[:, 6:] = shift(cube[:, :6], (0, 0.8)), shift(cube[:, 6:], (0, -0.8))
    only(warnings(cube=cube), "the star drifts by 1.6 px")


def test_a_frame_without_a_star_is_told():
    noise = np.random.default_rng(2).normal(size=(1, 12, 40, 40))
    only(warnings(cube=noise), "not symmetric about any point")
    found = inspect_sequence(sequence(cube=np.zeros((1, 12, 40, 40))))
    assert (found.star_offset, found.star_drift, found.zero_fraction) == (None, None, 1.0)
    assert "no star found" in found.warnings[0]


def test_little_or_no_rotation_is_told():
    only(warnings(angles=np.linspace(0, 8, 12)), "rotates by only 8.0 degrees: within 29 px")
    only(warnings(angles=np.full(12, 50.0)), "does not rotate")


def test_nothing_moves_only_without_rotation_wavelengths_and_reference_stars():
    still = {"angles": np.full(12, 50.0)}
    two = {"cube": np.ones((2, 12, 40, 40)), "psf": np.repeat(sequence().psf, 2, axis=0)}
    two |= {"fwhm": [4.0, 4.2], "wavelengths": [1.5, 1.6]}
    found = stillness_warning(sequence(**still))
    assert found.startswith("toy_1: the field does not rotate, and there are neither")
    assert stillness_warning(sequence()) is None
    assert stillness_warning(sequence(**still, **two)) is None
    assert stillness_warning(sequence(**still, reference=np.ones((1, 3, 40, 40)))) is None


def test_angles_out_of_order_are_told():
    angles = np.linspace(0, 40, 12)
    angles[[3, 4]] = angles[[4, 3]]
    only(warnings(angles=angles), "change direction 2 times")


def test_angles_that_look_like_radians_are_told():
    assert any("radians" in one for one in warnings(angles=np.linspace(0, 0.7, 12)))


def test_units_that_cannot_be_are_told():
    assert any("milliarcsec" in one for one in warnings(pixel_scale=12.3))
    assert any("nanometres" in one for one in warnings(wavelengths=[1600.0]))


def test_a_fwhm_far_from_the_diffraction_limit_is_told():
    only(warnings(diameter=2.0), "it fits a telescope of 6.7 m")


def test_a_small_or_undersampled_psf_is_told():
    only(warnings(psf=sequence().psf[:, 10:-10, 10:-10]), "stamp of 11x11 px is small")
    assert any("undersampled" in one for one in warnings(fwhm=1.5))


def test_duplicated_and_constant_frames_are_told():
    cube = sequence().cube.copy()
    cube[:, 5] = cube[:, 2]
    cube[:, 7:9] = 0
    constant, duplicated = warnings(cube=cube)
    assert constant.startswith("2 of 12 frames (7, 8) are constant")
    assert duplicated == "1 of 12 frames (5) is equal to an earlier one"


def test_a_saturated_star_is_told():
    only(warnings(cube=np.minimum(sequence().cube, 0.6)), "12 of 12 frames have 4 or more pixels")


def test_what_the_reader_noticed_is_passed_on_once():
    assert warnings(metadata={"warnings": "one\ntwo\none"}) == ("one", "two")
    assert "warnings" not in inspect_sequence(sequence(metadata={"warnings": "one"})).metadata
