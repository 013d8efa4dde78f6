"""How one might answer: one file per algorithm."""

from exobench.baselines._adapters import adapt
from exobench.baselines._files import files_of
from exobench.baselines._registry import (
    Baseline,
    describe,
    describe_options,
    file_stem,
    is_own,
    learns,
    load,
    names,
    other_than_default,
    parse_options,
    run_external,
)

__all__ = [
    "Baseline",
    "adapt",
    "describe",
    "describe_options",
    "file_stem",
    "files_of",
    "is_own",
    "learns",
    "load",
    "names",
    "other_than_default",
    "parse_options",
    "run_external",
]
