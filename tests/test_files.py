import os
from pathlib import Path

import numpy as np
import pytest

from exobench.datasets.errors import SequenceError
from exobench.datasets.files import read_sequence, read_sequences, write_sequence
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import ImageSequence


def toy(name):
    rows, columns = np.indices((15, 15)) - 7
    normal = normalise_psf(np.exp(-(rows**2 + columns**2) / 6.0))
    return ImageSequence(
        name=name,
        instrument=name.rpartition("_")[0],
        cube=np.full((1, 3, 10, 10), float(len(name))),
        angles=[0.0, 1.0, 20.0],
        psf=normal.psf,
        fwhm=normal.fwhm,
        pixel_scale=0.01,
    )


@pytest.fixture
def folder(tmp_path):
    for name in ("irdis_10", "irdis_2", "gpi_1"):
        write_sequence(toy(name), tmp_path / "many")
    return tmp_path / "many"


def test_several_sequences_of_a_folder_are_read_in_the_order_of_their_names(folder):
    assert [one.name for one in read_sequences(folder)] == ["gpi_1", "irdis_2", "irdis_10"]


def test_one_sequence_asked_of_a_folder_of_several_lists_them(folder):
    with pytest.raises(SequenceError) as error:
        read_sequence(folder)
    (problem,) = error.value.problems
    assert "holds 3 sequences (gpi_1, irdis_2, irdis_10)" in problem
    assert str(folder / "gpi_cube_1.fits") in problem


def test_the_cube_of_one_among_several_leads_to_it(folder):
    path = folder / "irdis_cube_2.fits"
    assert read_sequence(path).name == "irdis_2"
    assert read_sequence(str(path)).name == "irdis_2"
    assert [one.name for one in read_sequences(path)] == ["irdis_2"]


def test_a_partly_written_or_unrelated_file_is_no_sequence(folder):
    for name in (".gpi_cube_3.fits.partial", "a_cube_b_psf_1.fits", "gpi_detmap_1.fits", "x.txt"):
        (folder / name).touch()
    assert len(list(read_sequences(folder))) == 3


def test_an_hdf5_file_holds_one_sequence(tmp_path):
    write_sequence(toy("any name"), tmp_path / "deep" / "er" / "one.h5")
    (one,) = read_sequences(tmp_path / "deep" / "er" / "one.h5")
    assert one.name == "any name"


def test_writing_again_replaces_what_was_there(tmp_path):
    for path in (tmp_path / "one.h5", tmp_path / "folder"):
        write_sequence(toy("a_1"), path)
        first = path.read_bytes() if path.is_file() else b""
        write_sequence(toy("a_1"), path)
        assert path.is_dir() or path.read_bytes() == first
    assert len(list((tmp_path / "folder").iterdir())) == 4


def refused(path, read=read_sequence):
    with pytest.raises(SequenceError) as error:
        read(path)
    (problem,) = error.value.problems
    assert problem.startswith(f"{path}: ")
    return problem


@pytest.mark.parametrize("read", [read_sequence, read_sequences])
def test_a_path_that_leads_nowhere_is_refused_at_once(tmp_path, read):
    assert "no such file or folder" in refused(tmp_path / "nowhere", read)
    assert "the folder is empty" in refused(tmp_path, read)


def test_a_folder_without_a_sequence_tells_what_it_holds(tmp_path):
    (tmp_path / "SPHERE_51ERI_psf.fits").touch()
    problem = refused(tmp_path)
    assert "expected <instrument>_cube_<id>.fits; it holds SPHERE_51ERI_psf.fits" in problem


def test_a_folder_of_hdf5_files_asks_for_the_file(tmp_path):
    write_sequence(toy("a_1"), tmp_path / "one.h5")
    assert "name the file one.h5 itself" in refused(tmp_path)


def test_a_file_of_another_kind_or_name_is_refused(tmp_path):
    (tmp_path / "notes.txt").touch()
    assert "neither FITS nor HDF5" in refused(tmp_path / "notes.txt")


def test_a_path_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    assert "cannot be read, not a directory" in refused(tmp_path / "file" / "a_cube_1.fits")


@pytest.mark.parametrize("name", ["a_cube_1.fits", "one.h5"])
def test_an_unreadable_file_is_refused(tmp_path, monkeypatch, name):
    write_sequence(toy("a_1"), tmp_path)
    write_sequence(toy("a_1"), tmp_path / "one.h5")
    opened = Path.open

    def denied(self, *args, **options):
        if self.name == name:
            raise PermissionError(13, "Permission denied")
        return opened(self, *args, **options)

    monkeypatch.setattr(Path, "open", denied)
    assert "cannot be read, permission denied" in refused(tmp_path / name)


def test_an_unreadable_folder_is_refused(tmp_path, monkeypatch):
    def denied(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    assert "cannot be read, permission denied" in refused(tmp_path)


@pytest.mark.parametrize("name", ["one.h5", "folder"])
def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(SequenceError, match="cannot be written, "):
        write_sequence(toy("a_1"), tmp_path / "file" / name)


def test_a_full_disk_leaves_neither_a_file_nor_a_traceback(tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(Path, "replace", full)
    for path in (tmp_path / "one.h5", tmp_path):
        with pytest.raises(SequenceError, match="cannot be written, no space left on device"):
            write_sequence(toy("a_1"), path)
    assert list(tmp_path.iterdir()) == []
