"""The page on preprocessing and its example run."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_python_of_the_page_runs(capsys):
    text = (ROOT / "docs" / "preprocessing.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    names = {}
    exec(compile(block, "preprocessing.md", "exec"), names)
    assert names["sequence"].shape == (57, 57)
    assert names["sequence"].n_frames <= 15
    assert "pixels repaired" in capsys.readouterr().out


@pytest.mark.slow
def test_the_example_undoes_what_it_spoilt(capsys):
    runpy.run_path(str(ROOT / "examples" / "preprocess.py"))
    said = capsys.readouterr().out
    rejected = re.search(r"frames rejected: \[(.*)\]", said)[1].split(", ")
    assert "25" in rejected
    dy, dx = map(float, re.search(r"off by \(([-\d.]+), ([-\d.]+)\)", said).groups())
    assert (dy, dx) == pytest.approx((1.2, -0.8), abs=0.25)
    separation, angle, ratio = map(
        float, re.search(r"at ([\d.]+) arcsec, ([\d.]+) degrees; ([\d.]+)", said).groups()
    )
    assert (separation, angle) == (pytest.approx(0.6, abs=0.01), pytest.approx(120, abs=1))
    assert ratio == pytest.approx(1, abs=0.1)
    assert "of 95x95 pixels" in said


def test_every_public_step_stands_on_the_page():
    from exobench.datasets import preprocessing

    text = (ROOT / "docs" / "preprocessing.md").read_text(encoding="utf-8")
    missing = [name for name in preprocessing.__all__ if name not in text]
    assert missing == ["FrameQuality", "arc_fwhm"]
