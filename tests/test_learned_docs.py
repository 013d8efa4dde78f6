"""The page on detectors that learn: every one of them, every option, and figures that are small."""

import re
from pathlib import Path

import pytest

from exobench.baselines import describe_options, is_own, learns, names

PAGE = Path(__file__).parents[1] / "docs" / "learned.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_every_baseline_that_learns_has_a_row_and_a_section():
    headings = set(re.findall(r"^###? (?:What )?(\w+)", TEXT, flags=re.MULTILINE))
    learning = [name for name in names() if is_own(name) and learns(name)]
    assert {"sodinn", "na_sodinn"} <= set(learning) <= headings
    assert all(f"| `{name}` |" in TEXT for name in learning)


def test_the_table_of_options_is_that_of_sodinn():
    pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")
    table = TEXT[TEXT.index("| option of `sodinn`") : TEXT.index("`--framework` and `--device`")]
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table, flags=re.MULTILINE))
    defaults = {
        name: text.split(" = ")[1].strip("'") for name, text in describe_options("sodinn").items()
    }
    assert set(rows) == set(defaults)
    for name, said in rows.items():
        if said != "none":
            assert said.strip("`") in (defaults[name], defaults[name].removesuffix(".0"))


def test_the_options_of_the_page_exist(exobench):
    named = set(re.findall(r"--[a-z][a-z-]+", TEXT))
    helps = [exobench(verb, "--help")[1] for verb in ("train", "explain", "run", "campaign")]
    assert {option for option in named if not any(option in one for one in helps)} == set()


def test_the_figures_of_the_page_are_small():
    figures = re.findall(r"\(figures/(\w+\.png)\)", TEXT)
    assert len(figures) == 2
    for name in figures:
        assert (PAGE.parent / "figures" / name).stat().st_size < 200_000
