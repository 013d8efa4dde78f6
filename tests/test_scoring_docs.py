"""The page that explains the rules says what is there."""

import re
from pathlib import Path

import numpy as np
import pytest

from exobench.scoring import METRICS

TESTS = Path(__file__).parent
DOCS = TESTS.parent / "docs"
PAGE = (DOCS / "scoring.md").read_text(encoding="utf-8")


def test_its_example_runs():
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    names = {"detection_map": np.zeros((161, 161))}
    names["detection_map"][80, 105] = 9
    exec(compile(block, "scoring.md", "exec"), names)
    assert names["score"].overall["f1"] == 1


def test_every_metric_has_its_line():
    explained = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", PAGE, flags=re.MULTILINE)
    keys = [key for cell in explained for key in re.findall(r"`(\w+)`", cell)]
    assert set(METRICS) <= set(keys)
    assert all(keys.count(key) == 1 for key in METRICS)


def test_every_kind_of_bad_input_has_its_row_and_every_row_its_tests():
    table = PAGE.split("<!-- bad input -->")[1].split("<!-- end -->")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 30
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert all(len(row) == 4 and all(row) for row in cells)
    named = [re.findall(r"`(test_\w+)`", row[3]) for row in cells]
    assert all(named)
    source = (TESTS / "test_scoring_bad_input.py").read_text(encoding="utf-8")
    tests = re.findall(r"^def (test_\w+)", source, flags=re.MULTILINE)
    assert {test for row in named for test in row} == set(tests)


@pytest.mark.parametrize("page", ["scoring.md", "uncertainty.md"])
def test_its_links_lead_somewhere(page):
    text = (DOCS / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([\w./-]+)\)", text)
    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []


def test_its_figures_are_there_and_small():
    figures = re.findall(r"!\[[^]]+\]\((figures/scoring_\w+\.png)\)", PAGE)
    assert len(figures) == 3
    assert all((DOCS / figure).stat().st_size < 100_000 for figure in figures)
