"""`exobench list`: what there is."""

import json

import pytest

from exobench.baselines import names
from exobench.challenge.suites import suite_names
from exobench.datasets.simulator import preset_names
from exobench.scoring import METRICS

THERE_IS = {
    "baselines": list(names()),
    "presets": list(preset_names()),
    "suites": list(suite_names()),
    "metrics": [metric.key for metric in METRICS.values()],
}


@pytest.mark.parametrize("kind", THERE_IS)
def test_each_kind_is_listed_one_line_each_with_a_text(exobench, kind):
    code, out, err = exobench("list", kind)
    assert (code, err) == (0, "")
    lines = [line.split(maxsplit=1) for line in out.splitlines()]
    assert [name for name, _ in lines] == THERE_IS[kind]
    assert all(text for _, text in lines)


def test_all_kinds_are_listed_under_their_titles(exobench):
    code, out, _ = exobench("list")
    assert code == 0
    titles = [line for line in out.splitlines() if not line.startswith(" ")]
    assert titles == [f"{kind}:" for kind in THERE_IS]


def test_json_has_the_names_with_their_texts(exobench):
    content = json.loads(exobench("list", "--json")[1])
    assert content.pop("format") == 1
    assert {kind: list(content[kind]) for kind in THERE_IS} == {
        kind: sorted(listed) for kind, listed in THERE_IS.items()
    }
    assert set(json.loads(exobench("list", "suites", "--json")[1])) == {"format", "suites"}
