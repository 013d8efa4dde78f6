"""EIDC names: what is read, what is written, and every way in which files can be wrong."""

import gzip
import re
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from exobench.datasets.eidc import write_eidc
from exobench.datasets.errors import SequenceError
from exobench.datasets.files import read_sequence
from exobench.datasets.psf import aperture_flux, normalise_psf
from exobench.datasets.sequence import ImageSequence

N_FRAMES, N_WAVELENGTHS, SIZE = 5, 3, 24
ANGLES = np.linspace(10, 30, N_FRAMES)
WAVELENGTHS = np.array([1.0, 1.25, 1.5])


def star(n, fwhm, y, x):
    rows, columns = np.indices((n, n))
    return np.exp(-4 * np.log(2) * ((rows - y) ** 2 + (columns - x) ** 2) / fwhm**2)


def frames(*axes):
    return np.random.default_rng(0).normal(size=(*axes, SIZE, SIZE)).astype(np.float32)


def adi_parts():
    return {
        "cube": frames(N_FRAMES),
        "pa": ANGLES,
        "psf": star(21, 4, 10, 10),
        "pxscale": np.array([0.01225]),
    }


def ifs_parts():
    psf = np.stack([star(31, 4 * w, 15, 15) for w in WAVELENGTHS])
    return adi_parts() | {"cube": frames(N_WAVELENGTHS, N_FRAMES), "psf": psf, "wls": WAVELENGTHS}


def save(folder, parts, instrument="sphere_irdis"):
    for kind, array in parts.items():
        fits.writeto(folder / f"{instrument}_{kind}_1.fits", np.asarray(array))
    return folder


def refused(folder, path=None):
    with pytest.raises(SequenceError) as error:
        read_sequence(path or folder)
    for problem in error.value.problems:
        assert "\n" not in problem
        assert problem.startswith(str(folder))
    return list(error.value.problems)


def toy(**changes):
    fields = {
        "name": "toy_1",
        "instrument": "toy",
        "cube": frames(1, N_FRAMES),
        "angles": ANGLES,
        "pixel_scale": 0.01,
        "metadata": {},
    }
    psf = changes.pop("psf", star(21, 4, 10, 10))
    normal = normalise_psf(psf)
    return ImageSequence(**(fields | {"psf": normal.psf, "fwhm": normal.fwhm} | changes))


def test_the_real_naco_sequence_reads_as_published(shared_data):
    sequence = read_sequence(shared_data / "naco_betapic")
    assert (sequence.name, sequence.instrument) == ("naco_1", "naco")
    assert sequence.cube.shape == (1, 61, 101, 101)
    assert sequence.field_rotation == pytest.approx(81.7, abs=0.1)
    assert sequence.pixel_scale == pytest.approx(0.02719)
    assert sequence.fwhm[0] == pytest.approx(4.57, abs=0.01)
    assert aperture_flux(sequence.psf[0], sequence.fwhm[0]) == pytest.approx(1, abs=1e-6)
    assert sequence.star_flux is None


def test_a_three_axis_cube_is_of_one_wavelength_and_its_instrument_may_hold_underscores(tmp_path):
    parts = adi_parts()
    sequence = read_sequence(save(tmp_path, parts))
    assert (sequence.name, sequence.instrument) == ("sphere_irdis_1", "sphere_irdis")
    np.testing.assert_array_equal(sequence.cube[0], parts["cube"])
    np.testing.assert_array_equal(sequence.angles, ANGLES)
    assert sequence.wavelengths is None


def test_a_four_axis_cube_has_its_wavelengths_first(tmp_path):
    parts = ifs_parts()
    sequence = read_sequence(save(tmp_path, parts))
    np.testing.assert_array_equal(sequence.cube, parts["cube"])
    np.testing.assert_array_equal(sequence.wavelengths, WAVELENGTHS)
    np.testing.assert_allclose(sequence.fwhm, 4 * WAVELENGTHS, rtol=1e-3)


@pytest.mark.parametrize("kind", ["cube", "pa", "psf", "pxscale", "wls"])
def test_any_file_of_a_sequence_leads_to_it(tmp_path, kind):
    save(tmp_path, ifs_parts())
    assert read_sequence(tmp_path / f"sphere_irdis_{kind}_1.fits").name == "sphere_irdis_1"


def test_the_other_spellings_are_read_too(tmp_path):
    parts = ifs_parts()
    parts["plsc"], parts["wl"] = parts.pop("pxscale"), parts.pop("wls")
    sequence = read_sequence(save(tmp_path, parts))
    assert sequence.pixel_scale == 0.01225
    np.testing.assert_array_equal(sequence.wavelengths, WAVELENGTHS)


@pytest.mark.parametrize("dtype", [">f4", "<f8", ">f8", ">i2", "u2", "i4", "u1"])
def test_every_number_type_of_fits_becomes_float32_in_native_order(tmp_path, dtype):
    counts = np.arange(N_FRAMES * SIZE * SIZE).reshape(N_FRAMES, SIZE, SIZE) % 251
    sequence = read_sequence(save(tmp_path, adi_parts() | {"cube": counts.astype(dtype)}))
    assert sequence.cube.dtype == np.dtype("=f4")
    np.testing.assert_array_equal(sequence.cube[0], counts)


def test_scaled_integers_are_read_in_physical_values(tmp_path):
    save(tmp_path, adi_parts())
    unit = fits.PrimaryHDU(100 + np.arange(N_FRAMES * SIZE**2, dtype=float).reshape(-1, SIZE, SIZE))
    expected = unit.data.copy()
    unit.scale("int16", bscale=0.5, bzero=1000)
    unit.writeto(tmp_path / "sphere_irdis_cube_1.fits", overwrite=True)
    np.testing.assert_allclose(read_sequence(tmp_path).cube[0], expected, atol=0.25)


@pytest.mark.parametrize("unit", [fits.ImageHDU, fits.CompImageHDU])
def test_an_image_extension_is_read_where_the_primary_is_empty(tmp_path, unit):
    parts = adi_parts()
    save(tmp_path, parts)
    options = (
        {"quantize_level": 0, "compression_type": "GZIP_2"} if unit is fits.CompImageHDU else {}
    )
    units = fits.HDUList([fits.PrimaryHDU(), unit(parts["cube"], **options)])
    units.writeto(tmp_path / "sphere_irdis_cube_1.fits", overwrite=True)
    np.testing.assert_array_equal(read_sequence(tmp_path).cube[0], parts["cube"])


def test_angles_are_unwrapped(tmp_path):
    wrapped = [350.0, 355.0, 0.0, 5.0, 10.0]
    sequence = read_sequence(save(tmp_path, adi_parts() | {"pa": wrapped}))
    np.testing.assert_allclose(sequence.angles, [350, 355, 360, 365, 370])


@pytest.mark.parametrize("shape", [(N_FRAMES, 1), (1, N_FRAMES)])
def test_angles_in_a_column_or_a_row_are_angles(tmp_path, shape):
    sequence = read_sequence(save(tmp_path, adi_parts() | {"pa": ANGLES.reshape(shape)}))
    np.testing.assert_array_equal(sequence.angles, ANGLES)


def test_an_even_off_centre_psf_of_any_flux_is_normalised(tmp_path):
    psf = 5e5 * star(30, 4, 14.3, 15.8)
    sequence = read_sequence(save(tmp_path, adi_parts() | {"psf": psf}))
    assert np.argmax(sequence.psf[0]) == sequence.psf[0].size // 2
    assert aperture_flux(sequence.psf[0], sequence.fwhm[0]) == pytest.approx(1, abs=1e-6)


def test_one_psf_for_several_wavelengths_grows_with_the_wavelength_and_a_warning_says_so(tmp_path):
    sequence = read_sequence(save(tmp_path, ifs_parts() | {"psf": star(31, 5, 15, 15)}))
    np.testing.assert_allclose(sequence.fwhm, 5 * WAVELENGTHS / 1.25, rtol=5e-3)
    for psf, fwhm in zip(sequence.psf, sequence.fwhm, strict=True):
        assert aperture_flux(psf, fwhm) == pytest.approx(1, abs=1e-6)
    assert "one PSF image for several wavelengths" in sequence.metadata["warnings"]


def test_angles_that_may_be_radians_are_a_warning_only(tmp_path):
    sequence = read_sequence(save(tmp_path, adi_parts() | {"pa": np.deg2rad(ANGLES)}))
    assert "radians" in sequence.metadata["warnings"]


# What can be wrong: a change of the parts, the file to blame, what the line says.
WRONG = {
    "angles not as many as frames": ({"pa": ANGLES[:-1]}, "pa", "4 angles for the 5 frames"),
    "angles with another column": ({"pa": np.ones((N_FRAMES, 2))}, "pa", "one angle per frame"),
    "angles not finite": ({"pa": np.full(N_FRAMES, np.nan)}, "pa", "5 of 5 angles are NaN"),
    "frames last": ({"cube": np.moveaxis(frames(N_FRAMES), 0, -1)}, "cube", "move the last axis"),
    "one frame": ({"cube": frames()}, "cube", r"expected axes \(frame, y, x\)"),
    "scale in milliarcsec": ({"pxscale": [12.25]}, "pxscale", "looks like milliarcsec .* 0.01225"),
    "scale in degrees": ({"pxscale": [3.4e-6]}, "pxscale", "looks like degrees .* 0.01224"),
    "1e-6 is in degrees": ({"pxscale": [1e-6]}, "pxscale", "looks like degrees"),
    "scale in radians": ({"pxscale": [5.9e-8]}, "pxscale", "looks like radians .* 0.01217"),
    "scale negative": ({"pxscale": [-0.01]}, "pxscale", "must be a positive number"),
    "scale not finite": ({"pxscale": [np.nan]}, "pxscale", "must be a positive number"),
    "two scales": ({"pxscale": [0.01, 0.01]}, "pxscale", "expected one number"),
    "psf zero": ({"psf": np.zeros((21, 21))}, "psf", "zero everywhere"),
    "psf negative": ({"psf": -star(21, 4, 10, 10)}, "psf", "no positive value"),
    "psf not finite": ({"psf": np.full((21, 21), np.nan)}, "psf", "NaN or infinite"),
    "psf of several wavelengths": ({"psf": np.stack([star(21, 4, 10, 10)] * 2)}, "psf", "2 images"),
    "wavelengths of another cube": ({"wls": WAVELENGTHS}, "wls", "3 wavelengths for a cube of 1"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_one_wrong_file_gives_one_line_that_names_it(tmp_path, wrong):
    changes, kind, message = WRONG[wrong]
    (problem,) = refused(save(tmp_path, adi_parts() | changes))
    assert f"sphere_irdis_{kind}_1.fits: " in problem
    assert re.search(message, problem)


IFS_WRONG = {
    "nanometres": ({"wls": WAVELENGTHS * 1e3}, "wls", "look like nanometres"),
    "metres": ({"wls": WAVELENGTHS * 1e-6}, "wls", "look like metres"),
    "angstroms": ({"wls": WAVELENGTHS * 1e4}, "wls", "look like angstroms"),
    "not positive": ({"wls": [0.0, 1.0, 2.0]}, "wls", "positive numbers of micrometres"),
    "too few": ({"wls": WAVELENGTHS[:2]}, "wls", "2 wavelengths for a cube of 3"),
    "frames missing": (
        {"cube": frames(N_WAVELENGTHS, N_FRAMES - 1)},
        "pa",
        "5 angles for the 4 frames of the cube; expected one each$",
    ),
    "no order of the axes fits": (
        {"cube": frames(N_FRAMES, N_WAVELENGTHS + 1)},
        "pa",
        "5 angles for the 4 frames",
    ),
}


@pytest.mark.parametrize("wrong", IFS_WRONG)
def test_one_wrong_file_of_an_ifs_sequence_gives_one_line_that_names_it(tmp_path, wrong):
    changes, kind, message = IFS_WRONG[wrong]
    problem = refused(save(tmp_path, ifs_parts() | changes))[0]
    assert f"sphere_irdis_{kind}_1.fits: " in problem
    assert re.search(message, problem)


def test_swapped_axes_are_recognised_by_the_psf_where_the_wavelengths_are_missing(tmp_path):
    parts = ifs_parts() | {"cube": frames(N_FRAMES, N_WAVELENGTHS)}
    del parts["wls"]
    missing, swapped = refused(save(tmp_path, parts))
    assert "_wls_1.fits (or _wl_): missing" in missing
    assert "swap the first two axes" in swapped


@pytest.mark.parametrize("n_wavelengths", [2, 3])
def test_frames_before_wavelengths_are_put_right_where_the_numbers_leave_no_doubt(
    tmp_path, n_wavelengths
):
    # Dual-band imaging: n_wavelengths = 2.
    cube = frames(N_FRAMES, n_wavelengths)
    wavelengths = WAVELENGTHS[:n_wavelengths]
    parts = ifs_parts() | {"cube": cube, "wls": wavelengths, "psf": star(31, 4, 15, 15)}
    sequence = read_sequence(save(tmp_path, parts))
    np.testing.assert_array_equal(sequence.cube, cube.swapaxes(0, 1))
    assert "the first two were swapped on reading" in sequence.metadata["warnings"]


def test_frames_of_one_wavelength_on_the_first_axis_are_put_right_too(tmp_path):
    cube = frames(N_FRAMES, 1)
    sequence = read_sequence(save(tmp_path, adi_parts() | {"cube": cube}))
    np.testing.assert_array_equal(sequence.cube[0], cube[:, 0])


def test_as_many_frames_as_wavelengths_are_read_in_the_documented_order_with_a_warning(tmp_path):
    cube = frames(N_WAVELENGTHS, N_WAVELENGTHS)
    parts = ifs_parts() | {"cube": cube, "pa": ANGLES[:N_WAVELENGTHS]}
    sequence = read_sequence(save(tmp_path, parts))
    np.testing.assert_array_equal(sequence.cube, cube)
    assert "the order of the axes cannot be checked" in sequence.metadata["warnings"]


def test_an_ifs_cube_of_sphere_that_misses_frames_leads_to_version_2_of_the_archive(tmp_path):
    parts = ifs_parts() | {"cube": frames(N_WAVELENGTHS, N_FRAMES - 2)}
    (problem,) = refused(save(tmp_path, parts, "sphere_ifs"))
    assert "5 angles for the 3 frames" in problem
    assert "version 2.0" in problem
    assert "`exobench fetch eidc1`" in problem


@pytest.mark.parametrize("kind", ["reference", "ref"])
def test_frames_of_reference_stars_are_read(tmp_path, kind):
    reference = frames(7)
    sequence = read_sequence(save(tmp_path, adi_parts() | {kind: reference}))
    np.testing.assert_array_equal(sequence.reference, reference[np.newaxis])


def test_frames_of_reference_stars_at_several_wavelengths_are_read(tmp_path):
    reference = frames(N_WAVELENGTHS, 2)
    sequence = read_sequence(save(tmp_path, ifs_parts() | {"reference": reference}))
    np.testing.assert_array_equal(sequence.reference, reference)


@pytest.mark.parametrize(
    ("parts", "reference", "expected"),
    [
        (adi_parts, np.zeros((4, SIZE, SIZE + 1)), r"expected \(frame, 24, 24\)"),
        (adi_parts, np.zeros((2, 4, SIZE, SIZE)), r"expected \(frame, 24, 24\)"),
        (ifs_parts, np.zeros((4, SIZE, SIZE)), r"expected \(3, frame, 24, 24\)"),
        (adi_parts, np.full((4, SIZE, SIZE), np.nan), "4 of 4 frames have NaN"),
    ],
)
def test_reference_frames_that_do_not_fit_are_one_line(tmp_path, parts, reference, expected):
    (problem,) = refused(save(tmp_path, parts() | {"reference": reference}))
    assert "sphere_irdis_reference_1.fits: " in problem
    assert re.search(expected, problem)


def test_a_single_exposure_of_several_wavelengths_needs_them_as_well(tmp_path):
    parts = ifs_parts() | {"cube": frames(N_WAVELENGTHS, 1), "pa": [3.0]}
    del parts["wls"]
    (problem,) = refused(save(tmp_path, parts))
    assert "_wls_1.fits (or _wl_): missing" in problem


def test_nan_frames_are_counted_and_listed(tmp_path):
    cube = frames(N_FRAMES)
    cube[[1, 4], 3, 3] = np.nan
    (problem,) = refused(save(tmp_path, adi_parts() | {"cube": cube}))
    assert "cube_1.fits: 2 of 5 frames have NaN or infinite pixels (frames 1, 4)" in problem


@pytest.mark.parametrize("kind", ["pa", "psf", "pxscale", "wls"])
def test_a_missing_companion_file_is_named_with_what_it_must_hold(tmp_path, kind):
    save(tmp_path, ifs_parts())
    (tmp_path / f"sphere_irdis_{kind}_1.fits").unlink()
    (problem,) = refused(tmp_path)
    assert f"sphere_irdis_{kind}_1.fits" in problem
    assert "missing beside sphere_irdis_cube_1.fits; expected the " in problem


def test_a_missing_cube_is_named_when_another_file_is_asked_for(tmp_path):
    save(tmp_path, adi_parts())
    (tmp_path / "sphere_irdis_cube_1.fits").unlink()
    (problem,) = refused(tmp_path, tmp_path / "sphere_irdis_psf_1.fits")
    assert problem.endswith("sphere_irdis_cube_1.fits: no such file or folder")


DAMAGE = {
    "empty": (lambda bytes_: b"", "empty file"),
    "no FITS": (lambda bytes_: b"a,b,c" + bytes_[5:], "not a FITS file"),
    "cut in the data": (lambda bytes_: bytes_[:4000], "truncated or damaged"),
    "cut in the header": (lambda bytes_: bytes_[:1000], "truncated or damaged"),
    "broken header": (lambda bytes_: bytes_.replace(b"NAXIS   =", b"NAXES   ="), "damaged"),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("kind", ["cube", "psf"])
def test_a_damaged_file_is_one_clear_line(tmp_path, kind, damage):
    path = save(tmp_path, adi_parts()) / f"sphere_irdis_{kind}_1.fits"
    spoil, message = DAMAGE[damage]
    path.write_bytes(spoil(path.read_bytes()))
    (problem,) = refused(tmp_path)
    assert problem.startswith(f"{path}: ")
    assert message in problem


def as_table(path, **columns):
    table = fits.BinTableHDU.from_columns(
        [fits.Column(name, form, array=array) for name, (form, array) in columns.items()]
    )
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path, overwrite=True)


def test_a_column_of_a_table_is_a_part_if_its_name_says_so(tmp_path):
    path = save(tmp_path, adi_parts()) / "sphere_irdis_pa_1.fits"
    as_table(path, AIRMASS=("E", np.ones(N_FRAMES)), PARANG=("D", ANGLES))
    np.testing.assert_array_equal(read_sequence(tmp_path).angles, ANGLES)


def test_a_file_without_an_image_says_so(tmp_path):
    path = save(tmp_path, adi_parts()) / "sphere_irdis_pa_1.fits"
    as_table(path, AIRMASS=("E", np.ones(N_FRAMES)))
    (problem,) = refused(tmp_path)
    assert "holds no image" in problem


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (("8A", ["10.0"] * N_FRAMES), "pa holds text; expected numbers"),
        (("PD()", np.array([[1.0, 2.0]] * N_FRAMES, dtype=object)), "rows of any length"),
        (("C", np.ones(N_FRAMES)), "complex numbers"),
    ],
)
def test_a_column_of_no_plain_numbers_is_refused(tmp_path, column, message):
    path = save(tmp_path, adi_parts()) / "sphere_irdis_pa_1.fits"
    as_table(path, PA=column)
    (problem,) = refused(tmp_path)
    assert message in problem


def test_a_file_compressed_as_a_whole_is_to_be_unpacked(tmp_path):
    path = save(tmp_path, adi_parts()) / "sphere_irdis_cube_1.fits"
    path.write_bytes(gzip.compress(path.read_bytes()))
    (problem,) = refused(tmp_path)
    assert "unpack it with gunzip" in problem


def test_what_has_no_file_of_its_own_may_be_an_extension_of_the_cube(tmp_path):
    parts = adi_parts()
    del parts["pa"]
    save(tmp_path, parts)
    units = fits.HDUList([fits.PrimaryHDU(parts["cube"]), fits.ImageHDU(ANGLES, name="angles")])
    units.writeto(tmp_path / "sphere_irdis_cube_1.fits", overwrite=True)
    np.testing.assert_array_equal(read_sequence(tmp_path).angles, ANGLES)


def test_all_problems_of_a_sequence_come_at_once(tmp_path):
    cube = frames(N_FRAMES)
    cube[0] = np.nan
    wrong = {"cube": cube, "pa": ANGLES[:-1], "psf": np.zeros((9, 9)), "pxscale": [12.25]}
    assert len(refused(save(tmp_path, wrong))) == 4


@pytest.mark.parametrize("simulated", [{}, {"simulated": "preset irdis_like", "rng": "secret"}])
def test_a_written_sequence_reads_back(tmp_path, simulated):
    sequence = toy(metadata=simulated, wavelengths=[1.6])
    paths = write_eidc(sequence, tmp_path)
    back = read_sequence(tmp_path)
    assert sorted(paths) == ["cube", "pa", "psf", "pxscale", "wls"]
    assert sorted(tmp_path.iterdir()) == sorted(paths.values())
    for field in ("cube", "angles", "pixel_scale", "wavelengths", "name", "instrument"):
        np.testing.assert_array_equal(getattr(back, field), getattr(sequence, field))
    np.testing.assert_allclose(back.psf, sequence.psf, atol=1e-6)
    np.testing.assert_allclose(back.fwhm, sequence.fwhm, rtol=1e-5)
    assert back.metadata == ({"simulated": "yes"} if simulated else {})


def test_one_wavelength_is_written_with_three_axes_and_several_with_four(tmp_path):
    write_eidc(toy(), tmp_path / "adi")
    assert fits.getdata(tmp_path / "adi" / "toy_cube_1.fits").shape == (N_FRAMES, SIZE, SIZE)
    ifs = toy(cube=frames(2, N_FRAMES), psf=np.stack([star(21, 4, 10, 10)] * 2))
    write_eidc(replace(ifs, wavelengths=[1.0, 1.2]), tmp_path / "ifs")
    assert fits.getdata(tmp_path / "ifs" / "toy_cube_1.fits").shape[:2] == (2, N_FRAMES)
    assert read_sequence(tmp_path / "ifs").cube.shape == ifs.cube.shape


def test_the_same_sequence_gives_the_same_bytes_and_nothing_of_its_metadata(tmp_path):
    for folder in ("a", "b"):
        write_eidc(toy(metadata={"simulated": "seed 42", "host": "here"}), tmp_path / folder)
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert "toy_cube_1.fits" in names
    assert names == {path.name for path in (tmp_path / "b").iterdir()}
    for path in (tmp_path / "a").iterdir():
        content = path.read_bytes()
        assert content == (tmp_path / "b" / path.name).read_bytes()
        assert b"seed" not in content
        assert b"here" not in content


def test_a_failed_write_leaves_no_file_behind(tmp_path, monkeypatch):
    def full(self, path, **_):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fits.HDUList, "writeto", full)
    with pytest.raises(OSError, match="No space"):
        write_eidc(toy(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["toy", "_1", "a/b_1"])
def test_a_name_that_makes_no_file_name_is_refused(tmp_path, name):
    with pytest.raises(SequenceError, match="<instrument>_<id>"):
        write_eidc(toy(name=name), tmp_path)


def test_reference_frames_are_written_and_read_back(tmp_path):
    for shape, psf in (
        ((1, 4), star(21, 4, 10, 10)),
        ((2, 4), np.stack([star(21, 4, 10, 10)] * 2)),
    ):
        folder = tmp_path / str(shape[0])
        wavelengths = WAVELENGTHS[: shape[0]]
        made = toy(
            cube=frames(shape[0], N_FRAMES),
            psf=psf,
            reference=frames(*shape),
            wavelengths=wavelengths,
        )
        assert "reference" in write_eidc(made, folder)
        np.testing.assert_array_equal(read_sequence(folder).reference, made.reference)
