"""The page on diagnostics and its example."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "diagnostics.md"


def run_examples():
    """What the names of the page stand for after its Python, block by block."""
    text = PAGE.read_text(encoding="utf-8")
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        exec(compile(block, PAGE.name, "exec"), names)
    return names


@pytest.mark.slow
def test_the_python_of_the_page_runs(capsys):
    names = run_examples()
    assert "throughput" in names["curve"].table()
    said = capsys.readouterr().out
    less = re.search(r"if the noise is Laplacian: ([\d.]+) mag less", said)
    assert float(less[1]) > 0.3
    assert names["half"].level == 0.5
    assert names["found"].fraction.shape == names["performance"].fraction.shape == (5, 3)


def test_every_function_stands_on_the_page():
    from exobench.scoring import diagnostics

    text = PAGE.read_text(encoding="utf-8")
    functions = [name for name in diagnostics.__all__ if name.islower()]
    missing = [name for name in functions if name not in text]
    assert missing == [
        "aperture_fluxes",
        "fpf_of_sigma",
        "ring_fluxes",
        "ring_noise",
        "sigma_of_fpf",
    ]


def test_the_figures_of_the_page_are_small():
    names = re.findall(r"\(figures/(\w+\.png)\)", PAGE.read_text(encoding="utf-8"))
    assert names
    for name in names:
        assert (PAGE.parent / "figures" / name).stat().st_size < 150_000
