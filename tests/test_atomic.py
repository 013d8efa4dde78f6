"""Files that appear whole or not at all."""

import pytest

from exobench.datasets.atomic import check_writable, flush_names, remove_partial, replacing
from exobench.datasets.errors import InputError


class StoppedError(Exception):
    pass


def test_a_file_appears_when_the_block_has_ended(tmp_path):
    path = tmp_path / "new" / "file"
    with replacing(path) as working:
        working.write_text("whole")
        assert not path.exists()
        assert working.parent == path.parent
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_what_fails_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "file"
    path.write_text("before")

    def stopped():
        with replacing(path) as working:
            working.write_text("half")
            raise StoppedError

    with pytest.raises(StoppedError):
        stopped()
    assert [p.read_text() for p in tmp_path.iterdir()] == ["before"]


def test_two_writers_of_one_file_do_not_mix(tmp_path):
    path = tmp_path / "file"
    with replacing(path) as one:
        one.write_text("one")
        with replacing(path) as other:
            other.write_text("the other")
        assert one.read_text() == "one"
        assert path.read_text() == "the other"
    assert path.read_text() == "one"


def test_a_file_reaches_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    from exobench.datasets import atomic

    named = []
    monkeypatch.setattr(atomic.os, "fsync", lambda _: named.append((tmp_path / "file").exists()))
    with replacing(tmp_path / "file") as working:
        working.write_text("whole")
    assert named == [False]
    flush_names(tmp_path)
    assert named == [False, True]


def test_what_killed_writers_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / "a").mkdir()
    left = (tmp_path / "a" / ".cube.fits.0a1b2c3d.partial", tmp_path / ".x.json.00000000.partial")
    kept = (tmp_path / "a" / "cube.fits", tmp_path / "notes.partial")
    for path in (*left, *kept):
        path.write_text("")
    remove_partial(tmp_path)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)


def test_a_file_that_could_not_be_written_is_refused_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    check_writable(tmp_path / "new", tmp_path / "a" / "b" / "c", tmp_path / "file")
    with pytest.raises(InputError) as caught:
        check_writable(tmp_path, tmp_path / "file" / "x")
    folder, below_file = caught.value.problems
    assert folder.endswith("is a folder; name a file")
    assert "is no folder to write to" in below_file
