"""With what numbers are computed: other versions may give other bytes."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import numpy as np  # noqa: F401 - loads the linear algebra that `threadpool_info` looks for
from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Mapping

LIBRARIES = ("astropy", "exobench", "h5py", "numpy", "scikit-learn", "scipy")


def environment() -> dict[str, str]:
    """Versions of Python and of the libraries that compute and write, and the machine type."""
    python = ".".join(platform.python_version_tuple()[:2])
    versions = {name: _version(name) for name in LIBRARIES}
    return versions | {"python": python, "machine": platform.machine()}


def build_environment() -> dict[str, str]:
    """`environment`, and the kind of processor that linear algebra is done for.

    With the same versions other kinds round otherwise. That costs a verification its bytes,
    and is no reason to refuse a worker.
    """
    kinds = {found["architecture"] for found in threadpool_info() if "architecture" in found}
    return environment() | {"processor": ", ".join(sorted(kinds)) or "unknown"}


def differences(found: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    """What differs, such as ``"numpy 2.1.0 (expected 2.4.6)"``; of names known to both."""
    return [
        f"{name} {found[name]} (expected {expected[name]})"
        for name in sorted(found.keys() & expected.keys())
        if found[name] != expected[name]
    ]


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
