"""Who may import whom, and what stays out of a process that scores."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("datasets", "scoring", "baselines", "challenge", "leaderboard", "cli")
SOURCES = [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]
HEAVY = ("torch", "jax", "flax", "streamlit", "matplotlib")

IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@cache
def imports(path):
    """Line, dotted module and names of every import statement of a file, wherever it stands."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found.append((node.lineno, module, tuple(alias.name for alias in node.names)))
    return found


def upward_imports(path, layer):
    """What a file of `layer` imports from the layers above it."""
    above = LAYERS[LAYERS.index(layer) + 1 :]
    return [
        f"{path.name}:{line}: {module}"
        for line, module, _ in imports(path)
        if module.split(".")[:1] == ["exobench"]
        and module.split(".")[1:2]
        and module.split(".")[1] in above
    ]


def unclear_imports(path):
    """Relative imports, and those that do not name a layer."""
    return [
        f"{path.name}:{line}: {module}"
        for line, module, _ in imports(path)
        if module.startswith(".") or module == "exobench" or module.split(".")[0] in LAYERS
    ]


def test_every_layer_has_source_files():
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} == set(LAYERS)


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_one_way(layer):
    files = [path for path in SOURCES if path.relative_to(ROOT).parts[0] == layer]
    assert [problem for path in files for problem in upward_imports(path, layer)] == []


def test_imports_are_absolute_and_name_their_layer():
    assert [problem for path in SOURCES for problem in unclear_imports(path)] == []


def test_the_rules_catch_what_they_forbid(tmp_path):
    file = tmp_path / "bad.py"
    file.write_text(
        "from exobench.challenge.build import Build\nfrom . import snr\n"
        "from exobench import cli\nimport datasets\n"
        "def late():\n    import exobench.cli.run\n"
    )
    assert len(upward_imports(file, "scoring")) == 2
    assert len(unclear_imports(file)) == 3


@pytest.mark.extras
def test_what_builds_checks_and_scores_loads_no_heavy_library():
    light = ("datasets", "scoring", "challenge", "cli")
    files = [path.relative_to(ROOT) for path in SOURCES]
    modules = [
        ".".join(("exobench", *file.with_suffix("").parts)).removesuffix(".__init__")
        for file in files
        if file.parts[0] in light
    ]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *modules], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    assert "numpy" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_a_manifest_ranks_by_what_the_scorer_can_rank():
    from exobench.challenge.manifest import RankBy
    from exobench.scoring import RANKABLE

    assert get_args(RankBy) == tuple(RANKABLE)
