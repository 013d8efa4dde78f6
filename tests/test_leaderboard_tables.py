"""What the page shows of a ranking, as tables, names and the chart of duels."""

import pytest

pytest.importorskip("altair", reason="needs the extra: pip install 'exobench[leaderboard]'")

from exobench.leaderboard.board_tables import (
    BEATEN,
    BEATS,
    TOO_CLOSE,
    beaten_by,
    duel_table,
    metric_table,
    ranking_table,
)
from exobench.leaderboard.duel_chart import duel_chart
from exobench.leaderboard.entry_tables import breakdown_tables, entry_notes
from exobench.leaderboard.labels import LONGEST, entry_labels, escaped, short_name
from exobench.leaderboard.metric_help import MEANINGS
from exobench.scoring import METRICS, RANKABLE


def row(entry, name, rank=1, beaten_by=(), **changes):
    metrics = dict.fromkeys(METRICS, 0.5) | {
        key: 3 for key, metric in METRICS.items() if metric.is_count
    }
    fixed = {
        "rank": rank,
        "entry": entry,
        "name": name,
        "baseline": False,
        "received": "2026-11-20T10:00:00.000+00:00",
        "threshold": 5.0,
        "interval": {key: [0.25, 0.75] for key in RANKABLE},
        "exact_interval": {},
        "p_first": 0.5,
        "rank_interval": [1, 3],
        "beaten_by": list(beaten_by),
    }
    return metrics | fixed | changes


ROWS = (row("a1", "best"), row("b2", "middle"), row("c3", "last", 2, ["a1"], baseline=True))
LABELS = entry_labels(ROWS)


def test_the_ranking_begins_with_the_metric_that_ranks_and_its_interval():
    table = ranking_table(ROWS, LABELS, "macro_tpr")
    assert list(table.columns[:5]) == ["Rank", "Method", "Kind", "Macro TPR", "95 % interval"]
    assert table["Rank"].tolist() == [1, 1, 2]
    assert table["Kind"].tolist() == ["entry", "entry", "baseline"]
    assert table["95 % interval"].tolist() == ["0.25 – 0.75"] * 3
    assert table["Found"].tolist() == ["3 of 3"] * 3
    assert table["Beaten by"].tolist() == ["–", "–", "best"]


@pytest.mark.parametrize("rank_by", RANKABLE)
def test_every_metric_that_ranks_has_a_column_once(rank_by):
    table = ranking_table(ROWS, LABELS, rank_by)
    assert table.columns.is_unique
    assert {"F1", "TPR", "FDR", "FP per map"} <= set(table.columns)


def test_what_is_undefined_stays_empty():
    table = ranking_table([row("a1", "blank", f1=None, interval={"f1": None})], LABELS, "f1")
    assert table["F1"].isna().all()
    assert table["95 % interval"].tolist() == ["–"]


def test_the_exact_interval_stands_marked_where_resampling_has_none():
    exact = row("a1", "all", interval={"f1": None}, exact_interval={"f1": [0.66, 1.0]})
    table = ranking_table([exact], LABELS, "f1")
    assert table["95 % interval"].tolist() == ["0.66 – 1.00*"]


def test_a_board_of_few_units_says_nothing_of_who_is_first():
    table = ranking_table([row("a1", "one", p_first=None, rank_interval=None)], LABELS, "f1")
    assert table["P(first)"].isna().all()
    assert table["Ranks, 95 %"].tolist() == ["–"]
    assert ranking_table(ROWS, LABELS, "f1")["Ranks, 95 %"].tolist() == ["1 – 3"] * 3


def test_an_empty_board_is_an_empty_table():
    assert ranking_table([], {}, "f1").empty
    assert duel_table([], {}).empty


def test_many_winners_are_counted():
    labels = {"a": "A", "b": "B", "c": "C"}
    assert beaten_by(row("x", "x", beaten_by="ab"), labels) == "A, B"
    assert beaten_by(row("x", "x", beaten_by="abc"), labels) == "3 entries"


def test_every_ordered_pair_has_a_verdict():
    duels = duel_table(ROWS, LABELS)
    verdicts = {(d.entry, d.other): d.verdict for d in duels.itertuples()}
    assert len(verdicts) == 6
    assert verdicts.pop(("best", "last")) == BEATS
    assert verdicts.pop(("last", "best")) == BEATEN
    assert set(verdicts.values()) == {TOO_CLOSE}


def test_the_chart_of_duels_tells_winners_by_letter_and_by_colour():
    spec = duel_chart(duel_table(ROWS, LABELS)).to_dict()
    (rows,) = spec["datasets"].values()
    assert {(r["verdict"], r["letter"]) for r in rows} == {
        (BEATS, "W"),
        (BEATEN, "L"),
        (TOO_CLOSE, "·"),
    }
    assert spec["layer"][0]["encoding"]["y"]["sort"] == ["best", "middle", "last"]
    assert len(set(spec["layer"][0]["encoding"]["color"]["scale"]["range"])) == 3


def test_every_metric_is_shown_for_every_entry_and_explained():
    rows = [row("a1", "What it says"), row("b2", "Metric", f1=None)]
    table = metric_table(rows, entry_labels(rows))
    assert table["Metric"].tolist() == [metric.title for metric in METRICS.values()]
    assert table["What it says"].tolist() == [MEANINGS[key] for key in METRICS]
    f1 = table[table["Metric"] == "F1"].iloc[0]
    assert f1["1. What it says"] == "0.500  (0.25 – 0.75)"
    assert f1["1. Metric"] == "–"
    assert table[table["Metric"] == "Injections"].iloc[0]["1. Metric"] == "3"


def test_meanings_are_those_of_the_metrics():
    assert MEANINGS.keys() == METRICS.keys()


def test_names_that_several_entries_share_are_told_apart():
    rows = [row("abcdef99", "pca"), row("123456aa", "pca"), row("77", "median")]
    assert list(entry_labels(rows).values()) == ["pca · abcdef", "pca · 123456", "median"]


def test_no_name_can_take_the_label_of_another_entry():
    rows = [row("abcdef99", "pca"), row("123456aa", "pca"), row("77", "pca · abcdef")]
    assert len(set(entry_labels(rows).values())) == 3


def test_long_names_are_cut_and_several_lines_are_one():
    assert short_name("a\n b\t c") == "a b c"
    cut = short_name("x" * 500)
    assert len(cut) == LONGEST
    assert cut.endswith("…")


@pytest.mark.parametrize("start", "=+-@")
def test_a_name_is_no_formula_of_a_spreadsheet(start):
    assert short_name(f"{start}cmd|'/c calc'!A0").startswith(f"'{start}")
    assert short_name(f"\t {start}1") == f"'{start}1"


def test_escaped_text_has_no_markdown_left():
    assert escaped("![x](y) **b** :red[c] $z$\n# d") == (
        r"\!\[x\]\(y\) \*\*b\*\* \:red\[c\] \$z\$ \# d"
    )
    assert escaped("adi-demo 2") == r"adi\-demo 2"


@pytest.mark.parametrize("address", ["http://y.example", "www.y.example", "a@y.example"])
def test_escaped_addresses_are_parted_where_markdown_looks(address):
    shown = escaped(address).replace("\\", "")
    assert shown.replace("\u2060", "") == address
    assert not any(start in shown for start in ("://", "www.", "a@"))


def breakdown_row(**changes):
    found = {"n_injected": 4, "tp": 1, "fn": 3, "tpr": 0.25, "tpr_interval": [0.1, 0.5]}
    return found | {"tpr_interval_method": "jackknife"} | changes


def test_an_entry_is_parted_as_its_score_file_says():
    exact = breakdown_row(stratum="faint", tpr=0.0, tpr_interval_method="clopper-pearson")
    blank = breakdown_row(stratum=None, tp=0, n_injected=0, tpr=None, tpr_interval=None)
    score = {"per_stratum": [breakdown_row(stratum="bright"), exact, blank], "per_spectrum": []}
    ((title, table),) = breakdown_tables(score).items()
    assert title.startswith("By brightness")
    assert table["Brightness"].tolist() == ["bright", "faint", "not stated"]
    assert table["TPR"].isna().tolist() == [False, False, True]
    assert table["95 % interval"].tolist() == ["[0.100, 0.500]", "[0.100, 0.500]*", "–"]
    assert table["found"].tolist() == ["1 of 4", "1 of 4", "0 of 0"]


def test_a_score_of_an_earlier_version_has_neither_breakdowns_nor_warnings():
    score = {"overall": {"n_missing": 0, "n_maps": 9}}
    assert breakdown_tables(score) == {}
    assert entry_notes(score) == ()


def test_missing_maps_and_warnings_are_notes_of_an_entry():
    score = {"overall": {"n_missing": 2, "n_maps": 9}, "warnings": ["half a pixel off"]}
    missing, warning = entry_notes(score)
    assert missing.startswith("2 of 9 sequences have no map")
    assert warning == "half a pixel off"
