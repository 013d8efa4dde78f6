"""`exobench train`: a model of a sequence."""

import json

import numpy as np
import pytest

from exobench.datasets import simulate
from exobench.datasets.files import write_sequence

SMALL = ("-o", "samples=80", "-o", "n_ranks=8", "-o", "epochs=2", "-o", "device=cpu")


@pytest.fixture(scope="module")
def sequence(tmp_path_factory):
    path = tmp_path_factory.mktemp("sequences") / "night.h5"
    write_sequence(simulate("irdis_like", rng=np.random.default_rng(0), n_frames=30, size=61), path)
    return path


@pytest.mark.slow
def test_a_model_is_written_that_run_and_python_take(exobench, sequence, tmp_path):
    pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")
    pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")
    from exobench.baselines import load
    from exobench.datasets.files import read_sequence

    out, plot = tmp_path / "night.safetensors", tmp_path / "curves.png"
    arguments = ("--on", sequence, "--out", out, "--plot", plot, "--json", *SMALL)
    code, said, err = exobench("train", "sodinn", *arguments)
    assert code == 0
    report = json.loads(said)
    assert report["model"] == str(out)
    assert [part["epochs"] for part in report["parts"]] == [2]
    assert "epoch 2 of 2: loss " in err
    assert plot.stat().st_size > 10_000
    assert sorted(tmp_path.iterdir()) == [plot, out]
    shown = load("sodinn", model=str(out), device="cpu")(read_sequence(sequence))
    assert np.isfinite(shown).sum() > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pca",), "pca does not learn; methods that do: "),
        (("sodinn", "--false-positives-per-map", "0"), "must be a number above 0, got 0"),
        (("sodinn", "--device", "cuda:7", *SMALL[:-2]), "has no device 'cuda:7'"),
        (("sodinn", "--framework", "keras"), "framework must be one of torch, flax, got 'keras'"),
        (("sodinn", "-o", "model=x"), "option model names a trained model; leave it out"),
        (("sodinn", "--sequence", "day"), "holds 1 sequence, no day; name one by --sequence"),
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
