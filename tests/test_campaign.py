"""Campaigns from files to tables: what is recorded, what survives a kill, what is refused."""

import importlib
import json
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from exobench.baselines import load
from exobench.challenge.campaigns.algorithms import _parts as parts
from exobench.challenge.campaigns.algorithms import default_references, read_algorithms
from exobench.challenge.campaigns.campaign import prepare_campaign, read_report, run_campaign
from exobench.challenge.campaigns.journal import JOURNAL, Journal
from exobench.challenge.campaigns.settings import new_settings
from exobench.challenge.campaigns.sources import Said, find_sources
from exobench.challenge.campaigns.tables import read_frame
from exobench.challenge.work import local_workers
from exobench.datasets import Companion, ImageSequence, inject, write_sequence
from exobench.datasets.errors import InputError
from exobench.scoring import find_candidates
from exobench.scoring.snr import significance_at

FWHM = 3.0
SAME = ("injections.parquet", "false_positives.parquet", "campaign.json")


def toy_sequence(name="toy_1", seed=0, shape=(45, 45), n_frames=12):
    """A quasi-static smooth star that drifts, and photon noise."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape) - np.array([n // 2 for n in shape])[:, None, None]
    halo = 200 * np.exp(-np.hypot(y, x) / 6)
    pattern = rng.normal(size=(3, *shape)) * halo
    drift = np.cumsum(rng.normal(size=(n_frames, 3)), axis=0) * 0.2 + 1
    cube = halo + np.tensordot(drift, pattern, 1) * 0.2 + rng.normal(size=(n_frames, *shape))
    py, px = np.mgrid[-6:7, -6:7]
    psf = np.exp(-4 * np.log(2) * (py**2 + px**2) / FWHM**2)
    return ImageSequence(
        name=name,
        cube=cube[np.newaxis],
        angles=np.linspace(-40, 40, n_frames),
        psf=psf[np.newaxis] / psf[np.hypot(py, px) < FWHM / 2].sum(),
        fwhm=FWHM,
        pixel_scale=0.0165,
        star_flux=1e5,
        wavelengths=[1.6],
        diameter=8.0,
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("toy") / "toy_1.h5"
    write_sequence(toy_sequence(), path)
    return path


def settings(file, algorithms=("pca(n_components=3)", "median"), injections=12, **numbers):
    chosen = read_algorithms(algorithms)
    sources = find_sources(file, Said(), chosen)
    counts = {"refilled": 2, "seed": 5} | numbers
    return new_settings(
        chosen, read_algorithms(["median"]), sources, injections=injections, **counts
    )


def run(settings, out, executor, most=None):
    """Do so many steps of a campaign, as if killed then, or all of them."""
    steps = run_campaign(prepare_campaign(settings, out), executor)
    for number, _ in enumerate(steps, start=1):
        if number == most:
            steps.close()
            break
    return out


@pytest.fixture(scope="module")
def finished(file, tmp_path_factory, in_process):
    return run(settings(file), tmp_path_factory.mktemp("campaign") / "out", in_process)


def contents(folder):
    return {name: (folder / name).read_bytes() for name in SAME}


def test_every_algorithm_meets_the_same_companions_one_row_each(finished):
    rows = read_frame(finished, "injections")
    places = ["injection", "separation_px", "position_angle", "flux", "y", "x"]
    pca, median = (rows[rows["algorithm"] == a] for a in ("pca(n_components=3)", "median"))
    assert len(pca) == len(median) == 12
    np.testing.assert_array_equal(pca[places].to_numpy(float), median[places].to_numpy(float))
    assert set(pca["path"]) == {"subspace"}
    assert set(median["path"]) == {"whole"}
    np.testing.assert_allclose(rows["contrast"], rows["flux"] / 1e5)
    np.testing.assert_allclose(rows["separation_arcsec"], rows["separation_px"] * 0.0165)


@pytest.mark.parametrize("label", ["pca(n_components=3)", "median"])
def test_a_row_says_what_a_run_on_the_injected_sequence_gives(finished, file, label):
    sequence = toy_sequence()
    baseline = read_algorithms([label])[0].load()
    radii = read_report(finished).sequences["toy_1"]["radii_px"]
    y, x = np.indices(sequence.shape)
    scored = (np.hypot(y - 22, x - 22) >= radii[0]) & (np.hypot(y - 22, x - 22) <= radii[1])
    rows = read_frame(finished, "injections")
    for row in rows[rows["algorithm"] == label].head(4).to_dict("records"):
        one = Companion(
            separation=row["separation_arcsec"],
            position_angle=row["position_angle"],
            flux=row["flux"],
        )
        injected = inject(sequence, [one])
        expected = baseline(injected)
        yx = np.array(one.position(sequence))
        np.testing.assert_allclose(yx, (row["y"], row["x"]), atol=1e-9)
        value = expected[tuple(np.rint(yx).astype(int))]
        assert row["value"] == pytest.approx(value, abs=2e-4)
        image = baseline.reduce(injected)
        assert row["significance"] == pytest.approx(significance_at(image, FWHM, [yx])[0], abs=2e-4)
        found, values = find_candidates(expected, FWHM, scored)
        near = np.hypot(*(found - yx).T) <= FWHM
        assert near.any() == np.isfinite(row["candidate_value"])
        if near.any():
            assert row["candidate_value"] == pytest.approx(values[near][0], abs=2e-4)


def test_flux_and_place_of_bright_companions_are_measured(finished):
    rows = read_frame(finished, "injections")
    bright = rows[(rows["brightness"] == "bright") & (rows["algorithm"] == "median")]
    assert len(bright)
    assert bright["throughput"].between(0.5, 1).all()  # the median holds some of it
    np.testing.assert_allclose(
        bright["measured_flux"], bright["throughput"] * bright["flux"], rtol=0.5
    )
    assert np.hypot(bright["error_y_px"], bright["error_x_px"]).median() < 0.7
    np.testing.assert_allclose(bright["error_y_mas"], bright["error_y_px"] * 16.5)


def test_false_positives_are_those_of_blank_and_of_some_refilled_maps(finished):
    false = read_frame(finished, "false_positives")
    mine = false[false["algorithm"] == "median"]
    blank = mine[mine["map"] == "blank"]
    radii = read_report(finished).sequences["toy_1"]["radii_px"]
    y, x = np.indices((45, 45))
    radius = np.hypot(y - 22, x - 22)
    scored = (radius >= radii[0]) & (radius <= radii[1])
    _, values = find_candidates(load("median")(toy_sequence()), FWHM, scored)
    np.testing.assert_array_equal(blank["value"], values)
    assert blank["injection"].isna().all()
    refilled = mine[mine["map"] == "refilled"]
    assert set(refilled["injection"]) == {0, 1}
    rows = read_frame(finished, "injections").query("algorithm == 'median'")
    for index, group in refilled.groupby("injection"):
        place = rows[rows["injection"] == index].iloc[0]
        assert np.hypot(group["y"] - place["y"], group["x"] - place["x"]).min() > 2 * FWHM


def test_the_fast_path_is_checked_against_whole_reductions(finished):
    rows = read_frame(finished, "injections")
    checked = rows[rows["path"] == "subspace"]["difference_from_whole"]
    assert checked.notna().sum() == 2
    assert checked.max() < 2e-4


def test_costs_are_kept_of_every_run_and_of_the_blank_maps(finished):
    costs = read_frame(finished, "costs")
    assert len(costs) == 2 * 13
    assert (costs[["cpu_seconds", "wall_seconds", "peak_memory_mb"]] > 0).all().all()
    assert set(costs["device"]) == {"cpu"}
    assert set(costs["memory_is_of"]) <= {"map", "process"}


def test_the_report_says_what_the_campaign_was_of(finished, file):
    content = json.loads((finished / "campaign.json").read_text())
    assert content["seed"] == 5
    assert content["sources"][0]["sha256"][0][0] == "toy_1.h5"
    found = content["sequences"]["toy_1"]
    assert set(found["limits"]) == {"median"}
    assert {"numpy", "exobench", "python"} <= set(content["libraries"])
    assert not (finished / JOURNAL).exists()
    assert not (finished / "begun.json").exists()


@pytest.mark.parametrize(
    "most", [2, 20, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 9))]
)
def test_a_campaign_that_was_stopped_ends_with_the_same_tables(
    file, tmp_path, in_process, finished, most
):
    out = run(settings(file), tmp_path / "out", in_process, most)
    assert not (out / "campaign.json").exists()
    with (out / JOURNAL).open("ab") as journal:
        journal.write(b'[["injections", {"algorithm": "medi')  # torn off by a kill
    assert contents(run(settings(file), out, in_process)) == contents(finished)


def test_more_injections_and_algorithms_leave_what_is_done(file, tmp_path, in_process, finished):
    out = run(settings(file, ["pca(n_components=3)"], 7), tmp_path / "out", in_process)
    first = read_frame(out, "costs")
    run(settings(file), out, in_process)
    assert contents(out) == contents(finished)
    again = read_frame(out, "costs").merge(first, on=list(first.columns))
    assert len(again) == len(first) == 8
    fewer = prepare_campaign(settings(file, ["median"], 3), out)
    assert fewer.settings.injections == 12
    assert fewer.n_done == fewer.n_steps


@pytest.mark.slow
def test_two_workers_write_the_same_bytes_as_one_process(file, tmp_path, finished):
    with local_workers(2) as executor:
        out = run(settings(file), tmp_path / "out", executor)
    assert contents(out) == contents(finished)


@pytest.mark.slow
def test_a_killed_program_goes_on_to_the_same_tables(file, tmp_path, in_process, finished):
    out = tmp_path / "out"
    command = [sys.executable, "-c", "from exobench.cli import main; main()", "campaign"]
    command += ["pca(n_components=3)", "median", "--on", file, "--out", out, "--reference"]
    command += ["median", "--injections", "12", "--refilled", "2", "--seed", "5", "--workers", "1"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as program:
        journal, deadline = out / JOURNAL, time.monotonic() + 120
        while time.monotonic() < deadline and program.poll() is None:
            if journal.exists() and journal.read_bytes().count(b"\n") >= 3:
                break
            time.sleep(0.02)
        program.kill()
    assert contents(run(settings(file), out, in_process)) == contents(finished)


def test_a_folder_of_another_campaign_is_left_alone(file, tmp_path, in_process, finished):
    before = contents(finished)
    for other, said in (
        (settings(file, seed=6), "seed"),
        (settings(file, refilled=3), "refilled"),
        (settings(file).model_copy(update={"libraries": {"numpy": "1.0"}}), "numpy 1.0"),
    ):
        with pytest.raises(InputError, match=f"{said}.*name another folder"):
            prepare_campaign(other, finished)
    assert contents(finished) == before


def test_an_algorithm_whose_code_has_changed_is_not_mixed_with_what_it_was(
    file, tmp_path, monkeypatch, in_process
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    module = tmp_path / "my_changing.py"
    module.write_text("import numpy as np\n\n\ndef detect(one):\n    return one.cube[0, 0]\n")
    chosen = ["my_changing:detect", "median"]
    run(settings(file, chosen, injections=2), tmp_path / "out", in_process, most=2)
    prepare_campaign(settings(file, chosen, injections=2), tmp_path / "out")
    module.write_text(module.read_text().replace("[0, 0]", "[0, 1]"))
    with pytest.raises(InputError, match="has rows of my_changing:detect as it was before its co"):
        prepare_campaign(settings(file, chosen, injections=2), tmp_path / "out")
    prepare_campaign(settings(file, ["median"], injections=2), tmp_path / "out")
    sys.modules.pop("my_changing")


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A module of the user in the current folder, which may be written anew."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def written(body):
        (tmp_path / "my_broken.py").write_text(f"def detect(one):\n    {body}\n")
        sys.modules.pop("my_broken", None)
        importlib.invalidate_caches()
        return "my_broken:detect"

    yield written
    sys.modules.pop("my_broken", None)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError('no such filter')", "raised ValueError, no such filter (my_broken.py"),
        ("return one.cube[0]", "map"),
    ],
)
def test_a_broken_algorithm_of_the_user_is_known_before_anything_long_begins(
    file, tmp_path, in_process, mine, body, said
):
    asked = settings(file, ["pca(n_components=3)", mine(body)])
    steps = run_campaign(prepare_campaign(asked, tmp_path / "out"), in_process)
    with pytest.raises(InputError) as refused:
        next(steps)  # no calibration, nor a run of another algorithm
    (problem,) = refused.value.problems
    assert problem.startswith("my_broken:detect: toy_1: ")
    assert said in problem
    assert not Journal(tmp_path / "out").read().limits


def test_a_command_that_fails_is_known_before_anything_long_begins(file, tmp_path, in_process):
    asked = settings(file, ["median", "command:false {input} {output}"])
    steps = run_campaign(prepare_campaign(asked, tmp_path / "out"), in_process)
    with pytest.raises(InputError, match="command:false"):
        next(steps)


def test_a_model_that_does_not_serve_is_known_before_anything_long_begins(
    file, tmp_path, in_process
):
    pytest.importorskip("torch")
    model = tmp_path / "torn.safetensors"
    model.write_bytes(b"no model")
    asked = settings(file, ["median", f"sodinn(model={model})"])
    steps = run_campaign(prepare_campaign(asked, tmp_path / "out"), in_process)
    with pytest.raises(InputError, match=r"torn\.safetensors"):
        next(steps)
    assert not Journal(tmp_path / "out").read().limits


def test_an_algorithm_that_failed_is_mended_and_the_same_campaign_goes_on(
    file, tmp_path, in_process, mine
):
    out = tmp_path / "out"
    with pytest.raises(InputError):
        run(settings(file, [mine("raise ValueError")], 2), out, in_process)
    asked = settings(file, [mine("return one.cube[0, 0]")], 2)
    begun = prepare_campaign(asked, out)
    assert sum(1 for _ in run_campaign(begun, in_process)) == begun.n_steps
    assert read_report(out).code == asked.code


def test_a_folder_of_something_else_is_refused(file, tmp_path):
    (tmp_path / "thesis.tex").write_text("draft")
    with pytest.raises(InputError, match="is not empty and holds no campaign"):
        prepare_campaign(settings(file), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_data_that_changes_on_the_way_is_refused(tmp_path, in_process):
    path = tmp_path / "toy_1.h5"
    write_sequence(toy_sequence(), path)
    begun = prepare_campaign(settings(path), tmp_path / "out")
    write_sequence(toy_sequence(seed=1), path)
    with pytest.raises(InputError, match="changed since the campaign was begun"):
        list(run_campaign(begun, in_process))


def test_what_goes_wrong_in_every_run_is_said_once_and_the_rest_is_kept(file, tmp_path, in_process):
    out = tmp_path / "out"
    with pytest.raises(InputError) as refused:
        run(settings(file, ["median", "pca(n_components=12)"]), out, in_process)
    (problem,) = refused.value.problems
    assert "12 components for 12 frames" in problem
    assert len(Journal(out).read().runs) == 13


def test_a_frame_without_room_for_companions_is_said_so(tmp_path, in_process):
    path = tmp_path / "toy_1.h5"
    write_sequence(toy_sequence(shape=(17, 17)), path)
    with pytest.raises(InputError, match=r"the frame reaches to 8\.0 px, but companions need"):
        run(settings(path), tmp_path / "out", in_process)


def test_a_sequence_in_which_nothing_moves_is_said_so(tmp_path, in_process):
    still = replace(toy_sequence(), angles=np.full(12, 30.0))
    write_sequence(still, tmp_path / "toy_1.h5")
    with pytest.raises(InputError, match=r"^toy_1: the field does not rotate, and there are nei"):
        run(settings(tmp_path / "toy_1.h5"), tmp_path / "out", in_process)


def test_a_journal_forgets_a_torn_line_and_writes_over_it(tmp_path):
    journal = Journal(tmp_path)
    row = {"algorithm": "pca", "sequence": "a_1", "injection": 0}
    journal.add([("costs", row)])
    whole = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(whole + whole[:20])
    again = Journal(tmp_path)
    assert again.read().rows["costs"] == [row]
    again.add([("costs", row | {"injection": 1})])
    assert len(Journal(tmp_path).read().runs) == 2


def test_angles_are_flipped_where_sequences_hold_companions(contest, tmp_path):
    algorithms = read_algorithms(["median"])
    on = contest.folder / "public"
    hidden, shown = (
        find_sources(on, Said(track="adi", flip_angles=flip), algorithms) for flip in (None, False)
    )
    assert len(hidden) == len(shown) == 3
    for one, other in zip(hidden, shown, strict=True):
        np.testing.assert_array_equal(one.read().angles, -other.read().angles)
        assert one.radii_px is not None
    injected = inject(toy_sequence(), [Companion(separation=0.2, position_angle=0, flux=5.0)])
    write_sequence(injected, tmp_path / "toy_1.h5")
    assert find_sources(tmp_path / "toy_1.h5", Said(), algorithms)[0].flip_angles


def test_only_sequences_that_all_algorithms_answer_are_taken(contest):
    on = contest.folder / "public"
    tracks = [one.track for one in find_sources(on, Said(), read_algorithms(["median", "sdi_pca"]))]
    assert tracks == ["adi_ifs"]
    for words, said, wanted in (
        (["median"], Said(), "name one by --track"),
        (["sdi_pca"], Said(track="adi"), "adi was asked for"),
        (["sdi_pca", "paco", "frame_differencing"], Said(track="ifs"), "none is answered by all"),
    ):
        with pytest.raises(InputError, match=wanted):
            find_sources(on, said, read_algorithms(words))
    with pytest.raises(InputError, match="leave out --wavelength"):
        find_sources(on, Said(wavelength=1.6), read_algorithms(["median"]))


def test_what_the_files_do_not_say_is_asked_for(tmp_path):
    write_sequence(replace(toy_sequence(), wavelengths=None, diameter=None), tmp_path / "toy_1.h5")
    algorithms = read_algorithms(["median"])
    with pytest.raises(InputError) as refused:
        find_sources(tmp_path / "toy_1.h5", Said(), algorithms)
    assert len(refused.value.problems) == 2
    assert "give --wavelength" in refused.value.problems[0]
    assert "give --diameter" in refused.value.problems[1]
    (source,) = find_sources(tmp_path / "toy_1.h5", Said(wavelength=1.6, diameter=8.0), algorithms)
    assert source.read().lambda_over_d_px == toy_sequence().lambda_over_d_px


def test_algorithms_are_written_with_their_options_in_brackets():
    words = ["pca", "pca( n_components = 3 ,delta_rotation=0.5)", "pca(n_components=20)"]
    algorithms = read_algorithms(words)
    assert [one.label for one in algorithms] == [
        "pca",
        "pca(delta_rotation=0.5, n_components=3)",
        "pca(n_components=20)",
    ]
    assert algorithms[1].load() == load("pca", n_components=3, delta_rotation=0.5)


def test_every_word_that_is_no_algorithm_is_named():
    with pytest.raises(InputError) as refused:
        read_algorithms(["pca(", "pcb", "pca(n_components=x)", "pca", "pca(n_components=10)"])
    problems = refused.value.problems
    assert len(problems) == 4
    assert "got 'pca('" in problems[0]
    assert "did you mean" in problems[1]
    assert "must be int" in problems[2]
    assert problems[3] == "pca(n_components=10): is named twice"


def test_a_reference_must_leave_an_image(file):
    algorithms = read_algorithms(["median"])
    sources = find_sources(file, Said(), algorithms)
    with pytest.raises(InputError, match="--reference paco: makes no residual image"):
        new_settings(
            algorithms, read_algorithms(["paco"]), sources, injections=1, refilled=0, seed=0
        )
    assert [one.label for one in default_references("adi")] == ["median", "annular_pca", "loci"]


@pytest.mark.parametrize(
    ("word", "name", "assignments"),
    [
        ("pca()", "pca", []),
        ("pca (a=1, b=x y,)", "pca", ["a=1", "b=x y"]),
        ('m:f(a="x (y), z", b=[1, 2])', "m:f", ["a=x (y), z", "b=[1, 2]"]),
        ("command:./p (x) {input} {output}(a=2)", "command:./p (x) {input} {output}", ["a=2"]),
        ("command:sh -c '(./p {input})'", "command:sh -c '(./p {input})'", []),
        ("command:./p {input} (b)", "command:./p {input} (b)", []),
    ],
)
def test_options_are_the_assignments_in_the_brackets_that_end_a_word(word, name, assignments):
    found, options = parts(word)
    assert (found, [one.strip() for one in options]) == (name, assignments)
