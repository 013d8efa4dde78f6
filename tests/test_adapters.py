"""Functions of other packages as baselines."""

import numpy as np
import pytest

from exobench.baselines import adapt
from exobench.baselines._conventions import CONVENTIONS
from exobench.datasets import derotate, simulate
from exobench.datasets.errors import InputError
from exobench.scoring import significance_map


@pytest.fixture(scope="module")
def adi():
    return simulate("irdis_like", rng=1, n_frames=5, size=31)


@pytest.fixture(scope="module")
def ifs():
    return simulate("sphere_ifs_like", rng=1, n_frames=3, n_wavelengths=2, size=41)


def minus_median(cube, angle_list, scale=1.0):
    """As functions of vip_hci are called."""
    cube -= np.median(cube, axis=0)  # many change their input
    return scale * np.median(derotate(cube.astype(np.float32), angle_list), axis=0)


def test_an_image_is_searched_as_those_of_our_own_baselines(adi):
    before = adi.cube.copy()
    baseline = adapt(minus_median, "cube", "angle_list", scale=3.0)
    image = baseline.reduce(adi)
    np.testing.assert_array_equal(baseline(adi), significance_map(image, adi.reference_fwhm))
    np.testing.assert_array_equal(adi.cube, before)
    np.testing.assert_allclose(baseline.reduce(adi, scale=6.0), 2 * image, rtol=1e-6)
    assert baseline.tracks == ("adi",)


def test_a_map_is_taken_as_it_is_and_a_result_picked_out_of_several(adi):
    def several(cube, fwhm):
        return np.zeros(3), np.full(cube.shape[1:], fwhm)

    by_index = adapt(several, "cube", "fwhm", returns="map", result=1)
    by_function = adapt(several, "cube", "fwhm", returns="map", result=lambda both: both[1])
    assert not hasattr(by_index, "reduce")
    np.testing.assert_array_equal(by_index(adi), by_function(adi))
    assert by_index(adi)[0, 0] == adi.reference_fwhm


def test_frames_are_derotated_and_combined(adi):
    baseline = adapt(lambda imgs: imgs, "imgs", returns="frames")
    expected = np.median(derotate(adi.cube[0].copy(), adi.angles), axis=0)
    np.testing.assert_allclose(baseline.reduce(adi), expected, rtol=1e-5)


def test_what_an_image_leaves_open_is_zero(adi):
    def masked(cube):
        image = cube[0]
        image[15, 15] = np.nan
        return image

    assert adapt(masked, "cube").reduce(adi)[15, 15] == 0


def test_a_map_has_no_value_where_the_image_is_left_open(adi):
    def masked(cube, angle_list):
        image = minus_median(cube, angle_list)
        image[9:12, 18:21] = np.nan
        return image

    def masked_frames(imgs):
        imgs -= np.median(imgs, axis=0)
        imgs[:, 13:18, 13:18] = np.nan  # about the star: the same on the sky
        return imgs

    whole = adapt(minus_median, "cube", "angle_list")(adi)
    found = adapt(masked, "cube", "angle_list")(adi)
    assert np.isfinite(whole[9:12, 18:21]).all()
    assert np.isnan(found[9:12, 18:21]).all()
    assert np.isfinite(found).sum() == np.isfinite(whole).sum() - 9
    frames = adapt(masked_frames, "imgs", returns="frames")
    assert np.isnan(frames(adi)[14:17, 14:17]).all()
    assert np.isfinite(frames(adi)[10, 15:20]).all()
    assert np.isfinite(frames.reduce(adi)).all()


def test_every_argument_has_the_shape_that_its_package_expects(adi, ifs):
    filled = {name: CONVENTIONS[name](ifs) for name in ("cube", "psf", "scale_list", "imgs")}
    assert filled["cube"].shape == ifs.cube.shape
    assert filled["psf"].shape == ifs.psf.shape
    assert CONVENTIONS["cube"](adi).shape == adi.cube.shape[1:]
    assert CONVENTIONS["scale_list"](adi) is None
    first, last = filled["scale_list"]
    assert (last, first) == (1, pytest.approx(ifs.wavelengths[1] / ifs.wavelengths[0]))
    # pyKLIP: image by image, all wavelengths of a frame and then of the next
    assert filled["imgs"].shape == (6, 41, 41)
    np.testing.assert_array_equal(filled["imgs"][3], ifs.cube[1, 1])
    np.testing.assert_array_equal(CONVENTIONS["wvs"](ifs), np.tile(ifs.wavelengths, 3))
    np.testing.assert_array_equal(CONVENTIONS["filenums"](ifs), [0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(CONVENTIONS["parangs"](ifs), np.repeat(ifs.angles, 2))
    assert CONVENTIONS["centers"](ifs).tolist() == [[20.0, 20.0]] * 6
    assert CONVENTIONS["oversampling_fact"](adi) == pytest.approx(adi.lambda_over_d_px / 2)


def test_a_folder_for_output_is_there_for_the_call_alone(adi, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def writes(cube, outputdir):
        from pathlib import Path

        (Path(outputdir) / "junk.fits").touch()
        return cube[0]

    adapt(writes, "cube", "outputdir").reduce(adi)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("takes", "options", "said"),
    [
        (("cubes",), {}, "no argument 'cubes' is known; there are cube, angle_list, fwhm"),
        ((), {}, "name the arguments that a sequence fills"),
        (("cube",), {"returns": "snr"}, "returns must be one of image, frames, map, got 'snr'"),
        (("cube",), {"tracks": "adi"}, "tracks must be among adi, adi_ifs, got 'adi'"),
    ],
)
def test_what_cannot_be_adapted_is_refused(takes, options, said):
    with pytest.raises(InputError, match=said):
        adapt(minus_median, *takes, **options)


@pytest.mark.parametrize(
    ("baseline", "said"),
    [
        (adapt(lambda cube_ref: cube_ref, "cube_ref"), "no frames of reference stars"),
        (adapt(lambda imgs: imgs[:2], "imgs", returns="frames"), r"expected \(5, 31, 31\)"),
        (adapt(lambda cube: cube, "cube"), "returned a map of shape"),
        (adapt(lambda cube: 3, "cube", result=1), "returned int, which has no item 1"),
    ],
)
def test_what_does_not_fit_the_sequence_is_told(adi, baseline, said):
    with pytest.raises(InputError, match=said):
        baseline(adi)
