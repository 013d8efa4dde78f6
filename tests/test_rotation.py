"""The sign, the centre and the fidelity of derotation."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.datasets import rotation
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import frame_centre, radius_map
from exobench.datasets.rotation import derotate

SHAPES = [(41, 41), (40, 40), (40, 57), (41, 30)]
ANGLES = np.array([-50.0, 0.0, 35.0, 45.0, -45.0, 90.0, 170.0, -203.4, 359.0, 722.5])


def frames_with_source(shape, separation, azimuths, sigma=1.7):
    """Gaussian of unit peak; azimuths in degrees counter-clockwise from +x."""
    cy, cx = frame_centre(shape)
    azimuths = np.deg2rad(np.atleast_1d(azimuths))[:, np.newaxis, np.newaxis]
    y, x = np.indices(shape)
    dy = y - cy - separation * np.sin(azimuths)
    dx = x - cx - separation * np.cos(azimuths)
    return np.exp(-(dx**2 + dy**2) / (2 * sigma**2)).astype(np.float32)


def centroid(frame):
    y, x = np.indices(frame.shape)
    return np.array([(frame * y).sum(), (frame * x).sum()]) / frame.sum()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("azimuth", [0.0, 73.7, 204.2])
def test_derotation_brings_a_sky_source_back(shape, azimuth):
    observed = frames_with_source(shape, 5.3, azimuth - ANGLES)
    on_sky = frames_with_source(shape, 5.3, azimuth)[0]
    turned = derotate(observed, ANGLES)
    np.testing.assert_allclose(turned, np.broadcast_to(on_sky, turned.shape), atol=1e-5)
    for frame in turned:
        np.testing.assert_allclose(centroid(frame), centroid(on_sky), atol=1e-3)


def test_flipped_angles_do_not_bring_it_back():
    observed = frames_with_source((41, 41), 12, 75 - ANGLES)
    on_sky = frames_with_source((41, 41), 12, 75)[0]
    flipped = derotate(observed, -ANGLES)[np.abs(np.sin(np.deg2rad(ANGLES))) > 0.2]
    assert np.abs(flipped - on_sky).max(axis=(1, 2)).min() > 0.8


def test_a_narrow_source_keeps_its_place_and_nearly_its_peak():
    fwhm = 2.5
    observed = frames_with_source((40, 40), 11.4, 30 - ANGLES, sigma=fwhm / 2.3548)
    on_sky = frames_with_source((40, 40), 11.4, 30, sigma=fwhm / 2.3548)[0]
    for frame in derotate(observed, ANGLES):
        np.testing.assert_allclose(centroid(frame), centroid(on_sky), atol=0.02)
        assert frame.max() == pytest.approx(on_sky.max(), abs=0.01)


@pytest.mark.parametrize("quarters", [-3, -1, 1, 2, 5])
def test_quarter_turns_move_pixels_exactly(quarters):
    frame = np.random.default_rng(3).normal(size=(1, 21, 21)).astype(np.float32)
    expected = np.rot90(frame, quarters, axes=(-1, -2))
    np.testing.assert_array_equal(derotate(frame, [90.0 * quarters]), expected)


def test_quarter_turns_keep_the_star_of_an_even_frame_on_its_pixel():
    frame = np.random.default_rng(3).normal(size=(1, 20, 20)).astype(np.float32)
    turned = derotate(frame, [180.0])
    np.testing.assert_array_equal(turned[0, 1:, 1:], frame[0, :0:-1, :0:-1])
    assert not turned[0, 0].any()
    assert not turned[0, :, 0].any()


def test_the_corners_come_from_outside_and_are_empty():
    turned = derotate(np.ones((1, 81, 81)), [45.0])[0]
    radius = radius_map(turned.shape)
    assert turned[radius < 36] == pytest.approx(1, abs=0.05)
    assert np.abs(turned[radius > 52]).max() < 0.05


def test_a_frame_does_not_depend_on_its_company():
    rng = np.random.default_rng(5)
    cube = rng.normal(size=(2, 40, 64, 64)).astype(np.float32)
    angles = np.linspace(-20, 70, 40)
    together = derotate(cube, angles)
    np.testing.assert_array_equal(together[:, 7], derotate(cube[:, 7:8], angles[7:8])[:, 0])
    np.testing.assert_array_equal(together[1], derotate(cube[1], angles))


def test_the_input_is_left_alone_and_the_type_is_float32():
    cube = np.random.default_rng(6).normal(size=(3, 16, 17)).astype(np.float32)
    before = cube.copy()
    turned = derotate(cube, [0.0, 0.0, 12.0])
    assert turned.dtype == np.float32
    assert not np.shares_memory(turned, cube)
    np.testing.assert_array_equal(cube, before)


def test_angles_that_do_not_match_the_frames_are_refused():
    with pytest.raises(ValueError, match="one angle per frame"):
        derotate(np.zeros((3, 8, 8)), [1.0, 2.0])


@pytest.fixture(scope="module")
def opencv():
    return pytest.importorskip("cv2", reason="needs the extra: pip install 'exobench[opencv]'")


@pytest.mark.usefixtures("opencv")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("interpolation", "place", "value"), [("lanczos", 0.025, 0.01), ("cubic", 0.065, 0.025)]
)
def test_interpolation_brings_a_source_back_as_well_as_stated(shape, interpolation, place, value):
    observed = frames_with_source(shape, 5.3, 73.7 - ANGLES)
    on_sky = frames_with_source(shape, 5.3, 73.7)[0]
    turned = derotate(observed[np.newaxis], ANGLES, interpolation)[0]
    assert turned.dtype == np.float32
    np.testing.assert_allclose(turned, np.broadcast_to(on_sky, turned.shape), atol=value)
    for frame in turned:
        np.testing.assert_allclose(centroid(frame), centroid(on_sky), atol=place)


@pytest.mark.parametrize("interpolation", ["lanczos", "cubic"])
def test_interpolation_moves_pixels_exactly_by_quarters_and_leaves_threads_alone(
    opencv, interpolation
):
    n_threads = opencv.getNumThreads()
    frame = np.random.default_rng(3).normal(size=(1, 21, 21)).astype(np.float32)
    for quarters in (-3, 1, 2):
        expected = np.rot90(frame, quarters, axes=(-1, -2))
        np.testing.assert_array_equal(derotate(frame, [90.0 * quarters], interpolation), expected)
    assert opencv.getNumThreads() == n_threads


def test_an_interpolation_that_is_unknown_or_not_installed_is_refused(monkeypatch):
    frame, angles = np.zeros((1, 8, 8)), [3.0]
    with pytest.raises(InputError, match="one of fourier, lanczos, cubic, got 'linear'"):
        derotate(frame, angles, "linear")

    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(rotation, "import_module", missing)
    with pytest.raises(InputError, match=r"lanczos needs OpenCV; .*'exobench\[opencv\]'"):
        derotate(frame, angles, "lanczos")


@pytest.mark.usefixtures("opencv")
@pytest.mark.peers
@pytest.mark.parametrize(
    ("interpolation", "theirs"), [("lanczos", "lanczos4"), ("cubic", "bicubic")]
)
def test_agrees_with_the_interpolation_of_vip(interpolation, theirs):
    preproc = pytest.importorskip(
        "vip_hci.preproc", reason="needs the extra: pip install 'exobench[peers]'"
    )
    cube = gaussian_filter(np.random.default_rng(8).normal(size=(7, 64, 64)), (0, 1.7, 1.7))
    angles = np.array([-50.0, 0.0, 35.0, 170.0, 44.0, 88.0, 211.3])
    expected = preproc.cube_derotate(cube, angles, imlib="opencv", interpolation=theirs, nproc=1)
    # A position that is a tie of two steps of 1/32 px may fall to either.
    np.testing.assert_allclose(derotate(cube, angles, interpolation), expected, atol=5e-3)


@pytest.mark.peers
@pytest.mark.parametrize("shape", [(64, 64), (65, 65)])
def test_agrees_with_the_fourier_rotation_of_vip(shape):
    preproc = pytest.importorskip(
        "vip_hci.preproc", reason="needs the extra: pip install 'exobench[peers]'"
    )
    rng = np.random.default_rng(8)
    angles = np.array([-50.0, 0.0, 35.0, 170.0, 44.0, 88.0, 211.3])
    cube = gaussian_filter(rng.normal(size=(angles.size, *shape)), (0, 1.7, 1.7))
    cube *= frames_with_source(shape, 0.0, 0.0, sigma=9.0) / cube.std()
    theirs = preproc.cube_derotate(cube, angles, imlib="vip-fft", nproc=1)
    np.testing.assert_allclose(derotate(cube, angles), theirs, atol=3e-3)
