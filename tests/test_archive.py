"""Zips from strangers: every way of being wrong has its code, and nothing is written."""

import io
import stat
import struct
import tracemalloc
import zipfile
import zlib

import pytest

from exobench.challenge.archive import LARGEST_RATIO, MOST_UNEXPECTED, read_archive
from exobench.challenge.problems import Problem

LIMITS = {"a_detmap_1.fits": 10_000, "b.fits": 100}


def zipped(*files, method=zipfile.ZIP_DEFLATED, **attributes):
    """A zip of (name, content) pairs; names may repeat."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files:
            info = zipfile.ZipInfo("placeholder")
            info.filename = name
            info.compress_type = method
            for key, value in attributes.items():
                setattr(info, key, value)
            archive.writestr(info, content)
    return buffer.getvalue()


def read(data, limits=LIMITS):
    return read_archive(data, limits, lambda name: Problem(name, "unexpected_file", "is odd"))


def codes(data, limits=LIMITS):
    return sorted({problem.code for problem in read(data, limits).problems})


def patched(data, offset, replacement):
    """`data` with bytes replaced at an offset into the central directory's first entry."""
    at = data.index(b"PK\x01\x02") + offset
    return data[:at] + replacement + data[at + len(replacement) :]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_come_back_as_they_went_in(method):
    archive = read(zipped(("b.fits", b"x" * 90), ("a_detmap_1.fits", b"yz" * 400), method=method))
    assert archive.problems == ()
    assert dict(archive.members) == {"b.fits": b"x" * 90, "a_detmap_1.fits": b"yz" * 400}
    assert archive.names == {"b.fits", "a_detmap_1.fits"}


def test_an_empty_zip_is_a_zip():
    assert read(zipped()).problems == ()
    assert read(zipped()).names == frozenset()


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"\x1f\x8b" + b"0" * 99, b"SIMPLE  =", b"Rar!\x1a\x07", b"\x00" * 500]
)
def test_what_is_no_zip_is_refused(data):
    assert codes(data) == ["not_a_zip"]
    assert read(data).names is None


def test_a_zip_behind_other_bytes_is_refused():
    assert codes(b"#!/bin/sh\n" + zipped(("b.fits", b"1"))) == ["not_a_zip"]


@pytest.mark.parametrize("cut", [5, 30, 60, 100])
def test_a_truncated_zip_is_damaged(cut):
    data = zipped(("b.fits", b"x" * 90), ("a_detmap_1.fits", b"z" * 99))
    assert codes(data[:-cut]) == ["damaged_archive"]


@pytest.mark.parametrize(
    "name",
    [
        "../b.fits",
        "../../../../etc/passwd",
        "/b.fits",
        "//server/share/b.fits",
        "\\b.fits",
        "C:\\b.fits",
        "C:b.fits",
        "b.fits:stream",
        "x/../b.fits",
        "..",
        "..\\b.fits",
        "b.fits\n",
        "b\x1b[2Jb.fits",
        "ｂ.fits",
        "b\u202efits.b",
        "b\u0301.fits",
        "a" * 300 + "\u00e9.fits",
    ],
)
def test_names_that_are_paths_or_not_plain_are_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    archive = read(zipped((name, b"1")))
    (problem,) = archive.problems
    assert problem.code == "bad_name"
    assert problem.file.isascii()
    assert problem.file.isprintable()
    assert len(problem.file) <= 100
    assert not archive.members
    assert not list(tmp_path.iterdir())


def test_a_name_cut_by_nul_does_not_pass_for_an_expected_one():
    data = zipped(("b.fits0.exe", b"1")).replace(b"b.fits0.exe", b"b.fits\0.exe")
    assert codes(data) == ["bad_name"]


@pytest.mark.parametrize("name", ["sub/b.fits", "sub\\b.fits", "sub/", "__MACOSX/._b.fits"])
def test_folders_are_refused_with_advice(name):
    (problem,) = read(zipped((name, b""))).problems
    assert problem.code == "folder"
    assert "zip the files themselves" in problem.message


def test_a_name_twice_is_a_duplicate():
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zipped(("b.fits", b"1"), ("b.fits", b"2"), ("b.fits", b"3"))
    (problem,) = read(data).problems
    assert (problem.code, problem.file) == ("duplicate", "b.fits")
    assert "3 times" in problem.message


def test_links_and_devices_are_no_files():
    for kind in (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFDIR):
        data = zipped(("b.fits", b"/etc/passwd"), external_attr=(kind | 0o777) << 16)
        assert codes(data) == ["not_a_file"]


@pytest.mark.parametrize("flag", [0x1, 0x40, 0x2000])
def test_encrypted_members_are_refused(flag):
    data = zipped(("b.fits", b"1" * 50))
    data = patched(data, 8, struct.pack("<H", flag))
    data = data[:6] + struct.pack("<H", flag) + data[8:]
    assert codes(data) == ["encrypted"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_is_refused(method):
    assert codes(zipped(("b.fits", b"1" * 50), method=method)) == ["compression"]


@pytest.mark.parametrize("name", ["more.zip", "maps.tar.gz", "x.7z", "MAPS.ZIP"])
def test_archives_in_the_archive_are_refused(name):
    assert codes(zipped((name, zipped(("b.fits", b"1"))))) == ["nested_archive"]


def test_a_member_larger_than_its_name_allows_is_refused_unread():
    (problem,) = read(zipped(("b.fits", b"1" * 101))).problems
    assert problem.code == "too_large"
    assert "101 bytes; expected at most 100" in problem.message


def test_a_gibibyte_of_zeros_is_never_inflated():
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    stored = 1024 * block + packer.flush()  # after a full flush the blocks stand alone
    data = handmade(b"b.fits", stored, size=1 << 30, crc=0)
    tracemalloc.start()
    found = codes(data, {"b.fits": 100, "roomy": 4 << 20})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == ["too_large"]
    assert peak < 5e6


def test_a_bomb_that_lies_about_its_size_is_cut_off():
    stored = zlib.compress(bytes(5_000_000), 9)[2:-4]
    data = handmade(b"a_detmap_1.fits", stored, size=9_000, crc=zlib.crc32(bytes(9_000)))
    tracemalloc.start()
    found = codes(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == ["bomb"]
    assert peak < 1e6


def test_a_size_that_deflate_cannot_reach_is_a_bomb():
    stored = zlib.compress(bytes(100), 9)[2:-4]
    data = handmade(b"a_detmap_1.fits", stored, size=(LARGEST_RATIO + 1) * len(stored), crc=0)
    limits = {"a_detmap_1.fits": 1 << 30}
    assert codes(data, limits) == ["bomb"]


def test_zeros_packed_as_well_as_deflate_can_are_no_bomb():
    content = bytes(10_000_000)
    archive = read(zipped(("a_detmap_1.fits", content)), {"a_detmap_1.fits": len(content)})
    assert archive.problems == ()
    assert archive.members["a_detmap_1.fits"] == content


def test_a_member_that_is_longer_or_shorter_than_it_says_is_refused():
    stored = zlib.compress(b"12345", 9)[2:-4]
    assert codes(handmade(b"b.fits", stored, size=6, crc=zlib.crc32(b"12345"))) == [
        "damaged_archive"
    ]
    assert codes(handmade(b"b.fits", stored, size=5, crc=1)) == ["damaged_archive"]
    assert codes(handmade(b"b.fits", stored, size=5, crc=zlib.crc32(b"12345"))) == []


def test_a_stream_that_is_none_or_has_no_end_is_damaged():
    assert codes(handmade(b"b.fits", b"\xff" * 20, size=50, crc=0)) == ["damaged_archive"]
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    endless = packer.compress(b"12345") + packer.flush(zlib.Z_SYNC_FLUSH)
    assert codes(handmade(b"b.fits", endless, size=5, crc=zlib.crc32(b"12345"))) == [
        "damaged_archive"
    ]


def test_directory_and_member_must_agree_on_encryption():
    data = zipped(("b.fits", b"1" * 50))
    assert codes(data[:6] + struct.pack("<H", 1) + data[8:]) == ["damaged_archive"]


def test_members_that_share_bytes_are_refused():
    data = zipped(("b.fits", b"1" * 50), method=zipfile.ZIP_STORED)
    directory = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry = data[directory:end]
    doubled = data[:directory] + entry + entry
    doubled += struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, 2 * len(entry), directory, 0)
    assert codes(doubled) == ["duplicate", "overlap"]


def test_names_of_directory_and_member_must_agree():
    data = zipped(("b.fits", b"1" * 50))
    renamed = data[:30] + b"c.fits" + data[36:]
    assert codes(renamed) == ["damaged_archive"]


def test_an_archive_larger_than_it_needs_to_be_is_refused():
    data = zipped(("b.fits", b"1"), ("junk", bytes(200_000)), method=zipfile.ZIP_STORED)
    assert codes(data) == ["archive_too_large"]


def test_too_many_members_are_refused_at_once():
    n = MOST_UNEXPECTED + len(LIMITS) + 1
    data = zipped(*((f"f{i}", b"") for i in range(n)), method=zipfile.ZIP_STORED)
    assert codes(data) == ["too_many_files"]


def test_what_is_unexpected_is_named_and_the_rest_is_read():
    archive = read(zipped(("b.fits", b"1"), ("README", b"hello"), ("sub/x", b"")))
    assert [(p.file, p.code) for p in archive.problems] == [
        ("README", "unexpected_file"),
        ("sub/x", "folder"),
    ]
    assert dict(archive.members) == {"b.fits": b"1"}


def handmade(name, stored, *, size, crc):
    """A zip of one deflated member that may say of itself what it likes."""
    fixed = struct.pack("<5HL2L2H", 20, 0, 8, 0, 33, crc, len(stored), size, len(name), 0)
    local = b"PK\x03\x04" + fixed + name
    central = b"PK\x01\x02" + struct.pack("<H", 20) + fixed + struct.pack("<3H2L", 0, 0, 0, 0, 0)
    end = struct.pack(
        "<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(central) + len(name), len(local + stored), 0
    )
    return local + stored + central + name + end
