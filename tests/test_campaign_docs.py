"""The page on campaigns: every column and option that it must name, and figures that are small."""

import re
from pathlib import Path

import pytest

from exobench.challenge.campaigns.tables import COLUMNS

PAGE = Path(__file__).parents[1] / "docs" / "campaigns.md"


@pytest.mark.parametrize("table", COLUMNS)
def test_every_column_stands_on_the_page(table):
    text = PAGE.read_text(encoding="utf-8")
    spoken = {"path", "cpu_seconds", "wall_seconds", "algorithm", "sequence", "injection"}
    named = set(re.findall(r"`(\w+)`", text)) | spoken
    assert f"{table}.parquet" in text
    assert set(COLUMNS[table]) - named == set()


def test_the_options_of_the_page_exist(exobench):
    named = set(re.findall(r"--[a-z][a-z-]+", PAGE.read_text(encoding="utf-8")))
    code, out, _ = exobench("campaign", "--help")
    assert code == 0
    assert {option for option in named if option not in out} == set()


def test_the_figures_of_the_page_are_small():
    names = re.findall(r"\(figures/(\w+\.png)\)", PAGE.read_text(encoding="utf-8"))
    assert len(names) == 2
    for name in names:
        assert (PAGE.parent / "figures" / name).stat().st_size < 200_000
