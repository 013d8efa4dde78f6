"""A zoo: run, stopped, gone on with, published, read from friends and foes, compared with."""

import functools
import importlib
import io
import json
import shutil
import sys
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from astropy.io import fits

from exobench.challenge import run as run_module
from exobench.challenge.archive_bytes import archive_bytes
from exobench.challenge.campaigns.algorithms import read_algorithms
from exobench.challenge.documents import read_json, write_json
from exobench.challenge.entries import Entry
from exobench.challenge.folder import read_challenge
from exobench.challenge.zoo import zoo as zoo_module
from exobench.challenge.zoo.artefact import read_artefact
from exobench.challenge.zoo.entries import zoo_ranking
from exobench.challenge.zoo.files import ZOO, ZooIndex, archive_path, method_stem, read_index
from exobench.challenge.zoo.zoo import own_baselines, prepare_zoo, run_zoo
from exobench.datasets.errors import InputError
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import ImageSequence

PLACE = (20.0, 32.0)


N_SEQUENCES = 7


def load_toy(public, entry):
    """Noise about a companion, in place of the files of a sequence."""
    rng = np.random.default_rng(int(entry.name[-1]))
    y, x = np.indices(entry.shape[-2:])
    star = np.exp(-((y - PLACE[0]) ** 2 + (x - PLACE[1]) ** 2) / 5.8)
    frames = rng.normal(size=entry.shape) + 3 * star
    return ImageSequence(
        name=entry.name,
        cube=frames.astype(np.float32),
        angles=np.linspace(-1, 1, entry.shape[1]),
        psf=toy_psf(),
        fwhm=(4.0,),
        pixel_scale=0.01,
    )


@functools.cache
def toy_psf():
    y, x = np.indices((41, 41))
    return normalise_psf(np.exp(-((y - 20) ** 2 + (x - 20) ** 2) / 5.8)[None], (4.0,)).psf


def make_toy(kit, folder):
    challenge, sequence = kit
    names = [f"toy_{i + 1}" for i in range(N_SEQUENCES)]
    return challenge(folder, tuple(sequence(name=n, companions=(PLACE,)) for n in names))


@pytest.fixture
def toy(toy_kit, tmp_path, monkeypatch):
    """Seven sequences whose cubes are noise about a companion."""
    monkeypatch.setattr(run_module, "load_sequence", load_toy)
    return make_toy(toy_kit, tmp_path / "made")


@pytest.fixture
def make_zoo(toy, tmp_path, in_process):
    """Runs methods on the toy suite; returns the folder of the zoo."""

    def make(*words, out=tmp_path / "zoo", most_seconds=None):
        challenge = read_challenge(toy.folder)
        zoo = prepare_zoo(challenge, read_algorithms(words), out, most_seconds)
        make.steps = list(run_zoo(zoo, in_process))
        return out

    return make


@pytest.fixture(scope="module")
def made_once(toy_kit, tmp_path_factory, in_process):
    """The zoo of the median on the toy suite: not to be changed."""
    folder = tmp_path_factory.mktemp("made_once")
    challenge = read_challenge(make_toy(toy_kit, folder / "made").folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "load_sequence", load_toy)
        list(
            run_zoo(prepare_zoo(challenge, read_algorithms(["median"]), folder / "zoo"), in_process)
        )
    return folder / "zoo"


@pytest.fixture
def median_zoo(made_once, tmp_path):
    """A copy of the zoo of the median, where `make_zoo` makes its own."""
    return shutil.copytree(made_once, tmp_path / "zoo")


def rewritten(folder, change):
    """The archive of a zoo, its members changed."""
    path = archive_path(folder, "toy")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    path.write_bytes(archive_bytes(members))
    return path


def test_maps_scores_and_costs_of_every_method_are_kept_and_ranked(toy, make_zoo):
    folder = make_zoo("median", "pca(n_components=2)")
    index = read_index(folder)
    assert [m.label for m in index.methods] == ["median", "pca(n_components=2)"]
    assert index.methods[1].options["n_components"] == 2
    assert len(index.methods[1].options) > 1
    assert make_zoo.steps == ["median"] * 7 + ["pca(n_components=2)"] * 7
    challenge = read_challenge(toy.folder)
    document = zoo_ranking(read_artefact(folder, challenge), challenge.manifest)
    rows = document["tracks"]["adi"]
    assert {row["name"] for row in rows} == {"median", "pca(n_components=2)"}
    assert all(row["cost"]["n_maps"] == 7 for row in rows)
    assert not (folder / "unfinished").exists()


@pytest.mark.slow
def test_folder_and_archive_are_the_same_zoo(toy, median_zoo):
    folder, challenge = median_zoo, read_challenge(toy.folder)
    one = read_artefact(folder, challenge)
    other = read_artefact(archive_path(folder, "toy"), challenge)
    assert one.index == other.index
    assert one.files == other.files


def test_the_same_command_does_nothing_twice_and_more_methods_are_added(make_zoo, median_zoo):
    folder = median_zoo
    before = (folder / "median-adi.zip").stat().st_mtime_ns
    make_zoo("median", "annular_median")
    assert make_zoo.steps == ["annular_median"] * 7
    assert (folder / "median-adi.zip").stat().st_mtime_ns == before
    assert [m.label for m in read_index(folder).methods] == ["annular_median", "median"]


def test_a_stopped_zoo_goes_on_from_its_maps_with_the_same_bytes(
    toy, make_zoo, median_zoo, tmp_path, in_process
):
    whole = median_zoo
    out = tmp_path / "stopped"
    zoo = prepare_zoo(read_challenge(toy.folder), read_algorithms(["median"]), out)
    steps = run_zoo(zoo, in_process)
    for _ in range(3):
        next(steps)
    steps.close()
    assert read_index(out).methods == ()
    assert len(list((out / "unfinished").rglob("*.npz"))) == 3
    done = []
    original = run_module.measured

    def counted(*arguments):
        done.append(1)
        return original(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "measured", counted)
        make_zoo("median", out=out)
    assert len(done) == 4
    assert (out / "median-adi.zip").read_bytes() == (whole / "median-adi.zip").read_bytes()


@pytest.fixture
def own_method(tmp_path, monkeypatch):
    """Writes a method of a user that answers with a number everywhere; returns its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    module = "flat_method_of_zoo"

    def write(value):
        text = f"def detect(sequence):\n    return 0 * sequence.cube[0, 0] + {value}\n"
        (tmp_path / f"{module}.py").write_text(text, "utf-8")
        sys.modules.pop(module, None)
        importlib.invalidate_caches()
        return f"{module}:detect"

    yield write
    sys.modules.pop(module, None)


def values_of(folder, label):
    """What the maps of a method hold at a pixel."""
    (method,) = (one for one in read_index(folder).methods if one.label == label)
    with zipfile.ZipFile(folder / method.files["submission"].path) as archive:
        maps = [archive.read(name) for name in archive.namelist() if "detmap" in name]
    assert len(maps) == N_SEQUENCES
    return {float(fits.getdata(io.BytesIO(one))[30, 30]) for one in maps}


def test_a_method_of_a_user_is_run_again_when_its_code_has_changed(toy, make_zoo, own_method):
    name = own_method(1.5)
    folder = make_zoo(name, "median")
    assert values_of(folder, name) == {1.5}
    make_zoo(name, "median")
    assert make_zoo.steps == []
    own_method(22.5)
    zoo = prepare_zoo(read_challenge(toy.folder), read_algorithms([name, "median"]), folder)
    assert zoo.changed == (name,)
    assert [one.label for one in read_index(folder).methods] == ["median"]
    make_zoo(name, "median")
    assert make_zoo.steps == [name] * N_SEQUENCES
    assert values_of(folder, name) == {22.5}


def test_maps_of_an_unfinished_method_are_not_mixed_with_those_of_changed_code(
    toy, make_zoo, own_method, in_process
):
    name = own_method(1.5)
    folder = make_zoo("median")
    zoo = prepare_zoo(read_challenge(toy.folder), read_algorithms([name]), folder)
    steps = run_zoo(zoo, in_process)
    for _ in range(3):
        next(steps)
    steps.close()
    own_method(22.5)
    make_zoo(name)
    assert values_of(folder, name) == {22.5}
    assert not (folder / "unfinished").exists()


def test_a_method_that_fails_is_left_out_with_its_reason_and_the_others_go_on(make_zoo):
    folder = make_zoo("pca(n_components=50)", "median")
    index = read_index(folder)
    assert [m.label for m in index.methods] == ["median"]
    (left_out,) = index.left_out
    assert left_out.label == "pca(n_components=50)"
    assert "50" in left_out.reason
    assert "and 6 more" in left_out.reason
    assert len(make_zoo.steps) == 14


def test_a_method_that_is_too_slow_is_left_out_until_there_is_time(make_zoo):
    folder = make_zoo("median", most_seconds=0.0)
    (left_out,) = read_index(folder).left_out
    assert "its first map took" in left_out.reason
    assert len(make_zoo.steps) == 7
    make_zoo("annular_median")
    assert len(list(folder.rglob("*.npz"))) == 1  # of the other, to go on from
    make_zoo("median", most_seconds=0.0)
    assert [m.label for m in read_index(folder).methods] == ["annular_median"]
    make_zoo("median")
    assert read_index(folder).left_out == ()
    assert len(read_index(folder).methods) == 2
    assert not (folder / "unfinished").exists()


def test_a_method_of_other_tracks_is_left_out(make_zoo):
    (left_out,) = read_index(make_zoo("sdi_median", "median")).left_out
    assert (left_out.label, left_out.reason) == ("sdi_median", "supports adi_ifs only")


def test_all_baselines_of_ours_are_meant_by_default_but_those_that_learn():
    meant = {one.name for one in own_baselines()}
    assert {"pca", "median", "loci"} <= meant
    assert "sodinn" not in meant


def test_a_contest_has_no_zoo(make_challenge, tmp_path):
    toy = make_challenge(make_challenge.sequence(name="toy_1"), kind="contest")
    with pytest.raises(InputError, match="is a contest, and the scores of a zoo tell where"):
        prepare_zoo(read_challenge(toy.folder), read_algorithms(["median"]), tmp_path / "zoo")


def test_a_folder_of_something_else_is_refused(toy, make_zoo, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match="is not empty and holds no zoo"):
        make_zoo("median", out=tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


def test_methods_of_other_versions_are_not_mixed(make_zoo, median_zoo, monkeypatch):
    other = zoo_module.environment() | {"numpy": "0.1"}
    monkeypatch.setattr(zoo_module, "environment", lambda: other)
    with pytest.raises(InputError, match=r"other versions, here is numpy 0\.1 \(expected"):
        make_zoo("median", "annular_median")


def test_another_build_of_the_suite_is_refused_with_the_versions(toy, make_zoo, median_zoo):
    folder = median_zoo
    index = read_index(folder)
    changed = index.model_copy(
        update={"suite_sha256": "0" * 64, "suite_libraries": {"numpy": "0.1"}}
    )
    write_json(folder / ZOO, changed)
    truth = json.loads((toy.folder / "private" / "truth.json").read_text())
    challenge = read_challenge(toy.folder)
    here = challenge.truth.model_copy(update={"environment": {"numpy": "2.4"}})
    assert truth["format"] == 1
    object.__setattr__(challenge, "truth", here)
    with pytest.raises(InputError, match=r"another build of toy .* numpy 2\.4 \(expected 0\.1\)"):
        read_artefact(folder, challenge)
    with pytest.raises(InputError, match="holds the zoo of another build of toy"):
        make_zoo("median")


def test_a_zoo_of_another_suite_is_refused(toy, median_zoo):
    folder = median_zoo
    write_json(folder / ZOO, read_index(folder).model_copy(update={"suite": "adi-40"}))
    with pytest.raises(InputError, match="is a zoo of adi-40; expected one of toy"):
        read_artefact(folder, read_challenge(toy.folder))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.pop(ZOO), "holds no zoo.json"),
        (lambda m: m.update({ZOO: b"{"}), "is not JSON"),
        (lambda m: m.update({ZOO: b"[]"}), "zoo"),
        (lambda m: m.pop("median-adi.zip"), "median-adi.zip is listed in zoo.json, and missing"),
        (lambda m: m.update({"median-adi.zip": b"PK"}), "is not the file that zoo.json lists"),
        (lambda m: m.update({"pca-adi.zip": b"PK"}), "pca-adi.zip is not listed in zoo.json"),
        (lambda m: m.update({"../evil-adi.zip": b""}), "must not be paths"),
        (lambda m: m.update({"setup.py": b""}), "is no file of a zoo"),
        (lambda m: m.update({"big-adi.score.json": bytes(1 << 25)}), "expected at most"),
    ],
)
def test_an_archive_that_was_tampered_with_is_refused(toy, median_zoo, change, said):
    path = rewritten(median_zoo, change)
    with pytest.raises(InputError, match=said):
        read_artefact(path, read_challenge(toy.folder))


def test_an_index_that_names_files_elsewhere_is_refused(toy, median_zoo):
    folder = median_zoo
    content = json.loads((folder / ZOO).read_text())
    content["methods"][0]["files"]["score"]["path"] = "../../private/truth.json"
    write_json(folder / ZOO, content)
    with pytest.raises(InputError, match="path"):
        read_artefact(folder, read_challenge(toy.folder))


@pytest.mark.parametrize("key", ["label", "name", "version"])
def test_an_index_with_letters_that_move_the_cursor_is_refused(toy, median_zoo, key):
    folder = median_zoo
    content = json.loads((folder / ZOO).read_text())
    content["methods"][0][key] = "\x1b[2Jpca"
    write_json(folder / ZOO, content)
    with pytest.raises(InputError, match="invisible characters"):
        read_artefact(folder, read_challenge(toy.folder))


def test_a_bomb_and_what_is_no_zip_are_refused(toy, median_zoo, tmp_path):
    challenge = read_challenge(toy.folder)
    bomb, page = tmp_path / "bomb.zip", tmp_path / "page.zip"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("median-adi.zip", bytes(1 << 22))
    bomb.write_bytes(buffer.getvalue())
    page.write_bytes(b"<html>please log in</html>")
    with pytest.raises(InputError, match="is compressed"):
        read_artefact(bomb, challenge)
    with pytest.raises(InputError, match="the zoo is not a zip archive"):
        read_artefact(page, challenge)
    with pytest.raises(InputError, match="no such file"):
        read_artefact(tmp_path / "absent.zip", challenge)


@pytest.mark.parametrize("byte", [30, 2000])
def test_a_damaged_archive_is_refused(toy, median_zoo, byte):
    path = archive_path(median_zoo, "toy")
    content = bytearray(path.read_bytes())
    content[byte] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(InputError):
        read_artefact(path, read_challenge(toy.folder))


def test_files_of_different_labels_are_called_differently():
    stems = [
        method_stem(label, "adi") for label in ("pca", "pca(a=1)", "pca(a=-1)", "x/../y", ".x")
    ]
    assert len(set(stems)) == 5
    assert stems[0] == "pca-adi"
    assert not any("/" in stem or stem.startswith(".") for stem in stems)


def test_an_entry_of_a_zoo_is_a_baseline(toy, median_zoo):
    from exobench.challenge.zoo.entries import ZooEntries

    artefact = read_artefact(median_zoo, read_challenge(toy.folder))
    (entry,) = ZooEntries(artefact).entries()
    assert isinstance(entry, Entry)
    assert entry.baseline
    assert entry.name == "median"


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def serve():
    """Serves a folder on this machine; returns its address."""
    servers = []

    def start(folder):
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(folder)))
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("EXOBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_published_zoo_is_downloaded_once(toy, median_zoo, serve, cache):
    from exobench.challenge.zoo.source import open_zoo

    folder, challenge = median_zoo, read_challenge(toy.folder)
    url = f"{serve(folder)}/toy-zoo.zip"
    shown = []
    first = open_zoo(url, challenge, progress=lambda *step: shown.append(step))
    size = (folder / "toy-zoo.zip").stat().st_size
    assert shown[-1] == ("toy-zoo.zip", size, size)
    (folder / "toy-zoo.zip").unlink()
    assert open_zoo(url, challenge).index == first.index


def test_a_page_in_place_of_a_zoo_is_refused_and_not_kept(toy, serve, cache, tmp_path):
    from exobench.challenge.zoo.source import open_zoo

    (tmp_path / "page.zip").write_text("<html>moved</html>")
    url = f"{serve(tmp_path)}/page.zip"
    with pytest.raises(InputError, match=rf"{url}: the zoo is not a zip archive"):
        open_zoo(url, read_challenge(toy.folder))
    assert not list(cache.rglob("*.zip"))


def test_a_cached_zoo_that_no_longer_fits_is_downloaded_anew(toy, median_zoo, serve, cache):
    from exobench.challenge.zoo.source import open_zoo

    folder, challenge = median_zoo, read_challenge(toy.folder)
    url = f"{serve(folder)}/toy-zoo.zip"
    open_zoo(url, challenge)
    (kept,) = cache.rglob("*.zip")
    kept.write_bytes(b"PK, damaged")
    assert len(open_zoo(url, challenge).index.methods) == 1


def test_without_a_zoo_both_ways_to_one_are_told(toy, cache):
    from exobench.challenge.zoo.source import open_zoo

    with pytest.raises(InputError, match=r"exobench zoo toy; or .* --zoo FILE_OR_URL"):
        open_zoo(None, read_challenge(toy.folder))


def test_what_the_index_says_is_read_back(median_zoo):
    folder = median_zoo
    assert read_json(folder / ZOO, ZooIndex, InputError) == read_index(folder)
