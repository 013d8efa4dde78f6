"""What was observed: value types, geometry, files, simulator, injection, the builder.

Names are imported when they are first used, so that a program that needs one of them, such
as the check of a submission, does not wait for the simulator.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exobench.datasets.centring import star_offset as star_offset
    from exobench.datasets.errors import ChallengeError as ChallengeError
    from exobench.datasets.errors import InputError as InputError
    from exobench.datasets.errors import RecipeError as RecipeError
    from exobench.datasets.errors import SequenceError as SequenceError
    from exobench.datasets.files import read_sequence as read_sequence
    from exobench.datasets.files import read_sequences as read_sequences
    from exobench.datasets.files import write_sequence as write_sequence
    from exobench.datasets.injection import inject as inject
    from exobench.datasets.inspection import inspect_sequence as inspect_sequence
    from exobench.datasets.orientation import flip_parity as flip_parity
    from exobench.datasets.psf import fit_fwhm as fit_fwhm
    from exobench.datasets.psf import normalise_psf as normalise_psf
    from exobench.datasets.rotation import derotate as derotate
    from exobench.datasets.sequence import Companion as Companion
    from exobench.datasets.sequence import ImageSequence as ImageSequence
    from exobench.datasets.simulator import preset_names as preset_names
    from exobench.datasets.simulator import simulate as simulate
    from exobench.datasets.statistics import speckle_statistics as speckle_statistics

_HOMES = {
    "centring": ("star_offset",),
    "errors": ("ChallengeError", "InputError", "RecipeError", "SequenceError"),
    "files": ("read_sequence", "read_sequences", "write_sequence"),
    "injection": ("inject",),
    "inspection": ("inspect_sequence",),
    "orientation": ("flip_parity",),
    "psf": ("fit_fwhm", "normalise_psf"),
    "rotation": ("derotate",),
    "sequence": ("Companion", "ImageSequence"),
    "simulator": ("preset_names", "simulate"),
    "statistics": ("speckle_statistics",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
