"""The library that keeps weights in files without code, where it is installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from exobench.datasets.errors import InputError


def safetensors(module: str = "safetensors") -> Any:
    """A module of safetensors.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(
            "model files need safetensors, which is not installed; install it by "
            "pip install 'exobench[torch]' or pip install 'exobench[jax]'"
        ) from error
