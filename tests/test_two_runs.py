"""What a second run leaves out is what the first has passed, and nothing else."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import os
import pytest

SECOND = "SECOND" in os.environ


def test_passes():
    assert not SECOND, "runs again"


@pytest.mark.extras
def test_says_more_with_the_extras():
    pass


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_needs_an_extra(backend):
    if not SECOND:
        pytest.skip("needs the extra")


@pytest.mark.skipif(not SECOND, reason="needs the extra")
def test_is_skipped_at_once():
    pass


@pytest.fixture
def resource():
    if not SECOND:
        pytest.skip("needs the extra")


def test_lacks_its_fixture(resource):
    pass


def test_fails_first():
    assert SECOND


def test_is_slow():
    pass
"""


@pytest.fixture
def run(tmp_path):
    """Runs the tests above; returns the outcomes that pytest counts."""
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = extras")
    (tmp_path / "test_it.py").write_text(TESTS)

    def outcomes(*arguments, **environment):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.splitlines()[-1].partition(" in ")[0]

    return outcomes


@pytest.mark.slow
def test_what_passed_is_left_out_of_the_next_run_and_nothing_else(run, tmp_path):
    first = run("-p", "xdist", "-n", "1", "--passed", "passed.json", "-k", "not slow")
    assert first == "1 failed, 2 passed, 4 skipped"
    passed = json.loads((tmp_path / "passed.json").read_text())
    assert passed == ["test_it.py::test_passes", "test_it.py::test_says_more_with_the_extras"]
    (tmp_path / "none.json").write_text("[]")
    second = run("--without", "passed.json", "--without", "none.json", SECOND="1")
    # The marked, four skipped, the failed and the slow one.
    assert second == "7 passed, 1 deselected"
