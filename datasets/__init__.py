"""What was observed: value types, geometry, files, simulator, injection, the builder."""

from exobench.datasets.centring import recentre, star_offset
from exobench.datasets.errors import ChallengeError, InputError, RecipeError, SequenceError
from exobench.datasets.files import read_sequence, read_sequences, write_sequence
from exobench.datasets.injection import inject
from exobench.datasets.inspection import inspect_sequence
from exobench.datasets.psf import fit_fwhm, normalise_psf
from exobench.datasets.rotation import derotate
from exobench.datasets.sequence import Companion, ImageSequence
from exobench.datasets.simulator import preset_names, simulate
from exobench.datasets.statistics import speckle_statistics

__all__ = [
    "ChallengeError",
    "Companion",
    "ImageSequence",
    "InputError",
    "RecipeError",
    "SequenceError",
    "derotate",
    "fit_fwhm",
    "inject",
    "inspect_sequence",
    "normalise_psf",
    "preset_names",
    "read_sequence",
    "read_sequences",
    "recentre",
    "simulate",
    "speckle_statistics",
    "star_offset",
    "write_sequence",
]
