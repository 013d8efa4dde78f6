"""How one might answer: one file per algorithm."""

from exobench.baselines._registry import (
    Baseline,
    describe,
    describe_options,
    load,
    names,
    parse_options,
)

__all__ = ["Baseline", "describe", "describe_options", "load", "names", "parse_options"]
