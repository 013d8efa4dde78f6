"""What docs/algorithms.md tells to write works."""

import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from exobench.baselines import _installed, load, names
from exobench.datasets import simulate
from exobench.datasets.fits_bytes import image_bytes

DOCUMENT = Path(__file__).parents[1] / "docs" / "algorithms.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
PEERS = "needs the extra: pip install 'exobench[peers]'"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def sequence():
    return simulate("irdis_like", rng=1, n_frames=12, size=41)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current folder, with the modules of the document."""
    for block in blocks("python"):
        name = re.match(r"# (\w+)\.py\n", block)[1]
        (tmp_path / f"{name}.py").write_text(block)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("my_method", "peers", "klip", "pynpoint_pca"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("here")
def test_the_function_runs_with_its_option(sequence):
    baseline = load("my_method:detect", quantile=0.4)
    assert (baseline.tracks, baseline.device) == (("adi",), "cpu")
    assert np.isfinite(baseline(sequence)).any()


def test_the_entry_point_is_one(here, monkeypatch, sequence):
    (group,) = tomllib.loads(blocks("toml")[0])["project"]["entry-points"].items()
    assert group[0] == _installed.GROUP
    (here / "my_package").mkdir()
    (here / "my_package" / "detection.py").write_text((here / "my_method.py").read_text())
    folder = here / "my_package-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    lines = "\n".join(f"{name} = {value}" for name, value in group[1].items())
    (folder / "entry_points.txt").write_text(f"[{group[0]}]\n{lines}\n")
    monkeypatch.syspath_prepend(here)
    _installed.installed.cache_clear()
    try:
        assert "my_method" in names()
        assert load("my_method")(sequence).shape == sequence.shape
    finally:
        _installed.installed.cache_clear()
        for name in ("my_package", "my_package.detection"):
            sys.modules.pop(name, None)


def test_the_program_runs_by_its_file_and_by_itself(here, sequence):
    (here / "program.toml").write_text(blocks("toml")[1])
    (here / "map.fits").write_bytes(image_bytes(np.full(sequence.shape, 5.0)))
    script = '#!/bin/sh\nls "$1"/*_cube_*.fits "$1"/*_pa_*.fits > /dev/null && cp map.fits "$2"\n'
    for name in ("my_program", "my_program.sh"):
        (here / name).write_text(script)
        (here / name).chmod(0o755)
    by_file = load("command:program.toml", rank=3)
    assert (by_file.tracks, by_file.limits.seconds) == (("adi",), 600)
    by_itself = load("command:./my_program {input} {output}", time_limit=600.0)
    for baseline in (by_file, by_itself):
        assert (baseline(sequence) == 5).all()


def test_the_commands_are_of_verbs_that_there_are(exobench):
    verbs = {line.split()[1] for line in TEXT.splitlines() if line.startswith("exobench ")}
    assert verbs == {"run", "campaign", "compare"}
    helps = [exobench(verb, "--help")[:2] for verb in sorted(verbs)]
    assert [code for code, _ in helps] == [0, 0, 0]


@pytest.fixture
def companion():
    """A sequence with a bright companion, and where that is."""
    from dataclasses import replace

    from exobench.datasets import Companion, inject

    made = simulate("irdis_like", rng=1, n_frames=30, size=81)
    turned = replace(made, angles=np.linspace(-140, -60, 30))
    flux = 0.5 * float(turned.cube.max())
    planet = Companion(separation=18 * made.pixel_scale, position_angle=20.0, flux=flux)
    return inject(turned, [planet]), planet.position(turned)


def brightest(detection_map):
    finite = np.where(np.isfinite(detection_map), detection_map, -np.inf)
    return np.unravel_index(np.argmax(finite), finite.shape)


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.usefixtures("here")
@pytest.mark.filterwarnings("ignore")
def test_functions_of_vip_hci_find_a_companion_where_it_is(companion):
    pytest.importorskip("vip_hci", reason=PEERS)
    sequence, position = companion
    maps = load("peers:vip_pca").reduce(sequence), load("peers:vip_andromeda")(sequence)
    for one in maps:
        assert np.hypot(*np.subtract(brightest(one), position)) < 1.5


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.usefixtures("here")
@pytest.mark.filterwarnings("ignore")
def test_vip_hci_gives_the_image_that_ours_gives(companion):
    pytest.importorskip("vip_hci", reason=PEERS)
    sequence, _ = companion
    theirs = load("peers:vip_pca", ncomp=5).reduce(sequence)
    ours = load("pca", n_components=5).reduce(sequence)
    y, x = np.indices(sequence.shape)
    radius = np.hypot(y - sequence.centre[0], x - sequence.centre[1])
    ring = (radius > 6) & (radius < 34)
    assert np.corrcoef(theirs[ring], ours[ring])[0, 1] > 0.99


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.usefixtures("here")
@pytest.mark.filterwarnings("ignore")
def test_pyklip_finds_a_companion_where_it_is(companion):
    pytest.importorskip("pyklip", reason=PEERS)
    sequence, position = companion
    found = brightest(load("klip:klip").reduce(sequence))
    assert np.hypot(*np.subtract(found, position)) < 1.5


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.usefixtures("here")
@pytest.mark.filterwarnings("ignore")
def test_pynpoint_finds_a_companion_where_it_is(companion):
    pytest.importorskip("pynpoint", reason="needs the extra: pip install 'exobench[pynpoint]'")
    sequence, position = companion
    images = [load("pynpoint_pca:pynpoint_pca", pca_number=n).reduce(sequence) for n in (5, 7)]
    for image in images:
        assert np.hypot(*np.subtract(brightest(image), position)) < 1.5
    assert not np.array_equal(*images)
