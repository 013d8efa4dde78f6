"""Algorithms of users in Python: by name of a function, or as entry points of a package."""

import importlib
import os
import pickle
import sys
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from exobench.baselines import (
    _installed,
    describe,
    describe_options,
    file_stem,
    load,
    names,
    parse_options,
)
from exobench.datasets import simulate
from exobench.datasets.errors import InputError

MODULE = '''
"""Mine."""
import os
import subprocess
from dataclasses import dataclass
from functools import partial
import numpy as np
from exobench.baselines import adapt

print("imported")


def detect(sequence, scale: float = 1.0, method="mean", *, flipped=False):
    """The mean frame, scaled.

    More of it.
    """
    print("working")
    return scale * getattr(np, method)(sequence.cube[0], axis=0)


def needy(sequence, rank: int):
    return np.full(sequence.shape, float(rank))


def open_ended(sequence, **options):
    return np.full(sequence.shape, float(sum(options.values())))


def adi_only(sequence):
    return sequence.cube[0, 0]


adi_only.tracks = ("adi",)


@dataclass(frozen=True)
class Method:
    """A class of mine."""

    rank: int = 3

    def __post_init__(self):
        if self.rank < 1:
            raise ValueError("rank must be 1 or more")

    def __call__(self, sequence):
        return self.reduce(sequence) * self.rank

    def reduce(self, sequence):
        return sequence.cube[0].mean(axis=0)


class Uncallable:
    pass


def crash(sequence):
    return 1 / 0


def crash_of_a_package(cube):
    return cube / (1 // 0)


adapted_crash = adapt(crash_of_a_package, "cube")


def leave(sequence):
    raise SystemExit("bye")


def changes_input(sequence):
    sequence.cube[:] = 0


def small(sequence):
    return np.zeros((3, 3))


def infinite(sequence):
    values = np.zeros(sequence.shape)
    values[2, 5] = np.inf
    return values


def nothing(sequence):
    pass


def words(sequence):
    return np.full(sequence.shape, "a")


def imaginary(sequence):
    return np.full(sequence.shape, 1j)


def pair(sequence):
    return np.zeros(sequence.shape), np.zeros((4, 4))


def silent(sequence):
    return np.where(sequence.cube[0, 0] > 0, np.nan, -np.inf)


class NoArray:
    def __array__(self, *args, **kwargs):
        raise KeyError("no\\narray")


def no_array(sequence):
    return NoArray()


def large(sequence):
    values = np.zeros(sequence.shape)
    values[2, 5] = 1e300
    return values


def masked(sequence):
    values = np.ma.zeros(sequence.shape, dtype=">f4")
    values[3, 4] = 1e9
    values[3, 4] = np.ma.masked
    return values


def escapes(sequence):
    raise ValueError("red\\n\\x1b[31m" + 10_000 * "x")


def prints_everywhere(sequence):
    os.write(1, b"by the system\\n")
    subprocess.run(["echo", "by a program"])
    return np.zeros(sequence.shape)


def forks(sequence):
    if os.fork() == 0:
        return np.zeros(sequence.shape)
    os.wait()
    return np.ones(sequence.shape)


@dataclass
class Annotated:
    """With annotations that are only there for a checker of types."""

    rank: "NDArray | int" = 3

    def __call__(self, sequence):
        return np.full(sequence.shape, float(self.rank))


class OnDevice:
    device = "GPU\\nof " + 200 * "x"

    def __call__(self, sequence):
        return np.zeros(sequence.shape)


half = partial(detect, scale=0.5)
wrong_tracks = lambda sequence: None
wrong_tracks.tracks = 5
number = 3
bad_tracks = lambda sequence: None
bad_tracks.tracks = ("rdi",)
'''


@pytest.fixture(scope="module")
def sequence():
    return simulate("irdis_like", rng=1, n_frames=4, size=31)


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A folder with the module my_method, which is the current one."""
    (tmp_path / "my_method.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("import numpy\n\nraise RuntimeError('no licence')\n")
    (tmp_path / "typo.py").write_text("def f(:\n")
    (tmp_path / "needs.py").write_text("import no_such_package_at_all\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    importlib.invalidate_caches()
    yield tmp_path
    for name in ("my_method", "broken", "typo", "needs"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("mine")
def test_a_function_of_the_current_folder_is_a_baseline(sequence):
    baseline = load("my_method:detect")
    assert baseline.tracks == ("adi", "adi_ifs")
    np.testing.assert_array_equal(baseline(sequence), sequence.cube[0].mean(axis=0))


@pytest.mark.usefixtures("mine")
def test_options_are_its_keyword_arguments_in_the_types_of_annotations_or_defaults(sequence):
    assert describe_options("my_method:detect") == {
        "scale": "float = 1.0",
        "method": "str = 'mean'",
        "flipped": "bool = False",
    }
    words = ["scale=3", "method=median", "flipped=yes"]
    options = parse_options("my_method:detect", words)
    assert options == {"scale": 3.0, "method": "median", "flipped": True}
    expected = 3 * np.median(sequence.cube[0], axis=0)
    np.testing.assert_allclose(load("my_method:detect", **options)(sequence), expected)


@pytest.mark.usefixtures("mine")
def test_whatever_options_are_taken_are_handed_on_as_python_reads_them(sequence):
    options = parse_options("my_method:open_ended", ["a=2", "b=0.5"])
    assert options == {"a": 2, "b": 0.5}
    assert load("my_method:open_ended", **options)(sequence)[0, 0] == 2.5


@pytest.mark.usefixtures("mine")
def test_a_class_is_made_an_instance_of_and_keeps_its_residual_image(sequence):
    assert describe_options("my_method:Method") == {"rank": "int = 3"}
    baseline = load("my_method:Method", rank=2)
    mean = sequence.cube[0].mean(axis=0)
    np.testing.assert_array_equal(baseline(sequence), 2 * mean)
    np.testing.assert_array_equal(baseline.reduce(sequence), mean)
    assert not hasattr(load("my_method:detect"), "reduce")


@pytest.mark.usefixtures("mine")
def test_a_function_may_say_which_tracks_it_answers():
    assert load("my_method:adi_only").tracks == ("adi",)


@pytest.mark.usefixtures("mine")
def test_what_it_prints_does_not_reach_standard_output(sequence, capsys):
    load("my_method:detect")(sequence)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "imported\nworking\n")


@pytest.mark.usefixtures("mine")
def test_what_its_libraries_and_programs_print_does_not_either(sequence, capfd):
    load("my_method:prints_everywhere")(sequence)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == "imported\nby the system\nby a program\n"
    os.write(1, b"ours\n")
    assert capfd.readouterr().out == "ours\n"


@pytest.mark.usefixtures("mine")
def test_a_fork_that_comes_back_ends_there(sequence, tmp_path):
    found = load("my_method:forks")(sequence)
    with (tmp_path / "pids").open("a") as file:
        file.write(f"{os.getpid()}\n")
    assert (found == 1).all()
    assert (tmp_path / "pids").read_text() == f"{os.getpid()}\n"


@pytest.mark.usefixtures("mine")
def test_masked_pixels_have_no_value(sequence):
    found = load("my_method:masked")(sequence)
    assert type(found) is np.ndarray
    assert found.dtype == np.dtype("=f8")
    assert np.isnan(found[3, 4])
    assert np.nansum(found) == 0


@pytest.mark.usefixtures("mine")
def test_a_part_of_a_function_and_annotations_of_a_checker_are_fine(sequence):
    assert describe("my_method:half") == "The mean frame, scaled"
    assert describe_options("my_method:half")["scale"] == "float = 0.5"
    expected = 0.5 * sequence.cube[0].mean(axis=0)
    np.testing.assert_array_equal(load("my_method:half")(sequence), expected)
    assert describe_options("my_method:Annotated") == {"rank": "any = 3"}
    assert load("my_method:Annotated", rank=2)(sequence)[0, 0] == 2


@pytest.mark.usefixtures("mine")
def test_it_may_say_what_it_computes_on():
    assert load("my_method:detect").device == "cpu"
    device = load("my_method:OnDevice").device
    assert device.startswith("GPU of xxx")
    assert len(device) <= 120


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize("text", ["1e999", "{1, 2}", "b'x'", "1j", "[1, 1e999]"])
def test_values_that_no_record_could_hold_are_refused(text):
    with pytest.raises(InputError, match="option a must be a finite number, a text, true"):
        parse_options("my_method:open_ended", [f"a={text}"])
    for word in ("inf", "nan", "1e999"):
        with pytest.raises(InputError, match="option scale must be a finite float, got"):
            parse_options("my_method:detect", [f"scale={word}"])


@pytest.mark.usefixtures("mine")
def test_pixels_without_a_value_are_fine(sequence):
    found = load("my_method:silent")(sequence)
    assert not np.isfinite(found).any()


@pytest.mark.usefixtures("mine")
def test_it_reaches_other_processes_by_its_name(sequence):
    baseline = load("my_method:detect", scale=2.0)
    other = pickle.loads(pickle.dumps(baseline))
    assert other == baseline
    np.testing.assert_array_equal(other(sequence), baseline(sequence))


@pytest.mark.usefixtures("mine")
def test_its_docstring_describes_it_and_files_can_be_called_after_it():
    assert describe("my_method:detect") == "The mean frame, scaled"
    assert describe("my_method:Method") == "A class of mine"
    assert describe("my_method:adi_only") == ""
    assert file_stem("my_method:detect") == "my_method_detect"
    assert file_stem("pca") == "pca"


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("absent:f", {}, r"there is no module 'absent' in .*, nor is one installed"),
        ("my_method.py:detect", {}, r"no module .*leave out \.py: my_method"),
        ("my_method:detekt", {}, r"my_method has no 'detekt'; did you mean detect\?"),
        ("my_method:number", {}, "is no function but of type int; expected a function of an"),
        ("../my:detect", {}, r"got '\.\./my:detect'; modules are looked for in the current folder"),
        ("my_method:", {}, "is written module:function, such as my_method:detect"),
        ("./my_method:f", {}, "is written module:function"),
        ("broken:f", {}, r"importing broken raised RuntimeError, no licence \(broken.py, line 3\)"),
        ("typo:f", {}, r"importing typo raised SyntaxError, .*typo.py, line 1"),
        ("needs:f", {}, "importing needs needs 'no_such_package_at_all', which is not installed"),
        ("my_method:needy", {}, "option rank has no default; give it a value"),
        ("my_method:needy", {"rank": 1.5}, "option rank must be int, got 1.5"),
        ("my_method:detect", {"k": 1}, r"has no option 'k'; there are scale \(float = 1.0\), "),
        ("my_method:Method", {"rank": 0}, r"raised ValueError, rank must be 1 or more \(my_meth"),
        ("my_method:Uncallable", {}, "is a class whose instances cannot be called"),
        ("my_method:bad_tracks", {}, "its tracks must be among adi, adi_ifs, got"),
        ("my_method:wrong_tracks", {}, "its tracks must be among adi, adi_ifs, got 5"),
    ],
)
def test_what_cannot_be_found_or_set_is_one_sentence(name, options, said):
    with pytest.raises(InputError, match=said) as caught:
        load(name, **options)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("crash", r"irdis_like_1: raised ZeroDivisionError, division by zero \(my_method.py, l"),
        ("adapted_crash", r"modulo by zero \(my_method.py, line"),
        ("leave", "raised SystemExit, bye"),
        ("changes_input", "raised ValueError, assignment destination is read-only"),
        ("small", r"returned a map of shape \(3, 3\); expected that of a frame, \(31, 31\)"),
        ("infinite", r"returned \+inf at pixel y = 2, x = 5"),
        ("nothing", "returned nothing; expected a detection map"),
        ("words", "returned an array of <U1; expected a detection map"),
        ("imaginary", "returned an array of complex128; expected"),
        ("pair", "returned no array"),
        ("no_array", r"irdis_like_1: returned no array \('no.+array'\)"),
        (
            "large",
            r"returned \+1e\+300 at pixel y = 2, x = 5; give numbers up to 3\.4e\+38, or NaN",
        ),
        ("escapes", r"raised ValueError, red \[31mx{400,500} \(my_method.py, line"),
    ],
)
def test_what_goes_wrong_inside_it_is_one_sentence(sequence, function, said):
    with pytest.raises(InputError, match=said) as caught:
        load(f"my_method:{function}")(sequence)
    assert len(str(caught.value).splitlines()) == 1
    assert str(caught.value).startswith(f"my_method:{function}: ")


def install(site, monkeypatch, points, name="their-package", summary="Detection by them."):
    """Put the metadata of a package with entry points where Python looks for packages."""
    folder = site / f"{name.replace('-', '_')}-1.2.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\nSummary: {summary}\n"
    )
    lines = "\n".join(f"{key} = {value}" for key, value in points.items())
    (folder / "entry_points.txt").write_text(f"[exobench.baselines]\n{lines}\n")
    monkeypatch.syspath_prepend(site.parent)  # where the modules of `mine` are
    monkeypatch.syspath_prepend(site)
    _installed.installed.cache_clear()


@pytest.fixture
def site(tmp_path):
    yield tmp_path / "site"
    _installed.installed.cache_clear()


@pytest.mark.usefixtures("mine")
def test_an_entry_point_is_a_baseline_with_a_name_of_its_own(site, monkeypatch, sequence, exobench):
    install(site, monkeypatch, {"theirs": "my_method:Method"})
    assert "theirs" in names()
    assert describe("theirs") == "Detection by them (their-package 1.2)"
    assert "my_method" not in sys.modules
    assert describe_options("theirs") == {"rank": "int = 3"}
    baseline = load("theirs", rank=1)
    np.testing.assert_array_equal(baseline(sequence), sequence.cube[0].mean(axis=0))
    assert "theirs" in exobench("list", "baselines")[1]
    with pytest.raises(InputError, match=r"did you mean theirs\?"):
        load("their")


@pytest.mark.usefixtures("mine")
def test_a_name_that_means_two_baselines_is_refused_and_the_others_work(
    site, monkeypatch, exobench
):
    install(site, monkeypatch, {"pca": "my_method:detect", "twice": "my_method:detect"})
    install(site, monkeypatch, {"twice": "my_method:detect"}, name="others")
    said = r"baseline 'pca' is of exobench itself and of their-package 1.2; uninstall all but one"
    with pytest.raises(InputError, match=said):
        load("pca")
    with pytest.raises(InputError, match=r"'twice' is of .* and of "):
        load("twice")
    assert load("median").tracks == ("adi", "adi_ifs")
    code, out, err = exobench("list", "baselines")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 2


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("broken:f", r"of their-package 1.2 cannot be loaded: broken:f raised RuntimeError, no l"),
        ("my_method:gone", "cannot be loaded: my_method:gone raised AttributeError"),
        ("my_method:number", "my_method:number is a int; expected a function"),
    ],
)
def test_a_broken_package_is_named(site, monkeypatch, value, said):
    install(site, monkeypatch, {"theirs": value})
    assert "theirs" in names()
    with pytest.raises(InputError, match=said):
        load("theirs")


def test_an_entry_point_without_a_package_is_told_apart():
    point = EntryPoint("x", "a:b", _installed.GROUP)
    assert _installed.describe_installed(point) == "a:b (an unknown package)"
