"""Documents of ours: what is wrong with one is said whole, and one is written whole."""

import json
import stat

import pytest
from pydantic import Field

from exobench.challenge.documents import (
    Document,
    File,
    json_bytes,
    read_json,
    read_toml,
    write_json,
)
from exobench.datasets.errors import ChallengeError, InputError


class Inner(Document):
    height: float
    count: int = 1


class Outer(File):
    title: str
    inner: tuple[Inner, ...] = ()
    by_name: dict[str, Inner] = Field(default_factory=dict)


@pytest.fixture
def problems_of(tmp_path):
    """Problems of a JSON or TOML text read as an `Outer`, less the path they begin with."""

    def of(text, suffix=".json"):
        path = tmp_path / f"document{suffix}"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(ChallengeError) as caught:
            (read_json if suffix == ".json" else read_toml)(path, Outer, ChallengeError)
        assert all(p.startswith(f"{path}: ") for p in caught.value.problems)
        assert all(p.isprintable() for p in caught.value.problems)
        return [p.removeprefix(f"{path}: ") for p in caught.value.problems]

    return of


def test_what_is_written_is_read_back(tmp_path):
    document = Outer(title="a", inner=(Inner(height=1.5),), by_name={"b": Inner(height=2.0)})
    write_json(tmp_path / "a.json", document)
    assert read_json(tmp_path / "a.json", Outer, InputError) == document


def test_json_is_sorted_and_ends_with_a_line():
    assert json_bytes({"b": 1, "a": None}) == b'{\n "a": null,\n "b": 1\n}\n'


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_not_written(tmp_path, value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"a": value})
    assert list(tmp_path.iterdir()) == []


def test_permissions_are_as_asked(tmp_path):
    write_json(tmp_path / "a.json", {}, mode=0o600)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o600


def test_every_problem_is_named_by_its_key_counted_from_one(problems_of):
    content = {"inner": [{"height": 1}, {"height": "x", "width": 2}], "titel": "a", "format": 2}
    assert sorted(problems_of(json.dumps(content))) == [
        "format: input should be 1, got 2",
        "inner[2].height: input should be a valid number, got 'x'",
        "title is missing",
        "unknown key inner[2].width; known are count, height",
        "unknown key titel; known are by_name, format, inner, title",
    ]


def test_keys_of_values_by_name_are_known_too(problems_of):
    content = {"title": "a", "by_name": {"some": {"height": 1, "depth": 1}}}
    assert problems_of(json.dumps(content)) == [
        "unknown key by_name.some.depth; known are count, height"
    ]


def test_whole_numbers_are_not_guessed_from_others(problems_of):
    content = {"title": "a", "inner": [{"height": True, "count": 1.5}]}
    assert problems_of(json.dumps(content)) == [
        "inner[1].height: input should be a valid number, got True",
        "inner[1].count: input should be a valid integer, got 1.5",
    ]


def test_long_values_and_strange_keys_stay_on_one_short_line(problems_of):
    content = {"title": ["x" * 500], "a\nb": 1}
    long, strange = problems_of(json.dumps(content))
    assert len(long) < 120
    assert "'a\\nb'" in strange


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 5000],
    ids=["empty", "cut", "binary", "deep", "digits"],
)
@pytest.mark.parametrize("suffix", [".json", ".toml"])
def test_what_is_no_document_is_said_in_a_line(problems_of, text, suffix):
    if (text, suffix) == (b"", ".toml"):
        assert problems_of(text, suffix) == ["title is missing"]
        return
    (problem,) = problems_of(text, suffix)
    assert problem.startswith(f"is not {suffix[1:].upper()} (")


def test_nan_is_no_number(problems_of):
    assert problems_of('{"title": "a", "inner": [{"height": NaN}]}') == [
        "inner[1].height: input should be a finite number, got nan"
    ]
    assert problems_of('title = "a"\ninner = [{height = inf}]', ".toml") == [
        "inner[1].height: input should be a finite number, got inf"
    ]


def test_files_that_cannot_be_opened_are_said_in_a_line(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(InputError, match="cannot be read") as caught:
            read_json(path, Outer, InputError)
        assert len(caught.value.problems) == 1
