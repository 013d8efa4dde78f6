import json
import sys

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from exobench.cli.inspect import inspect
from exobench.datasets.errors import InputError
from exobench.datasets.files import write_sequence
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import ImageSequence

app = typer.Typer()
app.command()(inspect)


def run(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    r = np.hypot(*(np.indices((40, 40)) - 20))
    rows, columns = np.indices((31, 31)) - 15
    normal = normalise_psf(np.exp(-4 * np.log(2) * (rows**2 + columns**2) / 16.0))
    cube = np.exp(-r / 6) + 1e-3 * np.random.default_rng(0).normal(size=(1, 5, 40, 40))
    path = tmp_path_factory.mktemp("toy") / "toy.h5"
    sequence = ImageSequence(
        name="toy_1",
        instrument="toy",
        cube=cube,
        angles=[0, 2, 4, 6, 8],
        psf=normal.psf,
        fwhm=normal.fwhm,
        pixel_scale=0.0123,
        wavelengths=[1.6],
        diameter=8.0,
        metadata={"simulated": "yes"},
    )
    write_sequence(sequence, path)
    return path


def test_properties_warnings_and_directions_are_printed(toy):
    result = run(toy)
    assert result.exit_code == 0
    assert "5 of 40 x 40 px" in result.stdout
    assert "0.0123 arcsec" in result.stdout
    assert "3.35 px, 0.0413 arcsec (8 m telescope)" in result.stdout
    assert "north at 90.0, east at 180.0 degrees" in result.stdout
    assert "north at 82.0, east at 172.0 degrees" in result.stdout
    assert "simulated       yes" in result.stdout
    assert "\nwarning: the field rotates by only 8.0 degrees" in result.stdout
    assert "no warnings" not in result.stdout


def test_the_real_naco_folder_has_no_warnings(shared_data):
    result = run(shared_data / "naco_betapic")
    assert result.exit_code == 0
    assert "61 of 101 x 101 px" in result.stdout
    assert "no warnings" in result.stdout


def test_a_mirrored_cube_is_put_right_on_request(toy):
    result = run(toy, "--parity-flip")
    assert result.exit_code == 0
    # The last angle is 8 degrees: north stood at 82 degrees.
    assert "north at 98.0, east at 188.0 degrees" in result.stdout
    assert "parity flipped  yes" in result.stdout


def test_json_is_all_that_stands_on_standard_output(toy):
    result = run(toy, "--json")
    found = json.loads(result.stdout)
    assert found["format"] == 1
    assert found["shape"] == [1, 5, 40, 40]
    assert len(found["warnings"]) == 1


@pytest.mark.slow
def test_plot_writes_a_page(toy, tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")
    result = run(toy, "--plot", tmp_path / "new" / "page.png", "--json")
    assert json.loads(result.stdout)["name"] == "toy_1"
    assert (tmp_path / "new" / "page.png").read_bytes().startswith(b"\x89PNG")
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_plot_without_matplotlib_says_what_to_install(toy, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run(toy, "--plot", tmp_path / "page.png")
    assert isinstance(result.exception, InputError)
    assert "pip install 'exobench[leaderboard]'" in str(result.exception)
    assert run(toy).exit_code == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("page.xyz", "image file ending in"),
        ("file/page.png", "cannot be written"),
        ("folder.png", "is a folder"),
    ],
)
def test_a_page_that_cannot_be_written_is_one_clear_line_before_the_work(tmp_path, name, message):
    pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    result = run(tmp_path / "no-sequence", "--plot", tmp_path / name)
    assert isinstance(result.exception, InputError)
    (problem,) = result.exception.problems
    assert problem.startswith(f"{tmp_path / name}: ")
    assert message in problem
    assert result.stdout == ""


def test_a_full_disk_is_not_the_users_fault_and_leaves_the_earlier_page(toy, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")
    from matplotlib.figure import Figure

    def full(self, path, **_):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    page = tmp_path / "page.png"
    page.write_text("earlier")
    result = run(toy, "--plot", page)
    assert not isinstance(result.exception, InputError)
    assert (result.exception.filename, result.exception.errno) == (str(page), 28)
    assert [one.read_text() for one in tmp_path.iterdir()] == ["earlier"]
    assert result.stdout == ""


def test_what_is_no_sequence_is_an_input_error(tmp_path):
    assert isinstance(run(tmp_path / "nowhere").exception, InputError)


def test_the_help_has_an_example():
    assert "Example: exobench inspect" in run("--help").stdout
