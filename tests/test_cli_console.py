"""How far long work has come: bars on a terminal, plain lines elsewhere."""

import io
import re
import sys

import pytest

from exobench.cli import _console
from exobench.cli._console import stages


class Terminal(io.StringIO):
    """What takes itself for a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until it is set."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(_console, "time", clock)
    return clock


def test_lines_come_now_and_then_with_the_time_left(capsys, clock):
    with stages() as show:
        for done in range(0, 101, 10):
            show("samples", done, 100, "")
            clock.now += 2.0
    assert capsys.readouterr().err.splitlines() == [
        "samples: 0 of 100",
        "samples: 30 of 100, 14 s left",
        "samples: 60 of 100, 8 s left",
        "samples: 90 of 100, 2 s left",
        "samples: 100 of 100, 0 s left",
    ]


def test_another_remark_is_a_line_at_once_and_time_counts_from_the_first(capsys, clock):
    with stages() as show:
        show("samples", 5, 5, "")
        clock.now += 60.0
        show("epochs", 7, 9, "loss 0.7")
        clock.now += 1.0
        show("epochs", 8, 9, "loss 0.5")
    assert capsys.readouterr().err.splitlines() == [
        "samples: 5 of 5",
        "epochs: 7 of 9; loss 0.7",
        "epochs: 8 of 9, 1 s left; loss 0.5",
    ]


def test_a_terminal_shows_bars_and_notes_stand_above_them(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    with stages() as show:
        show("part 1, samples", 1500, 1500, "")
        _console.print_note("part 2 of 2")
        show("part 1, epochs", 20, 20, "loss 0.682, validation 0.691, AUC 0.666")
    last = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue()).replace("\r", "\n")
    assert "\npart 2 of 2" in last
    assert re.search(r"samples *━+ *1500/1500 ", last)
    assert re.search(r"epochs *━+ *20/20 .* loss 0.682, validation 0.691, AUC 0.666 *\n", last)
