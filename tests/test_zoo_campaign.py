"""The page on the zoo's campaign: its tables follow from journals, by hand here."""

import importlib
import sys
from pathlib import Path

import pytest

from exobench.challenge.campaigns.journal import Journal
from exobench.challenge.campaigns.tables import COLUMNS

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def page():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS / "studies")
        yield importlib.import_module("zoo_campaign_page")
    for name in ("zoo_campaign_page", "tables"):
        sys.modules.pop(name, None)


def journal(folder, name, values, seconds=0.5):
    """An algorithm that gives companions these values; false positives at 3 and 2."""
    (folder / name).mkdir(parents=True)
    who = {"algorithm": name, "sequence": "a_1"}
    records = [
        ("false_positives", {**who, "map": "blank", "injection": None, "value": v}) for v in (3, 2)
    ]
    records.append(("costs", {**who, "injection": -1, "cpu_seconds": 9.0}))
    for i, value in enumerate(values):
        place = {"separation_stratum": "3-6 lambda/D", "separation_px": 5.0 + i, "path": "whole"}
        row = {**who, "injection": i, **place, "candidate_value": value}
        records.append(("injections", dict.fromkeys(COLUMNS["injections"]) | row))
        records.append(("costs", {**who, "injection": i, "cpu_seconds": seconds}))
    Journal(folder / name).add(records)
    (folder / name / "cost.json").write_text('{"cpu_seconds": 1.5}')


def test_algorithms_are_compared_with_pca_on_what_both_have_met(page, tmp_path):
    journal(tmp_path, "pca", [4, 4, 2, 1, None, 9])
    journal(tmp_path, "paco", [4, 4, 4, 4])
    paco, pca = page.rows_of(tmp_path)
    assert [paco.name, pca.name] == ["paco", "pca"]
    assert pca.rate("3-6 lambda/D").found == 3  # above 2, which one false positive is not
    assert pca.rate("3-6 lambda/D").n == 6
    lines = page.table([paco, pca]).splitlines()
    assert lines[2].startswith("| paco | whole | 4 | 1.00 [")
    assert "| +0.500 (2 : 0) | 0.5 | 1.5 | 0.5 |" in lines[2]
    assert lines[3].startswith("| pca | whole | 6 | 0.50 [")


def test_an_algorithm_without_a_whole_map_yet_is_left_out(page, tmp_path):
    journal(tmp_path, "pca", [4, 1])
    journal(tmp_path, "llsg", [4, 4])
    (tmp_path / "llsg" / "cost.json").unlink()
    assert [row.name for row in page.rows_of(tmp_path)] == ["pca"]


def test_the_page_has_its_figure_and_places_for_its_tables(page):
    text = (DOCS / "zoo_campaign.md").read_text(encoding="utf-8")
    for name in page.TITLES:
        assert text.count(f"<!-- table {name} -->") == text.count(f"<!-- end {name} -->") == 1
    assert (DOCS / "figures" / "zoo_campaign.png").stat().st_size < 200_000
