import json
from dataclasses import replace

import numpy as np
import pytest

from exobench.datasets.files import read_sequence, write_sequence
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import ImageSequence


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    y, x = np.indices((41, 41)) - 20
    rows, columns = np.indices((15, 15)) - 7
    normal = normalise_psf(np.exp(-4 * np.log(2) * (rows**2 + columns**2) / 16.0))
    halo = np.exp(-np.hypot(y, x) / 8)
    noise = np.random.default_rng(0).normal(size=(1, 6, 41, 41))
    sequence = ImageSequence(
        name="toy_1",
        instrument="toy",
        cube=halo + 1e-2 * noise,
        angles=np.linspace(0, 90, 6),
        psf=normal.psf,
        fwhm=normal.fwhm,
        pixel_scale=0.01,
    )
    path = tmp_path_factory.mktemp("toy") / "toy.h5"
    write_sequence(sequence, path)
    return path


def test_limits_and_noise_are_printed(exobench, toy):
    code, out, err = exobench("diagnose", "median", toy, "--azimuths", 1, "--star-flux", 100)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "toy_1, median: limits in magnitudes below the star"
    assert lines[1].split("  ")[:2] == ["arcsec", "FWHM"]
    assert "5 sigma" in lines[1]
    assert "throughput" in lines[1]
    assert len(lines[2].split()) == 6
    assert "found: above the first false positive" in out
    assert "noise: " in out
    assert "diagnose: 3 of 3" in err


def test_without_the_flux_of_the_star_limits_are_fluxes(exobench, toy, tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")
    plot = tmp_path / "median.png"
    code, out, _ = exobench("diagnose", "median", toy, "--azimuths", 1, "--plot", plot, "--json")
    assert code == 0
    found = json.loads(out)
    assert found["format"] == 1
    assert found["baseline"] == "median"
    assert found["contrast"]["sigma"] == 5
    assert len(found["completeness"]["flux"]) == len(found["contrast"]["flux"]) == 4
    assert found["noise"]["labels"] == ["median"]
    assert plot.read_bytes().startswith(b"\x89PNG")


class Detector:
    """A baseline that makes a detection map and no residual image."""

    tracks = ("adi",)

    def __call__(self, sequence):
        return sequence.cube[0].mean(axis=0)


def test_a_baseline_without_a_residual_image_has_its_completeness(
    exobench, toy, tmp_path, monkeypatch
):
    pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")
    monkeypatch.setattr("exobench.baselines.load", lambda name, **options: Detector())
    plot = tmp_path / "detector.png"
    code, out, err = exobench("diagnose", "median", toy, "--azimuths", 1, "--plot", plot)
    assert code == 0
    assert "throughput" not in out
    assert "noise:" not in out
    assert f"figure written to {plot}" in out
    assert "the flux of the star is unknown" in err
    assert plot.stat().st_size > 1000


class Ghostly(Detector):
    """Leaves a ghost 2 FWHM beside the star, brighter than all noise."""

    def __call__(self, sequence):
        image = super().__call__(sequence) - 10
        image[20, 28] = 1.0
        return image


def test_what_is_found_by_chance_is_told_from_what_is_never_found(exobench, toy, monkeypatch):
    monkeypatch.setattr("exobench.baselines.load", lambda name, **options: Ghostly())
    code, out, _ = exobench("diagnose", "median", toy, "--azimuths", 1)
    assert code == 0
    lines = out.splitlines()
    assert [line.split()[-1] == "chance" for line in lines[2:6]] == [False, True, False, False]
    assert "chance: the first false positive stands there" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["medium"], "no baseline 'medium'"),
        (["pca", "-o", "n=3"], "pca has no option 'n'"),
        (["pca(n=3)"], "pca has no option 'n'"),
        (["sdi_pca"], "needs another kind of sequence than one of 1 wavelengths"),
        (["median", "--sigma", "0"], "sigma must be a positive number"),
        (["median", "--star-flux", "-1"], "star_flux must be positive"),
        (["median", "--plot", "page.xyz"], "image file ending in"),
    ],
)
def test_bad_input_is_one_clear_line(exobench, toy, arguments, message):
    name, *options = arguments
    code, out, err = exobench("diagnose", name, toy, *options)
    assert code == 2
    assert out == ""
    assert message in err


def test_a_sequence_in_which_nothing_moves_is_told_before_the_work(exobench, toy, tmp_path):
    sequence = read_sequence(toy)
    write_sequence(replace(sequence, angles=np.full(6, 30.0)), tmp_path / "still.h5")
    code, _, err = exobench("diagnose", "median", tmp_path / "still.h5", "--sigma", 0)
    assert code == 2
    assert err.startswith("warning: toy_1: the field does not rotate, and there are neither ")


def test_the_help_has_an_example(exobench):
    assert "Example: exobench diagnose pca" in exobench("diagnose", "--help")[1]
