"""`exobench score` with a page, and at the prevalence of a survey."""

import json
import sys

import pytest


@pytest.fixture
def sub(tmp_path, toy_challenge):
    path = tmp_path / "sub.zip"
    path.write_bytes(toy_challenge.archive(name="mine"))
    return path


@pytest.mark.slow
def test_a_page_is_written_whole_and_named(exobench, sub, toy_challenge, tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")
    page = tmp_path / "new" / "page.html"
    code, out, err = exobench("score", sub, toy_challenge.folder, "--report", page)
    assert (code, err) == (0, "")
    assert f"page written to {page}; it shows the truth" in out
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert text.endswith("</html>\n")
    assert [path.name for path in page.parent.iterdir()] == ["page.html"]


@pytest.mark.parametrize(
    ("name", "said"), [("", "expected a name ending in .html"), ("page.pdf", "ending in .html")]
)
def test_what_is_no_page_is_refused_before_anything_is_kept(
    exobench, sub, toy_challenge, tmp_path, name, said
):
    code, _, err = exobench("score", sub, toy_challenge.folder, "--report", tmp_path / name)
    assert code == 2
    assert said in err
    assert not (toy_challenge.folder / "entries").exists()


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(
    exobench, sub, toy_challenge, tmp_path
):
    (tmp_path / "file").write_text("")
    page = tmp_path / "file" / "page.html"
    code, _, err = exobench("score", sub, toy_challenge.folder, "--report", page)
    assert code == 2
    assert "cannot be written" in err
    assert not (toy_challenge.folder / "entries").exists()


def test_without_matplotlib_the_extra_is_named(exobench, sub, toy_challenge, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.backend_bases", None)
    page = tmp_path / "page.html"
    code, _, err = exobench("score", sub, toy_challenge.folder, "--report", page)
    assert code == 2
    assert "--report needs matplotlib" in err
    assert "exobench[leaderboard]" in err
    assert not page.exists()


def test_scores_of_2020_have_neither_page_nor_prevalence(exobench, sub, toy_challenge, tmp_path):
    page = tmp_path / "page.html"
    code, _, err = exobench(
        *("score", sub, toy_challenge.folder, "--mode", "eidc"),
        *("--report", page, "--prevalence", "0.1"),
    )
    assert code == 2
    assert err.count("leave out --mode eidc") == 2
    assert not page.exists()


def test_f1_at_a_prevalence_is_printed_and_not_kept(exobench, sub, toy_challenge):
    code, out, _ = exobench("score", sub, toy_challenge.folder, "--prevalence", "0.02")
    assert code == 0
    assert "F1 where a map has 0.02 companions on average: 1.000 –" in out
    (entry,) = (toy_challenge.folder / "entries").iterdir()
    assert "f1_at_prevalence" not in json.loads((entry / "score-strict-v1.json").read_text())


def test_f1_at_a_prevalence_weighs_the_false_positives_of_blank_maps(
    exobench, tmp_path, toy_challenge
):
    maps = toy_challenge.maps()
    maps["toy_even_2"][20, 30] = 20  # the blank one
    path = tmp_path / "noisy.zip"
    path.write_bytes(toy_challenge.archive(maps))
    _, out, _ = exobench(
        "score", path, toy_challenge.folder, "--prevalence", "0.02", "--json", "--dry-run"
    )
    found = json.loads(out)["f1_at_prevalence"]
    # Two companions per filled map: one map in a hundred has them, 99 have a false positive.
    assert found["filled_fraction"] == pytest.approx(0.01)
    assert found["value"] == pytest.approx(2 * 0.02 / (0.02 + 0.02 + 0.99))


@pytest.mark.parametrize("prevalence", ["0", "-1", "3", "nan"])
def test_a_prevalence_that_cannot_be_is_refused_with_nothing_written(
    exobench, sub, toy_challenge, tmp_path, prevalence
):
    out = tmp_path / "score.json"
    code, _, err = exobench(
        "score", sub, toy_challenge.folder, "--prevalence", prevalence, "--out", out
    )
    assert code == 2
    assert "the prevalence must be above 0" in err
    assert not out.exists()
    assert not (toy_challenge.folder / "entries").exists()
