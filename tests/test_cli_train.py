"""`exobench train`: a model of a sequence."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from exobench.baselines.learning.networks.training import Epoch, Trained, TrainingError
from exobench.cli._workplace import workplace
from exobench.datasets import simulate
from exobench.datasets.errors import InputError
from exobench.datasets.files import read_sequence, write_sequence

SMALL = ("-o", "samples=80", "-o", "n_ranks=8", "-o", "epochs=2", "-o", "device=cpu")


@pytest.fixture(scope="module")
def sequence(tmp_path_factory):
    path = tmp_path_factory.mktemp("sequences") / "night.h5"
    write_sequence(simulate("irdis_like", rng=np.random.default_rng(0), n_frames=30, size=81), path)
    return path


@pytest.mark.slow
def test_a_model_is_written_that_run_and_python_take(exobench, sequence, tmp_path):
    pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")
    pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")
    from exobench.baselines import load

    out, plot = tmp_path / "night.safetensors", tmp_path / "curves.png"
    arguments = ("--on", sequence, "--out", out, "--plot", plot, "--json", *SMALL)
    code, said, err = exobench("train", "sodinn", *arguments)
    assert code == 0
    report = json.loads(said)
    assert report["model"] == str(out)
    assert [part["epochs"] for part in report["parts"]] == [2]
    assert "flux ranges: 0 of " in err
    assert re.search(r"^samples: 160 of 160, 0 s left$", err, re.MULTILINE)
    assert re.search(r"^epochs: 2 of 2, 0 s left; loss [\d.]+, validation ", err, re.MULTILINE)
    threshold = report["threshold"]
    assert threshold["false_positives_per_map"] == 1.0
    assert threshold["extrapolated"]
    assert 0.1 < threshold["maps"] < 0.4
    assert np.isfinite(threshold["significance"])
    assert plot.stat().st_size > 10_000
    assert sorted(tmp_path.iterdir()) == [plot, out]
    shown = load("sodinn", model=str(out), device="cpu")(read_sequence(sequence))
    assert np.isfinite(shown).sum() > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pca",), "pca does not learn; methods that do: "),
        (("sodinn", "--false-positives-per-map", "0"), "must be a number above 0, got 0"),
        (("sodinn", "--framework", "keras"), "framework must be one of torch, flax, got 'keras'"),
        (("sodinn", "-o", "model=x"), "option model names a trained model; leave it out"),
        (("sodinn", "-o", "model=x", "-o", "samples=80"), "samples: not beside a model"),
        (("sodinn", "-o", "output=log_odds"), "option output says what the map of run or campaign"),
        (("sodinn", "-o", "sample=9"), "sample"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_done(
    exobench, sequence, tmp_path, arguments, message
):
    code, _, err = exobench("train", *arguments, "--on", sequence, "--out", tmp_path / "m")
    assert code == 2
    assert message in err
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--device", "cuda:7", *SMALL[:-2]), "has no device 'cuda:7'"),
        (("--sequence", "day"), "holds 1 sequence, no day; name one by --sequence"),
    ],
)
def test_what_torch_cannot_train_is_refused_before_anything_is_done(
    exobench, sequence, tmp_path, arguments, message
):
    pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")
    code, _, err = exobench(
        "train", "sodinn", *arguments, "--on", sequence, "--out", tmp_path / "m"
    )
    assert code == 2
    assert message in err
    assert not any(tmp_path.iterdir())


def test_a_file_that_is_no_model_is_not_replaced(exobench, sequence, tmp_path):
    out = tmp_path / "precious.fits"
    out.write_bytes(b"SIMPLE  = T")
    code, _, err = exobench("train", "sodinn", "--on", sequence, "--out", out)
    assert code == 2
    assert "is there already, and no model; name another file" in err
    assert out.read_bytes() == b"SIMPLE  = T"


def epoch(number):
    return Epoch(
        number=number, training_loss=0.7, validation_loss=0.6, validation_auc=0.7, seconds=1.0
    )


def fail(out, error, *, after_work, beside=None, **asked):
    """A training that fails in its place of work, while somebody writes a file beside it."""
    with workplace(out, {"samples": 80} | asked) as folder:
        (folder / "0").mkdir(exist_ok=True)
        if beside:
            beside.touch()
        if after_work:
            (folder / "0" / "checkpoint").write_bytes(b"1")
        raise error


def test_a_training_that_fails_keeps_what_was_done_and_says_how_to_have_it(tmp_path):
    reached = Trained(weights={}, history=(epoch(1), epoch(2)), best_epoch=2)
    error = TrainingError("the loss is nan", trained=reached)
    with pytest.raises(InputError, match=r"(?s)loss is nan.*-o epochs=2 added to the same"):
        fail(tmp_path / "m", error, after_work=True)
    assert (tmp_path / ".m.training" / "0" / "checkpoint").exists()


@pytest.mark.parametrize("error", [InputError("too small"), TrainingError("too small")])
def test_a_training_that_has_done_nothing_leaves_nothing(tmp_path, error):
    for out in (tmp_path / "m", tmp_path / "models" / "of 2026" / "m"):
        with pytest.raises(InputError, match="too small"):
            fail(out, error, after_work=False)
        assert not any(tmp_path.iterdir())


def test_folders_that_hold_something_else_stay(tmp_path):
    (tmp_path / "models").mkdir()
    with pytest.raises(InputError, match="too small"):
        fail(tmp_path / "models" / "new" / "m", InputError("too small"), after_work=False)
    assert list(tmp_path.rglob("*")) == [tmp_path / "models"]
    out = tmp_path / "models" / "later" / "new" / "m"
    thesis = out.parents[1] / "thesis.tex"
    with pytest.raises(InputError, match="too small"):
        fail(out, InputError("too small"), after_work=False, beside=thesis)
    assert [one.name for one in (tmp_path / "models").rglob("*")] == ["later", "thesis.tex"]


def test_an_unfinished_training_is_gone_on_with_by_the_same_options_alone(tmp_path, capsys):
    out, folder = tmp_path / "m", tmp_path / ".m.training"
    with pytest.raises(InputError, match="stopped"):
        fail(out, InputError("stopped"), after_work=True, seed=0)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(InputError) as caught:
        fail(out, InputError("not reached"), after_work=True, samples=90, seed=1)
    assert caught.value.problems == (
        f"{folder}: the unfinished training there has samples 80, not 90",
        f"{folder}: the unfinished training there has seed 0, not 1",
        "ask for the same to go on with it, name another --out, or remove the folder",
    )
    with pytest.raises(InputError, match="has framework None, not flax"):
        fail(out, InputError("not reached"), after_work=True, seed=0, framework="flax")
    assert "goes on" not in capsys.readouterr().err
    assert {path: path.read_bytes() for path in before} == before
    with pytest.raises(InputError, match="stopped again"):
        fail(out, InputError("stopped again"), after_work=True, seed=0)
    assert f"goes on from what is done in {folder}" in capsys.readouterr().err


def test_work_that_does_not_say_what_it_is_of_is_left_alone(tmp_path):
    checkpoint = tmp_path / ".m.training" / "0" / "checkpoint"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"1")
    with pytest.raises(InputError, match="does not say what training it is of; remove it"):
        fail(tmp_path / "m", InputError("not reached"), after_work=True)
    assert checkpoint.read_bytes() == b"1"


def test_all_that_decides_a_training_is_asked_of_an_unfinished_one(sequence, tmp_path):
    from exobench.challenge.campaigns.algorithms import Algorithm
    from exobench.cli._learning import read_one
    from exobench.cli.train import _asked

    def asked(*options, on=sequence, method="sodinn", flip_angles=False):
        algorithm = Algorithm(name=method, options=options)
        return _asked(
            read_one(on, None, flip_angles=flip_angles), algorithm, flip_angles=flip_angles
        )

    def different(other):
        return [name for name in usual if usual[name] != other[name]]

    usual = asked()
    assert asked(("epochs", 7), ("device", "cpu")) == usual
    for options in (("samples", 90), ("augmentation", 0.5), ("framework", "flax")):
        assert different(asked(options)) == [options[0]]
    assert different(asked(flip_angles=True)) == ["--flip-angles"]
    assert different(asked(method="na_sodinn")) == ["method"]
    night = read_sequence(sequence)
    every_second = np.where(np.arange(night.n_frames) % 2, -night.angles, night.angles)
    for number, change in enumerate(
        (
            {"cube": 2 * night.cube},
            {"psf": night.psf[:, ::-1]},
            {"fwhm": 1.3 * night.fwhm},
            {"angles": every_second},
        )
    ):
        other = tmp_path / f"{number}.h5"
        write_sequence(replace(night, **change), other)
        assert different(asked(on=other)) == ["the sequence"]
    assert json.loads(json.dumps(usual)) == usual
