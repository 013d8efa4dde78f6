"""What participants say of their method, and what they may not."""

import pytest

from exobench.challenge.method import Method, method_bytes, parse_method
from exobench.datasets.errors import InputError


def test_nothing_is_required():
    assert parse_method(b"") == (Method(), ())
    assert Method().stated() == {}


def test_every_key_is_read():
    method, unknown = parse_method(
        b"""
        format = 1
        name = "PCA"
        authors = "A. Author"
        description = '''first line
        second line'''
        url = "https://example.org/pca"
        uses_reference_stars = false
        trained_on = "nothing"
        cpu_seconds = 12.5
        peak_memory_mb = 300
        device = "2 cores"
        """
    )
    assert unknown == ()
    assert method.name == "PCA"
    assert method.authors == ("A. Author",)
    assert "\n" in method.description
    assert method.uses_reference_stars is False
    assert (method.cpu_seconds, method.peak_memory_mb) == (12.5, 300.0)


def test_unknown_keys_are_left_out_and_named():
    assert parse_method(b'name = "x"\nteam = "y"\nabc = 1') == (Method(name="x"), ("abc", "team"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name = ", "is not TOML"),
        (b"\xff", "is not TOML"),
        (b"x = " + b"[" * 5000, "is not TOML"),
        (b"format = 2", "format"),
        (b"name = 3", "name"),
        (b'name = "a\\nb"', "name: must be one line"),
        (b'name = "a\\u202Eb"', r"name: must hold no invisible characters, has U\+202E"),
        (b'name = "a\\u001b[2J"', r"has U\+001B"),
        (b'description = "a\\u200bb"', r"has U\+200B"),
        (b'name = "' + b"x" * 121 + b'"', "name"),
        (b'authors = [1, "b"]', "authors"),
        (b'url = "javascript:alert(1)"', "url: must be an address"),
        (b"url = 'https://x.org/\" onload='", "url: must be an address"),
        (b'uses_reference_stars = "no"', "uses_reference_stars"),
        (b"cpu_seconds = -1", "cpu_seconds"),
        (b"cpu_seconds = nan", "cpu_seconds"),
        (b"cpu_seconds = inf", "cpu_seconds"),
        (b'peak_memory_mb = "much"', "peak_memory_mb"),
    ],
)
def test_wrong_values_are_errors(content, message):
    with pytest.raises(InputError, match=message) as caught:
        parse_method(content)
    for line in caught.value.problems:
        assert line.isprintable()
        assert len(line) <= 300


def test_every_wrong_value_is_named_at_once():
    with pytest.raises(InputError) as caught:
        parse_method(b"name = 1\ncpu_seconds = -1\nurl = 2")
    assert sorted(line.split(":")[0] for line in caught.value.problems) == [
        "cpu_seconds",
        "name",
        "url",
    ]


def test_what_is_written_is_read_back():
    method = Method(
        name='Quote " backslash \\ planet 🪐 é',
        authors=("A", "B"),
        description="two\nlines\tand a tab",
        url="https://example.org/?a=1&b=2",
        uses_reference_stars=True,
        cpu_seconds=0.5,
    )
    assert parse_method(method_bytes(method)) == (method, ())
