"""Algorithms of users in any language: a command that reads a folder and writes a map."""

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from exobench.baselines import (
    describe,
    describe_options,
    file_stem,
    load,
    parse_options,
)
from exobench.baselines._limited_process import Limits, run_limited
from exobench.datasets import simulate
from exobench.datasets.errors import InputError
from exobench.datasets.fits_bytes import image_bytes

SHELL = "#!/bin/sh\n"
PYTHON = f"#!{sys.executable}\nimport sys\nfrom pathlib import Path\n"
MEAN = (
    PYTHON
    + """
from astropy.io import fits
folder, output, scale = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
(cube,) = folder.glob("*_cube_*.fits")
assert {p.name.split("_")[-2] for p in folder.iterdir()} >= {"cube", "pa", "psf", "pxscale"}
fits.writeto(output, scale * fits.getdata(cube).mean(axis=0))
"""
)


@pytest.fixture(scope="module")
def sequence():
    return simulate("irdis_like", rng=1, n_frames=4, size=31)


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Writes an executable ./prog into the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(text, name="prog"):
        path = tmp_path / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    return write


def answers(sequence, **options):
    return load("command:./prog {input} {output}", **options)(sequence)


def test_a_program_reads_a_folder_in_eidc_names_and_writes_a_map(program, sequence):
    program(MEAN)
    name = "command:./prog {input} {output} {scale}"
    options = parse_options(name, ["scale=2", "time_limit=60"])
    found = load(name, **options)(sequence)
    np.testing.assert_allclose(found, 2 * sequence.cube[0].mean(axis=0), rtol=1e-5)
    assert file_stem(name) == "prog"
    assert describe(name) == "./prog '{input}' '{output}' '{scale}'"


def test_a_file_describes_a_program_with_its_options_tracks_and_limits(
    program, sequence, monkeypatch
):
    path = program(MEAN)
    (path.parent / "mean.toml").write_text(
        """
        format = 1
        command = ["./prog", "{input}", "{output}", "{scale}"]
        description = "The mean frame"
        tracks = ["adi"]
        device = "gpu of ours"
        time_limit = 60
        memory_limit_mb = 2000
        [options]
        scale = 1.0
        """
    )
    monkeypatch.chdir("/")  # programs of a file run in its folder
    name = f"command:{path.parent / 'mean.toml'}"
    assert describe(name) == "The mean frame"
    assert describe_options(name) == {
        "scale": "float = 1.0",
        "time_limit": "float = 60.0",
        "memory_limit_mb": "float = 2000.0",
    }
    baseline = load(name, scale=3.0)
    assert (baseline.tracks, baseline.device) == (("adi",), "gpu of ours")
    np.testing.assert_allclose(baseline(sequence), 3 * sequence.cube[0].mean(axis=0), rtol=1e-5)
    assert file_stem(name) == "mean"


def test_a_program_that_fails_is_told_with_the_last_that_it_printed(program, sequence):
    program(SHELL + "seq 1000\nprintf 'no \\033[31mlicence\\n' >&2\nexit 3\n")
    with pytest.raises(InputError) as caught:
        answers(sequence)
    said = str(caught.value)
    assert "irdis_like_1: ended with exit code 3; it printed: " in said
    assert said.endswith("999 | 1000 | no [31mlicence")
    assert "\033" not in said
    assert len(said) < 600


@pytest.mark.slow
def test_a_program_that_takes_too_long_is_stopped_with_all_that_it_started(program, sequence):
    program(SHELL + "sleep 300 & echo $! > pid\nsleep 300\n")
    begin = time.monotonic()
    with pytest.raises(
        InputError, match=r"took more than 3 s \(see time_limit\); it printed nothing"
    ):
        answers(sequence, time_limit=3.0)  # long enough for the program to start
    assert time.monotonic() - begin < 250
    assert not is_alive(int(Path("pid").read_text()))


def test_what_a_program_leaves_running_ends_with_it(program, sequence):
    program(SHELL + "sleep 300 & echo $! > pid\nexit 1\n")
    with pytest.raises(InputError, match="exit code 1"):
        answers(sequence)
    assert not is_alive(int(Path("pid").read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_leaves_the_process_group_ends_with_the_program_too(program, tmp_path):
    leave = "import os, time; os.setsid(); open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
    program(SHELL + f'{sys.executable} -c "{leave}" > /dev/null &\nuntil [ -s pid ]; do :; done\n')
    done = run_limited(["./prog"], tmp_path, Limits(seconds=60, memory_mb=1000))
    assert done.problem is None
    assert not is_alive(int(Path("pid").read_text()))


def test_a_flood_that_a_program_leaves_behind_does_not_hold_us_up(program, tmp_path):
    program(SHELL + "yes & yes & yes & exit 0\n")
    done = run_limited(["./prog"], tmp_path, Limits(seconds=60, memory_mb=1000))
    assert done.problem is None
    assert len(done.output) <= 4000


def test_limits_may_be_larger_than_a_system_can_count(program, tmp_path):
    program(SHELL + "echo fine\n")
    done = run_limited(["./prog"], tmp_path, Limits(seconds=1e300, memory_mb=1e300))
    assert (done.problem, done.output) == (None, "fine\n")


@pytest.mark.parametrize(
    "act",
    [
        'rm -rf "$(dirname $1)"',
        'd=$(dirname $1); mv $d $d.moved; mkdir other; touch other/kept; ln -s "$PWD/other" $d',
        "mkdir -p $1/a/b; chmod 000 $1/a; ln -s / $(dirname $2)/root",
    ],
)
def test_whatever_a_program_makes_of_its_folder_the_error_is_its_own(program, sequence, act):
    program(SHELL + act)
    with pytest.raises(InputError, match=r"left no map: map\.fits was not written"):
        answers(sequence)
    assert Path("other/kept").exists() == Path("other").exists()


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are those of Linux")
def test_a_program_that_takes_too_much_memory_is_stopped(program, sequence):
    program(PYTHON + "b = bytearray(300 << 20)\n")
    with pytest.raises(InputError, match=r"exit code 1 \(see memory_limit_mb\); it .*MemoryError"):
        answers(sequence, memory_limit_mb=100.0)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_memory_of_all_processes_together_is_limited(program, sequence):
    one = f"{sys.executable} -c 'import time; b = b\"x\" * (60 << 20); time.sleep(300)' &\n"
    program(SHELL + 3 * one + "wait\n")
    with pytest.raises(
        InputError, match=r"took more than 150 MB of memory \(see memory_limit_mb\)"
    ):
        answers(sequence, memory_limit_mb=150.0)


def test_a_flood_of_output_is_read_and_forgotten(program, sequence):
    program(SHELL + "yes | head -c 5000000\nexit 1\n")
    with pytest.raises(InputError) as caught:
        answers(sequence)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("", "left no map: map.fits was not written"),
        ("ln -s /etc/passwd $2", "left no map: map.fits is no regular file"),
        ("mkdir $2", "left no map: map.fits is no regular file"),
        (
            "mkdir b; cp wrong.fits b/map.fits; d=$(dirname $2); rmdir $d; ln -s $PWD/b $d",
            "map.fits is no regular file",
        ),
        ("mkfifo $2", "left no map: map.fits is no regular file"),
        ("echo hello > $2", "map.fits is not a FITS file"),
        ("cp wrong.fits $2", r"map.fits has an image of shape \(3, 4\); expected .* \(31, 31\)"),
        ("cp cube.fits $2", r"map.fits has an image of shape \(1, 31, 31\)"),
        ("cp infinite.fits $2", r"returned \+inf at pixel y = 4, x = 6"),
        ("gzip -c wrong.fits > $2", "map.fits is a gzip archive"),
        ("head -c 3000 wrong.fits > $2", "map.fits is truncated"),
        ("truncate -s 3G $2", r"map.fits has 3221225472 bytes; expected \d+ at most"),
    ],
)
def test_its_map_is_read_like_that_of_a_stranger(program, sequence, act, said):
    infinite = np.zeros((31, 31))
    infinite[4, 6] = np.inf
    Path(program(SHELL + act).parent / "wrong.fits").write_bytes(image_bytes(np.zeros((3, 4))))
    Path("cube.fits").write_bytes(image_bytes(np.zeros((1, 31, 31))))
    Path("infinite.fits").write_bytes(image_bytes(infinite))
    with pytest.raises(InputError, match=said) as caught:
        answers(sequence)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("command:", {}, "names no program; expected one such as command:./my_program"),
        ("command:./prog {input}", {}, r"does not say where \{output\} goes"),
        ("command:./prog {output}", {}, r"does not say where \{input\} goes"),
        ("command:./absent {input} {output}", {}, "there is no program ./absent in "),
        ("command:no-such-prog {input} {output}", {}, "no program no-such-prog in the search path"),
        ("command:./text {input} {output}", {}, r"./text cannot be executed; try chmod \+x"),
        ("command:./prog '{input} {output}", {}, "cannot be split into words, no closing quot"),
        ("command:./prog {input} {output} {k}", {}, "option k has no default"),
        ("command:./prog {input} {output}", {"k": 1}, r"no option 'k'; there are time_limit \(fl"),
        ("command:./prog {input} {output}", {"time_limit": 0.0}, "time_limit must be a positive"),
        ("command:absent.toml", {}, "absent.toml: cannot be read, no such file"),
    ],
)
def test_a_command_that_cannot_be_run_is_refused_before(program, name, options, said):
    program(SHELL)
    Path("text").write_text("hello")
    with pytest.raises(InputError, match=said):
        load(name, **options)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", 'command is missing, such as command = "./my_program {input} {output}"'),
        ("command = 3", "command must be a text or a list of words, got 3"),
        ('command = "a \'b"', "command cannot be split into words, no closing quotation"),
        ("command =", "is not TOML"),
        ('command = "./prog {input} {output}"\nlimit = 3', "unknown key limit; known are format"),
        ('command = "./prog {input} {output}"\nformat = 2', "format must be 1, got 2"),
        ('command = "./prog {input} {output}"\ntracks = ["rdi"]', "tracks must be a list of some"),
        ('command = "./prog {input} {output}"\ntime_limit = -1', "time_limit must be a positive"),
        ('command = "./prog {input} {output}"\ndevice = 3', "device must be one line of text"),
        (
            f'command = "./prog {{input}} {{output}}"\ndevice = "{121 * "x"}"',
            "device must be one line of text of 120 characters at most",
        ),
        ('command = "./prog {input} {output}"\n[options]\na = []', "options: a must be a number"),
        ('command = "./prog {input} {output}"\n[options]\ninput = 1', "input has a meaning of its"),
        ("#" * 70000, "has more than 65536 bytes"),
    ],
)
def test_a_file_that_describes_no_command_is_refused(program, text, said):
    program(SHELL)
    Path("c.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        load("command:c.toml")
    assert said in str(caught.value)
    assert str(caught.value).startswith("c.toml: ")


def test_the_cost_of_a_program_is_its_own(program, tmp_path):
    _ = b"x" * (400 << 20)  # so that this process takes more than the program
    program(
        PYTHON + "import time\nb = b'x' * (80 << 20)\ntime.sleep(0.5)\n"
        "for _ in range(1_000_000): pass\n"
    )
    done = run_limited(["./prog"], tmp_path, Limits(seconds=60, memory_mb=1000))
    assert done.problem is None
    assert 0.02 < done.cpu_seconds < 30
    assert 80 < done.peak_memory_mb < 300


def test_an_interrupt_ends_the_program(program, tmp_path, monkeypatch):
    program(SHELL + "echo $$ > pid\nsleep 300\n")
    from exobench.baselines import _limited_process

    def interrupted(group):
        if Path("pid").exists():
            raise KeyboardInterrupt
        return 0.0, 0.0

    monkeypatch.setattr(_limited_process, "group_memory_mb", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_limited(["./prog"], tmp_path, Limits(seconds=60, memory_mb=1000))
    assert not is_alive(int(Path("pid").read_text()))


def test_nothing_is_left_in_the_temporary_folder(program, sequence, tmp_path, monkeypatch):
    program(SHELL + "touch $1/extra\nmkdir -p $(dirname $2)/deep/er\nexit 1\n")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    with pytest.raises(InputError):
        answers(sequence)
    assert list(scratch.iterdir()) == []
