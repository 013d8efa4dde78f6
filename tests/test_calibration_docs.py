"""The page on calibration: its examples run, its links and functions exist."""

import re
from pathlib import Path

import pytest

from exobench.scoring import calibration

PAGE = Path(__file__).parents[1] / "docs" / "calibration.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_python_of_the_page_runs():
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE):
        exec(compile(block, PAGE.name, "exec"), names)
    assert names["at_two"].value == 2.0
    assert names["at_two"].agrees
    assert names["found"].overall.elements.size > 600


def test_every_function_of_the_page_exists():
    named = set(re.findall(r"`([a-z]+_[a-z_]+)(?:\(.*?\))?`", TEXT))
    elsewhere = {"significance_map", "fp_per_1000_resels", "blank_fraction", "irdis_like"}
    assert named - elsewhere <= set(calibration.__all__)


def test_every_public_function_stands_on_the_page():
    functions = [name for name in calibration.__all__ if name.islower()]
    unnamed = {"fit_tail", "gaussian_claim", "wilson_interval"}  # behind what stands there
    assert {name for name in functions if name not in TEXT} == unnamed


def test_the_figures_of_the_page_are_small():
    names = re.findall(r"\(figures/(\w+\.png)\)", TEXT)
    assert names == ["false_alarms.png", "reliability.png"]
    for name in names:
        assert (PAGE.parent / "figures" / name).stat().st_size < 150_000
