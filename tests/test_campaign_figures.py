"""Figures of a campaign that found too little: they say so instead of showing empty axes."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from exobench.challenge.campaigns.tables import COLUMNS, write_table

pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")

LONG = "sodinn(device=cpu, model=/data/models/of/this/night/naco.safetensors)"


def injections(label, values):
    n = len(values)
    offset = np.linspace(-1.4, 1.6, n)
    return pd.DataFrame(
        {
            "algorithm": label,
            "sequence": "a_1",
            "injection": np.arange(n),
            "separation_stratum": "3-6 lambda/D",
            "separation_px": np.linspace(10, 20, n),
            "separation_arcsec": np.linspace(0.1, 0.2, n),
            "offset_mag": offset,
            "flux": 10 ** (-0.4 * offset),
            "contrast": np.nan,
            "candidate_value": np.array(values, dtype=float),
        }
    )


def drawn(folder, **values):
    """Figures of algorithms that gave companions of falling brightness these values."""
    from exobench.leaderboard.campaign_figures import campaign_figures

    values = {LONG if name == "long" else name: some for name, some in values.items()}
    false = [
        {"algorithm": label, "sequence": "a_1", "map": "blank", "value": value}
        for label in values
        for value in (3.0, 2.0)  # the second is the threshold
    ]
    tables = {
        "injections": pd.concat([injections(*one) for one in values.items()]),
        "false_positives": pd.DataFrame(false),
    }
    for name, table in tables.items():
        full = table.reindex(columns=list(COLUMNS[name])).astype(object)
        write_table(folder, name, full.where(full.notna(), None).to_dict("records"))
    report = SimpleNamespace(labels=tuple(values), sources=(SimpleNamespace(name="a_1"),))
    return campaign_figures(folder, report)


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def said(axes):
    return " ".join(text.get_text() for text in axes.texts)


def test_a_depth_that_nothing_brackets_is_said_instead_of_empty_axes(tmp_path):
    (axes,) = drawn(tmp_path, pca=[9, 9, 9], median=[0, 0, 0])["contrast"].axes
    assert legend(axes) == ["pca: no point", "median: no point"]
    assert "3 were put in; more (--injections) may tell" in said(axes)
    assert axes.get_xlim() == pytest.approx((0.1, 0.2))
    assert not axes.get_yticks().size


def test_an_algorithm_without_a_point_is_named_beside_those_with_some(tmp_path):
    (axes,) = drawn(tmp_path, pca=[9] * 5 + [0] * 5, median=[0] * 10)["contrast"].axes
    assert legend(axes) == ["pca", "median: no point"]
    assert said(axes) == ""
    assert axes.get_yticks().size


def test_the_figures_of_a_single_injection_have_axes_of_some_width(tmp_path):
    figures = drawn(tmp_path, pca=[9])
    (contrast,) = figures["contrast"].axes
    panel = figures["performance"].axes[0]
    for axes in (contrast, panel):
        low, high = axes.get_xlim()
        assert low < 0.1 < high < 0.2
    (cells,) = panel.collections
    assert np.ptp(cells.get_coordinates()[..., 0]) > 0


def test_the_name_of_an_algorithm_stays_over_its_panel(tmp_path):
    figure = drawn(tmp_path, pca=[9, 0], long=[9, 0])["performance"]
    figure.draw_without_rendering()
    panel = next(axes for axes in figure.axes if axes.get_title(loc="left").startswith("sodinn"))
    assert "".join(panel.get_title(loc="left").split()) == LONG.replace(" ", "")
    title = panel._left_title.get_window_extent()
    assert title.width < 1.05 * panel.get_window_extent().width
