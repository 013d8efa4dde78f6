"""The example of a search for hyper-parameters: by validation sectors alone, resumed, seeded."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from exobench.baselines.learning.samples.samples import Samples

PATH = Path(__file__).parents[1] / "examples" / "tune.py"


@pytest.fixture(scope="module")
def tune():
    pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")
    pytest.importorskip("optuna", reason="needs the extra: pip install 'exobench[dev]'")
    spec = importlib.util.spec_from_file_location("tune", PATH)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "tune", module)
        spec.loader.exec_module(module)
        yield module


def samples(n, seed, contrast=3.0):
    """Half of them noise, half with a point in the middle."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    stacks = rng.normal(size=(n, 4, 9, 9))
    stacks[:, :, 4, 4] += contrast * labels[:, np.newaxis]
    zeros = np.zeros(n)
    return Samples(
        stacks=stacks,
        snr=stacks[:, :, 4, 4],
        labels=labels,
        radius=zeros + 20,
        azimuth=zeros,
        flux=zeros,
        parents=np.stack([np.arange(n)] * 2, axis=1),
    )


def known():
    return {"train": samples(64, 0), "validation": samples(40, 1)}


def test_the_defaults_are_tried_first_and_the_test_sectors_are_not_needed(tune, tmp_path):
    study = tune.searched(known(), 3, f"sqlite:///{tmp_path / 'tune.db'}")
    assert tune.Network(**study.trials[0].params) == tune.Network()
    assert study.best_value >= study.trials[0].value
    assert 0.5 < study.best_value <= 1


def test_a_search_goes_on_where_it_was_left(tune, tmp_path):
    storage = f"sqlite:///{tmp_path / 'tune.db'}"
    before = tune.searched(known(), 2, storage).trials
    after = tune.searched(known(), 3, storage).trials
    assert [trial.params for trial in after[:2]] == [trial.params for trial in before]
    assert len(after) == 3


def test_the_same_search_finds_the_same(tune):
    one, other = (tune.searched(known(), 3, None).trials for _ in range(2))
    assert [(trial.params, trial.value) for trial in one] == [
        (trial.params, trial.value) for trial in other
    ]


def test_only_few_false_alarms_count(tune, monkeypatch):
    """Two rankings of equal area: the one that is right at the top is better."""
    some = samples(200, 2)
    noise, points = np.flatnonzero(some.labels == 0), np.flatnonzero(some.labels == 1)
    good, bad = np.zeros(200), np.zeros(200)
    good[noise], good[points] = np.arange(100), np.where(np.arange(100) < 50, -1, 200)
    bad[noise], bad[points] = np.where(np.arange(100) < 50, -1, 200), np.arange(100)
    monkeypatch.setattr(tune, "logits", lambda model, batches, device: model)
    assert tune.score(good, some) > 0.7
    assert tune.score(bad, some) < 0.55


def test_what_is_missing_is_named():
    code = f"import runpy, sys; sys.modules['optuna'] = None; runpy.run_path({str(PATH)!r})"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert told.returncode == 1
    assert "Traceback" not in told.stderr
    assert "optuna is not installed: pip install optuna" in told.stderr


@pytest.mark.slow
def test_the_example_runs_and_judges_the_winner_by_the_test_sectors(tune, capsys):
    found = tune.main(["--trials", "2", "--samples", "60", "--seeds", "1"])
    said = capsys.readouterr().out
    assert set(found["test"]) == {"defaults", "best"}
    assert all(0 < value <= 1 for values in found["test"].values() for value in values)
    assert "best on validation sectors" in said
    assert said.index("best on validation sectors") < said.index("test sectors, defaults")
