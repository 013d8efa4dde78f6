"""One FITS file: the frames, and the rest in extensions or tables."""

import numpy as np
import pytest
from astropy.io import fits

from exobench.datasets.errors import SequenceError
from exobench.datasets.files import read_sequence, read_sequences, write_sequence
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import ImageSequence

ANGLES = np.linspace(10, 60, 5)


def star(n, fwhm=4.0):
    rows, columns = np.indices((n, n)) - n // 2
    return np.exp(-4 * np.log(2) * (rows**2 + columns**2) / fwhm**2)


def cube(*axes, size=20):
    return np.random.default_rng(0).normal(size=(*axes, size, size)).astype(np.float32)


def column(name, form, array):
    return fits.Column(name, form, array=array)


def table(*columns, name="INFO"):
    return fits.BinTableHDU.from_columns(list(columns), name=name)


def extension(name, array):
    return fits.ImageHDU(np.asarray(array), name=name)


def save(path, *units, **header):
    units = units if isinstance(units[0], fits.PrimaryHDU) else (fits.PrimaryHDU(), *units)
    made = fits.HDUList(list(units))
    made[0].header.update(header)
    made.writeto(path)
    return path


def refused(path):
    with pytest.raises(SequenceError) as error:
        read_sequence(path)
    assert all(problem.startswith(f"{path}: ") for problem in error.value.problems)
    return list(error.value.problems)


def test_a_cube_in_the_primary_has_its_parts_in_extensions(tmp_path):
    path = save(
        tmp_path / "naco_2.fits",
        fits.PrimaryHDU(cube(5)),
        extension("PA", ANGLES),
        extension("PSF", star(21)),
        extension("PXSCALE", [0.02719]),
    )
    (sequence,) = read_sequences(path)
    assert (sequence.name, sequence.instrument) == ("naco_2", "naco")
    np.testing.assert_array_equal(sequence.cube[0], cube(5))
    np.testing.assert_array_equal(sequence.angles, ANGLES)
    assert sequence.pixel_scale == 0.02719


def test_every_part_may_have_another_name_in_another_case_anywhere(tmp_path):
    path = save(
        tmp_path / "stars.fits",
        extension("Off-axis PSF", star(21)),
        table(column("time", "D", np.arange(5)), column("Derotation_Angles", "E", ANGLES)),
        table(column("x", "D", [1.0, 1.2]), name="WaveLengths"),
        extension("Master Cube", cube(2, 5)),
        extension("ref_cube", cube(2, 3)),
        PIXSCALE=0.01225,
    )
    sequence = read_sequence(path)
    assert sequence.name == "stars_1"
    np.testing.assert_array_equal(sequence.cube, cube(2, 5))
    np.testing.assert_allclose(sequence.angles, ANGLES)
    np.testing.assert_array_equal(sequence.wavelengths, [1.0, 1.2])
    np.testing.assert_array_equal(sequence.reference, cube(2, 3))
    assert sequence.pixel_scale == 0.01225
    assert "one PSF image" in sequence.metadata["warnings"]


def test_the_cube_without_a_name_is_the_first_image_without_another_name(tmp_path):
    path = save(
        tmp_path / "a.fits",
        extension("PSF", star(21)),
        extension("", cube(5)),
        extension("ANGLES", ANGLES),
        PIXSCALE=0.01,
    )
    np.testing.assert_array_equal(read_sequence(path).cube[0], cube(5))


@pytest.mark.parametrize("scaled", [False, True])
def test_integers_scaled_with_blanks_are_physical_and_a_blank_is_refused(tmp_path, scaled):
    counts = np.arange(5 * 400, dtype=np.int16).reshape(5, 20, 20)
    parts = (extension("PA", ANGLES), extension("PSF", star(21)), extension("PLSC", [0.01]))
    path = save(tmp_path / "a.fits", fits.PrimaryHDU(counts), *parts)
    if scaled:
        # The cards alone: the integers stay as they are.
        content = path.read_bytes()
        end = b"END".ljust(80)
        cards = b"".join(
            f"{key:<8}= {value:>20}".ljust(80).encode()
            for key, value in (("BSCALE", 0.5), ("BZERO", 100.0), ("BLANK", 7))
        )
        at = content.index(end)
        path.write_bytes(content[:at] + cards + end + content[at + len(cards + end) :])
        (problem,) = refused(path)
        assert "1 of 5 frames have NaN or infinite pixels (frames 0)" in problem
        path.write_bytes(
            path.read_bytes().replace(
                b"BLANK   =                    7", b"BLANK   =                   -7"
            )
        )
        counts = 100 + 0.5 * counts
    np.testing.assert_array_equal(read_sequence(path).cube[0], counts.astype(np.float32))


def test_what_is_missing_is_named_with_the_other_way(tmp_path):
    problems = refused(save(tmp_path / "cube.fits", fits.PrimaryHDU(cube(5))))
    assert len(problems) == 3
    assert "has no extension or column called PA, and is not called" in problems[0]
    assert "expected the derotation angles" in problems[0]


def test_what_does_not_fit_names_its_part(tmp_path):
    path = save(
        tmp_path / "a.fits",
        fits.PrimaryHDU(cube(5)),
        extension("PA", ANGLES[:4]),
        extension("PSF", star(21)),
        PIXSCALE=12.25,
    )
    angles, scale = sorted(refused(path))
    assert "a.fits: pa: 4 angles for the 5 frames" in angles
    assert "a.fits: pxscale: pixel scale 12.25 looks like milliarcsec" in scale


@pytest.mark.parametrize("n_wavelengths", [1, 2])
@pytest.mark.parametrize("size", [20, 21])
def test_a_written_sequence_reads_back_the_same_bytes_every_time(tmp_path, n_wavelengths, size):
    normal = normalise_psf(np.stack([star(21)] * n_wavelengths))
    sequence = ImageSequence(
        name="dual_band_7",
        instrument="dual_band",
        cube=cube(n_wavelengths, 5, size=size),
        angles=ANGLES,
        psf=normal.psf,
        fwhm=normal.fwhm,
        pixel_scale=0.01,
        wavelengths=[2.1, 2.25][:n_wavelengths],
        reference=cube(n_wavelengths, 3, size=size),
        metadata={"simulated": "yes"},
    )
    for name in ("one.fits", "two.fits"):
        write_sequence(sequence, tmp_path / name)
    assert (tmp_path / "one.fits").read_bytes() == (tmp_path / "two.fits").read_bytes()
    back = read_sequence(tmp_path / "one.fits")
    for field in ("name", "instrument", "pixel_scale", "metadata"):
        assert getattr(back, field) == getattr(sequence, field)
    for field in ("cube", "angles", "wavelengths", "reference"):
        np.testing.assert_array_equal(getattr(back, field), getattr(sequence, field))
    np.testing.assert_allclose(back.psf, sequence.psf, atol=1e-6)
