"""What about readable estimates deserves a second look: units, order, posteriors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.challenge.characterization_files import FIRST_GUESS, read_first_guesses
from exobench.challenge.documents import unreadable
from exobench.challenge.problems import Problem
from exobench.datasets.errors import ChallengeError, InputError
from exobench.datasets.geometry import edge_distance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from exobench.challenge.characterization_files import Kind
    from exobench.challenge.manifest import Manifest, PublicSequence
    from exobench.scoring.characterization import Estimates

    FirstGuesses = Mapping[str, NDArray[np.float64]]

_ELSEWHERE = 5.0  # widths of a posterior by which its mean may be off the estimate
_ASTRAY = 2.0  # radii of the first guesses: a companion is one away at most, and none errs by more


def read_all_first_guesses(public: Path, manifest: Manifest) -> dict[str, NDArray[np.float64]]:
    """First guesses as ``(y, x)`` offsets from the star in pixels, by name of sequence.

    Raises
    ------
    ChallengeError
        If a file is missing or is none of first guesses.
    """
    guesses, problems = {}, []
    for track in manifest.tracks.values():
        for sequence in track.sequences:
            if FIRST_GUESS not in sequence.files:
                continue
            path = public / sequence.files[FIRST_GUESS].path
            try:
                guesses[sequence.name] = read_first_guesses(path.read_bytes())
            except OSError as error:
                problems.append(unreadable(path, error))
            except InputError as error:
                problems += [f"{path}: {problem}" for problem in error.problems]
    if problems:
        raise ChallengeError(*problems)
    return guesses


def estimate_warnings(
    file: str,
    estimates: Estimates,
    sequence: PublicSequence,
    kind: Kind,
    guesses: NDArray[np.float64] | None,
) -> Iterator[Problem]:
    """Warnings of one file.

    Parameters
    ----------
    file : str
    estimates : Estimates
        In it.
    sequence : PublicSequence
        That it answers.
    kind : {"astrometry", "photometry"}
    guesses : ndarray, shape (n, 2), or None
        First guesses of the sequence, if they are known.
    """
    if kind == "astrometry":
        yield from _position_warnings(file, estimates, sequence, guesses)
    elif sequence.characterization and sequence.characterization.star_flux:
        for i in np.flatnonzero((np.abs(estimates.values) >= 1).any(axis=1)):
            message = "is as bright as the star or brighter; contrasts are flux ratios to it"
            yield Problem(file, "bright", f"companion {i + 1} {message}", "warning")
    if estimates.samples is not None:
        off = np.abs(estimates.samples.mean(axis=2) - estimates.values)
        elsewhere = (off > _ELSEWHERE * estimates.samples.std(axis=2)).any(axis=1)
        for i in np.flatnonzero(elsewhere):
            message = (
                f"the posterior of companion {i + 1} lies more than {_ELSEWHERE:g} of its own "
                "widths from the estimate"
            )
            yield Problem(file, "posterior_elsewhere", message, "warning")


def _position_warnings(
    file: str,
    estimates: Estimates,
    sequence: PublicSequence,
    guesses: NDArray[np.float64] | None,
) -> Iterator[Problem]:
    edge = edge_distance(sequence.shape) + 1
    outside = np.abs(estimates.values).max(axis=1) > edge
    for i in np.flatnonzero(outside):
        message = "stands outside the frame; positions are (x, y) offsets from the star, in pixels"
        yield Problem(file, "outside_frame", f"companion {i + 1} {message}", "warning")
    told = sequence.characterization
    if told is None or guesses is None or guesses.shape != estimates.values.shape:
        return
    distance = np.hypot(*(estimates.values - guesses).T)
    for i in np.flatnonzero((distance > _ASTRAY * told.first_guess_px) & ~outside):
        message = (
            f"companion {i + 1} stands {distance[i]:.3g} px from its first guess, which is off by "
            f"{told.first_guess_px:g} px at most; are companions in the order of the first "
            "guesses, and x before y?"
        )
        yield Problem(file, "far_from_guess", message, "warning")
