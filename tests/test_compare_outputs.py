"""The figure and the LaTeX table of two entries."""

import re

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")

from exobench.challenge.compare import compare_entries
from exobench.challenge.contenders import Contender
from exobench.challenge.folder import read_challenge
from exobench.challenge.submission import read_submission
from exobench.leaderboard.compare_figure import STYLES, compare_figure
from exobench.leaderboard.compare_latex import compare_latex, latex_number, latex_text
from exobench.leaderboard.labels import pair_labels
from exobench.leaderboard.numbers import interval_text, number_text

LABELS = ("a_b $x$", "c & d")


@pytest.fixture
def make_comparison(make_challenge):
    def make(n, **kind):
        toy = make_challenge(
            *(
                make_challenge.sequence(name=f"toy_{i}", companions=((20.0, 32.0),) * (i % 3 > 0))
                for i in range(n)
            )
        )
        second = kind.get("second", toy.maps(found=0.3, seed=2))
        archives = (toy.archive(toy.maps()), toy.archive(second, kind.get("threshold", 0.49)))
        contenders = [Contender.of(read_submission(one, toy.manifest)) for one in archives]
        return compare_entries(*contenders, read_challenge(toy.folder))

    return make


def grey(colour):
    """Relative luminance of a colour, as print without colour shows it."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2


def test_the_two_differ_without_colour_too():
    first, second = STYLES
    assert abs(grey(first.colour) - grey(second.colour)) > 0.2
    assert first.marker != second.marker
    assert first.dash != second.dash
    assert first.hatch != second.hatch


def test_bars_are_what_each_finds_alone_and_names_no_formulas(make_comparison):
    compared = make_comparison(8)
    figure = compare_figure(compared, LABELS)
    found, false = figure.subfigs[1].axes
    widths = [bar.get_width() for bar in found.patches]
    assert widths[:8] == [-pair.only_first for pair in compared.sequences]
    assert widths[8:] == [pair.only_second for pair in compared.sequences]
    assert [bar.get_width() for bar in false.patches][8:] == [
        pair.fp_second for pair in compared.sequences
    ]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == [f"A: {LABELS[0]}, threshold 5", f"B: {LABELS[1]}, threshold 0.49"]
    assert not any(text.get_parse_math() for text in figure.legends[0].get_texts())


def test_every_axis_says_what_it_shows(make_comparison):
    figure = compare_figure(make_comparison(8), LABELS)
    for part in figure.subfigs:
        assert all(axes.get_xlabel() for axes in part.axes)


def test_own_thresholds_lie_on_their_curves(make_comparison):
    compared = make_comparison(8)
    curve = compare_figure(compared, LABELS).subfigs[0].axes[0]
    (one, point, other, second) = curve.lines
    for line, mark, score in zip((one, other), (point, second), compared.scores, strict=True):
        x, y = line.get_data()
        ((at,), (tpr,)) = mark.get_data()
        assert at == score.overall["fp_per_map"]
        assert tpr <= y[np.searchsorted(x, at, side="right") - 1] + 1e-12


def test_many_sequences_lose_their_names_and_keep_their_bars(make_comparison, monkeypatch):
    monkeypatch.setattr("exobench.leaderboard.compare_figure.MOST_NAMED", 6)
    n = 7
    figure = compare_figure(make_comparison(n), LABELS)
    found = figure.subfigs[1].axes[0]
    assert len(found.patches) == 2 * n
    assert not found.get_yticks().size
    assert found.get_ylabel() == f"{n} sequences"


def test_blank_challenges_have_a_figure_too(make_challenge):
    toy = make_challenge(*(make_challenge.sequence(name=f"toy_{i}") for i in range(3)))
    archives = (toy.archive(toy.maps()), toy.archive(toy.maps(), 0.49))
    contenders = [Contender.of(read_submission(one, toy.manifest)) for one in archives]
    compared = compare_entries(*contenders, read_challenge(toy.folder))
    assert compared.message == "undefined for at least one of the two: nothing to test"
    texts = [text.get_text() for text in compare_figure(compared, LABELS).subfigs[0].axes[0].texts]
    assert texts == ["no injections: no curve"]
    assert "False positives" in compare_latex(compared, LABELS)


def test_latex_means_nothing_by_what_a_participant_writes():
    assert latex_text("a_b & 100 % $x$ #1 {~^\\}") == (
        r"a\_b \& 100 \% \$x\$ \#1 \{\textasciitilde{}\textasciicircum{}\textbackslash{}\}"
    )
    assert latex_text("two\nlines\t--") == "two lines {-}{-}"
    assert "\n" not in latex_text("a\r\n\nb")


def test_the_table_has_balanced_braces_and_as_many_cells_as_columns(make_comparison):
    text = compare_latex(make_comparison(8), ("a_b {", "c & d \\"))
    assert re.sub(r"\\[{}]", "", text).count("{") == re.sub(r"\\[{}]", "", text).count("}")
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert len(rows) > 5
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {3}


def test_the_table_says_the_numbers_of_the_scores(make_comparison):
    compared = make_comparison(8)
    (line,) = [
        row for row in compare_latex(compared, LABELS).splitlines() if row.startswith("F1 &")
    ]
    cells = line.removesuffix(r" \\").split(" & ")
    low, high = compared.scores[0].exact_interval["f1"]
    assert cells[1] == rf"$1.000^{{[{low:.3f},\,{high:.3f}]\ast}}$"
    assert "an asterisk those that are exact" in compare_latex(compared, LABELS)
    low, high = compared.differences["f1"].interval
    value = compared.differences["f1"].value
    assert cells[3] == rf"${value:+.3f}^{{[{low:+.3f},\,{high:+.3f}]}}$"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (3, "3"),
        (0.0, "0.000"),
        (0.1 + 0.2 - 0.3, "0.000"),
        (0.5, "0.500"),
        (0.00123, "0.0012"),
    ],
)
def test_numbers_keep_the_digits_that_matter(value, text):
    assert number_text(value) == text


def test_signs_and_intervals_are_written_out():
    assert number_text(2, sign="+") == "+2"
    assert interval_text((-0.1, 0.25), sign="+") == "[-0.100, +0.250]"
    assert interval_text(None) == "–"


def test_latex_writes_small_numbers_as_powers_of_ten():
    assert latex_number(2e-5, (-3.1e-6, 0.5), sign="+") == (
        r"$+2\times10^{-5}^{[-3.1\times10^{-6},\,+0.500]}$"
    )


def test_two_of_one_name_have_two_labels():
    first, second = pair_labels([("0123456789abcdef", "pca"), ("fedcba9876543210", "pca")])
    assert first != second
