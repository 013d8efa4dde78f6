import json

import pytest

from exobench.cli._console import print_table


@pytest.fixture
def ranked(exobench, tmp_path, make_challenge):
    """A challenge of nine sequences with a good, a poor and a hopeless entry."""
    places = ((20.0, 32.0), (9.0, 20.0), (32.0, 20.0))
    toy = make_challenge(
        *(make_challenge.sequence(name=f"toy_{i}", companions=places) for i in range(9))
    )
    for name, found in (("poor", 0.4), ("good", 1.0), ("hopeless", 0.0)):
        path = tmp_path / f"{name}.zip"
        path.write_bytes(toy.archive(toy.maps(found=found), name=name))
        assert exobench("score", path, toy.folder)[0] == 0
    return toy


def test_the_table_has_ranks_values_intervals_and_winners(exobench, ranked):
    code, out, err = exobench("rank", ranked.folder)
    assert (code, err) == (0, "")
    title, header, *rows, note, message = out.splitlines()
    assert title == "toy, track adi: 3 entries, 9 sequences, ranked by f1"
    assert header.split()[:4] == ["rank", "name", "f1", "[95"]
    good, poor, hopeless = (row.split() for row in rows)
    assert good[:3] == ["1", "good", "1.000"]
    assert good[-1] == "–"
    assert good[4].endswith("*")
    assert note.startswith("* all units of resampling agree: exact interval")
    assert poor[:2] == ["2", "poor"]
    assert poor[3].startswith("[")
    assert poor[-1] == "good"
    assert (good[8:12], poor[8:12]) == (["1.00", "1", "to", "1"], ["0.00", "2", "to", "2"])
    assert hopeless[:3] == ["3", "hopeless", "0.000"]
    assert hopeless[-2:] == ["good,", "poor"]
    assert message.startswith("this board resolves differences in f1 of about")


def test_json_is_the_document(exobench, ranked):
    code, out, _ = exobench("rank", ranked.folder, "--json")
    assert code == 0
    document = json.loads(out)
    rows = document["tracks"]["adi"]
    assert [(row["rank"], row["name"]) for row in rows] == [
        (1, "good"),
        (2, "poor"),
        (3, "hopeless"),
    ]
    assert rows[1]["beaten_by"] == [rows[0]["entry"]]
    low, high = rows[1]["interval"]["f1"]
    assert low < rows[1]["f1"] < high
    assert document["boards"]["adi"]["n_units"] == 9


def test_boards_without_entries_are_shown(exobench, toy_challenge):
    code, out, _ = exobench("rank", toy_challenge.folder)
    assert code == 0
    assert out.count("no entries yet") == 2
    assert "track adi_ifs: 0 entries, 1 sequence," in out


def test_the_public_folder_has_no_entries(exobench, toy_challenge, tmp_path):
    assert exobench("rank", toy_challenge.public)[0] == 2
    assert exobench("rank", tmp_path / "nowhere")[0] == 2


def test_a_damaged_entry_is_named(exobench, ranked):
    path = sorted((ranked.folder / "entries").iterdir())[0] / "entry.json"
    path.write_text("{")
    code, out, err = exobench("rank", ranked.folder)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {path}: is not JSON")


def test_columns_line_up_behind_wide_letters(capsys):
    print_table(("name", "x"), [("日本", "1"), ("e\u0301te", "2"), ("abcdef", "3")])
    assert capsys.readouterr().out.splitlines() == [
        "name    x",
        "日本    1",
        "e\u0301te     2",
        "abcdef  3",
    ]


def test_the_help_has_an_example(exobench):
    assert "Example: exobench rank" in exobench("rank", "--help")[1]
