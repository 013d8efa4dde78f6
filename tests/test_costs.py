"""What answers take, and how it reaches the board."""

import json
import resource
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from exobench.baselines import load
from exobench.challenge import costs
from exobench.challenge.costs import measured, read_costs
from exobench.datasets import simulate
from exobench.datasets.errors import InputError
from exobench.leaderboard.board_tables import CPU, DEVICE, MEMORY, cost_columns
from exobench.leaderboard.entry_tables import cost_text


@pytest.fixture(scope="module")
def sequence():
    return simulate("irdis_like", rng=1, n_frames=4, size=31)


def taking(megabytes):
    def baseline(sequence):
        block = np.ones(megabytes << 17)
        return np.full(sequence.shape, block[0])

    return baseline


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are forgotten on Linux alone")
def test_the_peak_of_memory_is_that_of_each_map(sequence):
    if not costs._reset_peak():
        pytest.skip("this system does not let a process forget its peak")
    _, much = measured(taking(300), sequence)
    _, little = measured(taking(1), sequence)
    assert much.memory_is_of == little.memory_is_of == "map"
    assert much.peak_memory_mb - little.peak_memory_mb == pytest.approx(299, abs=40)


def test_where_a_peak_cannot_be_forgotten_it_is_said_to_be_of_the_process(
    sequence, monkeypatch, tmp_path
):
    monkeypatch.setattr(costs, "_CLEAR_REFS", tmp_path / "absent" / "clear_refs")
    _, cost = measured(taking(1), sequence)
    assert cost.memory_is_of == "process"
    monkeypatch.setattr(costs, "_STATUS", tmp_path / "absent")
    assert measured(taking(1), sequence)[1].peak_memory_mb >= cost.peak_memory_mb - 1


def test_cpu_seconds_are_work_and_wall_seconds_are_waiting_too(sequence):
    def waits(sequence):
        time.sleep(0.2)
        return np.zeros(sequence.shape)

    _, cost = measured(waits, sequence)
    assert cost.wall_seconds >= 0.2
    assert cost.cpu_seconds < cost.wall_seconds


@pytest.mark.slow
def test_processes_that_an_algorithm_starts_are_counted(sequence):
    # The system only tells of children that take more than any before them.
    megabytes = 150 + int(costs._in_mb(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))

    def starts(sequence):
        work = f"block = b'x' * ({megabytes} << 20)\nfor _ in range(2_000_000): pass"
        subprocess.run([sys.executable, "-S", "-c", work], check=True)
        return np.zeros(sequence.shape)

    _, cost = measured(starts, sequence)
    assert cost.cpu_seconds > 0.03
    assert cost.peak_memory_mb > megabytes


@pytest.mark.slow
def test_the_cost_of_a_command_is_that_of_the_program(sequence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "prog"
    program.write_text(
        f"#!{sys.executable}\n"
        "import shutil, sys, time\n"
        "block = b'x' * (120 << 20)\n"
        "time.sleep(0.5)\n"
        "for _ in range(1_000_000): pass\n"
        "shutil.copy('map.fits', sys.argv[1])\n"
    )
    program.chmod(0o755)
    from exobench.datasets.fits_bytes import image_bytes

    (tmp_path / "map.fits").write_bytes(image_bytes(np.zeros(sequence.shape)))
    (tmp_path / "c.toml").write_text(
        'command = "./prog {output} {input}"\ndevice = "abacus"\ntime_limit = 60\n'
    )
    _, cost = measured(load("command:c.toml"), sequence)
    assert cost.memory_is_of == "map"
    assert 120 < cost.peak_memory_mb < 250
    assert 0.01 < cost.cpu_seconds < 30
    assert cost.device == "abacus"


@pytest.mark.parametrize(
    ("baseline", "device"),
    [
        (load("median"), "cpu"),
        (load("pca"), "cpu"),
        (lambda sequence: None, "cpu"),
        (SimpleNamespace(device="two abaci"), "two abaci"),
    ],
)
def test_the_device_is_what_computes(baseline, device):
    assert costs.device_of(baseline) == device


def test_the_device_of_torch_is_the_gpu_where_there_is_one(monkeypatch):
    cuda = SimpleNamespace(is_available=lambda: True, get_device_name=lambda d: f"GPU {d}")
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert costs.device_of(SimpleNamespace(backend="torch", device="cuda:1")) == "GPU cuda:1"
    assert costs.device_of(SimpleNamespace(backend="torch", device="")) == "GPU None"
    assert costs.device_of(SimpleNamespace(backend="torch", device="cpu")) == "cpu"
    cuda.is_available = lambda: False
    assert costs.device_of(SimpleNamespace(backend="torch", device="")) == "cpu"


def written(toy_challenge, tmp_path, **changes):
    """A submission with a file of costs beside it."""
    path = tmp_path / "mine.zip"
    path.write_bytes(toy_challenge.archive(name="mine"))
    import hashlib

    one = {
        "cpu_seconds": 1.5,
        "wall_seconds": 2.0,
        "peak_memory_mb": 300.0,
        "memory_is_of": "map",
        "device": "cpu",
    }
    content = {
        "format": 1,
        "submission": hashlib.sha256(path.read_bytes()).hexdigest(),
        "baseline": "mine:detect",
        "options": {},
        "track": "adi",
        "cpu_seconds": 3.0,
        "wall_seconds": 4.0,
        "peak_memory_mb": 300.0,
        "device": "cpu",
        "sequences": {"toy_odd_1": one, "toy_even_2": one},
    }
    (tmp_path / "mine.costs.json").write_text(json.dumps(content | changes))
    return path


COST = {
    "n_maps": 2,
    "cpu_seconds": 3.0,
    "wall_seconds": 4.0,
    "peak_memory_mb": 300.0,
    "device": "cpu",
    "measured": True,
}


def test_the_costs_beside_a_zip_stand_on_the_board(toy_challenge, tmp_path, exobench):
    path = written(toy_challenge, tmp_path)
    code, _, err = exobench("score", path, toy_challenge.folder)
    assert code == 0
    assert "kept without" not in err
    (row,) = json.loads(exobench("rank", toy_challenge.folder, "--json")[1])["tracks"]["adi"]
    assert row["cost"] == COST


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"submission": "0" * 64}, "is of another zip than mine.zip"),
        ({"cpu_seconds": -1}, "cpu_seconds: "),
        ({"device": "\x1b[31m"}, "device: must hold no invisible characters"),
        ({"extra": 1}, "unknown key extra"),
    ],
)
def test_costs_that_cannot_be_used_are_left_out_with_a_warning(
    toy_challenge, tmp_path, exobench, changes, said
):
    path = written(toy_challenge, tmp_path, **changes)
    code, _, err = exobench("score", path, toy_challenge.folder)
    assert code == 0
    assert said in err
    assert "the entry is kept without it" in err
    (row,) = json.loads(exobench("rank", toy_challenge.folder, "--json")[1])["tracks"]["adi"]
    assert row["cost"] is None


def test_without_a_file_stands_what_the_authors_state(toy_challenge, tmp_path, exobench):
    path = tmp_path / "mine.zip"
    path.write_bytes(toy_challenge.archive(name="mine", cpu_seconds=7.0, device="GPU"))
    assert exobench("score", path, toy_challenge.folder)[0] == 0
    (row,) = json.loads(exobench("rank", toy_challenge.folder, "--json")[1])["tracks"]["adi"]
    nothing = dict.fromkeys(COST)
    assert row["cost"] == nothing | {"cpu_seconds": 7.0, "device": "GPU", "measured": False}


def test_a_file_of_costs_may_be_no_file(tmp_path):
    (tmp_path / "x.costs.json").mkdir()
    with pytest.raises(InputError, match="is no file of costs"):
        read_costs(tmp_path / "x.zip", "0" * 64)
    assert read_costs(tmp_path / "y.zip", "0" * 64) is None


def test_the_board_has_columns_of_cost_where_any_entry_says():
    assert cost_columns([{"cost": None}, {}]) == {}
    columns = cost_columns([{"cost": COST}, {"cost": None}])
    assert set(columns) == {CPU, MEMORY}
    assert columns[CPU][0] == 1.5
    assert np.isnan(columns[CPU][1])
    assert columns[MEMORY][0] == 300
    both = cost_columns([{"cost": COST | {"device": "GPU"}}, {"cost": COST | {"n_maps": None}}])
    assert both[DEVICE] == ["GPU", "cpu"]
    assert np.isnan(both[CPU][1])


def test_the_cost_of_an_entry_is_a_line():
    assert cost_text(None) == ""
    assert cost_text(COST) == (
        "Cost of 2 maps: 3 s CPU time, 4 s wall-clock time, at most 300 MB of memory, on cpu "
        "(measured by exobench run)."
    )
    stated = dict.fromkeys(COST) | {"cpu_seconds": 7.0, "measured": False}
    assert cost_text(stated) == "Cost: 7 s CPU time (as its authors state)."
