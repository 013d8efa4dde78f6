import time
from dataclasses import fields, replace

import h5py
import numpy as np
import pytest

from exobench.datasets.errors import SequenceError
from exobench.datasets.files import read_sequence, write_sequence
from exobench.datasets.sequence import ImageSequence


def full_sequence():
    """Every field filled, with values that no lossy step would keep."""
    rng = np.random.default_rng(8)
    return ImageSequence(
        name="toy camera_1",
        instrument="toy camera",
        cube=rng.normal(size=(2, 4, 12, 11)),
        angles=rng.normal(size=4),
        psf=rng.normal(size=(2, 7, 7)),
        fwhm=rng.uniform(2, 3, 2),
        pixel_scale=0.1 + 0.2,
        wavelengths=rng.uniform(1, 2, 2),
        star_flux=rng.uniform(1e5, 1e6, 2),
        times=rng.uniform(0, 1e9, 4),
        reference=rng.normal(size=(2, 3, 12, 11)),
        diameter=8.2,
        metadata={"simulated": "preset µ", "long": "x" * 100_000, "empty": "", "a/b": "c"},
    )


def bare_sequence():
    return replace(
        full_sequence(),
        instrument="",
        wavelengths=None,
        star_flux=None,
        times=None,
        reference=None,
        diameter=None,
        metadata={},
    )


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "toy.h5"
    write_sequence(full_sequence(), path)
    return path


@pytest.mark.parametrize("make", [full_sequence, bare_sequence])
@pytest.mark.parametrize("suffix", [".h5", ".hdf5", ".H5"])
def test_every_field_comes_back_bit_for_bit(tmp_path, make, suffix):
    sequence = make()
    write_sequence(sequence, tmp_path / f"toy{suffix}")
    back = read_sequence(tmp_path / f"toy{suffix}")
    for field in fields(ImageSequence):
        expected, value = getattr(sequence, field.name), getattr(back, field.name)
        if isinstance(expected, np.ndarray):
            assert value.dtype == expected.dtype
            assert value.tobytes() == expected.tobytes()
        else:
            assert value == expected


def test_frames_are_chunks_compressed_without_loss_and_guarded_by_checksums(path):
    with h5py.File(path) as file:
        for name in ("cube", "reference"):
            assert file[name].chunks == (1, 1, 12, 11)
            assert file[name].compression == "gzip"
            assert file[name].shuffle
            assert file[name].fletcher32


def test_every_dataset_states_its_unit_and_the_file_its_format(path):
    with h5py.File(path) as file:
        assert file.attrs["format"] == 1
        units = {name: file[name].attrs["unit"] for name in file if name != "metadata"}
    assert units["angles"] == "deg"
    assert units["wavelengths"] == "um"
    assert units["pixel_scale"] == "arcsec/pixel"
    assert units["fwhm"] == "pixel"
    assert all(units.values())


def test_the_same_sequence_gives_the_same_bytes_at_another_time(tmp_path, path):
    time.sleep(1.1)  # HDF5 keeps times in seconds
    write_sequence(full_sequence(), tmp_path / "later.h5")
    assert (tmp_path / "later.h5").read_bytes() == path.read_bytes()


def refused(path):
    with pytest.raises(SequenceError) as error:
        read_sequence(path)
    for problem in error.value.problems:
        assert problem.startswith(f"{path}: ")
        assert "\n" not in problem
    return "\n".join(error.value.problems)


def test_what_is_no_hdf5_file_is_named(tmp_path):
    path = tmp_path / "toy.h5"
    assert "no such file" in refused(path)
    path.touch()
    assert "empty file" in refused(path)
    path.write_text("y,x,score\n" * 100)
    assert "not an HDF5 file" in refused(path)


@pytest.mark.parametrize("share", [0.3, 0.95])
def test_a_truncated_file_is_one_clear_line(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "truncated or damaged" in refused(path)


def test_a_flipped_bit_in_a_frame_is_noticed(path):
    with h5py.File(path) as file:
        chunk = file["cube"].id.get_chunk_info(3)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset + chunk.size // 2] ^= 1
    path.write_bytes(content)
    assert "truncated or damaged" in refused(path)


def test_an_hdf5_file_without_a_cube_is_named(path):
    with h5py.File(path, "a") as file:
        del file.attrs["format"], file["cube"]
    assert "not a sequence of exobench" in refused(path)


def test_a_later_format_asks_for_an_update(path):
    with h5py.File(path, "a") as file:
        file.attrs["format"] = 2
    assert "format 2, this version of exobench reads format 1; update" in refused(path)


def test_all_missing_datasets_are_named(path):
    with h5py.File(path, "a") as file:
        del file["angles"], file["psf"]
    message = refused(path)
    assert "/angles is missing" in message
    assert "/psf is missing" in message


def test_a_sequence_that_does_not_fit_together_is_refused_under_the_name_of_the_file(path):
    with h5py.File(path, "a") as file:
        del file["angles"]
        file["angles"] = np.zeros(3)
        file["times"][0] = np.nan
    assert "4 frames but angles" in refused(path)


def foreign(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, array in datasets.items():
            file[name] = array
    return path


def star(n, fwhm=4.0):
    rows, columns = np.indices((n, n)) - n // 2
    return np.exp(-4 * np.log(2) * (rows**2 + columns**2) / fwhm**2)


def test_the_hdf5_file_of_someone_else_is_read_by_the_names_of_its_datasets(tmp_path):
    cube = np.random.default_rng(0).normal(size=(4, 12, 12)).astype(">f8")
    path = foreign(
        tmp_path / "naco_3.hdf5",
        Science=cube,
        parallactic_angles=np.arange(4, dtype=np.int16) * 20,
        PSF=30 * star(20),
        reference=cube[:2],
    )
    with h5py.File(path, "a") as file:
        file.attrs["PIXSCALE"] = 0.02719
    sequence = read_sequence(path)
    assert (sequence.name, sequence.instrument) == ("naco_3", "naco")
    np.testing.assert_array_equal(sequence.cube[0], cube.astype("f4"))
    np.testing.assert_array_equal(sequence.angles, [0, 20, 40, 60])
    np.testing.assert_array_equal(sequence.reference[0], cube[:2].astype("f4"))
    assert sequence.pixel_scale == 0.02719
    assert sequence.fwhm[0] == pytest.approx(4, rel=1e-3)


def test_what_someone_else_left_out_is_named(tmp_path):
    message = refused(foreign(tmp_path / "one.h5", cube=np.zeros((3, 9, 9)), psf=star(9)))
    assert "has no dataset called pa; expected the derotation angles" in message
    assert "has no dataset called pxscale" in message


@pytest.mark.parametrize("link", [h5py.SoftLink("/cube"), h5py.ExternalLink("other.h5", "/cube")])
def test_no_link_is_followed(path, link):
    with h5py.File(path, "a") as file:
        del file["angles"]
        file["angles"] = link
    assert "/angles is a link to another place; write the data into this file" in refused(path)
