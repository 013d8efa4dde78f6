"""`exobench campaign`: what it prints, draws and refuses."""

import json
import sys

import pytest

from exobench.challenge.campaigns.campaign import read_report
from exobench.datasets import simulate, write_sequence


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "naco_1.h5"
    write_sequence(simulate("naco_like", rng=0, n_frames=10, size=61), path)
    return path


@pytest.fixture
def command(file, tmp_path):
    return (
        *("campaign", "pca(n_components=2)", "median", "--on", file, "--reference", "median"),
        *("--injections", 10, "--refilled", 1, "--out", tmp_path / "out"),
    )


def test_it_prints_rates_and_comparisons_and_draws_figures(
    exobench, command, without_workers, tmp_path
):
    code, out, err = exobench(*command, "--plot")
    assert code == 0
    assert "true positive rate at 1 false positive per map; sequences: 1" in out
    assert "3-6 lambda/D" in out
    assert [line.split()[0] for line in out.splitlines() if " of 10 " in line] == [
        "pca(n_components=2)",
        "median",
    ]
    assert "naco_like_1: no room in" in out
    assert "runs of algorithms: 23 of 23" in err
    for name in ("roc", "completeness", "contrast", "performance"):
        figure = tmp_path / "out" / "figures" / f"{name}.png"
        assert figure.read_bytes().startswith(b"\x89PNG")
        assert f"figure written to {figure}" in out


@pytest.mark.slow
def test_json_holds_the_same_numbers_and_nothing_else(exobench, command, without_workers, tmp_path):
    code, out, _ = exobench(*command, "--json")
    assert code == 0
    content = json.loads(out)
    assert content["algorithms"] == ["pca(n_components=2)", "median"]
    assert [rate["n"] for rate in content["rates"]] == [10, 10]
    assert content["pairs"][0]["first"] == "pca(n_components=2)"
    code, again, err = exobench("campaign", "--resume", "--out", tmp_path / "out", "--json")
    assert code == 0
    assert json.loads(again) == content
    assert "goes on from 23 of 23 steps" in err


@pytest.mark.slow
def test_more_than_five_algorithms_are_drawn_on_several_figures(
    exobench, command, without_workers, tmp_path
):
    more = [f"pca(n_components={n})" for n in (1, 3, 4, 5)]
    code, _, _ = exobench(*command, *more, "--plot")
    assert code == 0
    assert len(read_report(tmp_path / "out").labels) == 6
    drawn = {path.name for path in (tmp_path / "out" / "figures").iterdir()}
    assert {"roc.png", "roc-2.png", "performance-2.png"} <= drawn


def test_an_interrupt_says_how_to_go_on(exobench, command, without_workers, monkeypatch, tmp_path):
    def stopped(*_):
        yield
        raise KeyboardInterrupt

    monkeypatch.setattr("exobench.challenge.campaigns.campaign.run_campaign", stopped)
    code, out, err = exobench(*command)
    assert (code, out) == (130, "")
    assert err.splitlines()[-2:] == [
        f"what is done is kept: exobench campaign --resume --out {tmp_path / 'out'}",
        "interrupted",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name at least one algorithm"),
        (("pca",), "name the sequences by --on"),
        (("pca", "--resume"), "leave them out"),
        (("--resume", "--out", "nowhere"), "holds no campaign to go on with"),
        (("pca", "--on", "nowhere"), "nowhere"),
        (("pca(", "--on", "nowhere"), "an algorithm is written"),
    ],
)
def test_bad_words_are_refused_with_what_to_do(exobench, words, said):
    code, out, err = exobench("campaign", *words)
    assert code == 2
    assert out == ""
    assert said in err


def test_a_folder_without_sequences_is_refused(exobench, tmp_path):
    code, _, err = exobench("campaign", "pca", "--on", tmp_path)
    assert code == 2
    assert "no sequence in EIDC names and no challenge" in err


def test_missing_pyarrow_is_said_before_the_work(exobench, command, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, _, err = exobench(*command)
    assert code == 2
    assert "pip install 'exobench[leaderboard]'" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_flipped_angles_are_announced(exobench, command, without_workers):
    code, _, err = exobench(*command, "--flip-angles")
    assert code == 0
    assert "angles are negated, so that companions in the data smear: naco_like_1" in err
