"""The files of a characterization: what they are called, what they hold, as bytes.

    <instrument>_first_guess_<id>.fits   (n, 2): about where the companions are, from the organizer
    astrometry_<instrument><id>.fits     estimates (n, 2), from the participant
    photometry_<instrument><id>.fits     estimates (n, n_wavelengths)

Positions are ``(x, y)`` offsets from the star in pixels. The primary image of a
participant's file holds estimates, the first extension their 1-sigma errors, the second
samples of the posterior, with one axis more, of n_samples, the fastest in the file. Both
extensions may be left out; errors alone may be an extension without image. -1 is "not
detected": in both coordinates of a position, or in a channel.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from exobench.challenge.answer_files import all_sequences
from exobench.challenge.answers import RefusedFile
from exobench.challenge.method import LARGEST, METHOD
from exobench.challenge.problems import Problem
from exobench.datasets.errors import InputError, RecipeError
from exobench.datasets.fits_bytes import (
    FitsError,
    image_bytes,
    images_bytes,
    largest_file,
    read_images,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from exobench.challenge.manifest import Manifest, PublicSequence
    from exobench.scoring.characterization import Estimates

Kind = Literal["astrometry", "photometry"]
KINDS: tuple[Kind, ...] = ("astrometry", "photometry")
FIRST_GUESS = "first_guess"
NOT_DETECTED = -1.0
MOST_SAMPLES = 10_000

_PARTS = 3  # estimates, errors, samples


def answer_file(sequence: str, kind: Kind) -> str:
    """Name of the file in which ``<instrument>_<id>`` is answered."""
    instrument, _, identifier = sequence.rpartition("_")
    return f"{kind}_{instrument}{identifier}.fits"


def first_guess_file(sequence: str) -> str:
    """Name of the organizer's file of first guesses of ``<instrument>_<id>``."""
    instrument, _, identifier = sequence.rpartition("_")
    return f"{instrument}_{FIRST_GUESS}_{identifier}.fits"


def check_names(sequences: Iterable[str]) -> None:
    """Refuse sequences whose answers would have one name.

    Raises
    ------
    RecipeError
        Such as for the second of ``sphere1`` and the twelfth of ``sphere``.
    """
    seen: dict[str, str] = {}
    for name in sequences:
        file = answer_file(name, "astrometry")
        if file in seen:
            raise RecipeError(
                f"{seen[file]} and {name} would both be answered by {file}; rename an instrument"
            )
        seen[file] = name


def characterization_limits(manifest: Manifest) -> dict[str, int]:
    """Largest size in bytes of every file that a submission may hold, by name."""
    limits = {METHOD: LARGEST}
    for sequence in all_sequences(manifest).values():
        for kind in KINDS:
            n = int(np.prod(answer_shape(sequence, kind)))
            limits[answer_file(sequence.name, kind)] = largest_file(n, n, n * MOST_SAMPLES)
    return limits


def answer_shape(sequence: PublicSequence, kind: Kind) -> tuple[int, int]:
    """Shape of the estimates that answer a sequence."""
    n = 0 if sequence.characterization is None else sequence.characterization.n_companions
    return n, 2 if kind == "astrometry" else sequence.shape[0]


def first_guess_bytes(guesses: NDArray[np.float64]) -> bytes:
    """The file of first guesses; ``(y, x)`` offsets from the star, shape (n, 2)."""
    return image_bytes(np.asarray(guesses, dtype=np.float64)[:, ::-1])


def read_first_guesses(content: bytes) -> NDArray[np.float64]:
    """First guesses as ``(y, x)`` offsets from the star, shape (n, 2).

    Raises
    ------
    InputError
        If the file is no such thing.
    """
    try:
        (guesses,) = read_images(content, 1)
    except FitsError as error:
        raise InputError(f"first guesses: {error}") from error
    if guesses is None or guesses.ndim != 2 or guesses.shape[1] != 2:
        raise InputError("first guesses must have shape (n, 2)")
    return guesses[:, ::-1]


def estimates_bytes(estimates: Estimates, kind: Kind) -> bytes:
    """The file of estimates: with errors and samples if they are stated."""
    stated = _flipped(estimates) if kind == "astrometry" else estimates
    values = np.where(stated.known, stated.values, NOT_DETECTED)
    parts: list[NDArray[np.float64] | None] = [values, stated.sigma, stated.samples]
    while parts[-1] is None:
        parts.pop()
    return images_bytes(parts)


def parse_estimates(name: str, content: bytes, sequence: PublicSequence, kind: Kind) -> Estimates:
    """The estimates in a participant's file.

    Parameters
    ----------
    name : str
        Of the file.
    content : bytes
    sequence : PublicSequence
        That it answers.
    kind : {"astrometry", "photometry"}

    Raises
    ------
    RefusedFile
        If it is no plain FITS file of images, or has another number of companions or
        channels.
    InputError
        With every value, error and posterior that cannot be.
    """
    try:
        parts = read_images(content, _PARTS)
    except FitsError as error:
        raise RefusedFile(Problem(name, "not_fits", str(error))) from error
    values, sigma, samples = (*parts, None, None)[:_PARTS]
    shape = answer_shape(sequence, kind)
    if values is None or values.shape != shape:
        got = "none" if values is None else " x ".join(str(n) for n in values.shape)
        what = "2 coordinates" if kind == "astrometry" else "channels"
        message = (
            f"expected estimates of shape {shape[0]} x {shape[1]} (companions, in the order of "
            f"the first guesses of {sequence.name}, x {what}) in the primary image, got {got}"
        )
        raise RefusedFile(Problem(name, "wrong_shape", message))
    silent = values == NOT_DETECTED
    if kind == "astrometry":
        silent = np.broadcast_to(silent.all(axis=1, keepdims=True), shape)
    # Imported here: it takes longer than all else that building a challenge needs.
    from exobench.scoring.characterization import Estimates

    stated = Estimates(values=values, detected=~silent, sigma=sigma, samples=samples)
    return _flipped(stated) if kind == "astrometry" else stated


def _flipped(stated: Estimates) -> Estimates:
    """``(x, y)`` of files as ``(y, x)``, and back."""
    return replace(
        stated,
        values=stated.values[:, ::-1],
        detected=stated.known[:, ::-1],
        sigma=None if stated.sigma is None else stated.sigma[:, ::-1],
        samples=None if stated.samples is None else stated.samples[:, ::-1],
    )
