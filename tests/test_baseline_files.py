"""The files of others that decide what a baseline answers."""

import sys

import pytest

from exobench.baselines import files_of

DETECT = "import numpy as np\n\n\ndef detect(sequence):\n    return np.zeros(sequence.shape)\n"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of a user in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "my_files", raising=False)
    path = tmp_path / "my_files.py"
    path.write_text(DETECT)
    yield path
    sys.modules.pop("my_files", None)


def test_baselines_of_exobench_need_no_file_of_others():
    assert files_of("pca", {"n_components": 3}) == ()


def test_a_function_is_what_its_module_says(module):
    assert [path.resolve() for path in files_of("my_files:detect", {})] == [module]


def test_a_command_is_its_program_and_the_files_it_is_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("")
    found = files_of("command:python mine.py {input} {output}", {})
    assert [path.resolve() for path in found] == [tmp_path / "mine.py"]


def test_a_trained_model_is_one_of_them(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"weights")
    assert files_of("sodinn", {"model": str(path)}) == (path,)
    assert files_of("sodinn", {}) == ()
