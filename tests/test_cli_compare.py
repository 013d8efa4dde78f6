"""The verb compare: what it prints, writes and refuses."""

import json

import pytest


@pytest.fixture
def zips(tmp_path, make_challenge):
    """A challenge of seven sequences and two zips that answer it."""
    toy = make_challenge(
        *(
            make_challenge.sequence(name=f"toy_{i}", companions=((20.0, 32.0), (9.0, 20.0)))
            for i in range(7)
        )
    )
    good, poor = tmp_path / "good.zip", tmp_path / "poor.zip"
    good.write_bytes(toy.archive(toy.maps(), name="a_b & $100 % #1"))
    poor.write_bytes(toy.archive(toy.maps(found=0.4), name="日本語 <b>poor</b>"))
    return toy.folder, good, poor


def test_the_test_the_differences_and_who_finds_what_are_printed(exobench, zips):
    folder, good, poor = zips
    code, out, err = exobench("compare", good, poor, folder)
    assert (code, err) == (0, "")
    assert "A = a_b & $100 % #1" in out
    assert "F1, label-swap test over 7 units: p = " in out
    (line,) = [line for line in out.splitlines() if line.startswith("True positive rate")]
    _, _, _, a, b, apart, low, high = line.split()
    assert float(apart) == pytest.approx(float(a) - float(b), abs=0.0011)
    assert float(low.strip("[,")) < float(apart) < float(high.strip("]"))
    (line,) = [line for line in out.splitlines() if line.startswith("all sequences")]
    assert sum(map(int, line.split()[2:6])) == 14
    assert not (folder / "entries").exists()


def test_the_json_stands_alone(exobench, zips):
    folder, good, poor = zips
    _, out, err = exobench("compare", good, poor, folder, "--json")
    document = json.loads(out)
    assert err == ""
    assert document["format"] == 1
    assert document["test"]["n_units"] == 7


def test_files_are_written_and_named(exobench, zips, tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")
    folder, good, poor = zips
    plot, table = tmp_path / "new" / "figure.png", tmp_path / "table.tex"
    code, out, err = exobench("compare", good, poor, folder, "--plot", plot, "--latex", table)
    assert (code, err) == (0, "")
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert r"\toprule" in table.read_text(encoding="utf-8")
    assert f"written to {plot}\nwritten to {table}\n" in out


def test_two_wrong_names_are_input_errors_and_nothing_is_written(exobench, zips, tmp_path):
    folder, good, _ = zips
    table = tmp_path / "table.tex"
    code, out, err = exobench("compare", good, "other", folder, "--latex", table, "--json")
    assert code == 2
    assert "no entry 'other'" in err
    assert json.loads(out)["problems"]
    assert not table.exists()


def test_a_file_that_cannot_be_written_is_refused_first(exobench, zips, tmp_path):
    folder, good, _ = zips
    code, _, err = exobench("compare", good, good, folder, "--latex", tmp_path)
    assert code == 2
    assert "is a folder" in err  # not that both entries are one


def test_warnings_name_the_entry(exobench, zips, tmp_path):
    import numpy as np

    from exobench.challenge.manifest import read_manifest
    from exobench.challenge.submission import read_submission, submission_bytes

    folder, good, poor = zips
    maps = dict(read_submission(good, read_manifest(folder)).answers)
    for values in maps.values():
        values[:, :20] = np.nan
    holey = tmp_path / "holey.zip"
    holey.write_bytes(submission_bytes(maps, 5.0))
    code, _, err = exobench("compare", poor, holey, folder)
    assert code == 0
    assert "of the scored pixels are finite" in err
    assert err.startswith("warning: ")


def test_the_help_has_an_example(exobench):
    _, out, _ = exobench("compare", "--help")
    assert "Example: exobench compare" in out
