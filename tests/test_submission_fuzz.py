"""Mutated submissions: coded problems or a valid submission, never anything else."""

import io
import zipfile

import numpy as np
import pytest

from exobench.challenge.answer_files import size_limits
from exobench.challenge.archive import read_archive
from exobench.challenge.problems import Problem
from exobench.challenge.submission import check_submission
from exobench.datasets.fits_bytes import image_bytes

CSV = b"y,x,score\n20,32,9.5\n9,20,7\n"


def zipped(files, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A toy challenge's manifest and the files of a rich submission to it."""
    from exobench.challenge.manifest import Manifest

    sequence = {
        "files": {},
        "fwhm": 4.0,
        "pixel_scale": 0.01,
        "wavelengths": None,
        "diameter": None,
        "lambda_over_d_px": None,
        "inner_radius_px": 3.0,
        "outer_radius_px": 9.0,
        "tolerance_fwhm": 1.0,
        "origin": "simulated",
        "instrument": "toy",
    }
    named = [
        {**sequence, "name": f"toy_{i}", "unit": f"toy_{i}", "shape": (1, 5, 21, 21)}
        for i in (1, 2)
    ]
    manifest = Manifest.model_validate(
        {
            "name": "fuzz",
            "kind": "practice",
            "exobench": "0",
            "metric_version": 1,
            "rank_by": "f1",
            "commitment": "",
            "tracks": {"adi": {"sequences": tuple(named)}},
        }
    )
    noise = np.random.default_rng(0).normal(size=(21, 21)).astype(np.float32)
    files = {
        "toy_detmap_1.fits": image_bytes(noise),
        "toy_detections_2.csv": CSV,
        "detection_threshold.fits": image_bytes(np.array([1.0])),
        "method.toml": b'name = "mine"\nauthors = ["a"]\n',
        "npix.fits": image_bytes(np.array([2.0])),
    }
    assert check_submission(zipped(files), manifest).valid
    return manifest, files


def mutated(data, rng):
    """Bytes with one to eight random changes: flipped, cut out, doubled or overwritten."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 9)):
        at = int(rng.integers(0, max(1, len(data))))
        length = int(rng.integers(1, 40))
        kind = rng.integers(0, 5)
        if kind == 0 and data:
            data[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            del data[at : at + length]
        elif kind == 2:
            data[at:at] = data[at : at + length]
        elif kind == 3:
            data[at : at + length] = rng.integers(0, 256, length, dtype=np.uint8).tobytes()
        else:
            data[at : at + length] = b"\xff" * length
    return bytes(data)


def assert_only_coded(verdict):
    assert verdict.valid == (not verdict.errors)
    for problem in verdict.problems:
        assert isinstance(problem, Problem)
        assert problem.code
        assert problem.message
        assert "\n" not in str(problem)
        assert str(problem).isprintable()
    if verdict.valid:
        assert np.isfinite(verdict.submission.threshold)


def near(data, marker, rng):
    """Mutates only the 60 bytes after a random occurrence of the marker."""
    places = [i for i in range(len(data)) if data.startswith(marker, i)]
    at = places[int(rng.integers(0, len(places)))]
    return data[:at] + mutated(data[at : at + 60], rng) + data[at + 60 :]


def check_mutations(whole, seeds):
    manifest, files = whole
    names = sorted(files)
    codes = set()
    for seed in seeds:
        rng = np.random.default_rng(seed)
        method = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED][seed % 2]
        kind = seed % 4
        if kind == 0:
            data = mutated(zipped(files, method), rng)
        elif kind == 1:
            marker = [b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"][seed // 4 % 3]
            data = near(zipped(files, method), marker, rng)
        else:  # the archive is sound, a member is not
            name = names[int(rng.integers(0, len(names)))]
            content = files[name][:400] if kind == 2 else files[name]
            rest = files[name][len(content) :]
            data = zipped({**files, name: mutated(content, rng) + rest}, method)
        verdict = check_submission(data, manifest)
        assert_only_coded(verdict)
        codes |= {problem.code for problem in verdict.problems} | {str(verdict.valid)}
    return codes


def test_two_hundred_mutations_are_coded(whole):
    codes = check_mutations(whole, range(200))
    assert {"True", "False", "damaged_archive", "not_fits", "bad_list", "bad_method"} <= codes


@pytest.mark.slow
def test_thousands_of_mutations_are_coded(whole):
    check_mutations(whole, range(200, 4000))


def test_random_bytes_are_coded(whole):
    manifest, _ = whole
    for seed in range(50):
        rng = np.random.default_rng(seed)
        noise = rng.integers(0, 256, int(rng.integers(0, 3000)), dtype=np.uint8).tobytes()
        for data in (noise, b"PK\x03\x04" + noise, b"PK\x05\x06" + noise):
            assert_only_coded(check_submission(data, manifest))


def test_two_hundred_crafted_names_leave_no_file_behind(whole, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    manifest, _ = whole
    limits = size_limits(manifest)
    rng = np.random.default_rng(0)
    parts = [
        "..",
        "/",
        "\\",
        "C:",
        "toy_detmap_1.fits",
        "\x00",
        "\u202e",
        "~",
        ".",
        " ",
        "con",
        "é",
    ]
    for _ in range(200):
        name = "".join(rng.choice(parts, int(rng.integers(1, 8))))
        if name in limits:
            continue
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            info = zipfile.ZipInfo("placeholder")
            info.filename = name
            archive.writestr(info, b"x")
        unexpected = Problem("", "unexpected_file", "is odd")
        archive = read_archive(buffer.getvalue(), limits, lambda _, u=unexpected: u)
        assert archive.problems
        assert not archive.members
        assert_only_coded(check_submission(buffer.getvalue(), manifest))
    assert not list(tmp_path.iterdir())
